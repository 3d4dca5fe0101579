//! Campaign counts, money and parked messages of a snapshot against a recount.

use super::Auditor;
use super::book::Place;
use crate::money::Units;
use serde_json::Value;

/// Campaigns that an account may have.
pub(super) const CAMPAIGNS_MOST: usize = 10_000;

impl Auditor {
    /// The snapshot of one account, taken when everything that came in is decided.
    pub fn snapshot(&mut self, s: &Value) {
        let account = s["account"].as_str().unwrap_or_default().to_owned();
        let campaigns = s["campaigns"].as_array().map_or(0, Vec::len);
        self.check("campaigns_are_bounded", 0, campaigns <= CAMPAIGNS_MOST, || format!("{account} has {campaigns}"));
        for c in s["campaigns"].as_array().into_iter().flatten() {
            self.campaign(&account, c);
        }
        let parked = self.book.messages.values().filter(|m| m.account == account && m.place == Place::Parked).count();
        self.check("parked_equals_recount", 0, s["parked_messages"] == parked, || {
            format!("{account}: {} in the snapshot, {parked} by outcomes", s["parked_messages"])
        });
    }

    fn campaign(&mut self, account: &str, c: &Value) {
        let name = c["spec"]["name"].as_str().unwrap_or_default().to_owned();
        let of: Vec<_> = self
            .book
            .messages
            .values()
            .filter(|m| m.counted && m.account == account && m.campaign.as_ref() == Some(&name))
            .collect();
        let (tests, of): (Vec<_>, Vec<_>) = of.into_iter().partition(|m| m.test);
        let open = tests.iter().filter(|m| m.place <= Place::OnTheWay).count();
        let delivered = tests.iter().filter(|m| m.place == Place::Delivered).count();
        let of_tests = [("requested", tests.len()), ("on_the_way", open), ("failed", tests.len() - open - delivered)];
        let at = |place: Place| of.iter().filter(|m| m.place == place).count();
        let read = of.iter().filter(|m| m.place == Place::Delivered && m.attempts.iter().any(|a| a.read)).count();
        let recount = [
            ("requested", of.len()),
            ("parked", at(Place::Parked)),
            ("on_the_way", at(Place::OnTheWay)),
            ("delivered", at(Place::Delivered) - read),
            ("read", read),
            ("failed", at(Place::Failed)),
            ("refused", at(Place::Refused)),
            ("expired", at(Place::Expired)),
            ("cancelled", at(Place::Cancelled)),
            ("undelivered", at(Place::Undelivered)),
        ];
        for (field, n) in recount {
            let said = c["counts"][field].as_u64();
            self.check("campaign_counts_equal_recount", 0, said == Some(n as u64), || {
                format!("{account} {name} {field}: {said:?} in the snapshot, {n} by outcomes")
            });
        }
        for (field, n) in of_tests {
            let said = c["counts"]["test"][field].as_u64().unwrap_or(0);
            self.check("test_counts_equal_recount", 0, said == n as u64, || {
                format!("{account} {name} {field}: {said} in the snapshot, {n} by outcomes")
            });
        }
        let spent = self.registry.campaign(account, &name).spent;
        let said = Units::parse(c["spent"].as_str().unwrap_or("0"));
        self.check("spent_equals_ledger", 0, said == spent, || format!("{account} {name}: {said}, ledger {spent}"));
        let held = self.held(account, &name);
        let said = Units::parse(c["reserved"].as_str().unwrap_or("0"));
        self.check("reserved_equals_recount", 0, said == held, || {
            format!("{account} {name}: {said}, by outcomes {held}")
        });
    }
}
