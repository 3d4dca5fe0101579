//! Who may do what: one table of actions and roles, and the account scope.

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};

use super::problem::Problem;
use super::token::{Caller, Tokens};

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Campaign systems: enqueue, consents, follow what became of it.
    Enqueue,
    /// Finance: billing exports, settling and closing months, read-only elsewhere.
    Finance,
    /// Operations: campaigns, consents, everything readable but bills.
    Operate,
    /// Everything.
    Admin,
}

impl Role {
    /// From its name in the configuration.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "enqueue" => Some(Self::Enqueue),
            "finance" => Some(Self::Finance),
            "operate" => Some(Self::Operate),
            "admin" => Some(Self::Admin),
            _ => None,
        }
    }

    /// Its name in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enqueue => "enqueue",
            Self::Finance => "finance",
            Self::Operate => "operate",
            Self::Admin => "admin",
        }
    }
}

/// What a route does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Enqueue messages.
    Enqueue,
    /// Read messages and outcomes: phone numbers are in them.
    ReadMessages,
    /// Create, start, pause, resume, cancel campaigns.
    ControlCampaigns,
    /// Read campaigns, senders, templates and queues.
    ReadState,
    /// Have the platform asked for templates and numbers.
    SyncTemplates,
    /// Record consents, and put people on the suppression list.
    WriteConsents,
    /// Take people off the suppression list.
    LiftSuppressions,
    /// Read consents.
    ReadConsents,
    /// Give out and erase all data of one person, amounts included.
    PersonalData,
    /// Change the registry.
    WriteAccounts,
    /// Read the registry.
    ReadAccounts,
    /// Export bills.
    Billing,
    /// Settle and close months.
    CloseMonths,
    /// List records that were set aside.
    ReadDeadLetters,
    /// Read their original bytes: phone numbers and one-time codes may be in them.
    ReadDeadLetterBytes,
    /// Put them back where they came from.
    ReplayDeadLetters,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 16] = [
        Self::Enqueue,
        Self::ReadMessages,
        Self::ControlCampaigns,
        Self::ReadState,
        Self::SyncTemplates,
        Self::WriteConsents,
        Self::LiftSuppressions,
        Self::ReadConsents,
        Self::PersonalData,
        Self::WriteAccounts,
        Self::ReadAccounts,
        Self::Billing,
        Self::CloseMonths,
        Self::ReadDeadLetters,
        Self::ReadDeadLetterBytes,
        Self::ReplayDeadLetters,
    ];

    /// Whether the role allows the action.
    #[must_use]
    pub fn allowed_to(self, role: Role) -> bool {
        use Role::{Admin, Enqueue, Finance, Operate};
        match self {
            Self::Enqueue => matches!(role, Enqueue | Admin),
            Self::ReadMessages | Self::WriteConsents | Self::ReadConsents => matches!(role, Enqueue | Operate | Admin),
            Self::ControlCampaigns | Self::SyncTemplates | Self::ReadDeadLetters | Self::LiftSuppressions => {
                matches!(role, Operate | Admin)
            }
            Self::ReadState => matches!(role, Enqueue | Finance | Operate | Admin),
            Self::WriteAccounts | Self::PersonalData | Self::ReadDeadLetterBytes | Self::ReplayDeadLetters => {
                matches!(role, Admin)
            }
            Self::ReadAccounts => matches!(role, Finance | Operate | Admin),
            Self::Billing | Self::CloseMonths => matches!(role, Finance | Admin),
        }
    }
}

/// Decides on requests.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    tokens: Tokens,
}

impl Access {
    pub(crate) fn new(tokens: Tokens) -> Self {
        Self { tokens }
    }

    /// The caller, if its role allows the action.
    pub(super) fn caller(&self, headers: &HeaderMap, action: Action) -> Result<Caller, Problem> {
        if self.is_open() {
            return local(headers);
        }
        let presented = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let Some((_, token)) = presented else {
            return Err(Problem::unauthorized("the request has no bearer token"));
        };
        let caller = self.holder(token);
        let caller = caller.ok_or_else(|| Problem::unauthorized("the bearer token is not known"))?;
        if action.allowed_to(caller.role) {
            Ok(caller)
        } else {
            Err(Problem::forbidden(format!("a token of role `{}` may not do this", caller.role.as_str())))
        }
    }

    /// Whether no token is configured: whoever calls from this machine may do everything, see [`local`].
    pub(crate) fn is_open(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Whose token it is.
    pub(crate) fn holder(&self, token: &str) -> Option<Caller> {
        self.tokens.find(token.trim())
    }

    /// As [`Access::caller`], for one account.
    pub(super) fn account(&self, headers: &HeaderMap, action: Action, account: &str) -> Result<(), Problem> {
        self.caller(headers, action)?.account(account)
    }
}

impl Caller {
    /// Whether the caller may see all accounts together.
    pub(super) fn every_account(&self) -> Result<(), Problem> {
        match &self.accounts {
            Some(_) => Err(Problem::forbidden("the token is for some accounts only; this shows all of them")),
            None => Ok(()),
        }
    }

    /// Whether the caller may touch the account.
    pub(crate) fn account(&self, account: &str) -> Result<(), Problem> {
        match &self.accounts {
            Some(accounts) if !accounts.iter().any(|have| have == account) => {
                Err(Problem::forbidden("the token is not for this account").field("account", account))
            }
            _ => Ok(()),
        }
    }
}

/// The caller where no token is configured.
pub(crate) fn local(headers: &HeaderMap) -> Result<Caller, Problem> {
    check_local(headers)?;
    Ok(Caller { name: None, role: Role::Admin, accounts: None })
}

/// Without tokens only this machine may call: not a web page that a browser on it has open (a foreign `Origin`), nor
/// a name that was made to point here (a foreign `Host`).
fn check_local(headers: &HeaderMap) -> Result<(), Problem> {
    let host = headers.get(HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, port)| if port.ends_with(']') { host } else { name });
    let local = matches!(name, "localhost" | "[::1]")
        || name.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback());
    let same_origin = headers.get(ORIGIN).is_none_or(|origin| {
        origin.to_str().is_ok_and(|origin| origin.strip_prefix("http://").is_some_and(|origin| origin == host))
    });
    if local && same_origin {
        Ok(())
    } else {
        Err(Problem::forbidden("without API tokens only this machine may call, by its loopback address"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::token::{TokenSpec, hash_token};

    const TABLE: &str = "
        Enqueue          enqueue                 admin
        ReadMessages     enqueue         operate admin
        ControlCampaigns                 operate admin
        ReadState        enqueue finance operate admin
        SyncTemplates                    operate admin
        WriteConsents    enqueue         operate admin
        LiftSuppressions                 operate admin
        ReadConsents     enqueue         operate admin
        PersonalData                             admin
        WriteAccounts                            admin
        ReadAccounts             finance operate admin
        Billing                  finance         admin
        CloseMonths              finance         admin
        ReadDeadLetters                  operate admin
        ReadDeadLetterBytes                      admin
        ReplayDeadLetters                        admin
    ";

    #[test]
    fn the_table_of_roles() {
        let rows: Vec<&str> = TABLE.lines().map(str::trim).filter(|row| !row.is_empty()).collect();
        assert_eq!(rows.len(), Action::ALL.len());
        for (row, action) in rows.into_iter().zip(Action::ALL) {
            let words: Vec<&str> = row.split_whitespace().collect();
            assert_eq!(words[0], format!("{action:?}"));
            for name in ["enqueue", "finance", "operate", "admin"] {
                let role = Role::from_name(name).expect("a role");
                assert_eq!(action.allowed_to(role), words[1..].contains(&name), "{action:?} {name}");
            }
        }
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().expect("name"), value.parse().expect("value"))).collect()
    }

    #[test]
    fn without_tokens_only_the_machine_itself() {
        let access = Access::new(Tokens::new(&[]).expect("none"));
        let allowed = |pairs: &[(&'static str, &str)]| access.caller(&headers(pairs), Action::WriteAccounts).is_ok();
        assert!(allowed(&[("host", "127.0.0.1:8080")]) && allowed(&[("host", "localhost:8080")]));
        assert!(allowed(&[("host", "[::1]:8080")]) && allowed(&[("host", "[::1]")]));
        assert!(allowed(&[("host", "localhost:8080"), ("origin", "http://localhost:8080")]));
        assert!(!allowed(&[("host", "evil.example:8080")]), "a name that points here");
        assert!(!allowed(&[("host", "localhost:8080"), ("origin", "https://evil.example")]), "a web page");
        assert!(!allowed(&[]));
    }

    #[test]
    fn scope_and_scheme() {
        let spec = TokenSpec {
            name: "crm".to_owned(),
            sha256: hash_token("s3cret"),
            role: Role::Enqueue,
            accounts: vec!["acme".to_owned()],
        };
        let access = Access::new(Tokens::new(&[spec]).expect("a good hash"));
        let try_as = |value: &str, account: &str| {
            access.account(&headers(&[("authorization", value)]), Action::Enqueue, account).map_err(|p| p.code())
        };
        assert_eq!(try_as("Bearer s3cret", "acme"), Ok(()));
        assert_eq!(try_as("bearer s3cret", "acme"), Ok(()));
        assert_eq!(try_as("Bearer s3cret", "other"), Err("forbidden"));
        assert_eq!(try_as("Bearer s3cre", "acme"), Err("unauthorized"));
        assert_eq!(try_as("Basic s3cret", "acme"), Err("unauthorized"));
        let refused = access.account(&headers(&[("authorization", "Bearer s3cret")]), Action::Billing, "acme");
        let told = refused.expect_err("enqueue tokens see no bills").line();
        assert!(told.contains("a token of role `enqueue` may not do this"), "{told}");
    }
}
