//! Rates a month's entries one after another, each at its position in the groups that count it.

use super::Rules;
use super::facts::facts;
use super::sums::{Cost, Message, Report, Sums};
use crate::ledger::LedgerError;
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use tollgate_rate_card::{AllowanceScope, BandBasis, Category, Market, Rated, RatingInput};
use tollgate_wire::ledger::{EntryKind, LedgerEntry};

/// A group whose messages are counted: of an allowance by WABA or number, of bands by account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    account: String,
    /// WABA or number; none for bands.
    of: String,
    month: String,
    market: Option<Market>,
    category: Category,
}

/// The walk. Entries come in the order of [`crate::ledger::Reader`]'s charges: instant, then wamid.
pub struct Walk<'a> {
    rules: &'a Rules<'a>,
    counters: BTreeMap<Group, u64>,
    sums: Sums,
}

impl<'a> Walk<'a> {
    /// Every counter at zero.
    #[must_use]
    pub fn new(rules: &'a Rules<'a>) -> Self {
        Self { rules, counters: BTreeMap::new(), sums: Sums::default() }
    }

    /// Takes the next entry. Entries that cancel out count for nothing; what no card prices stays as it was booked;
    /// true-ups corrected positions that are counted anew here.
    ///
    /// # Errors
    /// A sum is beyond the largest amount that is exact.
    pub fn entry(&mut self, entry: &LedgerEntry<'_>, cancelled: bool) -> Result<(), LedgerError> {
        if cancelled {
            self.sums.cancelled();
            return Ok(());
        }
        let done = match entry.kind {
            EntryKind::Charge | EntryKind::Free | EntryKind::Unpriced => self.message(entry),
            EntryKind::TrueUp => self.sums.other(entry, false),
            EntryKind::Adjustment | EntryKind::Fee | EntryKind::Credit => self.sums.other(entry, true),
        };
        done.ok_or(LedgerError::Overflow { what: "the rerated month" })
    }

    /// What was found.
    #[must_use]
    pub fn report(self) -> Report {
        self.sums.report()
    }

    fn message(&mut self, entry: &LedgerEntry<'_>) -> Option<()> {
        let rated = facts(self.rules, entry).map(|input| self.at_its_position(entry, input));
        let booked = match (entry.cost, entry.reason.as_deref()) {
            (Some(cost), _) => Cost::Known(cost),
            (None, reason) => Cost::Unpriced(reason.unwrap_or("unknown").to_owned()),
        };
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
            Err(reason) => message.other = Cost::Unpriced(reason),
        }
        self.sums.message(entry, &message)
    }

    /// As the engine does: the allowance first, since what it leaves is what bands count.
    fn at_its_position(&mut self, entry: &LedgerEntry<'_>, mut input: RatingInput) -> Rated {
        let allowance = self.groups(entry, &input).0;
        input.allowance_used = allowance.map_or(0, |group| self.count(&group));
        let bands = self.groups(entry, &input).1;
        input.band_ordinal = bands.map(|group| self.count(&group) + 1);
        let (allowance, bands) = self.groups(entry, &input);
        for group in [allowance, bands].into_iter().flatten() {
            *self.counters.entry(group).or_default() += 1;
        }
        self.rules.rate(&input)
    }

    fn count(&self, group: &Group) -> u64 {
        self.counters.get(group).copied().unwrap_or(0)
    }

    /// Groups of allowance and bands that count the message.
    fn groups(&self, entry: &LedgerEntry<'_>, input: &RatingInput) -> (Option<Group>, Option<Group>) {
        let (allowance, bands, category, market) = match self.rules.rate(input) {
            Rated::Priced(p) => (p.counts_for_allowance, p.counts_for_band, p.category, Some(p.market)),
            Rated::Unpriced(u) => (u.counts_for_allowance, u.counts_for_band, u.category, u.market),
        };
        let Some(category) = category else { return (None, None) };
        let group = |of: &str, market, category| Group {
            account: entry.account.to_string(),
            of: of.to_owned(),
            month: entry.usage_period.to_string(),
            market,
            category,
        };
        let scope = self.rules.allowance(input.date, category).map_or(AllowanceScope::Sender, |a| a.scope);
        let of = if scope == AllowanceScope::Waba { &entry.waba } else { &entry.sender };
        (
            allowance.then(|| group(of, None, category)),
            market.filter(|_| bands).map(|market| group("", Some(market), category.band_counter())),
        )
    }
}
