//! Cards against currencies, rulebooks and each other.

use std::collections::BTreeMap;

use crate::rulebook::Rulebooks;
use crate::{Card, Currency, DataError};

/// Cards against currencies, rulebooks and each other; `cards` are sorted by currency, date and version, and
/// settled.
pub(super) fn cards(
    cards: &[Card],
    rulebooks: &Rulebooks,
    currencies: &BTreeMap<Currency, u32>,
) -> Result<(), DataError> {
    for (index, card) in cards.iter().enumerate() {
        let error = |problem: String, remedy: String| Err(DataError::new(card.file(), 1, problem, remedy));
        if !currencies.contains_key(&card.currency()) {
            return error(
                format!("currency is `{}`, not a billing currency", card.currency()),
                "write one of currencies.csv, or add it there".to_owned(),
            );
        }
        // Ids are free, but one of the usual form must not say otherwise: figures of one currency would be billed in another.
        let said = card.id().split('-').nth(1).and_then(|code| Currency::new(&code.to_uppercase()));
        if let Some(said) = said.filter(|said| *said != card.currency() && currencies.contains_key(said)) {
            return error(
                format!("currency is `{}` where id `{}` is of a card in {said}", card.currency(), card.id()),
                "correct the one that is wrong".to_owned(),
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
        if card.is_replaced() {
            continue;
        }
        let Some(before) = cards[..index].iter().rfind(|before| !before.is_replaced()) else {
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
