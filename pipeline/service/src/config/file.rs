//! A TOML file as dotted keys with their lines.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::settings::{Item, Settings, Value};
use super::{Fault, Lines, bounded};

/// Reads the embedded file: its keys become the known ones.
pub(super) fn read_defaults(text: &str, settings: &mut Settings) {
    let table = DeTable::parse(text).expect("a test reads the embedded file");
    walk("", table.get_ref(), &mut |key, value, _| {
        if let Some(value) = scalar(value) {
            settings.declare(key.to_owned(), value);
        } else if let DeValue::Array(_) = value {
            settings.declare(key.to_owned(), Value::List(Vec::new()));
        } else {
            return true;
        }
        false
    });
}

/// Lays a file over what is there.
pub(super) fn read(name: &str, text: &str, settings: &mut Settings) {
    let lines = Lines::of(text);
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            let line = lines.at(error.span().map_or(0, |span| span.start));
            settings.faults.push(Fault {
                place: format!("{name}:{line}"),
                problem: format!("not TOML: {}", bounded(&error.message().replace('\n', ", "))),
                remedy: "correct the line".to_owned(),
            });
            return;
        }
    };
    walk("", table.get_ref(), &mut |key, value, span| {
        let place = format!("{name}:{}", lines.at(span.start));
        if let DeValue::Table(_) = value {
            if settings.is_section(key) {
                return true;
            }
            settings.unknown(key, place);
        } else if settings.default_of(key).is_none() {
            settings.unknown(key, place);
        } else if let DeValue::Array(items) = value {
            match items.iter().map(|item| table_item(name, &lines, item)).collect::<Option<Vec<_>>>() {
                Some(items) => settings.set(key, Value::List(items), place),
                None => settings.wrong_type(
                    key,
                    place,
                    "write tables of texts, as `tollgate config default` shows".to_owned(),
                ),
            }
        } else if let Some(value) = scalar(value) {
            settings.set(key, value, place);
        } else {
            settings.wrong_type(key, place, "see `tollgate config default` for its type".to_owned());
        }
        false
    });
}

/// Calls `visit` for each value; it answers whether to go into it.
fn walk(prefix: &str, table: &DeTable<'_>, visit: &mut impl FnMut(&str, &DeValue<'_>, std::ops::Range<usize>) -> bool) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.get_ref().to_string() } else { format!("{prefix}.{}", name.get_ref()) };
        if visit(&key, value.get_ref(), name.span())
            && let DeValue::Table(table) = value.get_ref()
        {
            walk(&key, table, visit);
        }
    }
}

fn scalar(value: &DeValue<'_>) -> Option<Value> {
    match value {
        DeValue::String(text) => Some(Value::Text(text.to_string())),
        DeValue::Boolean(yes) => Some(Value::Boolean(*yes)),
        DeValue::Integer(number) => {
            let digits = number.as_str().replace('_', "");
            i64::from_str_radix(&digits, number.radix()).ok().map(Value::Integer)
        }
        _ => None,
    }
}

/// A table of a list with its place; `None` if it holds anything but texts and lists of texts.
fn table_item(name: &str, lines: &Lines, item: &Spanned<DeValue<'_>>) -> Option<(String, BTreeMap<String, Item>)> {
    let place = format!("{name}:{}", lines.at(item.span().start));
    let mut fields = BTreeMap::new();
    for (key, value) in item.get_ref().as_table()? {
        let value = match value.get_ref() {
            DeValue::String(text) => Item::Text(text.to_string()),
            DeValue::Array(items) => {
                let texts = items.iter().map(|item| item.get_ref().as_str().map(str::to_owned));
                Item::Texts(texts.collect::<Option<_>>()?)
            }
            _ => return None,
        };
        fields.insert(key.get_ref().to_string(), value);
    }
    Some((place, fields))
}
