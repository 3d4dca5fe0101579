//! Countries, by their ISO 3166-1 alpha-2 code.

/// A country: its ISO 3166-1 alpha-2 code, packed into 0 to 675. The number is stable across
/// processes and data files, so it may be stored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country(u16);

impl Country {
    /// Number of two-letter codes, the length of a table indexed by [`Country::index`].
    pub const CODES: usize = 26 * 26;

    /// `ZZ`: a number whose prefix belongs to no listed country (satellite and global services,
    /// unassigned codes). It has the market of everything else; no business-scoped id carries it.
    pub const UNLISTED: Self = Self(25 * 26 + 25);

    /// Reads two upper-case letters; `None` for anything else.
    #[must_use]
    pub const fn new(code: &str) -> Option<Self> {
        match code.as_bytes() {
            [a @ b'A'..=b'Z', b @ b'A'..=b'Z'] => Some(Self((*a - b'A') as u16 * 26 + (*b - b'A') as u16)),
            _ => None,
        }
    }

    /// Position in a table of [`Country::CODES`] entries.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The packed number, for compact records.
    #[must_use]
    pub const fn to_u16(self) -> u16 {
        self.0
    }

    /// Back from [`Country::to_u16`]; `None` from 676 on.
    #[must_use]
    pub const fn from_u16(number: u16) -> Option<Self> {
        if (number as usize) < Self::CODES { Some(Self(number)) } else { None }
    }

    /// The two letters.
    #[must_use]
    pub const fn code(self) -> [char; 2] {
        [(b'A' + (self.0 / 26) as u8) as char, (b'A' + (self.0 % 26) as u8) as char]
    }
}

impl std::fmt::Display for Country {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [a, b] = self.code();
        write!(f, "{a}{b}")
    }
}

impl std::fmt::Debug for Country {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Country({self})")
    }
}

impl std::str::FromStr for Country {
    type Err = InvalidCountry;

    fn from_str(code: &str) -> Result<Self, InvalidCountry> {
        Self::new(code).ok_or_else(|| InvalidCountry(code.to_owned()))
    }
}

/// Not two upper-case letters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("country `{0}` is not an ISO 3166-1 alpha-2 code; write two capitals, such as BR")]
pub struct InvalidCountry(pub String);

crate::text_serde::text_serde!(Country);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_packs_and_unpacks() {
        for a in 'A'..='Z' {
            for b in 'A'..='Z' {
                let code = format!("{a}{b}");
                let country = Country::new(&code).expect("two capitals");
                assert_eq!(country.to_string(), code);
                assert_eq!(Country::from_u16(country.to_u16()), Some(country));
            }
        }
        assert_eq!(Country::new("br"), None);
        assert_eq!(Country::new("BRA"), None);
        assert_eq!(Country::from_u16(676), None);
        assert_eq!(Country::UNLISTED.to_string(), "ZZ");
    }
}
