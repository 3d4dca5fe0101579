//! Which characters a name may have: accounts, platform ids, campaigns, templates, languages.

use crate::input::{InputError, shown};

/// Longest account id in bytes.
pub const MAX_ACCOUNT: usize = 64;
/// Longest sender or WABA id in bytes.
pub const MAX_PLATFORM_ID: usize = 64;
/// Longest campaign name and other free names in bytes.
pub const MAX_FREE: usize = 128;
/// Longest template name in bytes (the platform's limit).
pub const MAX_TEMPLATE: usize = 512;
/// Longest language code in bytes.
pub const MAX_LANGUAGE: usize = 15;

impl InputError {
    /// The same fault at another field.
    pub(crate) fn at(mut self, field: &str) -> Self {
        field.clone_into(&mut self.field);
        self
    }
}

/// An account id: 1 to 64 of `a-z 0-9 . _ -`.
pub(crate) fn account(field: &str, name: &str) -> Result<(), InputError> {
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-');
    name_of(field, name, MAX_ACCOUNT, good, "a-z, 0-9 and . _ -")
}

/// A brand: 1 to 64 of `a-z 0-9 . _ -`.
pub(crate) fn brand(field: &str, name: &str) -> Result<(), InputError> {
    account(field, name)
}

/// An id that the platform gave: 1 to 64 of `A-Z a-z 0-9 . _ -`.
pub(crate) fn platform_id(field: &str, name: &str) -> Result<(), InputError> {
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    name_of(field, name, MAX_PLATFORM_ID, good, "A-Z, a-z, 0-9 and . _ -")
}

/// A template name: 1 to 512 of `a-z 0-9 _` (the platform's rule).
pub(crate) fn template(name: &str) -> Result<(), InputError> {
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    name_of("name", name, MAX_TEMPLATE, good, "a-z, 0-9 and _")
}

/// A language code such as `pt_BR`: with an underscore, as templates have it.
pub(crate) fn language(name: &str) -> Result<(), InputError> {
    let good = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    name_of("language", name, MAX_LANGUAGE, good, "letters, digits and _, such as pt_BR")
}

/// A name for people: 1 to 128 bytes without control characters.
pub(crate) fn free(field: &str, name: &str) -> Result<(), InputError> {
    free_up_to(field, name, MAX_FREE)
}

/// What people write: 1 to `max` bytes without control characters.
pub(crate) fn words(text: &str, max: usize) -> Result<(), InputError> {
    free_up_to("", text, max)
}

#[inline]
fn free_up_to(field: &str, name: &str, max: usize) -> Result<(), InputError> {
    if name.is_empty() || name.len() > max {
        return Err(InputError::invalid(field, format!("it has {} bytes", name.len()), format!("give 1 to {max}")));
    }
    // Below ASCII 127 a control character is below the space; only other text needs decoding.
    let plain = name.bytes().fold(true, |all, b| all & (0x20..0x7f).contains(&b));
    if !plain && name.chars().any(char::is_control) {
        return Err(InputError::invalid(field, format!("{} has a control character", shown(name)), "leave it out"));
    }
    Ok(())
}

#[inline]
fn name_of(field: &str, name: &str, max: usize, good: impl Fn(u8) -> bool, allowed: &str) -> Result<(), InputError> {
    // Without an early end the loop is done several bytes at a time.
    let all_good = || name.bytes().fold(true, |all, b| all & good(b));
    if !name.is_empty() && name.len() <= max && all_good() {
        return Ok(());
    }
    let problem = match name.len() {
        0 => "it is empty".to_owned(),
        len if len > max => format!("it has {len} characters"),
        _ => format!("{} has a character that is not allowed", shown(name)),
    };
    Err(InputError::invalid(field, problem, format!("use 1 to {max} of {allowed}")))
}
