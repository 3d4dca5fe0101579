//! A JSON number as the decimal that stands there: a float would change it.

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

/// Longest amount, in characters.
const CHARS_MAX: usize = 40;

/// An amount as a number or a string.
pub(super) struct Amount(pub Decimal);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(d)?.get();
        let text = raw.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(raw);
        decimal(text).map(Self).ok_or_else(|| {
            let shown: String = raw.chars().take(CHARS_MAX).collect();
            de::Error::custom(format_args!("{shown} is no amount"))
        })
    }
}

/// Digits, perhaps with a point and an exponent; `None` for anything that a decimal does not hold exactly.
fn decimal(text: &str) -> Option<Decimal> {
    if text.len() > CHARS_MAX || !text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) {
        return None;
    }
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let read = Decimal::from_str_exact(digits).ok()?.normalize();
    let scale = i32::try_from(read.scale()).ok()?.checked_sub(exponent)?;
    match u32::try_from(scale) {
        Ok(scale) => Decimal::try_from_i128_with_scale(read.mantissa(), scale).ok(),
        Err(_) => {
            let factor = 10_i128.checked_pow(scale.unsigned_abs())?;
            Decimal::try_from_i128_with_scale(read.mantissa().checked_mul(factor)?, 0).ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_there_is_read() {
        for (text, expected) in [
            ("0", Some("0")),
            ("0.1", Some("0.1")),
            ("1234567.8901234567", Some("1234567.8901234567")),
            ("6.8e-05", Some("0.000068")),
            ("1.5E+3", Some("1500")),
            ("-2.50", Some("-2.5")),
            ("1e40", None),
            ("1e-40", None),
            ("", None),
            ("1,5", None),
            ("USD 3", None),
            ("0.12345678901234567890123456789012", None),
        ] {
            assert_eq!(decimal(text).map(|d| d.normalize().to_string()).as_deref(), expected, "{text}");
        }
    }
}
