//! A rate card: what the platform asks per market and category, in one currency and period.

mod version;

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::table::{Row, Table};
use crate::{BandTable, Category, CellStatus, Currency, DataError, Market, MarketMap, PricingModel, Source, Validity};

/// Most decimals that a card may declare.
pub(crate) const SCALE_MAX: u32 = 6;

/// A card of a catalogue. Its position, stable within one catalogue only: store [`Card::id`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CardId(pub(crate) u16);

const NO_BANDS: u16 = u16::MAX;

/// One cell: a rate, or why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// The list rate; 0 where `status` has none.
    rate: Decimal,
    status: CellStatus,
    bands: u16,
}

impl Cell {
    const ABSENT: Self = Self { rate: Decimal::ZERO, status: CellStatus::NotOffered, bands: NO_BANDS };

    /// The list rate, if the status has one.
    #[must_use]
    #[inline]
    pub fn rate(&self) -> Option<Decimal> {
        self.status.has_rate().then_some(self.rate)
    }

    /// The list rate; 0 if the status has none.
    #[inline]
    pub(crate) const fn list_rate(&self) -> Decimal {
        self.rate
    }

    /// How sure the cell is.
    #[must_use]
    pub const fn status(&self) -> CellStatus {
        self.status
    }
}

/// A rate card.
#[derive(Debug, Clone)]
pub struct Card {
    id: String,
    file: String,
    model: PricingModel,
    currency: Currency,
    validity: Validity,
    /// As its file says; `validity` ends an open one before the next card.
    declared: Validity,
    replaced: bool,
    scale: u32,
    gap_before: bool,
    /// Position of the map's period that covers the validity.
    period: usize,
    listed: Vec<bool>,
    /// The same by name.
    markets: Vec<Market>,
    cells: Vec<Cell>,
    notes: BTreeMap<(Market, Category), String>,
    bands: Vec<BandTable>,
    bands_version: u32,
}

impl Card {
    /// Name in ledger, exports and messages.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// File that it was read from.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The model that its rates are for.
    #[must_use]
    pub const fn model(&self) -> PricingModel {
        self.model
    }

    /// Currency of its rates.
    #[must_use]
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// When it holds.
    #[must_use]
    pub const fn validity(&self) -> Validity {
        self.validity
    }

    /// Decimals of its rates.
    #[must_use]
    pub const fn scale(&self) -> u32 {
        self.scale
    }

    /// A cell; `None` if the card does not list the market.
    #[must_use]
    pub fn cell(&self, market: Market, category: Category) -> Option<&Cell> {
        self.listed[market.index()].then(|| self.at(market, category))
    }

    /// The remark on a cell.
    #[must_use]
    pub fn note(&self, market: Market, category: Category) -> Option<&str> {
        self.notes.get(&(market, category)).map(String::as_str)
    }

    /// The markets that it lists, by name.
    pub fn markets(&self) -> impl Iterator<Item = Market> {
        self.markets.iter().copied()
    }

    /// The volume bands of a market and category, where they are known.
    #[must_use]
    pub fn bands(&self, market: Market, category: Category) -> Option<&BandTable> {
        self.bands_of(self.at(market, category))
    }

    /// The cell of a market that the card's period has.
    #[inline]
    pub(crate) fn at(&self, market: Market, category: Category) -> &Cell {
        &self.cells[market.index() * Category::COUNT + category.index()]
    }

    #[inline]
    pub(crate) fn bands_of(&self, cell: &Cell) -> Option<&BandTable> {
        self.bands.get(usize::from(cell.bands))
    }

    #[inline]
    pub(crate) const fn validity_ref(&self) -> &Validity {
        &self.validity
    }

    /// True if the days before it may have no card.
    #[must_use]
    pub const fn gap_before(&self) -> bool {
        self.gap_before
    }

    pub(crate) fn set_bands(&mut self, market: Market, category: Category, table: BandTable) {
        let cell = market.index() * Category::COUNT + category.index();
        self.cells[cell].bands = self.bands.len() as u16;
        self.bands.push(table);
    }

    /// Reads a card and checks it against the map: every market of its period, no other.
    pub(crate) fn read(source: &Source, map: &MarketMap) -> Result<Self, DataError> {
        let table = Table::read_columns(source, &["market", "category", "rate", "status", "note"])?;
        let declared = table.declared_validity()?;
        let mut validity = declared;
        let period = period(table.file, &mut validity, map)?;
        let scale = scale(&table)?;
        let mut card = Self {
            id: table.declared("id", "a name without blanks", |t| (!t.is_empty()).then(|| t.to_owned()))?,
            file: table.file.to_owned(),
            model: table.declared("pricing_model", "CBP or PMP", PricingModel::parse)?,
            currency: table.declared("currency", "an ISO 4217 code", Currency::new)?,
            validity,
            declared,
            replaced: false,
            scale,
            gap_before: table.declares("gap_before", "yes"),
            period,
            listed: vec![false; map.markets().len()],
            markets: Vec::new(),
            cells: vec![Cell::ABSENT; map.markets().len() * Category::COUNT],
            notes: BTreeMap::new(),
            bands: Vec::new(),
            bands_version: 0,
        };
        let mut lines = BTreeMap::new();
        for row in table.rows() {
            let market = row.read(0, "a market of the market map in this period", |name| {
                let market = map.market_named(name)?;
                map.markets_in(card.period).find(|&m| m == market)
            })?;
            let category = row.read(1, CATEGORIES, Category::parse)?;
            if let Some(first) = lines.insert((market, category), row.line) {
                return Err(
                    row.error(format!("{},{category} is already on line {first}", row.text(0)), "keep one of the two")
                );
            }
            card.listed[market.index()] = true;
            card.cells[market.index() * Category::COUNT + category.index()] = cell(&row, scale)?;
            if let Some(note) = row.optional(4) {
                card.notes.insert((market, category), note.to_owned());
            }
        }
        card.markets = map.markets_in(card.period).collect();
        for &market in &card.markets {
            for category in Category::ALL {
                if !lines.contains_key(&(market, category)) {
                    let name = map.market_name(market);
                    return Err(DataError::new(
                        table.file,
                        1,
                        format!("there is no row `{name},{category}`"),
                        "add it; status unknown if the rate is not known, not_offered if there \
                         is none",
                    ));
                }
            }
        }
        Ok(card)
    }
}

const CATEGORIES: &str = "marketing, utility, authentication, authentication_international or service";
const STATUSES: &str = "published, composed, unverified, unknown or not_offered";

/// The map's period that covers the whole validity. A card without an end ends where the map changes: it prices the markets of
/// its own period.
fn period(file: &str, validity: &mut Validity, map: &MarketMap) -> Result<usize, DataError> {
    let Some(period) = map.period(validity.from()) else {
        return Err(DataError::new(
            file,
            1,
            format!("valid_from is `{}`, before the market map", validity.from()),
            "add a column for that period to the map",
        ));
    };
    let Some(change) = map.periods().nth(period + 1).filter(|change| validity.contains(*change)) else {
        return Ok(period);
    };
    match change.yesterday().ok().and_then(|last| Validity::new(validity.from(), Some(last))) {
        Some(until) if validity.to().is_none() => *validity = until,
        _ => {
            return Err(DataError::new(
                file,
                1,
                format!("the card ({validity}) spans the change of the market map on {change}"),
                format!("end it on the day before {change} and load a second card from there"),
            ));
        }
    }
    Ok(period)
}

fn cell(row: &Row<'_>, scale: u32) -> Result<Cell, DataError> {
    let status = row.read(3, STATUSES, CellStatus::parse)?;
    let rate = match (status.has_rate(), row.optional(2)) {
        (true, _) => rate(row, 2, scale)?,
        (false, None) => Decimal::ZERO,
        (false, Some(_)) => {
            return Err(row.bad(2, &format!("no rate where the status is {status}")));
        }
    };
    Ok(Cell { rate, status, bands: NO_BANDS })
}

/// `scale` of a file's first line.
pub(crate) fn scale(table: &Table<'_>) -> Result<u32, DataError> {
    table.declared("scale", "a number of decimals from 0 to 6", |t| t.parse().ok().filter(|&scale| scale <= SCALE_MAX))
}

/// A rate: digits and a point, not negative, at most `scale` decimals, below a million.
pub(crate) fn rate(row: &Row<'_>, index: usize, scale: u32) -> Result<Decimal, DataError> {
    let expected = "a rate as digits with a decimal point, such as 0.0085";
    let text = row.text(index);
    if text.starts_with('-') {
        return Err(row.bad(index, "a rate of 0 or more"));
    }
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(decimals) || whole.len() > 6 {
        return Err(row.bad(index, expected));
    }
    if text.contains('.') && decimals.len() as u32 > scale {
        return Err(row.bad(index, &format!("at most {scale} decimals, or declare a larger scale")));
    }
    row.read(index, expected, |t| t.parse().ok())
}
