//! Which parts a process is.

use std::collections::BTreeSet;
use std::str::FromStr;

use crate::ledger::Place;

/// A part of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Decides.
    Shards,
    /// Calls the platform.
    Dispatch,
    /// API and webhooks.
    Gateway,
    /// Books charges.
    Ledger,
    /// Projects what people see.
    Views,
}

impl Role {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Shards, "shards"),
        (Self::Dispatch, "dispatch"),
        (Self::Gateway, "gateway"),
        (Self::Ledger, "ledger"),
        (Self::Views, "views"),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(role, _)| *role == self).map_or("", |(_, name)| name)
    }
}

/// The parts of one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roles(BTreeSet<Role>);

/// Why roles cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RolesError {
    /// A name that is none.
    #[error("role {0:?} is not known; write some of shards, dispatch, gateway, ledger, views with commas")]
    Unknown(String),
    /// SQLite cannot be shared between processes.
    #[error(
        "roles {0:?}: gateway, ledger and views share one SQLite file and must be one process; give it all three or \
         none, or keep ledger and views in PostgreSQL: ledger.kind = \"postgres\""
    )]
    Apart(String),
}

impl Roles {
    /// All of them.
    #[must_use]
    pub fn all() -> Self {
        Self(Role::ALL.iter().map(|(role, _)| *role).collect())
    }

    /// Whether these can be one process, where ledger and views are kept so.
    ///
    /// # Errors
    /// They must share a file with another process.
    pub fn check(&self, ledger: &Place) -> Result<(), RolesError> {
        let together = [Role::Gateway, Role::Ledger, Role::Views].iter().filter(|role| self.has(**role)).count();
        match ledger {
            Place::File(_) if matches!(together, 1 | 2) => Err(RolesError::Apart(self.to_string())),
            Place::File(_) | Place::Postgres(_) => Ok(()),
        }
    }

    /// Whether a part is among them.
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.0.contains(&role)
    }
}

impl FromStr for Roles {
    type Err = RolesError;

    fn from_str(text: &str) -> Result<Self, RolesError> {
        let roles = text
            .split(',')
            .map(str::trim)
            .map(|name| {
                let known = Role::ALL.iter().find(|(_, known)| *known == name);
                known.map(|(role, _)| *role).ok_or_else(|| RolesError::Unknown(name.to_owned()))
            })
            .collect::<Result<BTreeSet<Role>, _>>()?;
        Ok(Self(roles))
    }
}

impl std::fmt::Display for Roles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, role) in self.0.iter().enumerate() {
            write!(f, "{}{}", if i == 0 { "" } else { "," }, role.name())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::PostgresConfig;

    fn postgres() -> PostgresConfig {
        PostgresConfig::new("postgres://localhost/x", None, "tollgate", None).expect("an address")
    }

    #[test]
    fn roles_are_read_and_refused() {
        assert_eq!("shards, dispatch".parse::<Roles>().map(|r| r.to_string()), Ok("shards,dispatch".to_owned()));
        assert_eq!("gateway,views,ledger,shards,dispatch".parse(), Ok(Roles::all()));
        assert_eq!("shard".parse::<Roles>(), Err(RolesError::Unknown("shard".to_owned())));
        let apart: Roles = "shards,views".parse().expect("roles");
        let (file, server) = (Place::File("ledger.db".into()), Place::Postgres(Box::new(postgres())));
        assert_eq!(apart.check(&file), Err(RolesError::Apart("shards,views".to_owned())));
        assert_eq!((apart.check(&server), Roles::all().check(&file)), (Ok(()), Ok(())));
    }
}
