//! What an import becomes: the name, version and text of the file, or why there is none.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use tollgate_rate_card::{
    Card, CardHead, Category, Cell, Currency, Date, PublishedBase, PublishedTiers, RateCards, Validity,
};

/// The dates and wishes of an import.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    /// First day.
    pub from: Date,
    /// Last day, if it was said.
    pub to: Option<Date>,
    /// Whether a further version of what is there is wanted.
    pub correction: bool,
    /// Whether the days before the card may have none.
    pub gap_before: bool,
}

/// A file to write.
#[derive(Debug)]
pub struct Target {
    /// Id of the card that the file is, or that it gives bands to.
    pub card: String,
    /// Name of the file.
    pub name: String,
    /// Its content.
    pub text: String,
    /// What is there already, if it needs `--correction`, which was not given.
    pub refused: Option<String>,
}

/// What there is to do.
#[derive(Debug)]
pub enum Plan {
    /// The card or bands of this card say the same already.
    Same {
        /// Its id.
        card: String,
    },
    /// A file is to be written.
    Write(Target),
}

/// The card that prices its currency from a day on, if one starts then.
pub fn starting(rates: &RateCards, currency: Currency, from: Date) -> Option<&Card> {
    let card = rates.card(rates.card_at(currency, from)?);
    (card.validity().from() == from).then_some(card)
}

/// The card file that list rates become.
///
/// # Errors
/// No rulebook, or dates that end before they start.
pub fn base(rates: &RateCards, base: &PublishedBase, wish: Wish) -> anyhow::Result<Plan> {
    let there = starting(rates, base.currency, wish.from);
    let to = wish.to.or_else(|| there.and_then(|card| card.declared_validity().to()));
    let validity = validity(wish.from, to)?;
    if let Some(card) = there.filter(|card| base.is(card) && card.declared_validity() == validity) {
        return Ok(Plan::Same { card: card.id().to_owned() });
    }
    let Some((_, book)) = rates.rulebook_at(wish.from) else {
        return Err(anyhow!("there is no rulebook on {}; add one to rulebooks.csv", wish.from));
    };
    let id = match there {
        None => format!("{}-{}-{}", book.model.as_str(), base.currency, wish.from).to_lowercase(),
        Some(card) => {
            let (name, version) = card.version();
            format!("{name}-v{}", version + 1)
        }
    };
    let refused = there.filter(|_| !wish.correction).map(|card| {
        format!(
            "card {} ({}) is there already with other content; --correction writes {id} beside it, which replaces it",
            card.id(),
            card.file()
        )
    });
    let gap_before = wish.gap_before || there.is_some_and(Card::gap_before);
    let text = base.file(CardHead { id: &id, model: book.model, validity, gap_before }, rates.map());
    Ok(Plan::Write(Target { name: format!("{}.csv", file_name(&id)), card: id, text, refused }))
}

/// The file of bands that volume tiers become, under a name that is not `taken`: another card of the first day, with another last
/// day, has bands of its own.
///
/// # Errors
/// No card for them, another last day or other list rates than the card's, or fewer markets than it has bands for.
pub fn tiers(
    rates: &RateCards,
    tiers: &PublishedTiers,
    wish: Wish,
    taken: &dyn Fn(&str) -> bool,
) -> anyhow::Result<Plan> {
    let (currency, from) = (tiers.currency, wish.from);
    let Some(card) = starting(rates, currency, from) else {
        return Err(anyhow!("no {currency} card starts on {from}; import its list rates first, then the tiers"));
    };
    let validity = card.declared_validity();
    if wish.to.is_some() && wish.to != validity.to() {
        return Err(anyhow!(
            "card {} holds {validity}; leave --valid-to out, tiers hold as long as their card",
            card.id()
        ));
    }
    let mut cells = card.markets().flat_map(|market| Category::ALL.map(|category| (market, category)));
    let lost = cells.find(|&(market, category)| {
        card.bands(market, category).is_some() && !tiers.tables.contains_key(&(market, category))
    });
    if let Some((market, category)) = lost {
        return Err(anyhow!(
            "the file has no tiers of {}, {category}, which card {} has bands for; remove those bands first if they are wrong",
            rates.map().market_name(market),
            card.id()
        ));
    }
    for (&(market, category), (table, _)) in &tiers.tables {
        let (list, (_, first)) = (card.cell(market, category).and_then(Cell::rate), table.at(1));
        if list != Some(first) {
            let of_table = tiers.rates.iter().find(|of| (of.market, of.category) == (market, category));
            return Err(anyhow!(
                "line {}: the List rate of {}, {category} is {first} where card {} has {}; import the list rates of these days first",
                of_table.map_or(1, |of| of.line),
                rates.map().market_name(market),
                card.id(),
                list.map_or_else(|| "none".to_owned(), |rate| rate.to_string())
            ));
        }
    }
    if tiers.is(card) {
        return Ok(Plan::Same { card: card.id().to_owned() });
    }
    let name = |version: u32| {
        let suffix = if version > 1 { format!("-v{version}") } else { String::new() };
        format!("bands_{}_{from}{suffix}.csv", currency.as_str().to_lowercase())
    };
    let before = card.bands_version();
    let (version, name) = (before + 1..)
        .map(|version| (version, name(version)))
        .find(|(_, name)| !taken(name))
        .context("every version of the bands is taken")?;
    let refused = (before > 0 && !wish.correction).then(|| {
        format!(
            "bands for card {} are there already with other content; --correction writes {name} beside them",
            card.id()
        )
    });
    let text = tiers.file(validity, version, rates.map());
    Ok(Plan::Write(Target { card: card.id().to_owned(), name, text, refused }))
}

fn validity(from: Date, to: Option<Date>) -> anyhow::Result<Validity> {
    Validity::new(from, to).ok_or_else(|| anyhow!("--valid-to is before --valid-from; write the last day of the card"))
}

/// `pmp-usd-2026-10-01-v2` is `pmp_usd_2026-10-01-v2`, as the files that come with Tollgate are named.
fn file_name(id: &str) -> String {
    id.splitn(3, '-').collect::<Vec<_>>().join("_").replace(['/', '\\'], "_")
}

/// Writes a file that is not there yet.
///
/// # Errors
/// The file is there, or the directory cannot be written.
pub fn write(directory: &Path, target: &Target) -> anyhow::Result<PathBuf> {
    let path = directory.join(&target.name);
    put(&path, &target.text, |path| match path.exists() {
        true => Err(anyhow!("{} is there already; nothing is overwritten", path.display())),
        false => Ok(()),
    })?;
    Ok(path)
}

/// Writes a file beside, then renames it, so that nothing half-written ever has the name; `before` has a look at the name first.
///
/// # Errors
/// Those of `before`, or the directory cannot be written.
pub fn put(path: &Path, text: &str, before: impl FnOnce(&Path) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let cannot = || format!("{} cannot be written", path.display());
    let (directory, name) = path.parent().zip(path.file_name()).with_context(cannot)?;
    // Not `.csv`, which would be read as a card.
    let partial = directory.join(format!(".{}.partial", name.to_string_lossy()));
    let written = std::fs::File::create(&partial).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.with_context(cannot)?;
    if let Err(error) = before(path) {
        std::fs::remove_file(&partial).with_context(cannot)?;
        return Err(error);
    }
    std::fs::rename(&partial, path).with_context(cannot)?;
    std::fs::File::open(directory).and_then(|directory| directory.sync_all()).with_context(cannot)
}
