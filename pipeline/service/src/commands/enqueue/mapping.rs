//! Arguments and the cells of a CSV row, made into one request.

use tollgate_wire::request::{
    Choose, Components, Content, Params, Purpose, Recipient, Request, TemplateContent, parse_e164,
};
use tollgate_wire::{Text, Time};

use super::CsvArgs;
use crate::config::nearest;
use crate::exit::WrongUse;

const TO_COLUMN: &str = "to";

/// What all rows share, and which column is what.
#[derive(Debug)]
pub(super) struct Mapping {
    account: String,
    campaign: Option<String>,
    sender: Option<String>,
    brand: Option<String>,
    purpose: Purpose,
    template: String,
    languages: Vec<String>,
    to_column: String,
    id_column: Option<String>,
    parameters: Parameters,
    send_after: Option<Time>,
    expires_at: Option<Time>,
}

/// Columns of the parameters.
#[derive(Debug)]
enum Parameters {
    /// In the order of their numbers.
    Positional(Vec<String>),
    /// Parameter and column.
    Named(Vec<(String, String)>),
}

/// Where in a row each thing stands.
#[derive(Debug)]
pub(super) struct Columns {
    to: usize,
    id: Option<usize>,
    parameters: Vec<usize>,
}

impl CsvArgs {
    /// The first option that was given, by name.
    pub(super) fn first_given(&self) -> Option<&'static str> {
        let given = [
            ("--template", self.template.is_some()),
            ("--language", !self.language.is_empty()),
            ("--map", !self.map.is_empty()),
            ("--purpose", self.purpose.is_some()),
            ("--to-column", self.to_column.is_some()),
            ("--id-column", self.id_column.is_some()),
            ("--sender", self.sender.is_some()),
            ("--brand", self.brand.is_some()),
            ("--send-after", self.send_after.is_some()),
            ("--expires-at", self.expires_at.is_some()),
            ("--delimiter", self.delimiter.is_some()),
        ];
        given.into_iter().find(|(_, given)| *given).map(|(name, _)| name)
    }
}

impl Mapping {
    pub(super) fn new(account: &str, campaign: Option<&str>, args: &CsvArgs) -> Result<Self, WrongUse> {
        let Some(template) = args.template.clone() else {
            return Err(WrongUse("--template is missing; a CSV row is sent as a template".to_owned()));
        };
        if args.language.is_empty() {
            return Err(WrongUse(
                "--language is missing; name the template's languages, such as pt_BR,en_US".to_owned(),
            ));
        }
        Ok(Self {
            account: account.to_owned(),
            campaign: campaign.map(str::to_owned),
            sender: args.sender.clone(),
            brand: args.brand.clone(),
            purpose: args.purpose.map_or(Purpose::Utility, Purpose::from),
            template,
            languages: args.language.clone(),
            to_column: args.to_column.clone().unwrap_or_else(|| TO_COLUMN.to_owned()),
            id_column: args.id_column.clone(),
            parameters: Parameters::new(&args.map)?,
            send_after: args.send_after,
            expires_at: args.expires_at,
        })
    }

    /// Finds the columns in the header.
    ///
    /// # Errors
    /// A column is not there, or stands there twice.
    pub(super) fn columns(&self, header: &csv::StringRecord) -> Result<Columns, String> {
        let place = |column: &str, option: &str| {
            let mut places = header.iter().enumerate().filter(|(_, have)| *have == column).map(|(at, _)| at);
            match (places.next(), places.next()) {
                (Some(at), None) => Ok(at),
                (Some(_), Some(_)) => Err(format!("there are two columns {column:?}; rename one")),
                (None, _) => {
                    let meant = nearest(column, header).map_or_else(
                        || format!("there are {}", header.iter().collect::<Vec<_>>().join(", ")),
                        |meant| format!("did you mean {meant}?"),
                    );
                    Err(format!("there is no column {column:?} for {option}; {meant}"))
                }
            }
        };
        let parameters = match &self.parameters {
            Parameters::Positional(columns) => {
                columns.iter().map(|column| place(column, "--map")).collect::<Result<_, _>>()?
            }
            Parameters::Named(pairs) => {
                pairs.iter().map(|(_, column)| place(column, "--map")).collect::<Result<_, _>>()?
            }
        };
        Ok(Columns {
            to: place(&self.to_column, "--to-column")?,
            id: self.id_column.as_deref().map(|column| place(column, "--id-column")).transpose()?,
            parameters,
        })
    }

    /// The id that the row gives, if there is an id column.
    pub(super) fn id<'r>(&self, columns: &Columns, row: &'r csv::StringRecord) -> Result<Option<&'r str>, String> {
        let Some(at) = columns.id else { return Ok(None) };
        match row.get(at).map(str::trim) {
            Some(id) if !id.is_empty() => Ok(Some(id)),
            _ => Err("the cell of the id column is empty; fill it in".to_owned()),
        }
    }

    /// The request of a row, as JSON.
    ///
    /// # Errors
    /// The phone number is not one; shows at most its first digits.
    pub(super) fn request(&self, columns: &Columns, row: &csv::StringRecord, id: &str) -> Result<Vec<u8>, String> {
        let to = row.get(columns.to).unwrap_or_default().trim();
        parse_e164(to).map_err(|error| format!("{}: {error}", self.to_column))?;
        let cell = |at: &usize| Text::from(row.get(*at).unwrap_or_default());
        let body = match &self.parameters {
            Parameters::Positional(_) => Params::Positional(columns.parameters.iter().map(cell).collect()),
            Parameters::Named(pairs) => {
                let names = pairs.iter().map(|(name, _)| Text::from(name.as_str()));
                Params::Named(names.zip(columns.parameters.iter().map(cell)).collect())
            }
        };
        let template = TemplateContent {
            name: self.template.as_str().into(),
            language: self.languages.iter().map(|language| language.as_str().into()).collect(),
            components: Components { body, ..Components::default() },
        };
        let request = Request {
            id: id.into(),
            account: self.account.as_str().into(),
            sender: self.sender.as_deref().map(Text::from),
            brand: self.brand.as_deref().map(Text::from),
            to: Recipient::Number(to.into()),
            campaign: self.campaign.as_deref().map(Text::from),
            purpose: self.purpose,
            choose: Choose::First,
            content: vec![Content::Template(template)],
            send_after: self.send_after,
            expires_at: self.expires_at,
            metadata: None,
            trace: None,
        };
        Ok(serde_json::to_vec(&request).expect("a request has string keys only"))
    }
}

impl Parameters {
    fn new(map: &[String]) -> Result<Self, WrongUse> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for entry in map {
            let Some((column, parameter)) = entry.rsplit_once('=').filter(|(c, p)| !c.is_empty() && !p.is_empty())
            else {
                return Err(WrongUse(format!(
                    "--map = {entry:?} cannot be read; write COLUMN=PARAMETER, such as name=1"
                )));
            };
            if pairs.iter().any(|(have, _)| have == parameter) {
                return Err(WrongUse(format!("--map fills parameter {parameter} twice; keep one")));
            }
            pairs.push((parameter.to_owned(), column.to_owned()));
        }
        let numbers: Vec<Option<usize>> = pairs.iter().map(|(parameter, _)| parameter.parse().ok()).collect();
        if pairs.is_empty() || numbers.iter().any(Option::is_none) {
            if numbers.iter().any(Option::is_some) {
                return Err(WrongUse(
                    "--map mixes numbered and named parameters; a template has one or the other".to_owned(),
                ));
            }
            return Ok(Self::Named(pairs));
        }
        let mut columns = vec![None; pairs.len()];
        for ((_, column), number) in pairs.iter().zip(numbers.into_iter().flatten()) {
            match number.checked_sub(1).and_then(|at| columns.get_mut(at)) {
                Some(slot) => *slot = Some(column.clone()),
                None => {
                    let count = columns.len();
                    return Err(WrongUse(format!(
                        "--map fills parameter {number}, but there are {count}; number them from 1 without a gap"
                    )));
                }
            }
        }
        Ok(Self::Positional(columns.into_iter().flatten().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(text: &str) -> Result<Parameters, WrongUse> {
        Parameters::new(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    /// `map → the body of the request, or a part of the error`, for a file with the columns to, name, order.
    const TABLE: &str = r#"
        name=1 order=2          → ["Ana","42"]
        order=2 name=1          → ["Ana","42"]
        name=first order=nr     → {"first":"Ana","nr":"42"}
        name=1 order=1          → twice
        name=1 order=3          → without a gap
        name=0                  → without a gap
        name=1 order=nr         → mixes
        name                    → COLUMN=PARAMETER
        nam=1                   → did you mean name?
    "#;

    #[test]
    fn mapping_table() {
        for line in TABLE.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (maps, expected) = line.split_once('→').map(|(a, b)| (a.trim(), b.trim())).expect("two columns");
            let args = CsvArgs {
                template: Some("t".to_owned()),
                language: vec!["pt_BR".to_owned()],
                map: maps.split_whitespace().map(str::to_owned).collect(),
                ..CsvArgs::default()
            };
            let got = Mapping::new("acme", None, &args).map_err(|error| error.to_string()).and_then(|mapping| {
                let columns = mapping.columns(&csv::StringRecord::from(vec!["to", "name", "order"]))?;
                mapping.request(&columns, &csv::StringRecord::from(vec!["+5511987654321", "Ana", "42"]), "id-1")
            });
            let got = match got {
                Ok(json) => String::from_utf8(json).expect("JSON is UTF-8"),
                Err(error) => error,
            };
            assert!(got.contains(expected), "{line}: {got}");
        }
        assert!(matches!(map(""), Ok(Parameters::Named(pairs)) if pairs.is_empty()));
    }

    #[test]
    fn a_bad_number_shows_little_of_itself() {
        let args = CsvArgs { template: Some("t".to_owned()), language: vec!["en".to_owned()], ..CsvArgs::default() };
        let mapping = Mapping::new("acme", None, &args).expect("good");
        let columns = mapping.columns(&csv::StringRecord::from(vec!["to"])).expect("there");
        let error =
            mapping.request(&columns, &csv::StringRecord::from(vec!["5511987654321"]), "x").expect_err("no plus");
        assert!(error.contains("no `+`") && !error.contains("87654321"), "{error}");
    }
}
