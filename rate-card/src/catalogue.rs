//! The catalogue: all rulebooks, the market map and all cards, built once and checked against each
//! other.

mod check;
mod versions;

use std::collections::BTreeMap;

use jiff::civil::Date;

use self::versions::BandsFit;
use crate::bar::Bar;
use crate::currency_deadline::CurrencyDeadline;
use crate::rulebook::Rulebooks;
use crate::table::{Table, whole};
use crate::{
    Card, CardId, Category, Country, Currency, DataError, MarketMap, PeopleZones, Rulebook, RulebookId, Source, Sources,
};

/// Everything that a price depends on. Immutable; look-ups allocate nothing.
#[derive(Debug, Clone)]
pub struct RateCards {
    pub(crate) rulebooks: Rulebooks,
    pub(crate) map: MarketMap,
    pub(crate) bars: Vec<Bar>,
    currency_deadlines: Vec<CurrencyDeadline>,
    zones: PeopleZones,
    minor_units: BTreeMap<Currency, u32>,
    pub(crate) cards: Vec<Card>,
    /// Per currency with a card: those that are not replaced, ascending by date.
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
        let zones = PeopleZones::from_sources(&sources.number_zones, &sources.country_zones)?;
        let minor_units = currencies(&sources.currencies)?;
        let mut cards = sources.cards.iter().map(|source| Card::read(source, &map)).collect::<Result<Vec<_>, _>>()?;
        cards.sort_by(|a, b| {
            let key = |card: &Card| (card.currency(), card.validity().from(), card.version().1);
            key(a).cmp(&key(b))
        });
        versions::settle(&mut cards);
        check::cards(&cards, &rulebooks, &minor_units)?;
        versions::attach_bands(&sources.bands, &mut cards, &map, BandsFit::All)?;
        let mut by_currency: Vec<(Currency, Vec<CardId>)> = Vec::new();
        for (index, card) in cards.iter().enumerate().filter(|(_, card)| !card.is_replaced()) {
            let id = CardId(index as u16);
            match by_currency.last_mut() {
                Some((currency, ids)) if *currency == card.currency() => ids.push(id),
                _ => by_currency.push((card.currency(), vec![id])),
            }
        }
        Ok(Self {
            rulebooks,
            map,
            bars: Bar::read_all(&sources.bars)?,
            currency_deadlines: CurrencyDeadline::read_all(&sources.currency_deadlines, &minor_units)?,
            zones,
            minor_units,
            cards,
            by_currency,
        })
    }

    /// A catalogue with one card beside the same rules and map, for what-ifs: a proposal may overlap the cards in use.
    /// It has the bands of its currency and dates whose first rate is its list rate; others are not known of it.
    ///
    /// # Errors
    /// [`DataError`] for the first thing that is wrong with the card.
    pub fn of_card(sources: &Sources, card: Source) -> Result<Self, DataError> {
        let mut rates = Self::from_sources(&Sources { cards: vec![card], bands: Vec::new(), ..sources.clone() })?;
        versions::attach_bands(&sources.bands, &mut rates.cards, &rates.map, BandsFit::WhereTheyDo)?;
        Ok(rates)
    }

    /// The market map.
    #[must_use]
    pub const fn map(&self) -> &MarketMap {
        &self.map
    }

    /// The time zones of people.
    #[must_use]
    pub const fn people_zones(&self) -> &PeopleZones {
        &self.zones
    }

    /// A card that a rating named.
    ///
    /// # Panics
    /// If the id is from another catalogue with more cards.
    #[must_use]
    pub fn card(&self, id: CardId) -> &Card {
        &self.cards[usize::from(id.0)]
    }

    /// All cards, by currency, date and version; those that are replaced among them.
    #[must_use]
    pub fn cards(&self) -> &[Card] {
        &self.cards
    }

    /// The card of a name, replaced or not.
    #[must_use]
    pub fn card_named(&self, name: &str) -> Option<&Card> {
        self.card_id(name).map(|id| self.card(id))
    }

    /// The position of the card of a name, replaced or not.
    #[must_use]
    pub fn card_id(&self, name: &str) -> Option<CardId> {
        self.cards.iter().position(|card| card.id() == name).map(|index| CardId(index as u16))
    }

    /// The position of the card of a digest, replaced or not.
    #[must_use]
    pub fn card_of_digest(&self, digest: u32) -> Option<CardId> {
        self.cards.iter().position(|card| card.digest() == digest).map(|index| CardId(index as u16))
    }

    /// Reads a card file over the map of this catalogue, without a look at the other cards.
    ///
    /// # Errors
    /// [`DataError`] for the first thing that is wrong with it.
    pub fn read_card(&self, source: &Source) -> Result<Card, DataError> {
        Card::read(source, &self.map)
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

    /// The deadline of a WABA that is sold to a country and bills in this currency; none where that is the one asked for, or
    /// none is.
    #[must_use]
    pub fn currency_deadline(&self, sold_to: Country, currency: Currency) -> Option<&CurrencyDeadline> {
        self.currency_deadlines.iter().find(|of| of.country == sold_to && of.currency != currency)
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
