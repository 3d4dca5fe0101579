//! The parts of an address. One that cannot be read is answered like every other fault: with problem details.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// As axum's, which answers in plain text.
pub(super) struct Path<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        path.map(|path| Self(path.0)).map_err(|_| {
            let problem = Problem::new(StatusCode::BAD_REQUEST, "malformed", "a part of the address cannot be read");
            problem
                .remedy("write names as UTF-8, and what is no letter or digit of them as % and two hexadecimal digits")
        })
    }
}
