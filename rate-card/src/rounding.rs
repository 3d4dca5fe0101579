//! The one place where an amount is rounded.

use rust_decimal::{Decimal, RoundingStrategy};

/// Decimals of a ledger entry's amounts.
pub const ENTRY_DECIMALS: u32 = 10;

/// Decimals of an amount in an export row.
pub const EXPORT_DECIMALS: u32 = 6;

/// Rounds an amount to `decimals`, half away from zero: -0.00765 at 4 decimals is -0.0077. The
/// platform's band tables follow this rule; rounding half to even would give -0.0076.
#[must_use]
pub fn round_amount(amount: Decimal, decimals: u32) -> Decimal {
    if amount.scale() <= decimals {
        return amount;
    }
    amount.round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_go_away_from_zero() {
        for (amount, decimals, rounded) in [
            ("0.00765", 4, "0.0077"),
            ("-0.00765", 4, "-0.0077"),
            ("0.00855", 4, "0.0086"),
            ("2.345", 2, "2.35"),
            ("-2.345", 2, "-2.35"),
            ("0.5", 0, "1"),
            ("1.5", 0, "2"),
            ("2.5", 0, "3"),
            ("0.004999999999", 2, "0.00"),
            ("0.12345678905", 10, "0.1234567891"),
            ("0.0085", 10, "0.0085"),
        ] {
            let amount: Decimal = amount.parse().expect("a decimal");
            assert_eq!(round_amount(amount, decimals).to_string(), rounded);
        }
    }
}
