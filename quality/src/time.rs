//! From milliseconds to whole seconds.

/// The whole second (Unix time) that `at_ms` (milliseconds of Unix time) lies in: rounded down.
/// Stays at `u32::MAX` after the year 2106.
#[must_use]
pub fn second_of(at_ms: u64) -> u32 {
    u32::try_from(at_ms / 1000).unwrap_or(u32::MAX)
}

/// The first whole second that is not before `at_ms`: rounded up.
pub(crate) fn second_from(at_ms: u64) -> u32 {
    u32::try_from(at_ms.div_ceil(1000)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_begins_at_its_first_millisecond() {
        assert_eq!((second_of(1999), second_of(2000)), (1, 2));
        assert_eq!((second_from(1999), second_from(2000), second_from(2001)), (2, 2, 3));
        assert_eq!(second_of(u64::MAX), u32::MAX);
    }
}
