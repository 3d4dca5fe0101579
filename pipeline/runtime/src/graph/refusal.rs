//! The body of a refusal: the platform's error, of a send and of a question alike.

use serde::Deserialize;
use tollgate_wire::Text;

/// The error in a body; `None` where there is none, and the answer may come from anything in between.
pub(super) fn read(body: &[u8]) -> Option<PlatformError<'_>> {
    serde_json::from_slice::<Refused<'_>>(body).ok().map(|refused| refused.error)
}

#[derive(Deserialize)]
struct Refused<'a> {
    #[serde(borrow)]
    error: PlatformError<'a>,
}

/// What the platform says of an error.
#[derive(Deserialize)]
pub(super) struct PlatformError<'a> {
    pub(super) code: u32,
    #[serde(borrow, default)]
    pub(super) message: Option<Text<'a>>,
    #[serde(default)]
    pub(super) is_transient: bool,
    #[serde(borrow, default)]
    error_data: Option<ErrorData<'a>>,
}

#[derive(Deserialize)]
struct ErrorData<'a> {
    #[serde(borrow, default)]
    details: Option<Text<'a>>,
}

impl<'a> PlatformError<'a> {
    /// The details, where there are any.
    pub(super) fn details(&mut self) -> Option<Text<'a>> {
        self.error_data.take().and_then(|data| data.details).filter(|details| !details.is_empty())
    }
}
