//! Amounts of the auditor: whole units of 10⁻¹⁰, so that no decimal library is shared with what is audited.

use std::fmt;

const SCALE: usize = 10;

/// An amount in units of 10⁻¹⁰ of a currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Units(pub i128);

impl Units {
    /// Reads digits with at most one point; what lies beyond ten decimals is rounded half away from zero.
    pub fn parse(text: &str) -> Self {
        let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
        let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
        let mut value: i128 = whole.parse().expect("an amount has digits before the point");
        for i in 0..SCALE {
            value = value * 10 + decimals.as_bytes().get(i).map_or(0, |b| i128::from(b - b'0'));
        }
        if decimals.as_bytes().get(SCALE).is_some_and(|b| *b >= b'5') {
            value += 1;
        }
        Self(sign * value)
    }
}

impl std::ops::Add for Units {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl std::ops::Neg for Units {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl fmt::Display for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = 10_i128.pow(SCALE as u32);
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{}.{:010}", self.0.abs() / one, self.0.abs() % one)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_rounds_half_away_from_zero() {
        let table = [
            ("0.0625", 625_000_000),
            ("-0.0077", -77_000_000),
            ("3", 30_000_000_000),
            ("0.00000000005", 1),
            ("-0.00000000005", -1),
            ("0.00000000004", 0),
        ];
        for (text, units) in table {
            assert_eq!(Units::parse(text), Units(units), "{text}");
        }
    }
}
