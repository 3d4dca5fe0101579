//! A delivery that is told of by a later time first, and a conversation that follows it.

use super::{Due, HOUR_S, Play, Shipment};
use crate::shapes::Words;
use tollgate_tests::Dice;

impl Play<'_> {
    /// That it was read is told before that it was delivered, and without a word about its price: the time is a later one, and
    /// the id of its conversation comes last.
    pub(super) fn read_first(
        &mut self,
        shipment: &Shipment,
        at_s: i64,
        words: &Words,
        kind: &str,
        told_ms: u64,
    ) -> u64 {
        let read_s = at_s + self.dice.between(1, 40 * HOUR_S as u64) as i64;
        let mut told = told_ms.max(read_s as u64 * 1000);
        self.tell(shipment, "read", read_s, None, told);
        let mut next = |dice: &mut Dice| {
            told += 1 + dice.below(20 * 3_600_000);
            told
        };
        if self.dice.percent(50) {
            let told = next(&mut self.dice);
            self.tell(shipment, kind, at_s, None, told);
        }
        let told = next(&mut self.dice);
        self.tell(shipment, kind, at_s, Some(words), told);
        told
    }

    /// Other software sends when a conversation has ended. It is told of last, and by a clock that is slow: the time is inside.
    pub(super) fn next_day(
        &mut self,
        shipment: &Shipment,
        at_s: i64,
        words: &Words,
        told_ms: u64,
    ) -> Result<(), String> {
        if words.model != "CBP" || words.category == "referral_conversion" || self.nameless(shipment.pair) {
            return Ok(());
        }
        let sent_s = at_s + 24 * HOUR_S;
        let one = self.foreign_one(shipment.pair, words.category.clone(), sent_s)?;
        let next = Shipment { told_last_ms: Some(told_ms + 1), ..one };
        self.at(sent_s as u64 * 1000, 1, 0, Due::Deliver(Box::new(next)));
        Ok(())
    }
}
