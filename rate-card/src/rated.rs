//! The outcome of a rating: a price with its grounds, or the reason why there is none.

use rust_decimal::Decimal;

use crate::{Band, CardId, Category, CellStatus, Market, PricingModel, PricingType, RulebookId};

/// The outcome of a rating.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rated {
    /// The price is known; it may be 0.
    Priced(Priced),
    /// It is not, and why.
    Unpriced(Unpriced),
}

/// A known price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Priced {
    /// Charged, or why it is free.
    pub pricing_type: PricingType,
    /// Category whose rate applies; `None` only for a free entry point whose message category
    /// nobody has said.
    pub category: Option<Category>,
    /// The model that was applied.
    pub model: PricingModel,
    /// Market of the recipient's country on that date.
    pub market: Market,
    /// List rate of the card; `None` for a free message where no card has one.
    pub list_rate: Option<Decimal>,
    /// Rate of this message after bands: 0 if free.
    pub cost_rate: Decimal,
    /// Amount of this message, at most 10 decimals.
    pub cost: Decimal,
    /// The card, if one was used.
    pub card: Option<CardId>,
    /// Status of the card's cell, if one was used.
    pub card_status: Option<CellStatus>,
    /// Band that was applied; `None` unless the basis is [`BandBasis::Table`].
    pub band: Option<Band>,
    /// Why this band, or none.
    pub band_basis: BandBasis,
    /// Rules that were applied.
    pub rulebook: RulebookId,
    /// Whether it uses up one message of the allowance.
    pub counts_for_allowance: bool,
    /// Whether it takes a position in the band counter.
    pub counts_for_band: bool,
}

/// A price that is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unpriced {
    /// Why.
    pub reason: UnpricedReason,
    /// Category, if it is known.
    pub category: Option<Category>,
    /// Market, if it is known.
    pub market: Option<Market>,
    /// Rules of the date, if there are any.
    pub rulebook: Option<RulebookId>,
    /// The card without a rate, if there is one.
    pub card: Option<CardId>,
    /// Whether it uses up one message of the allowance all the same.
    pub counts_for_allowance: bool,
    /// Whether it takes a position in the band counter all the same.
    pub counts_for_band: bool,
}

/// How the band of a price was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BandBasis {
    /// Free, or a category without bands.
    NotBanded,
    /// From the card's band table and the message's position.
    Table,
    /// Bands of this market and card, or the position, are not known: list rate.
    ListUnknown,
}

impl BandBasis {
    /// Name in the ledger: `not_banded`, `table`, `list_unknown`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotBanded => "not_banded",
            Self::Table => "table",
            Self::ListUnknown => "list_unknown",
        }
    }
}

/// Why a message has no price. Declared in order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnpricedReason {
    /// The recipient's country, hence the market, is not known.
    NoCountry,
    /// There is no rulebook for the date.
    NoRulebook,
    /// The platform reports another model than the rulebook of the date has.
    ModelNotSupported,
    /// The platform reports a category that we do not know, or nobody says one.
    UnknownCategory,
    /// The platform reports a type that we do not know.
    UnknownType,
    /// Sent with a bid: priced from the invoice.
    Bid,
    /// There is no card for the currency and date.
    NoCard,
    /// The card says that the category is not offered there, and the rulebook has no fall-back.
    NotOffered,
    /// The card says that the rate is not known.
    UnknownRate,
}

impl UnpricedReason {
    /// Every reason, in order of precedence.
    pub const ALL: [Self; 9] = [
        Self::NoCountry,
        Self::NoRulebook,
        Self::ModelNotSupported,
        Self::UnknownCategory,
        Self::UnknownType,
        Self::Bid,
        Self::NoCard,
        Self::NotOffered,
        Self::UnknownRate,
    ];

    /// Name in the ledger's `reason`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoCountry => "no_country",
            Self::NoRulebook => "no_rulebook",
            Self::ModelNotSupported => "model_not_supported",
            Self::UnknownCategory => "unknown_category",
            Self::UnknownType => "unknown_type",
            Self::Bid => "bid",
            Self::NoCard => "no_card",
            Self::NotOffered => "not_offered",
            Self::UnknownRate => "unknown_rate",
        }
    }

    /// What would give it a price.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::NoCountry => "learn the recipient's country and rerate",
            Self::NoRulebook => "add a rulebook for the date",
            Self::ModelNotSupported => "book the invoice; the rules of that date know no such charge",
            Self::UnknownCategory => "book the invoice, or learn the category and rerate",
            Self::UnknownType => "book the invoice",
            Self::Bid => "book the invoice",
            Self::NoCard => "import the card of this currency and date and rerate",
            Self::NotOffered => "correct the card and rerate",
            Self::UnknownRate => "import a card with this rate and rerate",
        }
    }
}

impl Unpriced {
    pub(crate) const fn because(self, reason: UnpricedReason) -> Rated {
        Rated::Unpriced(Self { reason, ..self })
    }
}
