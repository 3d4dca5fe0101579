//! Consent: who may be written to, per category.

use crate::record::{Consent, Contact};
use tollgate_rate_card::Category;
use tollgate_wire::Reason;

/// Whether a message of `category` may go to this person.
///
/// An opt-out of the category or of everything always wins. An answer (free text or a utility template) inside an
/// open window needs no opt-in, because opt-in is for messages that the business starts. Everything else needs
/// the person's opt-in for that category.
///
/// # Errors
/// `opted_out` or `not_opted_in`.
pub fn check(contact: &Contact, category: Category, window_open: bool) -> Result<(), Reason> {
    if contact.stop_all {
        return Err(Reason::OptedOut);
    }
    match contact.consent_for(category) {
        Consent::Out => Err(Reason::OptedOut),
        Consent::In => Ok(()),
        Consent::None if window_open && matches!(category, Category::Service | Category::Utility) => Ok(()),
        Consent::None => Err(Reason::NotOptedIn),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Category::{Authentication, Marketing, Service, Utility};

    #[test]
    fn decision_table() {
        let table = [
            ("consent=none window=closed marketing", Consent::None, false, false, Marketing, Err(Reason::NotOptedIn)),
            ("consent=none window=open marketing", Consent::None, false, true, Marketing, Err(Reason::NotOptedIn)),
            ("consent=none window=open utility", Consent::None, false, true, Utility, Ok(())),
            ("consent=none window=open service", Consent::None, false, true, Service, Ok(())),
            ("consent=none window=open auth", Consent::None, false, true, Authentication, Err(Reason::NotOptedIn)),
            ("consent=in window=closed marketing", Consent::In, false, false, Marketing, Ok(())),
            ("consent=out window=open utility", Consent::Out, false, true, Utility, Err(Reason::OptedOut)),
            ("consent=in stop-all window=open", Consent::In, true, true, Service, Err(Reason::OptedOut)),
        ];
        for (label, consent, stop_all, open, category, expected) in table {
            let mut c = Contact { stop_all, ..Contact::default() };
            c.consent[crate::record::slot_of(category)] = consent;
            assert_eq!(check(&c, category, open), expected, "{label}");
        }
    }
}
