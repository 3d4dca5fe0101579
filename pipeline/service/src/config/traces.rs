//! The section `[traces]`.

use tollgate_runtime::traces::{TracesConfig, TracesError};

use super::secret;
use super::settings::Settings;

const ENDPOINT: &str = "traces.endpoint";

/// `None` where no collector is named. Everything is checked all the same.
pub(super) fn build(s: &mut Settings) -> Option<TracesConfig> {
    let config = TracesConfig {
        endpoint: s.text(ENDPOINT),
        headers: secret::read(s, "traces.headers").unwrap_or_default(),
        service_name: s.text("traces.service_name"),
        sample_per_million: s.number("traces.sample_per_million", 0..=1_000_000) as u32,
    };
    if config.service_name.is_empty() {
        s.fault("traces.service_name", "traces.service_name is empty", "write a name such as tollgate");
    }
    if config.endpoint.is_empty() {
        if config.sample_per_million > 0 {
            let problem = "traces.sample_per_million is set and traces.endpoint is empty";
            s.fault("traces.sample_per_million", problem, "name a collector such as http://127.0.0.1:4318");
        }
        return None;
    }
    if let Err(error) = config.check() {
        let (key, remedy) = match error {
            TracesError::Header(_) => ("traces.headers_file", "write one `name: value` on each line"),
            _ => (ENDPOINT, "see `tollgate config default`"),
        };
        s.fault(key, format!("{key}: {error}"), remedy);
    }
    Some(config)
}
