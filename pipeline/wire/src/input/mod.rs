//! Reading a record that somebody else wrote: bounded, and with an error that a person can act on.
//!
//! The fast path is `serde_json` alone. Only when it refuses is the input looked at again, to find the
//! field and to say what would help.

mod explain;
mod place;
mod show;

use crate::tagged::Tagged;
use crate::{DeadLetterReason, Text};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use tollgate_rate_card::bounded;

pub(crate) use show::{shown, shown_key};

/// Why an input was refused. Never holds a phone number or a template parameter, so it may be logged,
/// answered to the producer and put beside a dead letter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}; {remedy}", Prefix(field))]
pub struct InputError {
    /// The class of the fault, as dead letters and metrics name it.
    pub reason: DeadLetterReason,
    /// Path of the field, such as `content[0].template.name`; empty for the record as a whole.
    pub field: String,
    /// What is wrong, with the value where that may be shown (at most 40 characters of it).
    pub problem: String,
    /// What would help.
    pub remedy: String,
}

impl InputError {
    /// A value that has the right type and breaks a rule.
    pub(crate) fn invalid(field: impl Into<String>, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            reason: DeadLetterReason::Malformed,
            field: bounded(&field.into()),
            problem: bounded(&problem.into()),
            remedy: bounded(&remedy.into()),
        }
    }
}

struct Prefix<'a>(&'a str);

impl std::fmt::Display for Prefix<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        write!(f, "{}: ", self.0)
    }
}

/// Reads one JSON record of at most `max_bytes`. UTF-8 is checked once for the whole record, which is
/// cheaper than once for each string.
///
/// # Errors
/// [`InputError`] with the reason for the dead letter, the field and the remedy.
pub fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8], max_bytes: usize) -> Result<T, InputError> {
    let text = utf8(bytes, max_bytes)?;
    if text.trim_ascii().is_empty() {
        return Err(InputError::invalid("", "the record has no value", "write one JSON object"));
    }
    // The derived readers would also take a list of the fields' values in order.
    if !matches!(text.trim_ascii_start().as_bytes().first(), Some(b'{')) {
        return Err(InputError::invalid("", "the record is no JSON object", "write one JSON object"));
    }
    serde_json::from_str(text).map_err(|e| explain::explain(text, &e))
}

/// As [`read`], for a record that a field of its own tells apart. Where that field is not the first, the reading is
/// buffered and an error has no place: then the record is read again with it in front, for the error alone.
pub(crate) fn read_tagged<T>(bytes: &[u8], max_bytes: usize) -> Result<T, InputError>
where
    T: DeserializeOwned + for<'de> Tagged<'de>,
{
    read(bytes, max_bytes).map_err(|error| {
        let again = error.field.is_empty().then(|| tag_first(bytes, <T as Tagged<'_>>::TAG)).flatten();
        again.and_then(|text| read::<T>(text.as_bytes(), usize::MAX).err()).unwrap_or(error)
    })
}

/// The same object with one field in front; `None` if it is no object or has no such field.
fn tag_first(bytes: &[u8], tag: &str) -> Option<String> {
    let mut fields: BTreeMap<Text<'_>, &RawValue> = serde_json::from_slice(bytes).ok()?;
    let value = fields.remove(&Text::from(tag))?;
    let mut text = format!("{{\"{tag}\":{value}");
    for (name, value) in fields {
        text.push_str(&format!(",{}:{value}", serde_json::to_string(&name).ok()?));
    }
    text.push('}');
    Some(text)
}

fn utf8(bytes: &[u8], max_bytes: usize) -> Result<&str, InputError> {
    if bytes.len() > max_bytes {
        return Err(InputError {
            reason: DeadLetterReason::TooLarge,
            field: String::new(),
            problem: format!("the record has {} bytes", bytes.len()),
            remedy: format!("at most {max_bytes} are taken: shorten it or split it"),
        });
    }
    std::str::from_utf8(bytes).map_err(|e| {
        let at = e.valid_up_to();
        InputError::invalid("", format!("byte {at} is not UTF-8"), "write the record as JSON in UTF-8")
    })
}
