//! A phone number in E.164: `+`, then 7 to 15 digits, the first not 0 (ITU-T E.164 §6; the lower bound
//! is the shortest national numbering in use).

use std::fmt;

/// Why a string is not an E.164 number. Prints at most the first three digits of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct E164Error {
    /// What is wrong.
    pub fault: E164Fault,
    head: [u8; 3],
    head_len: u8,
    more: bool,
}

/// What is wrong with a phone number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum E164Fault {
    /// It does not begin with `+`.
    NoPlus,
    /// A character other than a digit, at this position from 0 (`+` is 0).
    NotADigit {
        /// Bytes before it.
        at: u8,
    },
    /// No country code begins with 0.
    LeadingZero,
    /// Fewer than 7 digits.
    TooShort {
        /// Digits given.
        digits: u8,
    },
    /// More than 15 digits.
    TooLong {
        /// Digits given, 255 for more.
        digits: u8,
    },
}

impl fmt::Display for E164Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = std::str::from_utf8(&self.head[..usize::from(self.head_len)]).unwrap_or_default();
        let dots = if self.more { "…" } else { "" };
        match head {
            "" => f.write_str("phone number without a digit ")?,
            head => write!(f, "phone number with the digits {head}{dots} ")?,
        }
        match self.fault {
            E164Fault::NoPlus => f.write_str("has no `+`: write `+`, country code and number"),
            E164Fault::NotADigit { at } => {
                write!(f, "has a character at position {at} that is no digit: write `+` and digits only")
            }
            E164Fault::LeadingZero => {
                f.write_str("begins with 0, as no country code does: write it in international form")
            }
            E164Fault::TooShort { digits } => {
                write!(f, "has {digits} digits: at least 7 are needed")
            }
            E164Fault::TooLong { digits } => {
                write!(f, "has {digits} digits: at most 15 are possible")
            }
        }
    }
}

impl std::error::Error for E164Error {}

/// The digits of an E.164 number as an integer of at most 15 digits.
///
/// # Errors
/// [`E164Error`], which shows no more than the first three digits.
pub fn parse_e164(text: &str) -> Result<u64, E164Error> {
    let Some(digits) = text.strip_prefix('+') else {
        return Err(fault(text, E164Fault::NoPlus));
    };
    let mut number = 0u64;
    for (i, byte) in digits.bytes().enumerate().take(15) {
        if !byte.is_ascii_digit() {
            return Err(fault(text, E164Fault::NotADigit { at: i as u8 + 1 }));
        }
        number = number * 10 + u64::from(byte - b'0');
    }
    let len = u8::try_from(digits.len()).unwrap_or(u8::MAX);
    if digits.starts_with('0') {
        return Err(fault(text, E164Fault::LeadingZero));
    }
    match len {
        0..=6 => Err(fault(text, E164Fault::TooShort { digits: len })),
        7..=15 => Ok(number),
        _ => Err(fault(text, E164Fault::TooLong { digits: len })),
    }
}

#[cold]
fn fault(text: &str, fault: E164Fault) -> E164Error {
    let mut error = E164Error { fault, head: [0; 3], head_len: 0, more: false };
    for byte in text.bytes().filter(u8::is_ascii_digit) {
        match error.head.get_mut(usize::from(error.head_len)) {
            Some(slot) => {
                *slot = byte;
                error.head_len += 1;
            }
            None => {
                error.more = true;
                break;
            }
        }
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASES: &str = "
        +5511987654321        → 5511987654321
        +1234567              → 1234567
        +123456789012345      → 123456789012345
        5511987654321         → phone number with the digits 551… has no `+`: write `+`, country code and number
        +55 11 98765-4321     → phone number with the digits 551… has a character at position 3 that is no digit: write `+` and digits only
        +0511987654321        → phone number with the digits 051… begins with 0, as no country code does: write it in international form
        +551198               → phone number with the digits 551… has 6 digits: at least 7 are needed
        +1234567890123456     → phone number with the digits 123… has 16 digits: at most 15 are possible
        +                     → phone number without a digit has 0 digits: at least 7 are needed
        somebody              → phone number without a digit has no `+`: write `+`, country code and number
        ++5511987654321       → phone number with the digits 551… has a character at position 1 that is no digit: write `+` and digits only
        +٥٥١١٩٨٧٦٥٤٣٢١        → phone number without a digit has a character at position 1 that is no digit: write `+` and digits only
    ";

    #[test]
    fn every_fault_is_named_and_no_number_is_repeated() {
        for line in CASES.lines().map(str::trim).filter(|l| !l.is_empty()) {
            let (number, expected) = line.split_once('→').expect("number → result");
            let read = match parse_e164(number.trim()) {
                Ok(digits) => digits.to_string(),
                Err(e) => e.to_string(),
            };
            assert_eq!(read, expected.trim(), "{number}");
        }
    }
}
