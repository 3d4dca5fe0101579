//! From `serde_json`'s message to the field, the fault and the remedy, without repeating private values.

use super::show::{is_private, shown, shown_key};
use super::{InputError, place};
use crate::DeadLetterReason;
use serde_json::error::Category;

/// Longest part of a message of our own types that is kept, in characters.
const MESSAGE_CHARS: usize = 300;

/// Explains why `text` was refused.
pub(super) fn explain(text: &str, error: &serde_json::Error) -> InputError {
    let (line, column) = (error.line(), error.column());
    let message = bare(error);
    if matches!(error.classify(), Category::Syntax | Category::Eof | Category::Io) {
        return InputError::invalid(
            "",
            format!("not JSON at line {line}, column {column}: {message}"),
            "write one JSON object",
        );
    }
    let path = place::path(text, place::offset(text, line, column));
    if let Some((key, expected)) = named(&message, "unknown field `") {
        return unknown_name(parent(&path), key, expected);
    }
    if let Some((name, expected)) = named(&message, "unknown variant `") {
        if path.rsplit('.').next() == Some(name) {
            // The variant's name is a key: a misspelt `template` or `text`.
            return unknown_name(parent(&path), name, expected);
        }
        let problem = format!("{} is not a known value", value_at(&path, name));
        return InputError::invalid(path, problem, expected_list(expected));
    }
    if let Some((name, _)) = named(&message, "missing field `") {
        let field = child(&path, name);
        return InputError::invalid(field, "the field is missing", "add it");
    }
    if let Some((name, _)) = named(&message, "duplicate field `") {
        let field = child(parent(&path), name);
        return InputError::invalid(field, "the field is given twice", "keep one of them");
    }
    let typed = ["invalid type: ", "invalid value: ", "invalid length "]
        .into_iter()
        .find_map(|start| message.strip_prefix(start))
        .and_then(|rest| rest.rsplit_once(", expected "));
    if let Some((found, expected)) = typed {
        let problem = format!("{} does not fit", found_value(&path, found));
        return InputError::invalid(path, problem, format!("write {expected}"));
    }
    // Messages of our own types, which hold no private value.
    let problem: String = message.chars().take(MESSAGE_CHARS).collect();
    InputError::invalid(path, problem, "see the schema of this record")
}

/// The message without the position that `serde_json` appends.
fn bare(error: &serde_json::Error) -> String {
    let message = error.to_string();
    match message.rfind(" at line ") {
        Some(end) => message[..end].to_owned(),
        None => message,
    }
}

/// `start name` rest: the name between backticks and what was expected instead.
fn named<'a>(message: &'a str, start: &str) -> Option<(&'a str, &'a str)> {
    let rest = message.strip_prefix(start)?;
    match rest.rsplit_once("`, expected ") {
        // The list of expected names is full of backticks: the name ends before the first of them.
        Some(_) => {
            let end = rest.find("`, expected ")?;
            Some((&rest[..end], &rest[end + "`, expected ".len()..]))
        }
        None => Some((rest.split('`').next()?, "")),
    }
}

fn unknown_name(container: &str, key: &str, expected: &str) -> InputError {
    InputError {
        reason: DeadLetterReason::UnknownField,
        field: child(container, &shown_key(key)),
        problem: "the field is not known here".to_owned(),
        remedy: if expected.is_empty() { "leave it out".to_owned() } else { expected_list(expected) },
    }
}

/// `one of `a`, `b`` as the remedy `use one of a, b`.
fn expected_list(expected: &str) -> String {
    let names = expected.replace('`', "");
    match names.strip_prefix("one of ") {
        Some(list) => format!("use one of {list}"),
        None => format!("use {names}"),
    }
}

fn value_at(path: &str, value: &str) -> String {
    if is_private(path) { "the value".to_owned() } else { shown(value) }
}

/// `string "x"` as `the string "x"`, or as `a string` where the value is private.
fn found_value(path: &str, found: &str) -> String {
    let (kind, value) = match found.split_once(['`', '"']) {
        Some((kind, value)) => (kind.trim_end(), value.trim_end_matches(['`', '"'])),
        None => (found, ""),
    };
    if value.is_empty() || is_private(path) {
        return format!("this {kind}");
    }
    format!("the {kind} {}", shown(value))
}

fn parent(path: &str) -> &str {
    path.rfind('.').map_or("", |end| &path[..end])
}

fn child(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
