//! Values that nobody expects.

use crate::Dice;

/// Texts that stand for a value of some kind and are none, or are at its edge.
const WORDS: [&str; 40] = [
    "",
    " ",
    "x",
    "null",
    "true",
    "-",
    "--",
    "+",
    "0",
    "-0",
    "00",
    "-1",
    "1",
    "255",
    "256",
    "65536",
    "4294967296",
    "9007199254740993",
    "9223372036854775808",
    "18446744073709551616",
    "1e999",
    "0x10",
    "1_000",
    "1,000",
    "NaN",
    "Infinity",
    "79228162514264337593543950336",
    "0.00000000000000000000000000001",
    "2026-02-30",
    "2026-10-01",
    "9999-12-31T23:59:60.999999999999+25:61",
    "-009999-01-01T00:00:00Z",
    "2026-10",
    "+5511987654321",
    "USD",
    "BR",
    "GREEN",
    "é\u{301}\u{200f}",
    "\u{feff}",
    "a b",
];

/// Numbers and what looks like them, as JSON or TOML would write them.
const NUMBERS: [&str; 22] = [
    "0",
    "-0",
    "-1",
    "1",
    "7",
    "255",
    "256",
    "65536",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775809",
    "0.1",
    "1e5",
    "1e999",
    "-1e-999",
    "1E400",
    "123456789012345678901234567890.123456789012345678901234567890",
    "1.7976931348623157e308",
];

/// A short text.
pub(super) fn word(dice: &mut Dice) -> &'static str {
    dice.pick::<&str>(&WORDS)
}

/// A number.
pub(super) fn number(dice: &mut Dice) -> &'static str {
    dice.pick::<&str>(&NUMBERS)
}

/// A length: mostly small, sometimes large, seldom very large.
pub(super) fn length(dice: &mut Dice) -> usize {
    let most = *dice.weighted(&[(80, 20), (15, 1_000), (4, 9_000), (1, 90_000)]);
    dice.between(1, most) as usize
}

/// One character, again and again.
pub(super) fn long(dice: &mut Dice) -> String {
    (*dice.pick(&["x", "7", "a.", "é", "0", " ", "[", "\u{1f600}", "-"])).repeat(length(dice))
}
