//! Pages that say no: what is wrong and what would help, with the status that programs read.

use axum::http::StatusCode;

use crate::gateway::{Problem, ReadError, Role};

/// Why there is no page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    /// What is wrong: the page's heading.
    pub(super) title: String,
    /// What would help.
    pub(super) remedy: String,
    /// When to come back. Seconds.
    pub(super) retry_after: Option<u32>,
}

impl Refusal {
    fn new(status: StatusCode, title: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { status, title: title.into(), remedy: remedy.into(), retry_after: None }
    }

    pub(super) fn not_found(title: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, title, remedy)
    }

    pub(super) fn bad_query(title: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, title, remedy)
    }

    /// The role may not see this.
    pub(super) fn role(role: Role) -> Self {
        let title = format!("A token of role {} may not see this", role.as_str());
        Self::new(StatusCode::FORBIDDEN, title, "Sign in with a token of another role.")
    }

    /// The token is for other accounts.
    pub(super) fn account() -> Self {
        let remedy = "Sign in with a token for the account, or choose one of the list of accounts.";
        Self::new(StatusCode::FORBIDDEN, "Your token is not for this account", remedy)
    }

    pub(super) fn unknown_account() -> Self {
        Self::not_found("There is no such account", "Choose one of the list of accounts.")
    }

    /// A form that another site's page sent, or a name that was made to point here.
    pub(super) fn foreign(remedy: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "The request does not come from this console", remedy)
    }

    pub(super) fn too_many_attempts() -> Self {
        let title = "Too many wrong tokens were given";
        let refusal = Self::new(StatusCode::TOO_MANY_REQUESTS, title, "Wait a few seconds and sign in again.");
        Self { retry_after: Some(5), ..refusal }
    }

    /// The service's own fault: no page says more than its log.
    pub(super) fn unavailable() -> Self {
        let remedy = "Ledger or views may be away for a moment: try again. The log of the service says why.";
        let refusal = Self::new(StatusCode::SERVICE_UNAVAILABLE, "The views cannot be read now", remedy);
        Self { retry_after: Some(5), ..refusal }
    }
}

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::BadQuery { field, value, remedy } => {
                let value: String = value.chars().take(80).collect();
                Self::bad_query(format!("{field} = {value:?} cannot be read"), remedy)
            }
            ReadError::NotPossible(detail) => Self::new(StatusCode::CONFLICT, "This cannot be given now", detail),
            ReadError::Failed(detail) => {
                tracing::error!(detail, "a view cannot be read");
                Self::unavailable()
            }
        }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        match problem.status() {
            StatusCode::INTERNAL_SERVER_ERROR => Self::unavailable(),
            status => Self::new(status, "This cannot be given now", problem.line()),
        }
    }
}
