//! Rates a month's entries one after another, each at its position in the groups that count it.

use super::Rules;
use super::facts::{Booked, facts, own_day};
use super::positions::{Place, Positions, at_booked};
use super::sums::{Cost, Message, Report, Sums};
use crate::ledger::{BandBound, LedgerError, Standing, is_withdrawal};
use rust_decimal::Decimal;
use tollgate_rate_card::{BandBasis, Rated, RatingInput, YearMonth};
use tollgate_wire::ledger::{EntryKind, LedgerEntry};

/// The walk. Entries come in the order of [`crate::ledger::Reader`]'s charges: instant, then wamid.
pub struct Walk<'a> {
    rules: &'a Rules<'a>,
    /// The month that is rated again.
    month: String,
    positions: Positions,
    sums: Sums,
}

impl<'a> Walk<'a> {
    /// Every counter at zero.
    #[must_use]
    pub fn new(rules: &'a Rules<'a>, month: YearMonth) -> Self {
        Self { rules, month: month.to_string(), positions: Positions::default(), sums: Sums::default() }
    }

    /// Bands that the platform said were reached in the month.
    #[must_use]
    pub(super) fn bounded(mut self, bounds: &[BandBound]) -> Self {
        self.positions.bound(self.rules.rates(), &self.month, bounds);
        self
    }

    /// Takes the next entry. Entries that cancel out count for nothing; what no card prices stays as it was booked;
    /// true-ups of its charges, also those billed later, are on the booked side alone: with them it is what stands. What a true-up has priced stays on the line of what was booked without a price.
    ///
    /// # Errors
    /// A sum is beyond the largest amount that is exact.
    pub(crate) fn entry(&mut self, standing: &Standing<'_>) -> Result<(), LedgerError> {
        let entry = standing.entry;
        if standing.cancelled {
            // What is counted alone is not among the entries that are told of.
            if entry.kind != EntryKind::Counted {
                self.sums.cancelled();
            }
            return Ok(());
        }
        // As settling has it: it keeps its position, and ends in the month that took it back.
        let ended = standing.ended && self.rules.are_own();
        let done = match entry.kind {
            EntryKind::Charge | EntryKind::Free | EntryKind::Unpriced => self.message(entry, ended),
            // Those billed in the month of an earlier month's charges are of what is not rated again here.
            EntryKind::Counted => {
                if !is_withdrawal(entry.kind, entry.cause) {
                    self.count(entry);
                }
                Some(())
            }
            EntryKind::TrueUp => self.sums.other(entry, standing.of_another || ended),
            EntryKind::Adjustment | EntryKind::Fee | EntryKind::Credit => self.sums.other(entry, true),
        };
        done.ok_or(LedgerError::Overflow { what: "the rerated month" })
    }

    /// What was found.
    #[must_use]
    pub fn report(self) -> Report {
        self.sums.report()
    }

    /// Has a message of other software that is not booked take its position, as settling does.
    fn count(&mut self, entry: &LedgerEntry<'_>) {
        if entry.usage_period < entry.billing_period {
            return;
        }
        if let (place, Ok(input)) = self.placed(entry) {
            let _ = self.positions.rate(self.rules, place, input);
        }
    }

    /// Where a message is counted, and what it is rated by. One that is not rated again takes its position, as settling does;
    /// under other rules nobody knows whether it would be counted.
    fn placed(&mut self, entry: &LedgerEntry<'_>) -> (Place, Result<RatingInput, &'static str>) {
        let place = self.positions.place(&entry.account, &entry.waba, &entry.sender, &entry.usage_period);
        self.positions.at(entry.occurred_at.0);
        let own = own_day(self.rules, entry);
        let input = facts(self.rules, &Booked::of(entry), own);
        if input.is_err() && entry.ordinal.is_some() && self.rules.are_own() {
            let counted = (entry.category, entry.market.as_deref());
            self.positions.pass(self.rules, place, counted, self.rules.day(own));
        }
        (place, input)
    }

    fn message(&mut self, entry: &LedgerEntry<'_>, ended: bool) -> Option<()> {
        let (place, rated) = self.placed(entry);
        let booked = match (entry.cost, entry.reason.as_deref()) {
            (Some(cost), _) => Cost::Known(cost),
            (None, reason) => Cost::Unpriced(reason.unwrap_or("unknown").to_owned()),
        };
        // As settling has it: late usage keeps its position, and counts for no other.
        let late = entry.usage_period < entry.billing_period;
        let rated = match rated {
            Ok(input) if late => match at_booked(self.rules, input, entry.ordinal) {
                Some(at) => Ok(at.rated),
                None if self.rules.are_own() => {
                    let other = booked.clone();
                    let message = Message { booked, other, market: None, category: None, listed: false };
                    return self.sums.message(entry, &message);
                }
                None => Ok(self.positions.rate(self.rules, place, input).rated),
            },
            rated => rated.map(|input| self.positions.rate(self.rules, place, input).rated),
        };
        if ended {
            let other = booked.clone();
            return self.sums.message(entry, &Message { booked, other, market: None, category: None, listed: false });
        }
        let mut message =
            Message { booked, other: Cost::Known(Decimal::ZERO), market: None, category: None, listed: false };
        match rated {
            Ok(Rated::Priced(priced)) => {
                message.other = Cost::Known(priced.cost.checked_mul(Decimal::from(entry.quantity))?);
                message.market = Some(self.rules.rates().map().market_name(priced.market));
                message.category = priced.category;
                message.listed = priced.band_basis == BandBasis::ListUnknown;
            }
            Ok(Rated::Unpriced(unpriced)) => {
                message.other = Cost::Unpriced(unpriced.reason.as_str().to_owned());
                message.market = unpriced.market.map(|market| self.rules.rates().map().market_name(market));
                message.category = unpriced.category;
            }
            Err(reason) => message.other = Cost::Unpriced(reason.to_owned()),
        }
        self.sums.message(entry, &message)
    }
}
