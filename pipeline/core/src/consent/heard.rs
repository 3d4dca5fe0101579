//! What a person said, as it counts for one message: to the account, to the brand that writes, and to brands of the past.

use crate::ids::{BrandIx, ContactKey, SenderIx};
use crate::record::{Account, Contact, slot_of};
use crate::state::State;
use tollgate_rate_card::Category;

/// What counts for a message.
#[derive(Clone, Copy, Debug)]
pub struct Heard<'a> {
    /// What was said to the account as a whole.
    pub account: &'a Contact,
    /// What was said to the brand that writes.
    pub brand: Option<OfBrand>,
    /// When it was refused last to brands that are gone, or that the number was of before: marketing, utility,
    /// authentication, service. Whoever refused it to a number is not written to from it because its brand has another
    /// name, or none.
    pub past: [Option<u32>; 4],
}

/// What a person said to the brand that writes.
#[derive(Clone, Copy, Debug)]
pub struct OfBrand {
    /// That.
    pub said: Contact,
    /// A yes to the account as a whole is one to the brand.
    pub inherits: bool,
    /// The account has the brand. A message that waited while it was taken out does not go.
    pub here: bool,
}

impl<'a> Heard<'a> {
    /// Of an account without brands.
    #[must_use]
    pub fn plain(account: &'a Contact) -> Self {
        Self { account, brand: None, past: [None; 4] }
    }

    /// What counts for a message of this brand and number. An account that never had brands is not looked up again.
    #[must_use]
    pub fn of(
        state: &State,
        account: &Account,
        (key, contact): (ContactKey, &'a Contact),
        (brand, sender): (BrandIx, Option<SenderIx>),
    ) -> Self {
        let brands = &account.brands;
        if brands.is_empty() {
            return Self::plain(contact);
        }
        let said = |brand| state.said(key, brand);
        let mut past = [None; 4];
        for refused in brands.past(brand, sender).map(said) {
            for category in [Category::Marketing, Category::Utility, Category::Authentication, Category::Service] {
                let latest = &mut past[slot_of(category)];
                *latest = (*latest).max(refused.refused_s(category));
            }
        }
        let of_brand =
            |brand| OfBrand { said: said(brand), inherits: brands.inherits(brand), here: brands.is_here(brand) };
        Self { account: contact, brand: brand.some().map(of_brand), past }
    }

    /// When the person agreed with the brand itself, if that holds.
    fn brand_has_s(&self, category: Category, now_s: u32) -> Option<u32> {
        self.brand.as_ref()?.said.agreed_s(category, now_s)
    }

    /// The person agreed with the brand itself.
    pub(super) fn brand_has(&self, category: Category, now_s: u32) -> bool {
        self.brand_has_s(category, now_s).is_some()
    }

    /// Whether the person refuses a category: a no to the account or to the brand is one. A no to a brand of the past
    /// is one to all that rests on no yes to the brand itself that was said since.
    #[must_use]
    pub fn refuses(&self, category: Category, now_s: u32) -> bool {
        self.account.suppressed
            || self.account.refuses(category)
            || self.brand.as_ref().is_some_and(|b| b.said.refuses(category))
            || self.past[slot_of(category)]
                .is_some_and(|no_s| self.brand_has_s(category, now_s).is_none_or(|yes_s| yes_s < no_s))
    }
}
