//! API tokens: stored as SHA-256 hashes, compared in constant time.

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::access::Role;
use super::config::GatewayError;

/// A token as configured. Tokens are long random strings, so a plain hash is enough to store.
#[derive(Clone, Debug)]
pub struct TokenSpec {
    /// Name for people and logs.
    pub name: String,
    /// SHA-256 of the token in hexadecimal.
    pub sha256: String,
    /// What it may do.
    pub role: Role,
    /// Accounts it may touch; empty = all.
    pub accounts: Vec<String>,
}

/// The hash to configure for a token.
#[must_use]
pub fn hash_token(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

/// All tokens, ready to compare.
#[derive(Clone, Debug)]
pub(crate) struct Tokens(Vec<Token>);

#[derive(Clone, Debug)]
struct Token {
    name: String,
    hash: [u8; 32],
    role: Role,
    accounts: Vec<String>,
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Name of the token; `None` where no token is configured.
    pub(crate) name: Option<String>,
    pub(crate) role: Role,
    /// `None` = all accounts.
    pub(crate) accounts: Option<Vec<String>>,
}

impl Tokens {
    pub(crate) fn new(specs: &[TokenSpec]) -> Result<Self, GatewayError> {
        let token = |spec: &TokenSpec| {
            let mut hash = [0; 32];
            hex::decode_to_slice(spec.sha256.trim(), &mut hash)
                .map_err(|_| GatewayError::TokenHash { name: spec.name.clone() })?;
            Ok(Token { name: spec.name.clone(), hash, role: spec.role, accounts: spec.accounts.clone() })
        };
        specs.iter().map(token).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The caller with this token. Every stored hash is compared, whole, whether or not one has matched.
    pub(super) fn find(&self, presented: &str) -> Option<Caller> {
        let presented: [u8; 32] = Sha256::digest(presented.as_bytes()).into();
        let mut found = None;
        for token in &self.0 {
            let same: Choice = token.hash.ct_eq(&presented);
            if bool::from(same) {
                found = Some(token);
            }
        }
        found.map(|token| Caller {
            name: Some(token.name.clone()),
            role: token.role,
            accounts: (!token.accounts.is_empty()).then(|| token.accounts.clone()),
        })
    }
}
