//! Who a change is about: a phone number, a business-scoped id where the person shows no number, or both where the platform
//! names both.

use super::envelope::{Contact, Scalar};
use crate::Text;
use crate::request::Recipient;

/// Contacts of a change that are looked through for the other id of a person: more than a webhook has.
const CONTACTS_MAX: usize = 1_000;

/// The number where there is one, else the business-scoped id.
pub(super) fn recipient<'a>(number: Option<Scalar<'a>>, user_id: Option<Text<'a>>) -> Option<Recipient<'a>> {
    if let Some(number) = number.and_then(Scalar::text) {
        if number.bytes().all(|b| b.is_ascii_digit()) {
            let mut plus = String::with_capacity(number.len() + 1);
            plus.push('+');
            plus.push_str(&number);
            return Some(Recipient::Number(plus.into()));
        }
        if number.starts_with('+') {
            return Some(Recipient::Number(number));
        }
        // A business-scoped id in the place of the number.
        return Some(scoped(number));
    }
    user_id.filter(|id| !id.is_empty()).map(scoped)
}

/// As [`recipient`], with the envelope's only contact as the last resort.
pub(super) fn recipient_or_contact<'a>(
    number: Option<Scalar<'a>>,
    user_id: Option<Text<'a>>,
    contacts: Option<&[Contact<'a>]>,
) -> Option<Recipient<'a>> {
    recipient(number, user_id).or_else(|| match contacts {
        Some([only]) => recipient(only.wa_id.clone(), only.user_id.clone()),
        _ => None,
    })
}

/// A person who did something, and the business-scoped id beside the number where the platform names both: in the change
/// itself, or in the contact of the same number or the same id.
pub(super) fn person<'a>(
    number: Option<Scalar<'a>>,
    user_id: Option<Text<'a>>,
    contacts: Option<&[Contact<'a>]>,
) -> Option<(Recipient<'a>, Option<Text<'a>>)> {
    let user_id = user_id.filter(|id| !id.is_empty());
    let named = recipient_or_contact(number, user_id.clone(), contacts)?;
    let mut known = contacts.into_iter().flatten().take(CONTACTS_MAX);
    match named {
        Recipient::Number(number) => {
            let bsuid = user_id.or_else(|| {
                let id = |c: &Contact<'a>| c.user_id.clone().filter(|id| !id.is_empty());
                known.find_map(|c| id(c).filter(|_| c.wa_id.as_ref().is_some_and(|wa_id| wa_id.is_number(&number))))
            });
            Some((Recipient::Number(number), bsuid))
        }
        Recipient::Scoped { ref bsuid, .. } => {
            let same = |c: &&Contact<'a>| c.user_id.as_ref().is_some_and(|id| *id.as_str() == *bsuid.as_str());
            match known.find(same).and_then(|c| recipient(c.wa_id.clone(), None)) {
                Some(number @ Recipient::Number(_)) => Some((number, Some(bsuid.clone()))),
                _ => Some((named, None)),
            }
        }
    }
}

/// A business-scoped id begins with the ISO 3166-1 alpha-2 country and a full stop: `BR.1349…`.
fn scoped(bsuid: Text<'_>) -> Recipient<'_> {
    let country = match bsuid.as_bytes() {
        [a, b, b'.', ..] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => Some(bsuid[..2].to_owned().into()),
        _ => None,
    };
    Recipient::Scoped { bsuid, country }
}
