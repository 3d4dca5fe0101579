//! Within one lot, first come, first served; and a newcomer does not pass those who wait.

use super::Auditor;
use crate::step::{Input, Output, Step};
use tollgate_core::lots::{LotKey, Resource};

impl Auditor {
    pub(super) fn order_in_lots(&mut self, step: &Step) {
        let ordered: Vec<u64> =
            step.outputs.iter().filter_map(|o| if let Output::Order(o) = o { Some(o.uid) } else { None }).collect();
        if ordered.is_empty() {
            return;
        }
        match step.input {
            Input::Tick => self.drained(step, &ordered),
            Input::Request { .. } => self.newcomer(step, ordered[0]),
            _ => self.check("orders_come_from_requests_and_ticks", ordered[0], false, || format!("{:?}", step.input)),
        }
    }

    fn drained(&mut self, step: &Step, ordered: &[u64]) {
        for (key, queue) in step.before.iter().filter(|(k, _)| k.resource != Resource::Own) {
            let gone: Vec<u64> = ordered.iter().copied().filter(|uid| queue.contains(uid)).collect();
            if gone.is_empty() {
                continue;
            }
            self.check("lot_order", gone[0], gone.is_sorted(), || format!("{gone:?} left {key:?} in this order"));
            let last = gone[gone.len() - 1];
            let passed: Vec<u64> = step
                .after
                .get(key)
                .into_iter()
                .flatten()
                .copied()
                .filter(|uid| *uid < last && queue.contains(uid))
                .collect();
            self.check("lot_is_not_passed", last, passed.is_empty(), || format!("{passed:?} still wait in {key:?}"));
        }
    }

    fn newcomer(&mut self, step: &Step, uid: u64) {
        let Some(sender) =
            step.outputs.iter().find_map(|o| if let Output::Order(o) = o { Some(o.sender.clone()) } else { None })
        else {
            return;
        };
        let Input::Request { body, priority } = &step.input else { return };
        let class = match body["purpose"].as_str() {
            Some("authentication") => 0,
            Some("utility") => 1,
            Some("service") => 2,
            _ => 3,
        };
        let of_sender = |ix: u16| self.sender_number(&sender) == Some(ix);
        let key = (body["account"].as_str().unwrap_or_default(), body["campaign"].as_str().unwrap_or_default());
        let campaigns = &self.registry.campaigns;
        let in_test = campaigns.get(&(key.0.to_owned(), key.1.to_owned())).is_some_and(|c| c.in_test);
        let joins = |k: &LotKey| {
            k.priority == *priority
                && k.class == class
                && match k.resource {
                    Resource::Sender(s) | Resource::Throughput(s) | Resource::InFlight(s) => of_sender(s.0),
                    // What waits for another number of the campaign waits in a lot of its own.
                    Resource::CampaignRate(c) => k.campaign == c && of_sender(k.sender.0),
                    // Test recipients do not wait behind those whom a pause had held up.
                    Resource::Campaign(c) => k.campaign == c && of_sender(k.sender.0) && !in_test,
                    _ => false,
                }
        };
        let campaign = body["campaign"].is_string();
        let passed: Vec<LotKey> = step
            .before
            .keys()
            .copied()
            .filter(|k| joins(k) && (k.campaign.some().is_some() == campaign) && self.same_campaign(k, step))
            .collect();
        self.check("newcomer_waits_its_turn", uid, passed.is_empty(), || format!("it passed {passed:?}"));
    }

    /// Senders are numbered in the order of declaration.
    fn sender_number(&self, id: &str) -> Option<u16> {
        self.registry.order.iter().position(|s| s == id).map(|n| n as u16)
    }

    /// Whether a lot holds messages of the newcomer's own campaign and account.
    fn same_campaign(&self, key: &LotKey, step: &Step) -> bool {
        let Some(first) = step.before[key].first() else { return false };
        let Input::Request { body, .. } = &step.input else { return false };
        self.book.messages.get(first).is_some_and(|m| {
            Some(m.account.as_str()) == body["account"].as_str() && m.campaign.as_deref() == body["campaign"].as_str()
        })
    }
}
