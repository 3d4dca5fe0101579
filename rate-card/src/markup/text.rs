//! Amounts and dates of a mark-up as text. A number in TOML or JSON would pass through a float; an amount does not.

use std::borrow::Cow;

use rust_decimal::Decimal;
use serde::{Deserializer, Serializer};

fn read_decimal<E: serde::de::Error>(text: &str) -> Result<Decimal, E> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'-');
    let exact = Decimal::from_str_exact(text).ok().filter(|_| plain);
    exact.ok_or_else(|| E::custom(format_args!("{text:?} is no exact decimal; write digits, such as \"0.0125\"")))
}

/// An exact decimal in a string.
pub(crate) mod decimal {
    use super::{Cow, Decimal, Deserializer, Serializer, read_decimal};
    use serde::Deserialize as _;

    pub fn serialize<S: Serializer>(amount: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(amount)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
        read_decimal(&Cow::<'de, str>::deserialize(deserializer)?)
    }
}

/// The same, or nothing.
pub(crate) mod maybe_decimal {
    use super::{Cow, Decimal, Deserializer, Serializer, read_decimal};
    use serde::Deserialize as _;

    pub fn serialize<S: Serializer>(amount: &Option<Decimal>, serializer: S) -> Result<S::Ok, S::Error> {
        match amount {
            Some(amount) => serializer.collect_str(amount),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
        Option::<Cow<'de, str>>::deserialize(deserializer)?.as_deref().map(read_decimal).transpose()
    }
}

/// A local date, `YYYY-MM-DD`.
pub(crate) mod date {
    use super::{Cow, Deserializer, Serializer};
    use jiff::civil::Date;
    use serde::Deserialize as _;
    use serde::de::Error as _;

    pub fn serialize<S: Serializer>(date: &Date, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(date)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        // A date with a time would parse too, and lose it.
        let date = text.parse::<Date>().ok().filter(|date| date.to_string() == text);
        date.ok_or_else(|| D::Error::custom(format_args!("{text:?} is no date; write it as \"2026-12-01\"")))
    }
}
