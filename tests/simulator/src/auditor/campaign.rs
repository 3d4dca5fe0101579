//! A campaign's own rate, its test recipients, and one alternative of a split for one person.

use super::Auditor;
use crate::step::Move;
use serde_json::Value;

/// Any minute, wherever it begins.
const MINUTE_MS: u64 = 60_000;

impl Auditor {
    pub(super) fn campaign_rules(&mut self, uid: u64, m: &Move, request: &Value) {
        let Some(name) = &m.campaign else {
            return self.check("test_is_of_a_campaign", uid, !m.test, || format!("{m:?}"));
        };
        let now_ms = self.now_ms;
        let campaign = self.registry.campaign(&m.account, name);
        campaign.admitted_ms.push(now_ms);
        let (in_test, listed) = (campaign.in_test, campaign.test_recipients.contains(&m.to));
        let rate = campaign.per_minute;
        let in_minute = campaign.admitted_ms.iter().rev().take_while(|at| **at + MINUTE_MS > now_ms).count() as u64;
        let split = campaign.split.clone();
        self.check("test_goes_to_test_recipients", uid, !in_test || listed, || {
            format!("{name} is in test, to {}", m.to)
        });
        self.check("test_is_told", uid, m.test == in_test, || format!("{name} in test {in_test}, told {}", m.test));
        if let Some(rate) = rate {
            self.check("campaign_rate_per_minute", uid, in_minute <= rate, || {
                format!("{in_minute} orders of {name} in a minute, at most {rate}")
            });
        }
        if request["choose"] == "split" {
            self.one_variant(uid, m, request, &split);
        }
    }

    /// Among as many alternatives with the same shares the person's own is always the same, and another goes only where it is
    /// said of which it stands in.
    fn one_variant(&mut self, uid: u64, m: &Move, request: &Value, split: &Value) {
        let alternatives = request["content"].as_array().map_or(0, Vec::len);
        let Some((taken, instead_of)) = m.alternative else {
            return self.check("one_variant_for_one_person", uid, false, || format!("{m:?} names no alternative"));
        };
        let own = instead_of.unwrap_or(taken);
        let name = m.campaign.clone().unwrap_or_default();
        let key = (m.account.clone(), name, m.to.clone(), format!("{alternatives} by {split}"));
        let first = *self.variants.entry(key).or_insert(own);
        self.check("one_variant_for_one_person", uid, first == own, || format!("{own}, at first {first}, of {split}"));
        let shares = split.as_array().cloned().unwrap_or_default();
        let share = |n: u8| shares.get(usize::from(n)).and_then(Value::as_u64).unwrap_or(0);
        let all: u64 = (0..alternatives as u8).map(share).sum();
        self.check("own_variant_has_a_share", uid, all == 0 || share(own) > 0, || format!("{own} of {split}"));
    }
}
