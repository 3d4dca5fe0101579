//! A file of accounts, TOML or JSON, one or many, checked whole before anything is applied.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use serde::Deserialize;
use tollgate_rate_card::bounded;
use tollgate_runtime::registry::Registry;
use tollgate_wire::command::{AccountSpec, check_account};
use tollgate_wire::naming;
use toml::Spanned;
use toml::de::DeTable;

use crate::config::{Lines, line_of, nearest};

/// Many accounts in one file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Many {
    account: Vec<AccountSpec>,
}

/// Reads and checks every account of a file.
///
/// # Errors
/// The first fault, with file, line where it is known, field, value and remedy.
pub fn read(path: &Path) -> anyhow::Result<Vec<AccountSpec>> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(|| format!("{name} cannot be read"))?;
    let json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    read_text(&name, &text, json)
}

/// As [`read`], of a text that is JSON or TOML; `name` is what faults call it.
///
/// # Errors
/// As [`read`].
pub fn read_text(name: &str, text: &str, json: bool) -> anyhow::Result<Vec<AccountSpec>> {
    let specs = if json { from_json(name, text) } else { from_toml(name, text) };
    let specs = specs.map_err(|error| anyhow!("{}", bounded(&error.to_string())))?;
    if specs.is_empty() {
        return Err(anyhow!("{name}: there is no account in it; write one as [[account]]"));
    }
    for (i, spec) in specs.iter().enumerate() {
        if specs[..i].iter().any(|other| other.account == spec.account) {
            return Err(anyhow!("{name}: account {:?} stands in it twice; keep one", spec.account));
        }
    }
    Registry::build(specs.iter().cloned()).map_err(|conflict| anyhow!("{name}: {conflict}"))?;
    Ok(specs)
}

/// The line of a field of one of the file's accounts, for what the service alone knows to be wrong. None in JSON.
pub fn line(path: &Path, account: usize, field: &str) -> Option<usize> {
    let text = std::fs::read_to_string(path).ok()?;
    let table = DeTable::parse(&text).ok()?;
    let prefix = if is_many(&table) { format!("account[{account}].") } else { String::new() };
    Some(line_of(&table, &Lines::of(&text), &format!("{prefix}{field}")))
}

/// `account` is the id of a single account, or the list of many.
fn is_many(table: &Spanned<DeTable<'_>>) -> bool {
    table.get_ref().get("account").is_some_and(|account| account.get_ref().is_array())
}

fn from_toml(name: &str, text: &str) -> anyhow::Result<Vec<AccountSpec>> {
    let lines = Lines::of(text);
    let fault = |error: &toml::de::Error| {
        let line = lines.at(error.span().map_or(0, |span| span.start));
        anyhow!("{name}:{line}: {}", said(error.message()))
    };
    let table = DeTable::parse(text).map_err(|error| fault(&error))?;
    let many = is_many(&table);
    let specs = if many {
        toml::from_str::<Many>(text).map(|many| many.account)
    } else {
        toml::from_str::<AccountSpec>(text).map(|spec| vec![spec])
    };
    let specs = specs.map_err(|error| fault(&error))?;
    for (i, spec) in specs.iter().enumerate() {
        let prefix = if many { format!("account[{i}].") } else { String::new() };
        check(spec).map_err(|wrong| at_line(name, &table, &lines, &prefix, &wrong))?;
    }
    Ok(specs)
}

fn from_json(name: &str, text: &str) -> anyhow::Result<Vec<AccountSpec>> {
    let fault = |error: serde_json::Error| {
        let message = error.to_string();
        let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
        anyhow!("{name}:{}: {}", error.line(), said(message))
    };
    let value: serde_json::Value = serde_json::from_str(text).map_err(fault)?;
    let specs = if value.is_array() {
        serde_json::from_str::<Vec<AccountSpec>>(text)
    } else if value.get("account").is_some_and(serde_json::Value::is_array) {
        serde_json::from_str::<Many>(text).map(|many| many.account)
    } else {
        serde_json::from_str::<AccountSpec>(text).map(|spec| vec![spec])
    };
    let specs = specs.map_err(fault)?;
    for spec in &specs {
        check(spec)
            .map_err(|wrong| anyhow!("{name}: account {:?}: {}: {}; {}", spec.account, wrong.0, wrong.1, wrong.2))?;
    }
    Ok(specs)
}

/// Field below the account, problem, remedy.
type Wrong = (String, String, String);

fn check(spec: &AccountSpec) -> Result<(), Wrong> {
    check_account(spec).map_err(|error| {
        let field = error.field.strip_prefix("spec.").unwrap_or(&error.field).to_owned();
        (field, error.problem, error.remedy)
    })?;
    // The service keeps accounts by id; the gateway's path has a bound too.
    if spec.account.len() > naming::MAX_ACCOUNT {
        return Err(("account".to_owned(), "it is too long".to_owned(), format!("at most {}", naming::MAX_ACCOUNT)));
    }
    Ok(())
}

fn at_line(name: &str, table: &Spanned<DeTable<'_>>, lines: &Lines, prefix: &str, wrong: &Wrong) -> anyhow::Error {
    let (field, problem, remedy) = wrong;
    let line = line_of(table, lines, &format!("{prefix}{field}"));
    anyhow!("{name}:{line}: {prefix}{field}: {problem}; {remedy}")
}

/// A parser's message on one line, with the nearest known field for an unknown one.
fn said(message: &str) -> String {
    let message = message.trim().replace('\n', ", ");
    let unknown = message.strip_prefix("unknown field `").and_then(|rest| rest.split_once("`, expected "));
    let Some((field, expected)) = unknown else { return format!("{message}; correct it") };
    let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
    match nearest(field, known.iter().copied()) {
        Some(meant) => format!("{field} is not a known field; did you mean {meant}?"),
        None => format!("{field} is not a known field; use one of {}", known.join(", ")),
    }
}
