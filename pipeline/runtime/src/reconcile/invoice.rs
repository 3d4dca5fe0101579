//! An invoice's CSV as a statement, by the columns of a profile. Days and months are the WABA's own.

use super::Known;
use super::profile::{Period, Profile};
use super::scope::{Grain, Key, REGULAR, Scope, civil_bounds};
use super::statement::{Statement, StatementError, Theirs, shown, word};
use crate::csv_lines::Lines;
use rust_decimal::Decimal;
use std::io::Read;
use tollgate_rate_card::{Currency, YearMonth};

/// Longest part of a value that an error shows, in characters.
const SHOWN: usize = 40;

/// What is wrong with an invoice or its profile.
#[derive(Debug, thiserror::Error)]
pub enum InvoiceError {
    /// A column that is not there.
    #[error("{file}:1: there is no column {column:?} for columns.{field} of the profile; {meant}")]
    Column {
        /// File.
        file: String,
        /// Field of the profile.
        field: &'static str,
        /// What it names.
        column: String,
        /// What there is.
        meant: String,
    },
    /// A value.
    #[error("{file}:{line}: {column} = {value:?}: {problem}; {remedy}")]
    Value {
        /// File.
        file: String,
        /// Line.
        line: u64,
        /// Column.
        column: Box<str>,
        /// Its value.
        value: Box<str>,
        /// What is wrong.
        problem: Box<str>,
        /// What helps.
        remedy: Box<str>,
    },
    /// A row of another length, or bytes that are not text.
    #[error("{file}:{line}: {why}; save it as CSV in UTF-8 with as many cells in each row as in the header")]
    Csv {
        /// File.
        file: String,
        /// Line.
        line: u64,
        /// The reader's words.
        why: String,
    },
    /// No rows.
    #[error("{file}: there is no row below the header; ask for the invoice again")]
    Empty {
        /// File.
        file: String,
    },
    /// A profile that contradicts itself.
    #[error("the profile's {field} = {value:?} {problem}; {remedy}")]
    Profile {
        /// Field.
        field: &'static str,
        /// Its value.
        value: String,
        /// What is wrong.
        problem: &'static str,
        /// What helps.
        remedy: &'static str,
    },
    /// The figures as a whole.
    #[error(transparent)]
    Statement(#[from] StatementError),
}

/// Invoices of a month, added up.
pub struct Invoices<'a> {
    profile: &'a Profile,
    month: YearMonth,
    known: &'a Known,
    statement: Statement,
    taken: u64,
    days: Option<(i64, i64)>,
}

/// Positions of the columns.
struct Places {
    waba: Option<usize>,
    phone: Option<usize>,
    country: Option<usize>,
    category: Option<usize>,
    pricing_type: Option<usize>,
    quantity: usize,
    amount: Option<usize>,
    currency: Option<usize>,
    period: Option<usize>,
}

/// A row, with what an error says of it.
struct Row<'r> {
    file: &'r str,
    line: u64,
    header: &'r csv::StringRecord,
    record: &'r csv::StringRecord,
}

impl<'a> Invoices<'a> {
    /// None yet.
    ///
    /// # Errors
    /// The profile contradicts itself.
    pub fn new(profile: &'a Profile, month: YearMonth, known: &'a Known) -> Result<Self, InvoiceError> {
        let wrong = |field, value: char, problem, remedy| {
            Err(InvoiceError::Profile { field, value: value.to_string(), problem, remedy })
        };
        if !profile.delimiter.is_ascii() {
            return wrong("delimiter", profile.delimiter, "is no ASCII sign", "write one, such as \";\"");
        }
        if ![',', '.'].contains(&profile.decimal) {
            return wrong("decimal", profile.decimal, "divides no decimals", "write \".\" or \",\"");
        }
        if let Some(sign) = profile.thousands.filter(|sign| *sign == profile.decimal || sign.is_ascii_digit()) {
            return wrong(
                "thousands",
                sign,
                "cannot be told from the rest of a number",
                "write another, or leave it out",
            );
        }
        Ok(Self { profile, month, known, statement: Statement::default(), taken: 0, days: None })
    }

    /// Adds the rows of a file.
    ///
    /// # Errors
    /// A column is not there, or a value cannot be read; with file, line, column, value and remedy.
    pub fn add(&mut self, file: &str, text: impl Read) -> Result<(), InvoiceError> {
        let mut builder = csv::ReaderBuilder::new();
        let text = Lines::new(text);
        let mut reader = builder.delimiter(self.profile.delimiter as u8).trim(csv::Trim::All).from_reader(text);
        let mut header = match reader.headers() {
            Ok(header) => header.clone(),
            Err(error) => return Err(broken(file, 1, &error)),
        };
        if let Some(first) = header.get(0).and_then(|first| first.strip_prefix('\u{feff}')) {
            header = std::iter::once(first.to_owned()).chain(header.iter().skip(1).map(str::to_owned)).collect();
        }
        let places = self.places(file, &header)?;
        let mut record = csv::StringRecord::new();
        let mut rows = 0_u64;
        loop {
            let read = reader.read_record(&mut record);
            let at = read.as_ref().map_or_else(csv::Error::position, |_| record.position()).cloned();
            let line = at.map_or(1, |at| reader.get_mut().of_row(&at));
            if !read.map_err(|error| broken(file, line, &error))? {
                break;
            }
            rows += 1;
            self.row(&Row { file, line, header: &header, record: &record }, &places)?;
        }
        if rows == 0 { Err(InvoiceError::Empty { file: file.to_owned() }) } else { Ok(()) }
    }

    /// The statement of all files.
    ///
    /// # Errors
    /// No row is of the month.
    pub fn finish(mut self) -> Result<Statement, InvoiceError> {
        if let (0, Some((first, last))) = (self.taken, self.days) {
            let (first, last) = (shown(first), shown(last - 86_400));
            let (month, points) = (self.month, self.statement.of_other_months);
            return Err(StatementError::WrongMonth { month, points, first, last }.into());
        }
        for scope in self.statement.scopes.values_mut() {
            scope.buckets.sort_unstable();
            scope.buckets.dedup();
        }
        Ok(self.statement)
    }

    fn places(&self, file: &str, header: &csv::StringRecord) -> Result<Places, InvoiceError> {
        let find = |field, column: &str| {
            header.iter().position(|there| there == column).ok_or_else(|| {
                let near = header.iter().min_by_key(|there| strsim::levenshtein(there, column));
                let near = near.filter(|there| strsim::levenshtein(there, column) <= 2);
                let all = || header.iter().take(20).collect::<Vec<_>>().join(", ");
                let meant = near.map_or_else(|| format!("there are {}", all()), |near| format!("did you mean {near}?"));
                InvoiceError::Column { file: file.to_owned(), field, column: column.to_owned(), meant }
            })
        };
        let maybe = |field, column: &Option<String>| column.as_deref().map(|column| find(field, column)).transpose();
        let columns = &self.profile.columns;
        Ok(Places {
            waba: maybe("waba", &columns.waba)?,
            phone: maybe("phone", &columns.phone)?,
            country: maybe("country", &columns.country)?,
            category: maybe("category", &columns.category)?,
            pricing_type: maybe("type", &columns.pricing_type)?,
            quantity: find("quantity", &columns.quantity)?,
            amount: maybe("amount", &columns.amount)?,
            currency: maybe("currency", &columns.currency)?,
            period: maybe("period", &columns.period)?,
        })
    }

    fn row(&mut self, row: &Row<'_>, places: &Places) -> Result<(), InvoiceError> {
        let text = |at: Option<usize>| at.map_or("", |at| row.record.get(at).unwrap_or_default());
        let (start, end) = self.bucket(row, places)?;
        let quantity = self.amount(row, places.quantity)?;
        let messages = Some(quantity).filter(|quantity| quantity.fract().is_zero());
        let messages = messages.and_then(|quantity| i64::try_from(quantity).ok());
        let messages = messages
            .ok_or_else(|| row.wrong(places.quantity, "that is no number of messages", "write a whole number"))?;
        let cost = places.amount.map(|at| self.amount(row, at)).transpose()?.unwrap_or_default();
        if let Some(at) = places.currency.filter(|&at| Currency::new(text(Some(at))).is_none()) {
            return Err(row.wrong(at, "that is no currency", "write the ISO 4217 code, such as USD"));
        }
        let days = self.days.get_or_insert((start, end));
        *days = (days.0.min(start), days.1.max(end));
        let month = civil_bounds(self.month);
        if start < month.0 || end > month.1 {
            self.statement.of_other_months += 1;
            return Ok(());
        }
        self.taken += 1;
        let said = |at| self.profile.words.get(text(at)).map_or_else(|| word(text(at)), |known| word(known));
        let pricing_type = said(places.pricing_type);
        let told = places.pricing_type.is_none() || pricing_type == REGULAR;
        let key = Key {
            waba: text(places.waba).to_owned(),
            model: None,
            start,
            end,
            phone: places.phone.map(|at| self.known.phone(text(Some(at)))).unwrap_or_default(),
            country: said(places.country).to_ascii_uppercase(),
            category: if told { said(places.category) } else { String::new() },
            pricing_type,
            currency: text(places.currency).to_owned(),
        };
        if places.phone.is_some() {
            self.statement.phones.insert((key.phone.clone(), None), key.waba.clone());
        }
        let scope = self.statement.scopes.entry((key.waba.clone(), None)).or_insert_with(|| Scope {
            grain: Grain {
                waba: places.waba.is_some(),
                phone: places.phone.is_some(),
                country: places.country.is_some(),
                pricing_type: places.pricing_type.is_some(),
                category: places.category.is_some(),
                currency: places.currency.is_some(),
            },
            month,
            costs: places.amount.is_some(),
            local: true,
            free: self.profile.lists_free.unwrap_or(places.pricing_type.is_some()),
            ..Scope::default()
        });
        if scope.buckets.last() != Some(&(start, end)) {
            scope.buckets.push((start, end));
        }
        self.statement.add(&key, &Theirs { messages, cost, costless: false, tier_from: 0 })?;
        Ok(())
    }

    fn bucket(&self, row: &Row<'_>, places: &Places) -> Result<(i64, i64), InvoiceError> {
        let Some(at) = places.period else { return Ok(civil_bounds(self.month)) };
        let form = self.profile.date;
        let read = form.read(row.record.get(at).unwrap_or_default());
        let read = read.ok_or_else(|| {
            let remedy = format!("it has to be {}, or name another form in the profile's `date`", form.as_str());
            row.wrong(at, "that is no such day or month", &remedy)
        })?;
        Ok(match read {
            Period::Month(month) => civil_bounds(month),
            Period::Day(day) => {
                let days = i64::from(day.day()) - 1;
                let start = civil_bounds(YearMonth::of(day)).0 + days * 86_400;
                (start, start + 86_400)
            }
        })
    }

    fn amount(&self, row: &Row<'_>, at: usize) -> Result<Decimal, InvoiceError> {
        let written = row.record.get(at).unwrap_or_default();
        let (thousands, decimal) = (self.profile.thousands, self.profile.decimal);
        let good = thousands.is_none_or(|sign| is_grouped(written, sign, decimal));
        let plain: String = written
            .chars()
            .filter(|sign| Some(*sign) != self.profile.thousands)
            .map(|sign| match sign {
                sign if sign == self.profile.decimal => '.',
                // A sign that the profile does not name must not be taken for the one that it does.
                '.' | ',' | '_' => '?',
                sign => sign,
            })
            .collect();
        Decimal::from_str_exact(&plain).ok().filter(|_| good).ok_or_else(|| {
            let thousands = self.profile.thousands.map(|sign| format!(" and {sign:?} between thousands"));
            let form = format!("{:?} before the decimals{}", self.profile.decimal, thousands.unwrap_or_default());
            row.wrong(at, "that is no number", &format!("the profile has {form}; correct one or the other"))
        })
    }
}

/// Why a row cannot be read. The reader's own words name another line.
fn broken(file: &str, line: u64, error: &csv::Error) -> InvoiceError {
    let why = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("the row has {len} cells where the header has {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "the row is not UTF-8".to_owned(),
        _ => error.to_string(),
    };
    InvoiceError::Csv { file: file.to_owned(), line, why }
}

/// Whether the sign between thousands stands between thousands alone: `1,234,567` or, as in India, `12,34,567`. In `0,27`
/// it is the one that other languages have before decimals, and to leave it out would make 27 of it.
fn is_grouped(written: &str, thousands: char, decimal: char) -> bool {
    let (whole, decimals) = written.split_once(decimal).unwrap_or((written, ""));
    let groups: Vec<&str> = whole.trim_start_matches(['-', '+']).split(thousands).collect();
    let [first, middle @ .., last] = &groups[..] else { return !decimals.contains(thousands) };
    let all = |digits: usize| middle.iter().all(|group| group.len() == digits);
    let begins = |digits: usize| (1..=digits).contains(&first.len()) && !first.starts_with('0');
    !decimals.contains(thousands) && last.len() == 3 && (begins(3) && all(3) || begins(2) && all(2))
}

impl Row<'_> {
    fn wrong(&self, at: usize, problem: &str, remedy: &str) -> InvoiceError {
        InvoiceError::Value {
            file: self.file.to_owned(),
            line: self.line,
            column: self.header.get(at).unwrap_or_default().into(),
            value: self.record.get(at).unwrap_or_default().chars().take(SHOWN).collect(),
            problem: problem.into(),
            remedy: remedy.into(),
        }
    }
}
