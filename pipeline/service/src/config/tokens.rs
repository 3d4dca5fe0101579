//! The API tokens' entries.

use std::collections::BTreeMap;

use tollgate_runtime::gateway::{Role, TokenSpec};

use super::settings::{Item, Settings};
use super::{Fault, nearest};

const KEYS: [&str; 4] = ["name", "sha256", "role", "accounts"];

/// Every entry of `gateway.tokens`; what is wrong with one is a fault.
pub(super) fn build(settings: &mut Settings) -> Vec<TokenSpec> {
    let mut tokens: Vec<TokenSpec> = Vec::new();
    for (place, fields) in settings.list("gateway.tokens") {
        let token = entry(fields).and_then(|token| {
            let twice = tokens.iter().any(|other| other.name == token.name);
            if twice {
                return Err((format!("two tokens are named {:?}", token.name), "rename one".to_owned()));
            }
            Ok(token)
        });
        match token {
            Ok(token) => tokens.push(token),
            Err((problem, remedy)) => {
                settings.faults.push(Fault { place, problem: format!("gateway.tokens: {problem}"), remedy });
            }
        }
    }
    tokens
}

/// Problem and remedy.
type Wrong = (String, String);

fn entry(mut fields: BTreeMap<String, Item>) -> Result<TokenSpec, Wrong> {
    if let Some(key) = fields.keys().find(|key| !KEYS.contains(&key.as_str())) {
        let remedy = nearest(key, KEYS)
            .map_or_else(|| format!("use {}", KEYS.join(", ")), |known| format!("did you mean {known}?"));
        return Err((format!("{key} is not a known key"), remedy));
    }
    let accounts = match fields.remove("accounts") {
        None => Vec::new(),
        Some(Item::Texts(accounts)) => accounts,
        Some(Item::Text(_)) => {
            return Err(("accounts is no list".to_owned(), "write accounts = [\"acme\"]".to_owned()));
        }
    };
    let mut text = |key: &str| match fields.remove(key) {
        Some(Item::Text(text)) if !text.is_empty() => Ok(text),
        _ => Err((format!("{key} is missing"), "`tollgate token new` prints a whole entry".to_owned())),
    };
    let (name, sha256, role) = (text("name")?, text("sha256")?, text("role")?);
    let role = Role::from_name(&role).ok_or_else(|| {
        (format!("role = {role:?} is not known"), "use enqueue, finance, operate or admin".to_owned())
    })?;
    let hash = sha256.trim();
    if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let problem = format!("sha256 of {name} is not 64 hexadecimal digits");
        return Err((problem, "store the token's hash as `tollgate token new` prints it, never the token".to_owned()));
    }
    Ok(TokenSpec { name, sha256, role, accounts })
}
