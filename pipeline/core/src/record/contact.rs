//! Contact: what an account knows about one person.

use tollgate_quality::Counted;
use tollgate_rate_card::Category;

/// How many marketing times a contact remembers: the largest frequency cap.
pub const MARKETING_KEPT: usize = 4;

/// State of one consent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Consent {
    /// Never asked.
    #[default]
    None = 0,
    /// Opted in.
    In = 1,
    /// Opted out.
    Out = 2,
}

/// One person of one account. 40 bytes; proofs of consent are kept apart, no decision reads them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contact {
    /// Counted time of the portfolio's quota.
    pub counted: Counted,
    /// Consents: marketing, utility, authentication, service.
    pub consent: [Consent; 4],
    /// An opt-out of everything.
    pub stop_all: bool,
    /// Known to be off the platform until this second; 0 = not known.
    pub off_platform_until_s: u32,
    /// Latest marketing admissions, newest first, in seconds; 0 = none.
    pub marketing_s: [u32; MARKETING_KEPT],
}

/// Position of a category in `Contact::consent`.
pub(crate) fn slot_of(c: Category) -> usize {
    match c {
        Category::Marketing => 0,
        Category::Utility => 1,
        Category::Authentication | Category::AuthenticationInternational => 2,
        Category::Service => 3,
    }
}

impl Contact {
    /// Consent for a category.
    #[must_use]
    pub fn consent_for(&self, c: Category) -> Consent {
        self.consent[slot_of(c)]
    }

    /// Sets the consent for a category.
    pub fn set_consent(&mut self, c: Category, state: Consent) {
        self.consent[slot_of(c)] = state;
    }

    /// Remembers a marketing admission, in order of time.
    pub fn remember_marketing(&mut self, at_s: u32) {
        let at = self.marketing_s.iter().position(|kept| *kept <= at_s).unwrap_or(MARKETING_KEPT);
        if at < MARKETING_KEPT {
            self.marketing_s.copy_within(at..MARKETING_KEPT - 1, at + 1);
            self.marketing_s[at] = at_s;
        }
    }

    /// Takes a marketing admission back that certainly reached nobody.
    pub fn forget_marketing(&mut self, at_s: u32) {
        if let Some(at) = self.marketing_s.iter().position(|kept| *kept == at_s) {
            self.marketing_s.copy_within(at + 1.., at);
            self.marketing_s[MARKETING_KEPT - 1] = 0;
        }
    }
}
