//! What a delivered message costs. Facts in, a price or the reason for none out; never a guess.

use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::rounding::{ENTRY_DECIMALS, round_amount};
use crate::{
    AllowanceCounts, Band, BandBasis, Card, CardId, Category, Cell, CellStatus, Charging, ChargingRule, Country,
    Currency, Market, Priced, PricingModel, PricingType, RateCards, Rated, Reported, ReportedCategory, ReportedModel,
    ReportedType, Rulebook, RulebookId, Unpriced, UnpricedReason,
};

/// The facts of one delivered message; where conversations are charged, of the message that opened one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RatingInput {
    /// Currency of the WABA.
    pub currency: Currency,
    /// Local date, in the WABA's zone, of the charge instant (see [`crate::Zone`]): the delivery, which is
    /// the opening of a conversation.
    pub date: Date,
    /// Country of the recipient; `None` for a business-scoped id that came without one.
    pub country: Option<Country>,
    /// Category that we expect; `None` for foreign traffic that says nothing.
    pub category: Option<Category>,
    /// Whether the customer service window was open at the charge instant.
    pub window_open: bool,
    /// Whether a free entry point was open at the charge instant.
    pub fep_open: bool,
    /// Whether authentication is charged at the international rate to this country.
    pub auth_international: bool,
    /// Messages, or conversations, that used up the category's allowance before this one, in its scope and
    /// month.
    pub allowance_used: u64,
    /// Position, from 1, of this message among the charged ones of its portfolio, month, market and
    /// [`Category::band_counter`]; `None` if it is not known.
    pub band_ordinal: Option<u64>,
    /// Whether it was sent with a bid: such a price is known from the invoice only.
    pub bid: bool,
    /// What the platform says, if it has said anything.
    pub reported: Option<Reported>,
}

/// A cell that has a rate, and where it stands.
#[derive(Clone, Copy)]
pub(crate) struct Listed<'a> {
    pub card: &'a Card,
    pub id: CardId,
    pub category: Category,
    pub cell: &'a Cell,
}

impl RateCards {
    /// Prices one delivered message, or the conversation that it opened: the rulebook of the date says which.
    /// What a conversation covers is not rated ([`crate::Conversations::place`]).
    ///
    /// The platform decides model, category and explicit free types; where it says nothing the
    /// rulebook of the date does. A message that it reports as regular may still be one of the
    /// allowance. Free messages need no rate. Bands are marginal: only the message's own position
    /// counts.
    #[must_use]
    #[inline]
    pub fn rate(&self, input: &RatingInput) -> Rated {
        self.rate_by(input, || self.card_at(input.currency, input.date))
    }

    /// Prices one delivered message by the rules of its date and a card that is chosen, whatever dates the card has:
    /// for what-ifs. Without a card, what is not free has no price; a card of another model than the rules is none.
    #[must_use]
    pub fn rate_on(&self, input: &RatingInput, card: Option<CardId>) -> Rated {
        let model = self.rulebooks.at(input.date).map(|(_, book)| book.model);
        self.rate_by(input, || card.filter(|&id| Some(self.card(id).model()) == model))
    }

    #[inline]
    fn rate_by(&self, input: &RatingInput, card: impl FnOnce() -> Option<CardId>) -> Rated {
        let market = input.country.and_then(|country| {
            let period = self.map.period(input.date)?;
            self.map.market_in(period, country)
        });
        let book = self.rulebooks.at(input.date);
        let mut none = Unpriced {
            reason: UnpricedReason::NoCountry,
            category: None,
            market,
            rulebook: book.map(|(id, _)| id),
            card: None,
            counts_for_allowance: false,
            counts_for_band: false,
        };
        let reported = input.reported.unwrap_or_default();
        let category = category(input, reported);
        none.category = category.unwrap_or_default();
        let foreign_model =
            |book: &Rulebook| reported.model.is_some_and(|said| said != ReportedModel::Known(book.model));
        let Some(market) = market else {
            // What is counted by number or WABA needs no market: it was delivered wherever the person is.
            if let (Some((_, book)), Ok(Some(category))) = (book, category)
                && !foreign_model(book)
            {
                let rule = book.rule(category);
                none.counts_for_allowance = uses_allowance(rule, free_type(input, reported, rule));
            }
            return none.because(UnpricedReason::NoCountry);
        };
        let Some((rulebook, book)) = book else {
            return none.because(UnpricedReason::NoRulebook);
        };
        if foreign_model(book) {
            return none.because(UnpricedReason::ModelNotSupported);
        }
        let free_entry = reported.category == Some(ReportedCategory::ReferralConversion)
            || reported.pricing_type == Some(ReportedType::FreeEntryPoint);
        let category = match category {
            Ok(Some(category)) => category,
            Ok(None) if free_entry => {
                return free_of_unknown_category(book.model, market, rulebook);
            }
            Ok(None) | Err(()) => return none.because(UnpricedReason::UnknownCategory),
        };
        let rule = book.rule(category);
        let free = free_type(input, reported, rule);
        none.counts_for_allowance = uses_allowance(rule, free);
        let Some(free) = free else {
            return none.because(UnpricedReason::UnknownType);
        };
        let chargeable = matches!(free, None | Some(PricingType::FreeAllowance));
        none.counts_for_band = free.is_none() && rule.volume_bands;
        if chargeable && input.bid {
            return none.because(UnpricedReason::Bid);
        }
        let card = card();
        none.card = card;
        let listed = self.listed(card, market, category, rule);
        let priced = Priced {
            pricing_type: free.unwrap_or(PricingType::Regular),
            category: Some(category),
            model: book.model,
            market,
            list_rate: None,
            cost_rate: Decimal::ZERO,
            cost: Decimal::ZERO,
            card: None,
            card_status: None,
            band: None,
            band_basis: BandBasis::NotBanded,
            rulebook,
            counts_for_allowance: none.counts_for_allowance,
            counts_for_band: none.counts_for_band,
        };
        let listed = match listed {
            Ok(listed) => listed,
            Err(_) if free.is_some() => return Rated::Priced(priced),
            Err(reason) => return none.because(reason),
        };
        let mut priced = Priced {
            category: Some(listed.category),
            list_rate: Some(listed.cell.list_rate()),
            card: Some(listed.id),
            card_status: Some(listed.cell.status()),
            ..priced
        };
        if free.is_none() {
            let banded = book.rule(listed.category).volume_bands;
            let (band, basis, rate) = banded_rate(&listed, banded, input.band_ordinal);
            priced.band = band;
            priced.band_basis = basis;
            priced.counts_for_band = banded;
            priced.cost_rate = rate;
            priced.cost = round_amount(rate, ENTRY_DECIMALS);
        }
        Rated::Priced(priced)
    }

    /// The cell of a market and category, or of the rulebook's fall-back where it is not offered.
    #[inline]
    pub(crate) fn listed(
        &self,
        card: Option<CardId>,
        market: Market,
        category: Category,
        rule: &ChargingRule,
    ) -> Result<Listed<'_>, UnpricedReason> {
        let id = card.ok_or(UnpricedReason::NoCard)?;
        let card = self.card(id);
        let mut category = category;
        let mut cell = card.at(market, category);
        if cell.status() == CellStatus::NotOffered {
            category = rule.not_offered_as.ok_or(UnpricedReason::NotOffered)?;
            cell = card.at(market, category);
        }
        match cell.status() {
            CellStatus::NotOffered => Err(UnpricedReason::NotOffered),
            CellStatus::Unknown => Err(UnpricedReason::UnknownRate),
            CellStatus::Published | CellStatus::Composed | CellStatus::Unverified => {
                Ok(Listed { card, id, category, cell })
            }
        }
    }
}

/// The band, its basis and the rate of a charged message.
#[inline]
fn banded_rate(listed: &Listed<'_>, banded: bool, ordinal: Option<u64>) -> (Option<Band>, BandBasis, Decimal) {
    let list = listed.cell.list_rate();
    if !banded {
        return (None, BandBasis::NotBanded, list);
    }
    match listed.card.bands_of(listed.cell).zip(ordinal) {
        Some((table, ordinal)) => {
            let (band, rate) = table.at(ordinal);
            (Some(band), BandBasis::Table, rate)
        }
        None => (None, BandBasis::ListUnknown, list),
    }
}

/// The category that counts: the platform's if it says one. `Err` if it says one that we do not
/// know.
#[inline]
fn category(input: &RatingInput, reported: Reported) -> Result<Option<Category>, ()> {
    match reported.category {
        Some(ReportedCategory::Known(category)) => Ok(Some(category)),
        Some(ReportedCategory::Unknown) => Err(()),
        Some(ReportedCategory::ReferralConversion) | None => Ok(match input.category {
            Some(Category::Authentication) if input.auth_international => Some(Category::AuthenticationInternational),
            expected => expected,
        }),
    }
}

/// `Some(None)` if charged, `Some(Some(_))` if free and why, `None` if the platform's word for it
/// is unknown.
#[inline]
fn free_type(input: &RatingInput, reported: Reported, rule: &ChargingRule) -> Option<Option<PricingType>> {
    let charging = match reported.pricing_type {
        Some(ReportedType::Unknown) => return None,
        Some(ReportedType::Regular) => Charging::Charged,
        Some(ReportedType::FreeCustomerService) => Charging::FreeCustomerService,
        Some(ReportedType::FreeEntryPoint) => Charging::FreeEntryPoint,
        None if reported.category == Some(ReportedCategory::ReferralConversion) => Charging::FreeEntryPoint,
        None => match rule.charging(input.window_open, input.fep_open) {
            // It was delivered, so the window was open.
            Charging::NotAllowed => rule.in_window,
            charging => charging,
        },
    };
    Some(match charging {
        Charging::FreeCustomerService => Some(PricingType::FreeCustomerService),
        Charging::FreeEntryPoint => Some(PricingType::FreeEntryPoint),
        Charging::Charged | Charging::NotAllowed => rule
            .allowance
            .filter(|allowance| input.allowance_used < allowance.messages)
            .map(|_| PricingType::FreeAllowance),
    })
}

/// Whether a message uses up one of the allowance, by what [`free_type`] says of it.
#[inline]
fn uses_allowance(rule: &ChargingRule, free: Option<Option<PricingType>>) -> bool {
    let chargeable = matches!(free, Some(None | Some(PricingType::FreeAllowance)));
    rule.allowance.is_some_and(|a| chargeable || a.counts == AllowanceCounts::Delivered)
}

/// A free entry point's message that nobody has named a category for: its price is 0 whichever.
const fn free_of_unknown_category(model: PricingModel, market: Market, rulebook: RulebookId) -> Rated {
    Rated::Priced(Priced {
        pricing_type: PricingType::FreeEntryPoint,
        category: None,
        model,
        market,
        list_rate: None,
        cost_rate: Decimal::ZERO,
        cost: Decimal::ZERO,
        card: None,
        card_status: None,
        band: None,
        band_basis: BandBasis::NotBanded,
        rulebook,
        counts_for_allowance: false,
        counts_for_band: false,
    })
}
