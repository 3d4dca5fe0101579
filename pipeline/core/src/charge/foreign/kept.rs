//! What is kept under the wamid of a message that other software sent, in place of a message's number and attempt.

use crate::ids::{Uid, WabaIx};
use crate::record::Foreign;

/// What is kept under the wamid of a message that other software sent: it was booked without a price, because no
/// status had said one yet; or with what the platform said.
pub(super) const NO_PRICE_SAID: u8 = 0;
pub(super) const PRICE_SAID: u8 = 1;
/// Stands in place of a message's number, which never has this bit; below it, what [`Kept`] has. Earlier versions kept 0.
const BOOKED_AT: u64 = 1 << 62;
/// Whether the client paid for it, so that it was counted and not booked.
const CLIENT_PAID: u64 = 1 << 61;
/// Where the WABA's number begins, one higher; below it, the instant. Earlier versions kept no WABA.
const WABA_SHIFT: u32 = 32;

/// What is kept of a message that other software sent.
#[derive(Clone, Copy)]
pub(super) struct Kept {
    /// At which it was booked.
    pub at_s: u32,
    /// The WABA that it was booked for, or counted for where the client pays.
    pub waba: WabaIx,
    pub client_paid: bool,
}

impl Kept {
    pub fn packed(self) -> Uid {
        let paid = if self.client_paid { CLIENT_PAID } else { 0 };
        BOOKED_AT | paid | (u64::from(self.waba.0) + 1) << WABA_SHIFT | u64::from(self.at_s)
    }
}

/// The instant that is kept under a wamid.
pub(super) fn kept_at(kept: Uid) -> Option<u32> {
    (kept & BOOKED_AT != 0).then_some(kept as u32)
}

/// The WABA that is kept under the wamid of a message that other software sent.
pub(crate) fn kept_waba(kept: Uid) -> Option<WabaIx> {
    let number = (kept & (CLIENT_PAID - 1)) >> WABA_SHIFT;
    let number = number.checked_sub(1).filter(|_| kept & BOOKED_AT != 0)?;
    u16::try_from(number).ok().map(WabaIx)
}

/// Whether the client paid for a message that other software sent.
pub(in crate::charge) const fn is_client_paid(kept: Uid) -> bool {
    kept & CLIENT_PAID != 0
}

/// Whether a number that is kept under a wamid is that of a message of ours.
pub(crate) const fn is_own(kept: Uid) -> bool {
    kept != 0 && kept & BOOKED_AT == 0
}

/// Whether a price was said of a message that other software sent.
pub(crate) const fn is_priced(f: &Foreign) -> bool {
    f.price_said == PRICE_SAID
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_back_and_what_earlier_versions_kept_has_no_waba() {
        for waba in [0, 1, u16::MAX] {
            for client_paid in [false, true] {
                let kept = Kept { at_s: u32::MAX, waba: WabaIx(waba), client_paid }.packed();
                assert_eq!((kept_at(kept), kept_waba(kept)), (Some(u32::MAX), Some(WabaIx(waba))));
                assert_eq!((kept & CLIENT_PAID != 0, is_own(kept)), (client_paid, false));
            }
        }
        assert_eq!((kept_at(0), kept_waba(0)), (None, None));
        let earlier = BOOKED_AT | 1_790_000_000;
        assert_eq!((kept_at(earlier), kept_waba(earlier)), (Some(1_790_000_000), None));
        // A message of ours, and one that a person wrote.
        assert_eq!((kept_waba(7 << 40), kept_waba(1 << 63 | 7 << 40)), (None, None));
    }
}
