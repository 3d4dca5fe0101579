//! Gate 2, campaign: not cancelled, running, in test only for its test recipients, inside its sending hours.

use super::{Candidate, Verdict};
use crate::lots::Resource;
use crate::record::{Campaign, CampaignState};
use tollgate_rate_card::Zone;
use tollgate_wire::Reason;
use tollgate_wire::command::SendingHours;
use tollgate_wire::request::Recipient;

pub(super) fn check(c: &Candidate<'_>) -> Verdict {
    let Some(campaign) = c.campaign else { return Verdict::Pass };
    let resource = Resource::Campaign(campaign.ix);
    match campaign.state {
        CampaignState::Cancelled => return Verdict::Refuse(Reason::Cancelled),
        CampaignState::Paused => {
            return Verdict::Park { reason: Reason::CampaignPaused, resource, until_ms: u64::MAX };
        }
        CampaignState::Running => {}
    }
    if campaign.in_test && !is_test_recipient(campaign, &c.request.to) {
        let resource = Resource::CampaignTest(campaign.ix, campaign.test_round);
        return Verdict::Park { reason: Reason::CampaignTest, resource, until_ms: u64::MAX };
    }
    if let (Some(hours), Some(zone)) = (&campaign.spec.hours, &campaign.zone)
        && let Some(until_s) = closed_until_s(hours, zone, c.now_s())
    {
        return Verdict::Park { reason: Reason::SendingHours, resource, until_ms: u64::from(until_s) * 1000 };
    }
    // In test the few do not wait behind those of a pause that are moved out of their way.
    if campaign.in_test {
        return Verdict::Pass;
    }
    c.behind(resource).unwrap_or(Verdict::Pass)
}

/// At most fifty are compared, and only while the campaign is in test. Both sides are checked: one person has one form.
fn is_test_recipient(campaign: &Campaign, to: &Recipient<'_>) -> bool {
    let to = match to {
        Recipient::Number(number) => number,
        Recipient::Scoped { bsuid, .. } => bsuid,
    };
    campaign.spec.test_recipients.iter().any(|known| *known == to.as_str())
}

/// When sending opens next; `None` while it is open. Hours are wall-clock hours of the zone: at a change of
/// clocks the day is longer or shorter, the hours are not.
fn closed_until_s(hours: &SendingHours, zone: &Zone, now_s: u32) -> Option<u32> {
    let open = |s: u32| {
        let hour = zone.local_hour(i64::from(s));
        hour >= hours.from && hour < hours.to
    };
    if open(now_s) {
        return None;
    }
    // Zones differ from UTC by multiples of a quarter of an hour, so openings lie on quarters.
    let mut s = (now_s / 900 + 1) * 900;
    let last = now_s + 2 * 86_400;
    while s < last && !open(s) {
        s += 900;
    }
    Some(s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_at_the_next_hour_of_its_zone() {
        let hours = SendingHours { from: 9, to: 21, time_zone: "America/Sao_Paulo".to_owned() };
        let zone = Zone::new(&hours.time_zone).expect("a zone of the database");
        let noon = 1_795_532_400; // 2026-11-24 15:00 UTC = 12:00 in São Paulo
        assert_eq!(closed_until_s(&hours, &zone, noon), None);
        assert_eq!(closed_until_s(&hours, &zone, noon - 4 * 3600), Some(noon - 3 * 3600), "08:00 waits for 09:00");
        assert_eq!(closed_until_s(&hours, &zone, noon + 9 * 3600), Some(noon + 21 * 3600), "21:00 waits for morning");
    }
}
