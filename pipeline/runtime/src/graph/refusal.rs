//! The body of a refusal: the platform's error, of a send and of a question alike.
//!
//! The code is what counts. What else stands in an error has come in several forms (`error_data` is an object, or a text that holds
//! one): a form that is not known is passed over, and the refusal is one all the same.

use serde::Deserialize;
use serde_json::value::RawValue;
use tollgate_wire::Text;

/// The error in a body; `None` where there is none, and the answer may come from anything in between.
pub(super) fn read(body: &[u8]) -> Option<PlatformError<'_>> {
    let Stated { code, message, is_transient, error_data } = serde_json::from_slice::<Refused<'_>>(body).ok()?.error;
    let details = known::<ErrorData<'_>>(error_data).and_then(|data| known::<Text<'_>>(data.details));
    Some(PlatformError {
        code,
        message: known(message),
        is_transient: known(is_transient).unwrap_or(false),
        details: details.filter(|details| !details.is_empty()),
    })
}

/// A part that has the expected form.
fn known<'a, T: Deserialize<'a>>(part: Option<&'a RawValue>) -> Option<T> {
    serde_json::from_str(part?.get()).ok()
}

/// What the platform says of an error.
pub(super) struct PlatformError<'a> {
    pub(super) code: u32,
    pub(super) message: Option<Text<'a>>,
    pub(super) is_transient: bool,
    pub(super) details: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Refused<'a> {
    #[serde(borrow)]
    error: Stated<'a>,
}

#[derive(Deserialize)]
struct Stated<'a> {
    code: u32,
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
    #[serde(borrow, default)]
    is_transient: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error_data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ErrorData<'a> {
    #[serde(borrow, default)]
    details: Option<&'a RawValue>,
}
