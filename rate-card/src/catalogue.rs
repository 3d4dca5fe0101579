//! The catalogue: all rulebooks, the market map and all cards, built once and checked against each
//! other.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::band::BandFile;
use crate::bar::Bar;
use crate::rulebook::Rulebooks;
use crate::table::{Table, whole};
use crate::{Card, CardId, Category, Country, Currency, DataError, MarketMap, Rulebook, RulebookId, Source, Sources};

/// Everything that a price depends on. Immutable; look-ups allocate nothing.
#[derive(Debug, Clone)]
pub struct RateCards {
    pub(crate) rulebooks: Rulebooks,
    pub(crate) map: MarketMap,
    pub(crate) bars: Vec<Bar>,
    minor_units: BTreeMap<Currency, u32>,
    pub(crate) cards: Vec<Card>,
    /// Per currency with a card: its cards, ascending by date.
    pub(crate) by_currency: Vec<(Currency, Vec<CardId>)>,
}

impl RateCards {
    /// The catalogue of the data files that come with the crate.
    ///
    /// # Errors
    /// [`DataError`]; a test of this crate shows that there is none.
    pub fn embedded() -> Result<Self, DataError> {
        Self::from_sources(&Sources::embedded())
    }

    /// Reads and checks all files.
    ///
    /// # Errors
    /// [`DataError`] for the first thing that is wrong.
    pub fn from_sources(sources: &Sources) -> Result<Self, DataError> {
        let map = MarketMap::from_sources(&sources.market_map, &sources.numbering)?;
        let rulebooks = Rulebooks::from_sources(&sources.rulebooks, &sources.charging_rules)?;
        let minor_units = currencies(&sources.currencies)?;
        let mut cards = sources.cards.iter().map(|source| Card::read(source, &map)).collect::<Result<Vec<_>, _>>()?;
        cards.sort_by(|a, b| {
            let key = |card: &Card| (card.currency(), card.validity().from());
            key(a).cmp(&key(b))
        });
        check_cards(&cards, &rulebooks, &minor_units)?;
        for source in &sources.bands {
            attach(BandFile::read(source)?, &mut cards, &map)?;
        }
        let mut by_currency: Vec<(Currency, Vec<CardId>)> = Vec::new();
        for (index, card) in cards.iter().enumerate() {
            let id = CardId(index as u16);
            match by_currency.last_mut() {
                Some((currency, ids)) if *currency == card.currency() => ids.push(id),
                _ => by_currency.push((card.currency(), vec![id])),
            }
        }
        Ok(Self { rulebooks, map, bars: Bar::read_all(&sources.bars)?, minor_units, cards, by_currency })
    }

    /// The market map.
    #[must_use]
    pub const fn map(&self) -> &MarketMap {
        &self.map
    }

    /// A card that a rating named.
    ///
    /// # Panics
    /// If the id is from another catalogue with more cards.
    #[must_use]
    pub fn card(&self, id: CardId) -> &Card {
        &self.cards[usize::from(id.0)]
    }

    /// All cards, by currency and date.
    #[must_use]
    pub fn cards(&self) -> &[Card] {
        &self.cards
    }

    /// The card of a currency on a local date.
    #[must_use]
    #[inline]
    pub fn card_at(&self, currency: Currency, date: Date) -> Option<CardId> {
        let (_, ids) = self.by_currency.iter().find(|(c, _)| *c == currency)?;
        ids.iter().rev().copied().find(|&id| self.card(id).validity_ref().contains(date))
    }

    /// A rulebook that a rating named.
    ///
    /// # Panics
    /// If the id is from another catalogue with more rulebooks.
    #[must_use]
    pub fn rulebook(&self, id: RulebookId) -> &Rulebook {
        self.rulebooks.get(id)
    }

    /// All rulebooks, by date.
    pub fn rulebooks(&self) -> impl Iterator<Item = &Rulebook> {
        self.rulebooks.iter()
    }

    /// The rulebook of a local date.
    #[must_use]
    pub fn rulebook_at(&self, date: Date) -> Option<(RulebookId, &Rulebook)> {
        self.rulebooks.at(date)
    }

    /// Decimals of an invoice total in a billing currency; `None` if the platform does not bill in
    /// it.
    #[must_use]
    pub fn minor_units(&self, currency: Currency) -> Option<u32> {
        self.minor_units.get(&currency).copied()
    }

    /// The platform's billing currencies.
    pub fn currencies(&self) -> impl Iterator<Item = Currency> {
        self.minor_units.keys().copied()
    }

    /// The bar on templates of a category to a country on a local date, if there is one.
    #[must_use]
    pub fn barred(&self, country: Country, category: Category, date: Date) -> Option<&Bar> {
        self.bars.iter().find(|bar| bar.applies(country, category, date))
    }
}

fn currencies(source: &Source) -> Result<BTreeMap<Currency, u32>, DataError> {
    let table = Table::read_columns(source, &["currency", "minor_units", "note"])?;
    let mut all = BTreeMap::new();
    for row in table.rows() {
        let currency = row.read(0, "an ISO 4217 code in capitals", Currency::new)?;
        let minor = row.read(1, "a number of decimals from 0 to 4", |t| whole(t).filter(|&n| n <= 4))?;
        if all.insert(currency, minor as u32).is_some() {
            return Err(row.error(format!("currency `{currency}` is listed twice"), "keep one of the two"));
        }
    }
    Ok(all)
}

/// Cards against currencies, rulebooks and each other; `cards` are sorted by currency and date.
fn check_cards(cards: &[Card], rulebooks: &Rulebooks, currencies: &BTreeMap<Currency, u32>) -> Result<(), DataError> {
    for (index, card) in cards.iter().enumerate() {
        let error = |problem: String, remedy: String| Err(DataError::new(card.file(), 1, problem, remedy));
        if !currencies.contains_key(&card.currency()) {
            return error(
                format!("currency is `{}`, not a billing currency", card.currency()),
                "write one of currencies.csv, or add it there".to_owned(),
            );
        }
        if let Some(other) = cards[..index].iter().find(|other| other.id() == card.id()) {
            return error(
                format!("id `{}` is also that of {}", card.id(), other.file()),
                "give every card its own id".to_owned(),
            );
        }
        let validity = card.validity();
        let Some((_, book)) = rulebooks.at(validity.from()) else {
            return error(
                format!("there is no rulebook on {}", validity.from()),
                "add one to rulebooks.csv".to_owned(),
            );
        };
        if !validity.within(&book.validity) {
            return error(
                format!("the card ({validity}) spans the end of rulebook `{}` ({})", book.id, book.validity),
                "end it with the rulebook and load a second card from there".to_owned(),
            );
        }
        if card.model() != book.model {
            return error(
                format!("pricing_model is `{}` where rulebook `{}` has {}", card.model(), book.id, book.model),
                "correct the model or the dates".to_owned(),
            );
        }
        let Some(before) = index.checked_sub(1).map(|i| &cards[i]) else {
            continue;
        };
        if before.currency() != card.currency() {
            continue;
        }
        if before.validity().overlaps(&validity) {
            return error(
                format!("the card ({validity}) overlaps {} ({})", before.file(), before.validity()),
                "set valid_to of the earlier one to the day before".to_owned(),
            );
        }
        if !before.validity().meets(&validity) && !card.gap_before() {
            return error(
                format!("there is a gap between {} ({}) and this card ({validity})", before.file(), before.validity()),
                "load the card between them, or declare gap_before=yes: those days stay unpriced".to_owned(),
            );
        }
    }
    Ok(())
}

/// Gives a band file's tables to its card.
fn attach(bands: BandFile, cards: &mut [Card], map: &MarketMap) -> Result<(), DataError> {
    let Some(card) =
        cards.iter_mut().find(|card| (card.currency(), card.validity()) == (bands.currency, bands.validity))
    else {
        return Err(DataError::new(
            &bands.file,
            1,
            format!("there is no {} card for {}", bands.currency, bands.validity),
            "give the bands the currency and dates of a card",
        ));
    };
    for ((market, category), (line, table)) in bands.tables {
        let error = |problem: String, remedy: &str| Err(DataError::new(&bands.file, line, problem, remedy));
        let Some(id) = map.market_named(&market).filter(|&id| card.cell(id, category).is_some()) else {
            return error(format!("market is `{market}`"), "write a market that the card lists");
        };
        if card.bands(id, category).is_some() {
            return error(format!("bands of {market},{category} are in another file too"), "keep one of the two");
        }
        let list = card.at(id, category).rate();
        let (_, first) = table.at(1);
        if list != Some(first) {
            return error(
                format!(
                    "the first band's rate is `{first}` where {} has {}",
                    card.file(),
                    list.map_or_else(|| "none".to_owned(), |rate| rate.to_string())
                ),
                "write the card's list rate",
            );
        }
        card.set_bands(id, category, table);
    }
    Ok(())
}
