//! The platform's figures of a month at one granularity, wherever they come from.

use super::scope::{Key, Scope};
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use tollgate_rate_card::{PricingModel, YearMonth};

/// What the platform says of a month.
#[derive(Clone, Debug, Default)]
pub struct Statement {
    pub(super) rows: BTreeMap<Key, Theirs>,
    pub(super) scopes: BTreeMap<(String, Option<PricingModel>), Scope>,
    /// WABAs of numbers, for entries of a WABA that the figures do not have.
    pub(super) phones: BTreeMap<(String, Option<PricingModel>), String>,
    /// Figures of other months, which are left out.
    pub(super) of_other_months: u64,
    /// Figures that a later answer replaced.
    pub(super) replaced: u64,
}

/// One figure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Theirs {
    pub messages: i64,
    pub cost: Decimal,
    /// Whether a part of it has no cost.
    pub costless: bool,
    /// First message of the highest band named.
    pub tier_from: u64,
}

/// What is wrong with figures that are well-formed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// Nothing of the month.
    #[error(
        "--month = {month}: none of the {points} figures is of it, they are of {first} to {last}; fetch that month, or \
         name theirs"
    )]
    WrongMonth {
        /// Month asked for.
        month: YearMonth,
        /// Figures there are.
        points: u64,
        /// First day of them.
        first: String,
        /// Last day of them.
        last: String,
    },
    /// Days within months, or in two zones.
    #[error("WABA {waba} has figures of {first} and of {second}, one within the other; give one granularity at a time")]
    Overlap {
        /// WABA.
        waba: String,
        /// One.
        first: String,
        /// Another.
        second: String,
    },
    /// Of a number, and of all numbers together.
    #[error(
        "WABA {waba} has figures of {day} for the number {phone} and others for no number, which count the same messages \
         twice; leave out the answers that were fetched without the dimension PHONE, or those with it"
    )]
    Dimensions {
        /// WABA.
        waba: String,
        /// Day or month.
        day: String,
        /// A number that has figures of its own.
        phone: String,
    },
    /// A sum that no longer is exact.
    #[error("the costs of WABA {waba} are too large to be added exactly; give its figures in several files")]
    Overflow {
        /// WABA.
        waba: String,
    },
}

impl Statement {
    /// WABAs that it is of; none when an invoice does not tell them apart.
    pub fn wabas(&self) -> impl Iterator<Item = &str> {
        self.scopes.keys().map(|(waba, _)| waba.as_str()).filter(|waba| !waba.is_empty())
    }

    /// Keeps the WABAs that are wanted. Answers how many were left out.
    pub fn retain(&mut self, mut wanted: impl FnMut(&str) -> bool) -> usize {
        let before = self.wabas().count();
        self.scopes.retain(|(waba, _), _| waba.is_empty() || wanted(waba));
        let scopes = &self.scopes;
        let kept = |waba: &str, model| scopes.contains_key(&(waba.to_owned(), model));
        self.rows.retain(|key, _| kept(&key.waba, key.model));
        self.phones.retain(|(_, model), waba| kept(waba, *model));
        before - self.wabas().count()
    }

    /// What is compared for entries of a WABA: its own days; where the figures have none of it, those of the WABA that
    /// has the number.
    pub(super) fn scope(&self, waba: &str, model: PricingModel, phone: &str) -> Option<&Scope> {
        let own = [Some(model), None].into_iter().find_map(|model| {
            let of = |waba: &str| self.scopes.get(&(waba.to_owned(), model));
            of(waba).or_else(|| of(""))
        });
        match own {
            Some(own) if !own.buckets.is_empty() => Some(own),
            own => [Some(model), None].into_iter().find_map(|model| self.of_phone(phone, model)).or(own),
        }
    }

    /// What is compared of the WABA that has the number in these figures.
    pub(super) fn of_phone(&self, phone: &str, model: Option<PricingModel>) -> Option<&Scope> {
        let waba = self.phones.get(&(phone.to_owned(), model))?;
        self.scopes.get(&(waba.clone(), model))
    }

    pub(super) fn add(&mut self, key: &Key, theirs: &Theirs) -> Result<(), StatementError> {
        let waba = || StatementError::Overflow { waba: key.waba.clone() };
        let row = self.rows.entry(key.clone()).or_default();
        row.messages = row.messages.checked_add(theirs.messages).ok_or_else(waba)?;
        row.cost = row.cost.checked_add(theirs.cost).ok_or_else(waba)?;
        row.costless |= theirs.costless;
        row.tier_from = row.tier_from.max(theirs.tier_from);
        Ok(())
    }
}

/// A word of the platform in the ledger's: `REGULAR` is `regular`, `MARKETING_LITE` is rated as marketing.
pub(super) fn word(platform: &str) -> String {
    let word = platform.trim().to_ascii_lowercase().replace(['-', ' '], "_");
    match word.as_str() {
        "marketing_lite" => "marketing",
        "free_entry" => "free_entry_point",
        "free_tier" => "free_allowance",
        _ => return word,
    }
    .to_owned()
}

/// An instant for people: the day where it is a midnight of UTC.
pub(super) fn shown(at: i64) -> String {
    let time = tollgate_wire::Time(at.max(0).unsigned_abs() * 1000).to_string();
    match time.strip_suffix("T00:00:00.000Z") {
        Some(day) => day.to_owned(),
        None => time.replace(".000Z", "Z"),
    }
}
