//! Exact amounts: sums are integers of 10^-10 currency units, text is a decimal.
//!
//! Why `i128` and not SQLite's 64-bit integer: at 10^-10 units an `i64` ends at 922 million currency units,
//! and one large sender in Indonesian rupiah passes that in a month. So sums are added here, in `i128`, and
//! stored as decimal text. One entry is at most [`AMOUNT_MAX`]; 10^13 of those still fit an `i128`. A stored sum has 96 bits:
//! what it cannot hold is set aside.

use super::LedgerError;
use rust_decimal::Decimal;
use std::fmt::Write as _;
use tollgate_rate_card::{ENTRY_DECIMALS, round_amount};

/// Greatest amount of one entry in currency units, either sign. Beyond it an entry is set aside as implausible.
pub const AMOUNT_MAX: i64 = 1_000_000_000_000_000;

/// Most units of one entry, either sign. Beyond it an entry is set aside as implausible: two could exceed 64 bits, and what comes
/// after them could not be added.
pub(super) const QUANTITY_MAX: i64 = 1_000_000_000_000;

/// An amount as integers of 10^-10; an error text if it is not exact to 10 decimals or beyond [`AMOUNT_MAX`].
pub(super) fn units(what: &str, amount: Decimal) -> Result<i128, String> {
    if amount.abs() > Decimal::from(AMOUNT_MAX) {
        return Err(format!("{what} {amount} is beyond {AMOUNT_MAX} currency units"));
    }
    let exact = amount.normalize();
    let missing = ENTRY_DECIMALS
        .checked_sub(exact.scale())
        .ok_or_else(|| format!("{what} {amount} has more than {ENTRY_DECIMALS} decimals"))?;
    Ok(exact.mantissa() * 10i128.pow(missing))
}

/// Back from integers of 10^-10.
pub(super) fn decimal(what: &'static str, units: i128) -> Result<Decimal, LedgerError> {
    Decimal::try_from_i128_with_scale(units, ENTRY_DECIMALS).map_err(|_| LedgerError::Overflow { what })
}

/// A stored amount.
pub(super) fn parse(what: &'static str, text: &str) -> Result<Decimal, LedgerError> {
    text.parse().map_err(|_| LedgerError::Stored { what, value: text.to_owned() })
}

/// An amount with exactly `decimals` decimals, rounded half away from zero, never `-0`.
#[must_use]
pub fn fixed(amount: Decimal, decimals: u32) -> String {
    let mut text = String::new();
    write_fixed(&mut text, amount, decimals);
    text
}

/// As [`fixed`], behind what is written already.
pub fn write_fixed(out: &mut String, amount: Decimal, decimals: u32) {
    let missing = decimals.checked_sub(amount.scale()).and_then(|missing| 10u64.checked_pow(missing));
    let (Some(power), Ok(mantissa)) = (missing, u64::try_from(amount.mantissa().unsigned_abs())) else {
        return write_rounded(out, amount, decimals);
    };
    // Nothing to round, and it fits a machine's number: nearly all amounts.
    let (Some(digits), Some(one)) = (mantissa.checked_mul(power), 10u64.checked_pow(decimals)) else {
        return write_rounded(out, amount, decimals);
    };
    let mut buffer = itoa::Buffer::new();
    if amount.is_sign_negative() && digits != 0 {
        out.push('-');
    }
    out.push_str(buffer.format(digits / one));
    if decimals > 0 {
        out.push('.');
        let fraction = buffer.format(digits % one);
        out.extend(std::iter::repeat_n('0', decimals as usize - fraction.len()));
        out.push_str(fraction);
    }
}

fn write_rounded(out: &mut String, amount: Decimal, decimals: u32) {
    let mut rounded = round_amount(amount, decimals);
    if rounded.is_zero() {
        rounded.set_sign_positive(true);
    }
    // Into a string nothing fails.
    let _ = write!(out, "{rounded:.0$}", decimals as usize);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_fixed_and_ties_go_away_from_zero() {
        for (amount, decimals, text) in [
            ("0.0068", 6, "0.006800"),
            ("0.0000005", 6, "0.000001"),
            ("-0.0000005", 6, "-0.000001"),
            ("-0.0000004", 6, "0.000000"),
            ("12", 6, "12.000000"),
            ("1234567890123.4567891", 6, "1234567890123.456789"),
            ("0.00765", 4, "0.0077"),
            ("2.5", 0, "3"),
        ] {
            let amount: Decimal = amount.parse().expect("a decimal");
            assert_eq!(fixed(amount, decimals), text);
        }
    }

    proptest::proptest! {
        #[test]
        fn the_short_way_writes_what_the_long_one_does(mantissa: i64, shift in 0u32..64, scale in 0u32..14, decimals in 0u32..12) {
            let amount = Decimal::new(mantissa >> shift, scale);
            let mut long = String::new();
            write_rounded(&mut long, amount, decimals);
            proptest::prop_assert_eq!(fixed(amount, decimals), long);
        }
    }

    #[test]
    fn units_are_exact_or_refused() {
        let of = |text: &str| units("cost", text.parse().expect("a decimal"));
        assert_eq!(of("0.0068"), Ok(68_000_000));
        assert_eq!(of("-1.00000000010"), Ok(-10_000_000_001));
        assert_eq!(of("1000000000000000"), Ok(10i128.pow(25)));
        assert!(of("0.00000000001").expect_err("11 decimals").contains("more than 10 decimals"));
        assert!(of("1000000000000001").expect_err("too large").contains("beyond"));
        assert_eq!(decimal("cost", 68_000_000).expect("fits").to_string(), "0.0068000000");
        assert!(decimal("cost", 10i128.pow(30)).is_err());
    }
}
