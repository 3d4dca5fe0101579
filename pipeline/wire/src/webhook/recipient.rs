//! Who a change is about: a phone number, or a business-scoped id where the person shows no number.

use super::envelope::{Contact, Scalar};
use crate::Text;
use crate::request::Recipient;

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
    contacts: &mut Option<Vec<Contact<'a>>>,
) -> Option<Recipient<'a>> {
    recipient(number, user_id).or_else(|| match contacts.as_deref_mut() {
        Some([only]) => recipient(only.wa_id.take(), only.user_id.clone()),
        _ => None,
    })
}

/// A business-scoped id begins with the ISO 3166-1 alpha-2 country and a full stop: `BR.1349…`.
fn scoped(bsuid: Text<'_>) -> Recipient<'_> {
    let country = match bsuid.as_bytes() {
        [a, b, b'.', ..] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => Some(bsuid[..2].to_owned().into()),
        _ => None,
    };
    Recipient::Scoped { bsuid, country }
}
