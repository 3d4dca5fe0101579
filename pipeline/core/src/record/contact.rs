//! Contact: what an account knows about one person.

use crate::ids::User;
use smallvec::SmallVec;
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

/// An opt-in that ends by itself, or one to a brand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Term {
    /// When it was said, in seconds.
    pub said_s: u32,
    /// The second at which it ends; 0 = it does not.
    pub ends_s: u32,
}

/// An opt-in that waits until the person confirms it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// When it was said, in seconds; 0 = none waits.
    pub asked_s: u32,
    /// When it is to end, if it says so itself; 0 = it does not.
    pub ends_s: u32,
}

/// The person has another number, or another business-scoped id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Who the person is since.
    pub to: User,
    /// Since when, in seconds.
    pub at_s: u32,
}

/// What a person refuses (`None` is everything), and when it was said.
pub type Refusals = SmallVec<[(Option<Category>, u32); OPT_OUTS]>;

/// One person of one account, as the record is passed about; resident is only what a person has (`people`). Proofs of
/// consent are no part of it, no decision reads them.
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
    /// On the account's suppression list.
    pub suppressed: bool,
    /// Ends of opt-ins, by category as in `consent`; of those to a brand always also when they were said.
    pub terms: [Term; 4],
    /// Opt-ins that wait for a confirmation, by category as in `consent`.
    pub pending: [Pending; 4],
    /// Where the person went.
    pub moved: Option<Moved>,
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
    /// The last word on a category, whether or not it has ended since.
    #[must_use]
    pub fn consent_for(&self, c: Category) -> Consent {
        self.consent[slot_of(c)]
    }

    /// Consent for a category at a second: an opt-in that has ended is none.
    #[must_use]
    pub fn consent_at(&self, c: Category, now_s: u32) -> Consent {
        match self.consent_for(c) {
            Consent::In if self.opt_in_ends_s(c).is_some_and(|ends_s| now_s >= ends_s) => Consent::None,
            said => said,
        }
    }

    /// When the opt-in to a category ends or has ended, if it does.
    #[must_use]
    pub fn opt_in_ends_s(&self, c: Category) -> Option<u32> {
        let ends_s = self.terms[slot_of(c)].ends_s;
        (self.consent_for(c) == Consent::In && ends_s != 0).then_some(ends_s)
    }

    /// The opt-in to a category that waits for a confirmation; blank when there is none.
    #[must_use]
    pub fn pending_for(&self, c: Category) -> Pending {
        self.pending[slot_of(c)]
    }

    /// Categories whose opt-in is confirmed by a word of this second, after it was asked for and within `hours` of that.
    #[must_use]
    pub fn confirmable(&self, at_s: u32, hours: u16) -> SmallVec<[Category; 4]> {
        let waits = |c: &Category| {
            let asked_s = self.pending_for(*c).asked_s;
            asked_s != 0 && (asked_s..=pending_until_s(asked_s, hours)).contains(&at_s)
        };
        CATEGORIES.into_iter().filter(waits).collect()
    }

    /// The person said yes to a category at a second, and is to confirm it. Nothing is agreed to by that. A no of a later
    /// second stands, and who agreed for good has nothing to confirm.
    pub fn await_confirmation(&mut self, category: Category, at_s: u32, ends_s: u32) {
        let slot = slot_of(category);
        let Term { said_s, ends_s: until_s } = self.terms[slot];
        // To a brand it may be said anew, after a no to one of the past.
        let for_good = self.consent[slot] == Consent::In && until_s == 0 && (said_s == 0 || said_s >= at_s);
        if self.stands(slot, at_s) && !for_good && at_s >= self.pending[slot].asked_s {
            self.pending[slot] = Pending { asked_s: at_s, ends_s };
        }
    }

    /// When the person agreed to a category with a brand, if that holds at a second; 0 = not known.
    #[must_use]
    pub fn agreed_s(&self, c: Category, now_s: u32) -> Option<u32> {
        (self.consent_at(c, now_s) == Consent::In).then(|| self.terms[slot_of(c)].said_s)
    }

    /// When a category that is refused was refused last; `u32::MAX` = not known.
    #[must_use]
    pub fn refused_s(&self, c: Category) -> Option<u32> {
        self.refuses(c).then(|| match self.opt_out_s[slot_of(c)].max(self.opt_out_s[ALL]) {
            0 => u32::MAX,
            at_s => at_s,
        })
    }

    /// What the person refuses. A refusal without a time on record, or of a later second, counts as of `at_most_s`.
    #[must_use]
    pub fn refusals(&self, at_most_s: u32) -> Refusals {
        let said = |slot: usize| match self.opt_out_s[slot] {
            0 => at_most_s,
            at_s => at_s.min(at_most_s),
        };
        let everything = self.stop_all.then(|| (None, said(ALL)));
        let each = CATEGORIES.into_iter().filter(|c| self.consent_for(*c) == Consent::Out);
        everything.into_iter().chain(each.map(|c| (Some(c), said(slot_of(c))))).collect()
    }

    /// Whether this refusal, or a later one of the same, is on record: what was agreed to since stands.
    #[must_use]
    pub fn knows_refusal(&self, category: Option<Category>, at_s: u32) -> bool {
        let known_s = category.map_or(0, |c| self.opt_out_s[slot_of(c)]).max(self.opt_out_s[ALL]);
        known_s >= at_s && known_s != 0
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
            Some(c) => {
                let slot = slot_of(c);
                self.consent[slot] = Consent::Out;
                self.terms[slot] = Term::default();
                self.pending[slot] = Pending::default();
            }
            None => {
                self.consent = [Consent::Out; 4];
                self.stop_all = true;
                self.terms = Default::default();
                self.pending = Default::default();
            }
        }
    }

    /// The person said yes at a second, to a category or, with `None`, to everything; until `ends_s`, 0 = for good. A no of
    /// a later second stands. Of the same second, what is decided later counts. Of two that end the one said later counts,
    /// and one that is to end replaces one that was for good: when that was said is not known.
    pub fn opt_in(&mut self, category: Option<Category>, at_s: u32, ends_s: u32) {
        self.say_yes(category, at_s, ends_s, false);
    }

    /// The same to a brand: when it was said is kept, because a no to a brand of the past may be later. Of two the one
    /// said later counts, whether it ends or not.
    pub fn opt_in_to_brand(&mut self, category: Option<Category>, at_s: u32, ends_s: u32) {
        self.say_yes(category, at_s, ends_s, true);
    }

    fn say_yes(&mut self, category: Option<Category>, at_s: u32, ends_s: u32, to_brand: bool) {
        let categories = category.as_ref().map_or(&CATEGORIES[..], std::slice::from_ref);
        for c in categories {
            if self.yes(*c, at_s, ends_s, to_brand) {
                self.stop_all = false;
            }
        }
    }

    /// The person turned marketing on again with the platform's switch: a yes to marketing that answers no opt-out of
    /// everything, because that was not said there.
    pub fn resume_marketing(&mut self, at_s: u32, ends_s: u32) {
        self.yes(Category::Marketing, at_s, ends_s, false);
    }

    /// Notes a yes to a category; `false` if a later no stands.
    fn yes(&mut self, category: Category, at_s: u32, ends_s: u32, to_brand: bool) -> bool {
        let slot = slot_of(category);
        let counts = self.stands(slot, at_s);
        if counts {
            let kept = self.terms[slot];
            let untimed = kept.said_s == 0 || kept.ends_s == 0 && !to_brand;
            if untimed || at_s >= kept.said_s {
                let timed = ends_s != 0 || to_brand;
                self.terms[slot] = if timed { Term { said_s: at_s, ends_s } } else { Term::default() };
            }
            self.consent[slot] = Consent::In;
            self.pending[slot] = Pending::default();
        }
        counts
    }

    /// Whether a yes of a second is later than every no to the category.
    fn stands(&self, slot: usize, at_s: u32) -> bool {
        at_s >= self.opt_out_s[slot] && at_s >= self.opt_out_s[ALL]
    }

    /// What is left of a person who is erased: what the person refuses, the suppression list, and what the platform's
    /// quota counts for a day.
    #[must_use]
    pub fn erased(&self) -> Self {
        let refused = |said: Consent| if said == Consent::Out { said } else { Consent::None };
        Self {
            counted: self.counted,
            consent: self.consent.map(refused),
            stop_all: self.stop_all,
            opt_out_s: self.opt_out_s,
            suppressed: self.suppressed,
            ..Self::default()
        }
    }

    /// Whether a category is refused, or everything.
    #[must_use]
    pub fn refuses(&self, category: Category) -> bool {
        self.stop_all || self.consent_for(category) == Consent::Out
    }

    /// A refusal that was said to one that is there no longer, and is answered by a later yes to whoever is there in its
    /// place: nothing is agreed to by that.
    pub fn lift(&mut self, category: Option<Category>, at_s: u32) {
        let categories = category.as_ref().map_or(&CATEGORIES[..], std::slice::from_ref);
        for slot in categories.iter().map(|c| slot_of(*c)) {
            if self.consent[slot] == Consent::Out && self.stands(slot, at_s) {
                self.consent[slot] = Consent::None;
                self.stop_all = false;
            }
        }
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

/// The last second at which an opt-in may be confirmed.
#[must_use]
pub(crate) fn pending_until_s(asked_s: u32, hours: u16) -> u32 {
    asked_s.saturating_add(u32::from(hours) * 3600)
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
                if *yes { c.opt_in(*category, *at_s, 0) } else { c.opt_out(*category, *at_s) }
            }
            assert_eq!((&c.consent[..2], c.stop_all), (&consents[..], stop_all), "{said:?}");
        }
    }

    const M: Category = Category::Marketing;

    #[test]
    fn of_opt_ins_that_end_the_one_said_later_counts() {
        // What was said at which second until when; when it ends then.
        type Case = (&'static [(u32, u32)], Option<u32>);
        let table: [Case; 7] = [
            (&[(5, 100)], Some(100)),
            (&[(5, 100), (6, 90)], Some(90)),
            (&[(6, 90), (5, 100)], Some(90)),
            (&[(5, 100), (5, 80)], Some(80)),
            (&[(5, 100), (6, 0)], None),
            (&[(6, 100), (5, 0)], Some(100)),
            // When the one without an end was said is not on record.
            (&[(6, 0), (5, 100)], Some(100)),
        ];
        for (said, ends_s) in table {
            let mut c = Contact::default();
            said.iter().for_each(|(at_s, ends_s)| c.opt_in(Some(M), *at_s, *ends_s));
            assert_eq!(c.opt_in_ends_s(M), ends_s, "{said:?}");
            assert_eq!(c.consent_at(M, 79), Consent::In);
            let last = ends_s.map_or(Consent::In, |_| Consent::None);
            assert_eq!(c.consent_at(M, 100), last, "{said:?}");
            c.opt_out(None, 101);
            assert_eq!((c.terms, c.consent_at(M, 50)), (Default::default(), Consent::Out));
        }
    }

    #[test]
    fn a_confirmation_comes_after_the_question_and_in_time() {
        let mut c = Contact::default();
        c.await_confirmation(M, 1000, 0);
        assert_eq!(c.consent_for(M), Consent::None);
        for (at_s, confirmed) in [(999, false), (1000, true), (4600, true), (4601, false)] {
            assert_eq!(c.confirmable(at_s, 1).contains(&M), confirmed, "{at_s}");
        }
        c.await_confirmation(M, 900, 0);
        assert_eq!(c.pending_for(M).asked_s, 1000, "an older one does not take its place");
        let mut no = c;
        no.opt_out(Some(M), 1001);
        assert!(no.confirmable(1002, 1).is_empty(), "a no ends it");
        no.await_confirmation(M, 1000, 0);
        assert!(no.confirmable(1002, 1).is_empty(), "and stands against an older yes");
        c.opt_in(Some(M), 1002, 0);
        c.await_confirmation(M, 1003, 0);
        assert!(c.confirmable(1003, 1).is_empty(), "agreed for good");
    }

    #[test]
    fn refusals_and_whether_they_are_known() {
        let mut c = Contact::default();
        assert!(c.refusals(9).is_empty() && !c.knows_refusal(None, 0));
        c.opt_out(Some(M), 5);
        c.opt_in(Some(Category::Utility), 5, 0);
        assert_eq!(&c.refusals(9)[..], &[(Some(M), 5)]);
        assert!(c.knows_refusal(Some(M), 5) && c.knows_refusal(Some(M), 4) && !c.knows_refusal(Some(M), 6));
        assert!(!c.knows_refusal(None, 5));
        // As a version wrote it that kept no times.
        let old = Contact { opt_out_s: [0; OPT_OUTS], ..c };
        assert_eq!(&old.refusals(9)[..], &[(Some(M), 9)]);
        c.opt_out(None, 7);
        assert_eq!(c.refusals(6).iter().map(|r| r.1).max(), Some(6));
        assert_eq!(c.refusals(9)[0], (None, 7));
        assert!(c.knows_refusal(Some(Category::Service), 7));
    }
}
