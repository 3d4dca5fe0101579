//! The country of a recipient, as analytics name it.

use std::collections::HashMap;
use std::sync::LazyLock;

const TEXT: &str = include_str!("../../countries.txt");

/// Longest prefix in the table, in digits.
const PREFIX_MAX: usize = 7;

static PREFIXES: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    let lines = TEXT.lines().filter(|line| !line.starts_with('#'));
    let prefixes = lines.flat_map(|line| {
        let mut words = line.split(' ');
        let country = words.next().unwrap_or_default();
        words.map(move |prefix| (prefix, country))
    });
    prefixes.collect()
});

/// Two capitals: of the longest prefix of a number, or what a business-scoped id begins with. None when no prefix fits.
pub(crate) fn country(user: &str) -> Option<&'static str> {
    if let Some((country, _)) = user.split_once('.') {
        return PREFIXES.values().find(|known| **known == country).copied();
    }
    let longest = user.len().min(PREFIX_MAX);
    (1..=longest).rev().find_map(|digits| PREFIXES.get(user.get(..digits)?).copied())
}

#[cfg(test)]
mod tests {
    use super::{PREFIX_MAX, PREFIXES, TEXT, country};

    #[test]
    fn the_longest_prefix_decides() {
        for (user, expected) in [
            ("5511987654321", Some("BR")),
            ("5215512345678", Some("MX")),
            ("491511234567", Some("DE")),
            ("919876543210", Some("IN")),
            ("16505551234", Some("US")),
            ("14165551234", Some("CA")),
            ("18765551234", Some("JM")),
            ("79161234567", Some("RU")),
            ("77011234567", Some("KZ")),
            ("US.13491208655302741918", Some("US")),
            ("XX.1", None),
            ("0", None),
        ] {
            assert_eq!(country(user), expected, "{user}");
        }
    }

    #[test]
    fn each_prefix_stands_once() {
        let words = TEXT.lines().filter(|line| !line.starts_with('#')).map(|line| line.split(' ').count() - 1);
        assert_eq!(words.sum::<usize>(), PREFIXES.len());
        for (prefix, country) in PREFIXES.iter() {
            assert!(prefix.len() <= PREFIX_MAX && prefix.bytes().all(|byte| byte.is_ascii_digit()), "{prefix}");
            assert!(country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase()), "{country}");
        }
    }
}
