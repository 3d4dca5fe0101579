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

/// One person of one account; proofs of consent are kept apart, no decision reads them.
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
    /// When the person last said no, in seconds: by category as in `consent`, then to everything. 0 = never. A yes that
    /// was said before counts for nothing, whenever it arrives.
    pub opt_out_s: [u32; OPT_OUTS],
    /// The platform keeps marketing from the person until this second, because of all businesses together; 0 = never said.
    pub capped_until_s: u32,
}

/// Times of opt-outs kept: of each category, and of everything.
pub const OPT_OUTS: usize = 5;
/// That of everything.
const ALL: usize = OPT_OUTS - 1;
const CATEGORIES: [Category; 4] = [Category::Marketing, Category::Utility, Category::Authentication, Category::Service];

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

    /// The person said no at a second, to a category or, with `None`, to everything. It always counts: whether a yes
    /// that is on record was said later is not known, and a no is the safe side.
    pub fn opt_out(&mut self, category: Option<Category>, at_s: u32) {
        let mut no = |slot: usize| self.opt_out_s[slot] = self.opt_out_s[slot].max(at_s);
        match category {
            Some(c) => no(slot_of(c)),
            None => (0..OPT_OUTS).for_each(no),
        }
        match category {
            Some(c) => self.consent[slot_of(c)] = Consent::Out,
            None => {
                self.consent = [Consent::Out; 4];
                self.stop_all = true;
            }
        }
    }

    /// The person said yes at a second, to a category or, with `None`, to everything. A no of a later second stands. Of
    /// the same second, what is decided later counts.
    pub fn opt_in(&mut self, category: Option<Category>, at_s: u32) {
        let categories = category.as_ref().map_or(&CATEGORIES[..], std::slice::from_ref);
        for c in categories {
            if self.yes(*c, at_s) {
                self.stop_all = false;
            }
        }
    }

    /// The person turned marketing on again with the platform's switch: a yes to marketing that answers no opt-out of
    /// everything, because that was not said there.
    pub fn resume_marketing(&mut self, at_s: u32) {
        self.yes(Category::Marketing, at_s);
    }

    /// Notes a yes to a category; `false` if a later no stands.
    fn yes(&mut self, category: Category, at_s: u32) -> bool {
        let slot = slot_of(category);
        let counts = at_s >= self.opt_out_s[slot] && at_s >= self.opt_out_s[ALL];
        if counts {
            self.consent[slot] = Consent::In;
        }
        counts
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What a person said, in the order in which it arrived, and what counts then: consents, stop-all.
    #[test]
    fn a_no_counts_until_a_later_yes_whatever_comes_first() {
        const M: Option<Category> = Some(Category::Marketing);
        const U: Option<Category> = Some(Category::Utility);
        use Consent::{In, None as Never, Out};
        type Said = (bool, Option<Category>, u32);
        let table: [(&[Said], [Consent; 2], bool); 11] = [
            (&[(true, M, 5)], [In, Never], false),
            (&[(true, M, 5), (false, M, 6)], [Out, Never], false),
            (&[(false, M, 6), (true, M, 5)], [Out, Never], false),
            (&[(false, M, 6), (true, M, 6)], [In, Never], false),
            (&[(false, M, 6), (true, M, 7)], [In, Never], false),
            // An old no after a newer yes: the safe side.
            (&[(true, M, 7), (false, M, 6)], [Out, Never], false),
            (&[(true, M, 7), (false, M, 6), (true, M, 7)], [In, Never], false),
            (&[(false, M, 6), (true, U, 5)], [Out, In], false),
            // No to everything; then yes to one thing, before and after.
            (&[(false, None, 6), (true, M, 5)], [Out, Out], true),
            (&[(false, None, 6), (true, M, 7)], [In, Out], false),
            // Yes to everything between a no to everything and a no to one thing.
            (&[(false, None, 6), (false, M, 9), (true, None, 8)], [Out, In], false),
        ];
        for (said, consents, stop_all) in table {
            let mut c = Contact::default();
            for (yes, category, at_s) in said {
                if *yes { c.opt_in(*category, *at_s) } else { c.opt_out(*category, *at_s) }
            }
            assert_eq!((&c.consent[..2], c.stop_all), (&consents[..], stop_all), "{said:?}");
        }
    }
}
