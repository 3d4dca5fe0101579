//! The key of a move: account and offset in one integer, so that one account's moves lie together in the
//! order of the topic and the table needs no second index.

/// Bits of the offset: 2.2e12 records of one partition. The account's number has the 22 bits above.
const OFFSET_BITS: u32 = 41;
const ACCOUNT_MAX: i64 = (1 << (63 - OFFSET_BITS)) - 1;

/// The key; an error text beyond 4 million accounts or 2.2e12 offsets.
pub(super) fn move_key(account: i64, offset: u64) -> Result<i64, String> {
    if account > ACCOUNT_MAX {
        return Err(format!("more than {ACCOUNT_MAX} accounts"));
    }
    if offset >> OFFSET_BITS != 0 {
        return Err(format!("offset {offset} exceeds 2^{OFFSET_BITS} - 1"));
    }
    Ok(account << OFFSET_BITS | offset as i64)
}

/// The offset in a key.
pub(super) fn offset_of(key: i64) -> u64 {
    (key & ((1 << OFFSET_BITS) - 1)) as u64
}

/// First and last key that moves of the account can have.
pub(super) fn range_of(account: i64) -> (i64, i64) {
    let first = account << OFFSET_BITS;
    (first, first | ((1 << OFFSET_BITS) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_order_by_account_then_offset() {
        let key = move_key(7, 42).expect("small");
        assert_eq!(offset_of(key), 42);
        assert!(range_of(7).0 <= key && key <= range_of(7).1 && range_of(7).1 < range_of(8).0);
        assert!(move_key(ACCOUNT_MAX, (1 << OFFSET_BITS) - 1).is_ok_and(|k| k > 0));
        assert!(move_key(ACCOUNT_MAX + 1, 0).is_err() && move_key(1, 1 << OFFSET_BITS).is_err());
    }
}
