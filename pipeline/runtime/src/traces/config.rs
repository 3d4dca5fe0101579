//! What is set for traces.

use hyper::Uri;
use hyper::header::{HeaderName, HeaderValue};

/// Where spans are posted and which are made.
#[derive(Clone, PartialEq, Eq)]
pub struct TracesConfig {
    /// Scheme, host and port of a collector that takes OTLP over HTTP, and a path if it has one.
    pub endpoint: String,
    /// Headers of every post, such as `authorization`, as lines of `name: value`.
    pub headers: String,
    /// `service.name`.
    pub service_name: String,
    /// Of a million requests without a caller's trace, so many are recorded.
    pub sample_per_million: u32,
}

/// What is told of this process with every span.
#[derive(Clone, Copy, Debug)]
pub struct Instance<'a> {
    /// `messaging.system`: what the log is.
    pub system: &'static str,
    /// `service.instance.id`, where processes have names.
    pub id: Option<&'a str>,
}

/// Why spans cannot be posted.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// No address of a collector.
    #[error("{0:?} is not the address of a collector; write one such as http://127.0.0.1:4318")]
    Endpoint(String),
    /// A line of the headers. Its value is a secret.
    #[error("line {0} of the headers is not `name: value`")]
    Header(usize),
    /// TLS could not be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The exporter, for what its environment variables say.
    #[error("the exporter cannot be set up: {0}")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
}

impl TracesConfig {
    /// Checks what can be checked without a collector.
    ///
    /// # Errors
    /// The endpoint or a header cannot be used.
    pub fn check(&self) -> Result<(), TracesError> {
        self.address()?;
        self.header_lines().map(drop)
    }

    /// Where spans are posted.
    pub(super) fn address(&self) -> Result<Uri, TracesError> {
        let wrong = || TracesError::Endpoint(self.endpoint.clone());
        let given: Uri = self.endpoint.parse().map_err(|_| wrong())?;
        let whole = matches!(given.scheme_str(), Some("http" | "https")) && given.host().is_some();
        // A query would swallow the path; who asks in, says so in a header.
        let plain = given.query().is_none() && given.authority().is_some_and(|at| !at.as_str().contains('@'));
        if !(whole && plain) {
            return Err(wrong());
        }
        format!("{}/v1/traces", self.endpoint.trim_end_matches('/')).parse().map_err(|_| wrong())
    }

    pub(super) fn header_lines(&self) -> Result<Vec<(HeaderName, HeaderValue)>, TracesError> {
        let lines = self.headers.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let read = |(at, line): (usize, &str)| {
            let wrong = || TracesError::Header(at + 1);
            let (name, value) = line.split_once(':').ok_or_else(wrong)?;
            let name = HeaderName::try_from(name.trim()).map_err(|_| wrong())?;
            let mut value = HeaderValue::try_from(value.trim()).map_err(|_| wrong())?;
            value.set_sensitive(true);
            Ok((name, value))
        };
        lines.map(read).collect()
    }
}

impl std::fmt::Debug for TracesConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TracesConfig")
            .field("endpoint", &self.endpoint)
            .field("service_name", &self.service_name)
            .field("sample_per_million", &self.sample_per_million)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(endpoint: &str, headers: &str) -> TracesConfig {
        TracesConfig {
            endpoint: endpoint.to_owned(),
            headers: headers.to_owned(),
            service_name: "tollgate".to_owned(),
            sample_per_million: 0,
        }
    }

    #[test]
    fn a_collector_has_an_address_and_takes_traces_below_it() {
        for (endpoint, posted) in [
            ("http://127.0.0.1:4318", Some("http://127.0.0.1:4318/v1/traces")),
            ("https://otel.example/a/", Some("https://otel.example/a/v1/traces")),
            ("127.0.0.1:4318", None),
            ("grpc://127.0.0.1:4317", None),
            ("http://user:secret@otel.example", None),
            ("http://otel.example/?key=secret", None),
            ("", None),
        ] {
            let address = config(endpoint, "").address().map(|at| at.to_string());
            assert_eq!(address.as_deref().ok(), posted, "{endpoint}");
        }
    }

    #[test]
    fn headers_are_lines_and_their_values_are_not_told() {
        let good = config("http://a", "authorization: Bearer s3cret\n\nx-tenant:a:b\n");
        let read: Vec<_> = good.header_lines().unwrap_or_default();
        assert_eq!(read.len(), 2);
        assert_eq!((read[1].0.as_str(), read[1].1.to_str().ok()), ("x-tenant", Some("a:b")));
        assert!(!format!("{good:?} {read:?}").contains("s3cret"));
        for bad in ["a: b\nBearer s3cret", "a: b\nna me: s3cret", "a: b\nc: s3cret\u{7f}"] {
            let told = config("http://a", bad).check().map_err(|error| error.to_string());
            assert_eq!(told, Err("line 2 of the headers is not `name: value`".to_owned()), "{bad}");
        }
    }
}
