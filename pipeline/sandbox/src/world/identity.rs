//! The business-scoped id of a person.

use std::borrow::Cow;

use super::country::country;
use crate::dice::Dice;

/// The id: the user key where it is one, and for a phone number one that is the same in every run.
pub(crate) fn user_id(user: &str) -> Cow<'_, str> {
    if user.contains('.') {
        return Cow::Borrowed(user);
    }
    let digits = Dice::new(0, &[b"user", user.as_bytes()]).bits();
    // ZZ: of no country, for numbers whose prefix is nobody's.
    Cow::Owned(format!("{}.{digits:020}", country(user).unwrap_or("ZZ")))
}

#[cfg(test)]
mod tests {
    use super::user_id;

    #[test]
    fn numbers_have_an_id_of_their_country_and_ids_are_their_own() {
        let id = user_id("16505551234");
        assert!(id.starts_with("US.") && id.len() == 23, "{id}");
        assert_eq!(id, user_id("16505551234"));
        assert_ne!(id, user_id("16505551235"));
        assert_eq!(user_id("BR.1"), "BR.1");
    }
}
