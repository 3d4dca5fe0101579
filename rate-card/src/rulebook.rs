//! The platform's rules by date: how it charges, what is free where, and which allowances hold.
//! Global, not per currency.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::table::{Row, Table, whole, yes_or_no};
use crate::{Category, ConversationLengths, DataError, PricingModel, Source, Validity};

/// A rulebook of a catalogue. Its position, stable within one catalogue only: store
/// [`Rulebook::id`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RulebookId(pub(crate) u16);

/// What happens to a message of one category in one situation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charging {
    /// Charged, unless an allowance is left.
    Charged,
    /// Free, as part of customer service.
    FreeCustomerService,
    /// Free, as part of a free entry point.
    FreeEntryPoint,
    /// Not deliverable. A delivery that is reported all the same proves that the window was open.
    NotAllowed,
}

impl Charging {
    const WORDS: &'static str = "charged, free_customer_service, free_entry_point or not_allowed";

    fn parse(word: &str) -> Option<Self> {
        match word {
            "charged" => Some(Self::Charged),
            "free_customer_service" => Some(Self::FreeCustomerService),
            "free_entry_point" => Some(Self::FreeEntryPoint),
            "not_allowed" => Some(Self::NotAllowed),
            _ => None,
        }
    }
}

/// Over what an allowance is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllowanceScope {
    /// Per WABA and month.
    Waba,
    /// Per business phone number and month.
    Sender,
}

/// Which messages use an allowance up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllowanceCounts {
    /// Those that would be charged without it.
    Chargeable,
    /// All that were delivered.
    Delivered,
}

/// So many free messages a calendar month of the WABA, without roll-over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Free messages a month.
    pub messages: u64,
    /// Over what they are counted.
    pub scope: AllowanceScope,
    /// Which messages use it up.
    pub counts: AllowanceCounts,
}

/// How one category is charged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargingRule {
    /// No open customer service window.
    pub outside_window: Charging,
    /// Open customer service window.
    pub in_window: Charging,
    /// Open free entry point; goes before the window.
    pub in_free_entry_point: Charging,
    /// Free messages a month, if any.
    pub allowance: Option<Allowance>,
    /// Whether the platform has volume bands for the category.
    pub volume_bands: bool,
    /// Category that is charged where a card says `not_offered`.
    pub not_offered_as: Option<Category>,
    /// Remark of the data file; empty if none.
    pub note: String,
}

impl ChargingRule {
    /// What happens in a situation.
    #[must_use]
    pub const fn charging(&self, window_open: bool, fep_open: bool) -> Charging {
        if fep_open {
            self.in_free_entry_point
        } else if window_open {
            self.in_window
        } else {
            self.outside_window
        }
    }
}

/// The rules of one period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rulebook {
    /// Name in ledger and messages.
    pub id: String,
    /// Per conversation or per message.
    pub model: PricingModel,
    /// When it holds.
    pub validity: Validity,
    /// Length of a conversation in hours, where the model has conversations.
    pub conversation_hours: Option<u64>,
    /// Hours within which the business must answer at a free entry point.
    pub entry_answer_hours: u64,
    /// Length of a free entry point in hours.
    pub entry_hours: u64,
    /// Remark of the data file; empty if none.
    pub note: String,
    rules: [ChargingRule; Category::COUNT],
}

impl Rulebook {
    /// How a category is charged.
    #[must_use]
    #[inline]
    pub const fn rule(&self, category: Category) -> &ChargingRule {
        &self.rules[category.index()]
    }

    /// How long conversations last that open under these rules; `None` where messages are charged.
    #[must_use]
    #[inline]
    pub fn conversation_lengths(&self) -> Option<ConversationLengths> {
        let seconds = |hours: u64| i64::try_from(hours).unwrap_or(i64::MAX).saturating_mul(3600);
        let hours = self.conversation_hours.filter(|_| self.model == PricingModel::Cbp)?;
        Some(ConversationLengths { category_s: seconds(hours), entry_s: seconds(self.entry_hours) })
    }
}

/// All rulebooks, ascending and without gap.
#[derive(Debug, Clone)]
pub(crate) struct Rulebooks(Vec<Rulebook>);

impl Rulebooks {
    pub fn from_sources(books: &Source, rules: &Source) -> Result<Self, DataError> {
        let mut of = read_rules(rules)?;
        let table = Table::read_columns(
            books,
            &[
                "rulebook",
                "pricing_model",
                "valid_from",
                "valid_to",
                "conversation_hours",
                "entry_answer_hours",
                "entry_hours",
                "note",
            ],
        )?;
        let hours = "a whole number of hours";
        let mut all: Vec<Rulebook> = Vec::new();
        for row in table.rows() {
            let id = row.read(0, "a name", |t| (!t.is_empty()).then_some(t))?;
            let rules = of
                .remove(id)
                .and_then(|rules| <[ChargingRule; Category::COUNT]>::try_from(rules).ok())
                .ok_or_else(|| {
                    row.error(
                        format!("rulebook `{id}` has not one charging rule a category"),
                        format!("add the missing ones to {} and name it once", rules.name),
                    )
                })?;
            let book = Rulebook {
                id: id.to_owned(),
                model: row.read(1, "CBP or PMP", PricingModel::parse)?,
                validity: row.validity(2)?,
                conversation_hours: match row.optional(4) {
                    Some(_) => Some(row.read(4, hours, whole)?),
                    None => None,
                },
                entry_answer_hours: row.read(5, hours, whole)?,
                entry_hours: row.read(6, hours, whole)?,
                note: row.text(7).to_owned(),
                rules,
            };
            if book.model == PricingModel::Cbp && book.conversation_hours.is_none() {
                return Err(row.bad(4, hours));
            }
            if let Some(before) = all.last()
                && !before.validity.meets(&book.validity)
            {
                return Err(row.error(
                    format!(
                        "rulebook `{id}` ({}) does not start on the day after `{}` ({})",
                        book.validity, before.id, before.validity
                    ),
                    "list rulebooks in order, without gap or overlap",
                ));
            }
            all.push(book);
        }
        if let Some(id) = of.keys().next() {
            return Err(DataError::new(
                &rules.name,
                1,
                format!("rulebook `{id}` is not in {}", books.name),
                "add it there or remove its rules",
            ));
        }
        Ok(Self(all))
    }

    #[inline]
    pub fn at(&self, date: Date) -> Option<(RulebookId, &Rulebook)> {
        let newest_first = self.0.iter().enumerate().rev();
        newest_first
            .map(|(index, book)| (RulebookId(index as u16), book))
            .find(|(_, book)| book.validity.contains(date))
    }

    pub fn get(&self, id: RulebookId) -> &Rulebook {
        &self.0[usize::from(id.0)]
    }

    pub fn iter(&self) -> impl Iterator<Item = &Rulebook> {
        self.0.iter()
    }
}

/// Charging rules per rulebook, in the order of [`Category::ALL`].
fn read_rules(source: &Source) -> Result<BTreeMap<String, Vec<ChargingRule>>, DataError> {
    let table = Table::read_columns(
        source,
        &[
            "rulebook",
            "category",
            "outside_window",
            "in_window",
            "in_free_entry_point",
            "allowance",
            "allowance_scope",
            "allowance_counts",
            "volume_bands",
            "not_offered_as",
            "note",
        ],
    )?;
    let mut of: BTreeMap<String, Vec<ChargingRule>> = BTreeMap::new();
    for row in table.rows() {
        let rules = of.entry(row.text(0).to_owned()).or_default();
        let category = row.read(1, "a category", Category::parse)?;
        if category.index() != rules.len() {
            return Err(row.error(
                format!("category `{category}` of rulebook `{}` is out of order", row.text(0)),
                "write each rulebook's categories once, in the order marketing, utility, \
                 authentication, authentication_international, service",
            ));
        }
        let not_offered_as =
            match row.optional(9) {
                Some(_) => Some(row.read(9, "another category, or nothing", |t| {
                    Category::parse(t).filter(|&other| other != category)
                })?),
                None => None,
            };
        rules.push(ChargingRule {
            outside_window: row.read(2, Charging::WORDS, Charging::parse)?,
            in_window: row.read(3, Charging::WORDS, Charging::parse)?,
            in_free_entry_point: row.read(4, Charging::WORDS, Charging::parse)?,
            allowance: allowance(&row)?,
            volume_bands: row.read(8, "yes or no", yes_or_no)?,
            not_offered_as,
            note: row.text(10).to_owned(),
        });
    }
    Ok(of)
}

fn allowance(row: &Row<'_>) -> Result<Option<Allowance>, DataError> {
    if (5..=7).all(|column| row.optional(column).is_none()) {
        return Ok(None);
    }
    Ok(Some(Allowance {
        messages: row.read(5, "a number of messages", |t| whole(t).filter(|&n| n > 0))?,
        scope: row.read(6, "waba or sender", |t| match t {
            "waba" => Some(AllowanceScope::Waba),
            "sender" => Some(AllowanceScope::Sender),
            _ => None,
        })?,
        counts: row.read(7, "chargeable or delivered", |t| match t {
            "chargeable" => Some(AllowanceCounts::Chargeable),
            "delivered" => Some(AllowanceCounts::Delivered),
            _ => None,
        })?,
    }))
}
