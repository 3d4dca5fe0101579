//! Packed keys. Strings are interned once, in the order the shard first saw them, and the numbers are stored.

use crate::state::LimitReached;

macro_rules! index {
    ($(#[$m:meta])* $name:ident($t:ty)) => {
        $(#[$m])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
        pub struct $name(pub $t);
        impl $name {
            /// Position in its table.
            #[must_use]
            pub fn at(self) -> usize {
                self.0 as usize
            }
        }
    };
}

index!(
    /// An account of this shard.
    AccountIx(u16)
);
index!(
    /// A WABA of this shard.
    WabaIx(u16)
);
index!(
    /// A sender (business phone number) of this shard.
    SenderIx(u16)
);
index!(
    /// A template in one language.
    TemplateIx(u32)
);
index!(
    /// A campaign; 0 is "no campaign".
    CampaignIx(u32)
);

index!(
    /// A brand of an account, from 1 in the order in which the account first named it; 0 is "no brand".
    BrandIx(u8)
);

impl BrandIx {
    /// No brand: the account as a whole.
    pub const NONE: Self = Self(0);

    /// `None` for "no brand".
    #[must_use]
    pub fn some(self) -> Option<Self> {
        (self.0 != 0).then_some(self)
    }
}

impl CampaignIx {
    /// No campaign.
    pub const NONE: Self = Self(0);

    /// `None` for "no campaign".
    #[must_use]
    pub fn some(self) -> Option<Self> {
        (self.0 != 0).then_some(self)
    }
}

/// Message number inside the shard, from 1, never reused.
pub type Uid = u64;

/// Most accounts, and most senders, in one shard: 14 bits of a packed key.
pub const MAX_OWNERS: u16 = (1 << 14) - 1;
const USER_BITS: u32 = 50;
/// First value of a user that stands for an interned business-scoped id: one above the largest E.164 number.
const FIRST_SCOPED: u64 = 1_000_000_000_000_000;

/// A person: the digits of the number, or an interned business-scoped id. 50 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct User(u64);

impl User {
    /// From the digits of an E.164 number (at most 15 digits).
    #[must_use]
    pub fn from_digits(digits: u64) -> Option<Self> {
        (digits > 0 && digits < FIRST_SCOPED).then_some(Self(digits))
    }

    /// From the position in the table of business-scoped ids.
    ///
    /// # Errors
    /// When the key space (1.2 × 10¹⁴ ids) is used up.
    pub fn from_scoped(ix: u64) -> Result<Self, LimitReached> {
        let v = FIRST_SCOPED + ix;
        if v >> USER_BITS == 0 { Ok(Self(v)) } else { Err(LimitReached("business-scoped ids")) }
    }

    /// The digits, when it is a number.
    #[must_use]
    pub fn digits(self) -> Option<u64> {
        (self.0 < FIRST_SCOPED).then_some(self.0)
    }

    /// The position in the table of business-scoped ids, when it is one.
    #[must_use]
    pub fn scoped(self) -> Option<u64> {
        self.0.checked_sub(FIRST_SCOPED)
    }

    /// As stored.
    #[must_use]
    pub fn raw(self) -> u64 {
        self.0
    }

    /// From what was stored.
    #[must_use]
    pub fn from_raw(v: u64) -> Self {
        Self(v & ((1 << USER_BITS) - 1))
    }
}

/// (account, user): key of a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContactKey(pub u64);

impl ContactKey {
    /// Packs.
    #[must_use]
    pub fn new(account: AccountIx, user: User) -> Self {
        Self(u64::from(account.0) << USER_BITS | user.0)
    }

    /// The account.
    #[must_use]
    pub fn account(self) -> AccountIx {
        AccountIx((self.0 >> USER_BITS) as u16)
    }

    /// The person.
    #[must_use]
    pub fn user(self) -> User {
        User::from_raw(self.0)
    }
}

/// (sender, user): key of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PairKey(pub u64);

impl PairKey {
    /// Packs.
    #[must_use]
    pub fn new(sender: SenderIx, user: User) -> Self {
        Self(u64::from(sender.0) << USER_BITS | user.0)
    }

    /// The sender.
    #[must_use]
    pub fn sender(self) -> SenderIx {
        SenderIx((self.0 >> USER_BITS) as u16)
    }

    /// The person.
    #[must_use]
    pub fn user(self) -> User {
        User::from_raw(self.0)
    }
}

/// (account, user, brand): key of what a person said to a brand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BrandKey {
    /// Account and person.
    pub contact: ContactKey,
    /// The brand, of the account.
    pub brand: BrandIx,
}

impl BrandKey {
    /// As stored: the contact's key with the brand's number behind it.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 9] {
        let mut bytes = [self.brand.0; 9];
        bytes[..8].copy_from_slice(&self.contact.0.to_be_bytes());
        bytes
    }

    /// From what was stored.
    #[must_use]
    pub fn from_bytes(b: [u8; 9]) -> Self {
        let [contact @ .., brand] = b;
        Self { contact: ContactKey(u64::from_be_bytes(contact)), brand: BrandIx(brand) }
    }
}
