//! What a WhatsApp message costs: rulebook, market map and rates as dated data, and the rating over
//! them. Pure.
//!
//! - [`RateCards`] is built once from [`Sources`] and refuses data that cannot be right.
//! - [`MarketMap::lookup`] gives the country of a number, [`Zone`] the local date of an instant.
//! - [`Conversations::place`] says which conversation a delivered message opens or is covered by, where
//!   conversations are charged.
//! - [`RateCards::rate`] prices a delivered message or a conversation, [`RateCards::worst_case`] bounds one
//!   that is about to leave, [`RateCards::explain`] puts a price into words.
//! - [`Markup::price`] is what a reseller asks for what the platform charges, [`Fees`] what is asked besides.
//!
//! No year, market or price is in the code: they are in `data/`.
#![deny(clippy::float_arithmetic)]
#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

mod auth_international;
mod band;
mod bar;
mod card;
mod catalogue;
mod category;
mod conversation;
mod country;
mod currency;
mod currency_deadline;
mod diff;
mod error;
mod explain;
mod market_map;
mod markup;
mod month;
mod people_zones;
mod pricing;
mod published;
mod rated;
mod rating;
mod reported;
mod rounding;
mod rulebook;
mod source;
mod table;
mod text_serde;
mod trie;
mod validity;
mod worst_case;
mod zone;

pub use auth_international::AuthInternational;
pub use band::{Band, BandTable};
pub use bar::Bar;
pub use card::{Card, CardId, Cell};
pub use catalogue::RateCards;
pub use category::Category;
pub use conversation::{Conversation, ConversationKind, ConversationLengths, Conversations, Delivery, Placement};
pub use country::{Country, InvalidCountry};
pub use currency::{Currency, InvalidCurrency};
pub use currency_deadline::CurrencyDeadline;
pub use diff::{CardDiff, CellChange, ChangeKind, Incomparable, percent};
pub use error::{DataError, bounded};
pub use jiff::civil::Date;
pub use market_map::{CountryInfo, Market, MarketMap, PlaceStatus};
pub use markup::{Exchange, Fee, Fees, Markup, MarkupFault, MarkupRule, Price};
pub use month::{InvalidMonth, YearMonth};
pub use people_zones::{PeopleZones, QuietHours};
pub use pricing::{CellStatus, PricingModel, PricingType};
pub use published::{
    CardHead, FAULTS_SHOWN, NewPeriod, Published, PublishedBase, PublishedFaults, PublishedMarkets, PublishedPrices,
    PublishedRate, PublishedTiers,
};
pub use rated::{BandBasis, Priced, Rated, Unpriced, UnpricedReason};
pub use rating::RatingInput;
pub use reported::{Reported, ReportedCategory, ReportedModel, ReportedType};
pub use rounding::{ENTRY_DECIMALS, EXPORT_DECIMALS, round_amount};
pub use rulebook::{Allowance, AllowanceCounts, AllowanceScope, Charging, ChargingRule, Rulebook, RulebookId};
pub use rust_decimal::Decimal;
pub use source::{Source, Sources};
pub use validity::Validity;
pub use worst_case::WorstCaseInput;
pub use zone::{UnknownZone, Zone, ZoneCache};
