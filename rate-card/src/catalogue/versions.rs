//! Which of several cards and bands holds: a correction is a further file, what it corrects stays, and a card without
//! an end gives way to the next one.

use std::collections::BTreeMap;

use crate::band::BandFile;
use crate::{Card, Category, DataError, Market, MarketMap, Source, Validity};

/// Marks the cards that a later version replaces, and ends open cards before the next one. `cards` are sorted by
/// currency, date and version.
pub(super) fn settle(cards: &mut [Card]) {
    for index in 1..cards.len() {
        let (earlier, later) = cards.split_at_mut(index);
        let (Some(before), Some(card)) = (earlier.last_mut(), later.first()) else { continue };
        // Two versions of one number have one id; the check of ids tells of them.
        let versioned = before.version().0 == card.version().0 && before.version().1 < card.version().1;
        if starts(before) == starts(card) && versioned {
            before.set_replaced();
        }
    }
    for index in 0..cards.len() {
        let card = &cards[index];
        let next = cards[index..].iter().find(|next| !next.is_replaced() && starts(next) > starts(card));
        let next = next.filter(|next| next.currency() == card.currency());
        if card.declared_validity().to().is_none()
            && let Some(last) = next.and_then(|next| next.validity().from().yesterday().ok())
            && card.validity().to().is_none_or(|to| last < to)
            && let Some(validity) = Validity::new(card.validity().from(), Some(last))
        {
            cards[index].set_validity(validity);
        }
    }
}

fn starts(card: &Card) -> (crate::Currency, crate::Date) {
    (card.currency(), card.validity().from())
}

/// Which bands must belong to a card.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum BandsFit {
    /// Every table: one that does not is an error.
    All,
    /// Those that do; the cards are not all there are.
    WhereTheyDo,
}

/// Reads the files of bands and gives their tables to the cards of their currency and days: every version of a card
/// whose list rate is that of the first band. Of two files with a table of one market and category, the higher
/// version counts.
pub(super) fn attach_bands(
    sources: &[Source],
    cards: &mut [Card],
    map: &MarketMap,
    fit: BandsFit,
) -> Result<(), DataError> {
    let mut files = sources.iter().map(BandFile::read).collect::<Result<Vec<_>, _>>()?;
    files.sort_by_key(|file| std::cmp::Reverse(file.version));
    let mut given = BTreeMap::new();
    for file in files {
        attach(file, cards, map, &mut given, fit)?;
    }
    Ok(())
}

/// By position of the card: the version of the file that its table is from.
type Given = BTreeMap<(usize, Market, Category), u32>;

fn attach(
    file: BandFile,
    cards: &mut [Card],
    map: &MarketMap,
    given: &mut Given,
    fit: BandsFit,
) -> Result<(), DataError> {
    let of = |card: &Card| (card.currency(), card.declared_validity()) == (file.currency, file.validity);
    let mine: Vec<usize> = (0..cards.len()).filter(|&index| of(&cards[index])).collect();
    let Some(&newest) = mine.last() else {
        if fit == BandsFit::WhereTheyDo {
            return Ok(());
        }
        return Err(DataError::new(
            &file.file,
            1,
            format!("there is no {} card for {}", file.currency, file.validity),
            "give the bands the currency and dates of a card",
        ));
    };
    for &index in &mine {
        let version = cards[index].bands_version().max(file.version);
        cards[index].set_bands_version(version);
    }
    for ((market, category), (line, table)) in file.tables {
        let error = |problem: String, remedy: &str| Err(DataError::new(&file.file, line, problem, remedy));
        let Some(id) = map.market_named(&market).filter(|&id| cards[newest].cell(id, category).is_some()) else {
            if fit == BandsFit::WhereTheyDo {
                continue;
            }
            return error(format!("market is `{market}`"), "write a market that the card lists");
        };
        let (_, first) = table.at(1);
        let mut fits = false;
        for &index in &mine {
            let card = &mut cards[index];
            if card.cell(id, category).and_then(crate::Cell::rate) != Some(first) {
                continue;
            }
            fits = true;
            match given.get(&(index, id, category)) {
                Some(version) if *version == file.version => {
                    return error(
                        format!("bands of {market},{category} are in another file too"),
                        "keep one of the two",
                    );
                }
                Some(_) => {}
                None => {
                    card.set_bands(id, category, table.clone());
                    given.insert((index, id, category), file.version);
                }
            }
        }
        if !fits && fit == BandsFit::All {
            let card = &cards[newest];
            let list = card.at(id, category).rate().map_or_else(|| "none".to_owned(), |rate| rate.to_string());
            return error(
                format!("the first band's rate is `{first}` where {} has {list}", card.file()),
                "write the card's list rate",
            );
        }
    }
    Ok(())
}
