//! Message ids in the platform's layout: base64 of a small binary record with the user in it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Which way a message went; it is one byte of the id.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Direction {
    Outbound,
    Inbound,
}

/// `wamid.` and base64 of user, direction and an 18-digit hexadecimal serial.
///
/// `boot` differs from one run to the next, so ids never repeat in a receiver's records.
pub(crate) fn wamid(user: &str, direction: Direction, boot: u64, serial: u64) -> String {
    let mut record = Vec::with_capacity(user.len() + 28);
    record.extend([0x1c, 0x18, user.len() as u8]);
    record.extend(user.as_bytes());
    record.extend(match direction {
        Direction::Outbound => [0x15, 0x02, 0x00, 0x11, 0x18, 0x12],
        Direction::Inbound => [0x15, 0x02, 0x00, 0x12, 0x18, 0x12],
    });
    let serial = format!("{:09X}{:09X}", boot & 0xf_ffff_ffff, serial & 0xf_ffff_ffff);
    record.extend(serial.as_bytes());
    record.push(0);
    format!("wamid.{}", STANDARD.encode(record))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;

    use super::{Direction, STANDARD, wamid};

    #[test]
    fn an_id_has_the_platform_prefix_and_holds_the_number() {
        let id = wamid("16505551234", Direction::Outbound, 7, 1);
        // The first characters of every real id to an eleven-digit number.
        assert!(id.starts_with("wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI"), "{id}");
        let bytes = STANDARD.decode(&id[6..]).expect("base64");
        assert_eq!(&bytes[3..14], b"16505551234");
        assert_ne!(id, wamid("16505551234", Direction::Outbound, 7, 2));
        assert_ne!(id, wamid("16505551234", Direction::Outbound, 8, 1));
        assert_ne!(id, wamid("16505551234", Direction::Inbound, 7, 1));
    }
}
