//! The section `[ledger]`.

use std::path::Path;

use tollgate_runtime::ledger::{Place, PostgresConfig, PostgresConfigError};
use tollgate_runtime::node::LEDGER_FILE;

use super::secret;
use super::settings::Settings;

#[derive(Clone, Copy)]
enum Kind {
    Sqlite,
    Postgres,
}

pub(super) fn build(s: &mut Settings, data_dir: &Path) -> Place {
    let file = Place::File(data_dir.join(LEDGER_FILE));
    let kind = s.choice("ledger.kind", &[("sqlite", Kind::Sqlite), ("postgres", Kind::Postgres)]);
    let (url, schema, authorities) =
        (s.text("ledger.postgres_url"), s.text("ledger.postgres_schema"), s.text("ledger.postgres_ca_file"));
    let password = secret::read(s, "ledger.postgres_password");
    if matches!(kind, Kind::Sqlite) {
        return file;
    }
    if url.is_empty() {
        let problem = "ledger.kind = \"postgres\" and ledger.postgres_url is empty";
        s.fault("ledger.kind", problem, "write postgres_url = \"postgres://USER@HOST:5432/DATABASE\"");
        return file;
    }
    let authorities = Some(Path::new(&authorities)).filter(|path| !path.as_os_str().is_empty());
    match PostgresConfig::new(&url, password.as_deref(), &schema, authorities) {
        Ok(config) => Place::Postgres(Box::new(config)),
        Err(error) => {
            let key = match error {
                PostgresConfigError::Url(_) | PostgresConfigError::Password => "ledger.postgres_url",
                PostgresConfigError::Schema(_) => "ledger.postgres_schema",
                PostgresConfigError::Authorities { .. } => "ledger.postgres_ca_file",
            };
            s.fault(key, error.to_string(), "see `tollgate config default`");
            file
        }
    }
}
