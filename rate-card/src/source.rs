//! The data files: those that come with the crate, and those that an operator puts over them.

use std::borrow::Cow;

/// One data file: its name for messages and its text. Reading it is the caller's business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// File name, as errors shall show it.
    pub name: Cow<'static, str>,
    /// Whole content, UTF-8.
    pub text: Cow<'static, str>,
}

impl Source {
    /// A file that an operator provides.
    #[must_use]
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: Cow::Owned(name.into()), text: Cow::Owned(text.into()) }
    }
}

macro_rules! embedded {
    ($path:literal) => {
        Source { name: Cow::Borrowed($path), text: Cow::Borrowed(include_str!(concat!("../data/", $path))) }
    };
}

/// All data files of a catalogue. See `data/README.md` for what each holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    /// Dated rules.
    pub rulebooks: Source,
    /// What is charged where, per rulebook and category.
    pub charging_rules: Source,
    /// Templates that the platform refuses to deliver to a country.
    pub bars: Source,
    /// Currencies that WABAs must bill in, by the country that they are sold to.
    pub currency_deadlines: Source,
    /// Prefix to country and market.
    pub market_map: Source,
    /// Countries of prefixes that the market map does not tell apart or list.
    pub numbering: Vec<Source>,
    /// Time zones of numbers, by prefix.
    pub number_zones: Source,
    /// Time zones of countries.
    pub country_zones: Source,
    /// Billing currencies.
    pub currencies: Source,
    /// Rate cards, one file each.
    pub cards: Vec<Source>,
    /// Volume bands, one file a card at most.
    pub bands: Vec<Source>,
}

impl Sources {
    /// The files that come with the crate.
    #[must_use]
    pub fn embedded() -> Self {
        Self {
            rulebooks: embedded!("rulebooks.csv"),
            charging_rules: embedded!("charging_rules.csv"),
            bars: embedded!("bars.csv"),
            currency_deadlines: embedded!("currency_deadlines.csv"),
            market_map: embedded!("market_map.csv"),
            numbering: vec![embedded!("numbering.csv"), embedded!("nanp_area_codes.csv")],
            number_zones: embedded!("number_zones.csv"),
            country_zones: embedded!("country_zones.csv"),
            currencies: embedded!("currencies.csv"),
            cards: vec![
                embedded!("rates/cbp_usd_2023-06-01.csv"),
                embedded!("rates/cbp_usd_2024-08-01.csv"),
                embedded!("rates/cbp_usd_2024-10-01.csv"),
                embedded!("rates/cbp_usd_2024-11-01.csv"),
                embedded!("rates/cbp_usd_2025-02-01.csv"),
                embedded!("rates/pmp_usd_2025-07-01.csv"),
                embedded!("rates/pmp_usd_2025-10-01.csv"),
                embedded!("rates/pmp_usd_2026-01-01.csv"),
                embedded!("rates/pmp_usd_2026-04-01.csv"),
                embedded!("rates/pmp_usd_2026-07-01.csv"),
                embedded!("rates/pmp_usd_2026-10-01.csv"),
                embedded!("rates/pmp_eur_2026-07-01.csv"),
            ],
            bands: vec![embedded!("bands/bands_usd_2026-07-01.csv")],
        }
    }

    /// Puts a file in place of the one with the same last part of its name (a corrected
    /// `pmp_usd_2026-10-01.csv`, for instance). False if there is none: then push it to
    /// [`Sources::cards`] or [`Sources::bands`].
    pub fn replace(&mut self, source: &Source) -> bool {
        fn base(name: &str) -> &str {
            name.rsplit(['/', '\\']).next().unwrap_or(name)
        }
        let all = [
            &mut self.rulebooks,
            &mut self.charging_rules,
            &mut self.bars,
            &mut self.currency_deadlines,
            &mut self.market_map,
            &mut self.number_zones,
            &mut self.country_zones,
            &mut self.currencies,
        ]
        .into_iter()
        .chain(&mut self.numbering)
        .chain(&mut self.cards)
        .chain(&mut self.bands);
        for slot in all {
            if base(&slot.name) == base(&source.name) {
                *slot = source.clone();
                return true;
            }
        }
        false
    }
}
