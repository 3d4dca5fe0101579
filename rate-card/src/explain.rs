//! A rating in words: which card, which row, which rule, which rounding.

use std::fmt::Write as _;

use crate::rounding::ENTRY_DECIMALS;
use crate::{
    AllowanceScope, BandBasis, Category, Market, Priced, PricingModel, PricingType, RateCards, Rated, RatingInput,
    ReportedCategory, ReportedModel, ReportedType, RulebookId, Unpriced,
};

impl RateCards {
    /// Why a message costs what it costs: one fact a line, no trailing line break. `rated` must
    /// come from this catalogue and `input`.
    #[must_use]
    pub fn explain(&self, input: &RatingInput, rated: &Rated) -> String {
        let mut lines = Vec::new();
        match rated {
            Rated::Priced(priced) => self.explain_priced(input, priced, &mut lines),
            Rated::Unpriced(unpriced) => self.explain_unpriced(input, unpriced, &mut lines),
        }
        lines.join("\n")
    }

    fn explain_priced(&self, input: &RatingInput, priced: &Priced, lines: &mut Vec<String>) {
        lines.push(format!("price: {} {} ({})", priced.cost, input.currency, priced.pricing_type.as_str()));
        lines.push(self.market_line(input, Some(priced.market)));
        self.rule_lines(input, Some(priced.rulebook), priced.category, lines);
        if priced.model == PricingModel::Cbp {
            lines.push("charged: the conversation that this message opened, once".to_owned());
        }
        if priced.pricing_type == PricingType::FreeAllowance {
            lines.push(self.allowance_line(input, priced));
        }
        if let (Some(id), Some(category), Some(list)) = (priced.card, priced.category, priced.list_rate) {
            let card = self.card(id);
            let mut line = format!(
                "card: {} ({}), row {},{category}: list rate {list}",
                card.id(),
                card.validity(),
                self.map.market_name(priced.market)
            );
            if let Some(status) = priced.card_status {
                let _ = write!(line, ", {status}");
            }
            if let Some(note) = card.note(priced.market, category) {
                let _ = write!(line, " ({note})");
            }
            lines.push(line);
        }
        lines.push(match (priced.band_basis, priced.band) {
            (BandBasis::Table, Some(band)) => format!(
                "band: {} (messages {band}), this is message {} of the month: rate {}",
                band.index,
                input.band_ordinal.unwrap_or_default(),
                priced.cost_rate
            ),
            (BandBasis::ListUnknown, _) => "band: not known for this market and card: list rate".to_owned(),
            _ => "band: none for this charge".to_owned(),
        });
        lines.push(format!(
            "rounding: half away from zero to {ENTRY_DECIMALS} decimals; {}",
            if priced.cost == priced.cost_rate { "exact" } else { "rounded" }
        ));
    }

    fn explain_unpriced(&self, input: &RatingInput, unpriced: &Unpriced, lines: &mut Vec<String>) {
        lines.push(format!("price: none ({})", unpriced.reason.as_str()));
        lines.push(self.market_line(input, unpriced.market));
        self.rule_lines(input, unpriced.rulebook, unpriced.category, lines);
        lines.push(match unpriced.card {
            Some(id) => format!("card: {} ({})", self.card(id).id(), self.card(id).validity()),
            None => format!("card: none used for {} on {}", input.currency, input.date),
        });
        lines.push(format!("remedy: {}", unpriced.reason.remedy()));
    }

    fn market_line(&self, input: &RatingInput, market: Option<Market>) -> String {
        let Some(country) = input.country else {
            return "market: none, the recipient's country is not known".to_owned();
        };
        let market = market.map_or("none", |market| self.map.market_name(market));
        let mut line = format!("market: {market}, country {country}");
        if let Some(info) = self.map.country(country) {
            let _ = write!(line, " {} ({})", info.name, info.status.as_str());
        }
        line
    }

    fn rule_lines(
        &self,
        input: &RatingInput,
        rulebook: Option<RulebookId>,
        category: Option<Category>,
        lines: &mut Vec<String>,
    ) {
        let Some(book) = rulebook.map(|id| self.rulebook(id)) else {
            lines.push(format!("rulebook: none on {}", input.date));
            return;
        };
        let window = if input.window_open { "open" } else { "closed" };
        let entry = if input.fep_open { "open" } else { "closed" };
        let mut line = format!(
            "rulebook: {} ({}, {}), local date {}, window {window}, free entry point {entry}",
            book.id, book.model, book.validity, input.date
        );
        if let Some(category) = category {
            let _ = write!(line, ", category {category}");
        }
        lines.push(line);
        if let (Some(expected), Some(category)) = (input.category, category)
            && expected != category
        {
            lines.push(format!("category: expected {expected}, rated {category}"));
        }
        if let Some(reported) = input.reported {
            let said = |word: Option<&'static str>| word.unwrap_or("not said");
            lines.push(format!(
                "platform: category {}, type {}, model {}",
                said(reported.category.map(ReportedCategory::as_str)),
                said(reported.pricing_type.map(ReportedType::as_str)),
                said(reported.model.map(ReportedModel::as_str))
            ));
        }
    }

    fn allowance_line(&self, input: &RatingInput, priced: &Priced) -> String {
        let rule = priced.category.map(|category| self.rulebook(priced.rulebook).rule(category));
        let Some((rule, allowance)) = rule.and_then(|rule| Some((rule, rule.allowance?))) else {
            return "allowance: none".to_owned();
        };
        let scope = match allowance.scope {
            AllowanceScope::Waba => "WABA",
            AllowanceScope::Sender => "sender",
        };
        let mut line = format!(
            "allowance: message {} of {} free ones per {scope} and month",
            input.allowance_used + 1,
            allowance.messages
        );
        if !rule.note.is_empty() {
            let _ = write!(line, " ({})", rule.note);
        }
        line
    }
}
