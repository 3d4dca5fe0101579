//! The comparison: exact sums by market and category, by campaign, and in all.

use rust_decimal::Decimal;
use serde::Serialize;
use std::collections::BTreeMap;
use tollgate_rate_card::Category;
use tollgate_wire::ledger::LedgerEntry;

/// What a message costs on one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cost {
    Known(Decimal),
    /// With the reason.
    Unpriced(String),
}

impl Cost {
    const fn known(&self) -> Option<Decimal> {
        match self {
            Self::Known(cost) => Some(*cost),
            Self::Unpriced(_) => None,
        }
    }

    fn reason(&self) -> Option<String> {
        match self {
            Self::Known(_) => None,
            Self::Unpriced(reason) => Some(reason.clone()),
        }
    }
}

/// A message on both sides.
pub(super) struct Message<'a> {
    pub booked: Cost,
    pub other: Cost,
    /// Market by the other rules, where they have one.
    pub market: Option<&'a str>,
    /// Category by the other rules, where they have one.
    pub category: Option<Category>,
    /// Whether it has the list rate because its bands are not known.
    pub listed: bool,
}

/// One line of the comparison. What has no price on a side is on lines of its own, with the reason, and has neither
/// that side's amount nor a difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// ISO 4217.
    pub currency: String,
    /// Market by the other rules; as booked where they have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub market: Option<String>,
    /// Category, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Campaign; empty for messages of none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign: Option<String>,
    /// Delivered messages.
    pub messages: u64,
    /// As booked.
    pub booked: Option<Decimal>,
    /// By the other rules.
    pub other: Option<Decimal>,
    /// `other` less `booked`, where both are known.
    pub difference: Option<Decimal>,
    /// Why it was booked without a price.
    pub booked_unpriced: Option<String>,
    /// Why the other rules have no price.
    pub other_unpriced: Option<String>,
}

/// What a month would have cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// By market and category.
    pub markets: Vec<Line>,
    /// By campaign.
    pub campaigns: Vec<Line>,
    /// In all, by currency.
    pub totals: Vec<Line>,
    /// Messages at the list rate because the bands of the other rules are not known.
    pub bands_unknown: u64,
    /// Entries that cancel out.
    pub cancelled: u64,
    /// Entries that no card prices, such as fees: the same on both sides.
    pub kept: u64,
}

/// What a line is of.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    currency: String,
    market: Option<String>,
    category: Option<&'static str>,
    campaign: Option<String>,
    booked_unpriced: Option<String>,
    other_unpriced: Option<String>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    messages: u64,
    booked: Decimal,
    other: Decimal,
}

/// Adds messages up.
#[derive(Debug, Default)]
pub(super) struct Sums {
    markets: BTreeMap<Key, Sum>,
    campaigns: BTreeMap<Key, Sum>,
    totals: BTreeMap<Key, Sum>,
    bands_unknown: u64,
    cancelled: u64,
    kept: u64,
}

impl Sums {
    pub(super) const fn cancelled(&mut self) {
        self.cancelled += 1;
    }

    /// `None` beyond the largest amount.
    pub(super) fn message(&mut self, entry: &LedgerEntry<'_>, message: &Message<'_>) -> Option<()> {
        self.bands_unknown += u64::from(message.listed);
        self.add(entry, message, 1)
    }

    /// An entry that is no message: a correction of another month, a fee, a true-up.
    pub(super) fn other(&mut self, entry: &LedgerEntry<'_>, both_sides: bool) -> Option<()> {
        self.kept += u64::from(both_sides);
        let booked = entry.cost.unwrap_or_default();
        let other = if both_sides { booked } else { Decimal::ZERO };
        let (booked, other) = (Cost::Known(booked), Cost::Known(other));
        self.add(entry, &Message { booked, other, market: None, category: None, listed: false }, 0)
    }

    fn add(&mut self, entry: &LedgerEntry<'_>, message: &Message<'_>, messages: u64) -> Option<()> {
        let total = Key {
            currency: entry.cost_currency.to_string(),
            booked_unpriced: message.booked.reason(),
            other_unpriced: message.other.reason(),
            ..Key::default()
        };
        let market = Key {
            market: Some(message.market.or(entry.market.as_deref()).unwrap_or_default().to_owned()),
            category: Some(message.category.or(entry.category).map_or("", Category::as_str)),
            ..total.clone()
        };
        let campaign =
            Key { campaign: Some(entry.campaign.as_deref().unwrap_or_default().to_owned()), ..total.clone() };
        let booked = message.booked.known().unwrap_or_default();
        let other = message.other.known().unwrap_or_default();
        for (sums, key) in [(&mut self.markets, market), (&mut self.campaigns, campaign), (&mut self.totals, total)] {
            let sum = sums.entry(key).or_default();
            sum.messages += messages;
            sum.booked = sum.booked.checked_add(booked)?;
            sum.other = sum.other.checked_add(other)?;
        }
        Some(())
    }

    pub(super) fn report(self) -> Report {
        let lines = |sums: BTreeMap<Key, Sum>| sums.into_iter().map(line).collect();
        Report {
            markets: lines(self.markets),
            campaigns: lines(self.campaigns),
            totals: lines(self.totals),
            bands_unknown: self.bands_unknown,
            cancelled: self.cancelled,
            kept: self.kept,
        }
    }
}

fn line((key, sum): (Key, Sum)) -> Line {
    let booked = key.booked_unpriced.is_none().then_some(sum.booked);
    let other = key.other_unpriced.is_none().then_some(sum.other);
    Line {
        currency: key.currency,
        market: key.market,
        category: key.category.map(str::to_owned),
        campaign: key.campaign,
        messages: sum.messages,
        booked,
        other,
        difference: booked.zip(other).and_then(|(booked, other)| other.checked_sub(booked)),
        booked_unpriced: key.booked_unpriced,
        other_unpriced: key.other_unpriced,
    }
}
