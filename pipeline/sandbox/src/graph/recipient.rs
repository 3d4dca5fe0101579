//! Who a message goes to: a phone number or a business-scoped user id.

use std::sync::Arc;

use super::error::PlatformError;

/// The user key: digits of a phone number, or a business-scoped user id (it has a dot).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recipient {
    pub(crate) user: Arc<str>,
}

impl Recipient {
    /// The recipient of a send; `to` takes precedence over `recipient`.
    pub(crate) fn of(to: Option<&str>, bsuid: Option<&str>) -> Result<Self, PlatformError> {
        match (to, bsuid) {
            (Some(to), _) => Self::phone(to),
            (None, Some(bsuid)) => Self::bsuid(bsuid),
            (None, None) => Err(PlatformError::new(131_008, "The parameter to is required.")),
        }
    }

    /// An E.164 number, with or without the plus sign.
    pub(crate) fn phone(to: &str) -> Result<Self, PlatformError> {
        let digits = to.strip_prefix('+').unwrap_or(to);
        let well_formed = (7..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        if !well_formed {
            let details = "Param to must be a phone number in E.164 form, digits only";
            return Err(PlatformError::new(131_009, details));
        }
        Ok(Self { user: Arc::from(digits) })
    }

    /// Country, a dot, then letters, digits and dots: `US.13491208655302741918`.
    fn bsuid(text: &str) -> Result<Self, PlatformError> {
        let well_formed = text.split_once('.').is_some_and(|(country, rest)| {
            country.len() == 2
                && country.bytes().all(|byte| byte.is_ascii_uppercase())
                && (1..=128).contains(&rest.len())
                && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
        });
        if !well_formed {
            let details = "Param recipient must be a business-scoped user ID";
            return Err(PlatformError::new(131_009, details));
        }
        Ok(Self { user: Arc::from(text) })
    }

    /// A recipient named by a test or a person: either form.
    pub(crate) fn any(text: &str) -> Result<Self, PlatformError> {
        if text.contains('.') { Self::bsuid(text) } else { Self::phone(text) }
    }

    pub(crate) fn is_bsuid(&self) -> bool {
        self.user.contains('.')
    }
}

#[cfg(test)]
mod tests {
    use super::Recipient;

    #[test]
    fn to_wins_and_loses_its_plus() {
        let recipient = Recipient::of(Some("+16505551234"), Some("US.1")).expect("valid");
        assert_eq!(&*recipient.user, "16505551234");
        assert!(!recipient.is_bsuid());
    }

    #[test]
    fn malformed_recipients_are_refused() {
        for to in ["", "+", "123", "0123456789", "1650555123x", "1234567890123456"] {
            let error = Recipient::of(Some(to), None).expect_err(to);
            assert_eq!(error.code, 131_009);
        }
        for bsuid in ["US", "us.1", "USA.1", "US.", "US.a-b"] {
            assert_eq!(Recipient::of(None, Some(bsuid)).expect_err(bsuid).code, 131_009);
        }
        assert_eq!(Recipient::of(None, None).expect_err("none").code, 131_008);
        assert!(Recipient::of(None, Some("US.ENT.118")).expect("valid").is_bsuid());
    }
}
