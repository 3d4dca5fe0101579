//! HTTP client of a running service: one pooled connection set, bearer token, problem details as one-line errors.

mod answer;
mod path;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

pub use answer::{Answer, Listing, Problem};
pub use path::{encode, path};

/// Where a service listens by default.
const DEFAULT_URL: &str = "http://127.0.0.1:8080";
/// The service answers within 40 seconds by default, long polls included.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Variable that holds the service's address.
const URL: &str = "TOLLGATE_URL";
/// Variable that holds the API token.
const TOKEN: &str = "TOLLGATE_TOKEN";

/// JSON and its lines, as the API takes them.
pub const JSON: &str = "application/json";
/// One JSON value a line.
pub const NDJSON: &str = "application/x-ndjson";

/// Which service, and with which token. The token itself is never an argument: those are visible to others.
#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Service")]
pub struct ClientArgs {
    /// Address of the service's API [default: http://127.0.0.1:8080] [env: TOLLGATE_URL]
    // Read by hand: what stands in a command counts for more than what stands around it, so both are told apart.
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// File with the API token; without it TOLLGATE_TOKEN holds the token, if one is needed
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

impl ClientArgs {
    /// The address that the command or else the environment names.
    pub fn url(&self) -> Option<String> {
        self.url.clone().or_else(|| std::env::var_os(URL).map(|url| url.to_string_lossy().into_owned()))
    }
}

/// Why a call had no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nobody listens there.
    #[error(
        "no service answers at {url}; start one with `tollgate serve` or `tollgate demo`, or name another with --url"
    )]
    NobodyThere {
        /// The service's address.
        url: String,
    },
    /// The connection failed on the way.
    #[error("{url} gave no answer: {detail}; try again, or see the log of the service")]
    Cut {
        /// The service's address.
        url: String,
        /// What happened.
        detail: String,
    },
}

/// A service.
#[derive(Clone)]
pub struct Api {
    http: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: String,
    authorization: Option<HeaderValue>,
}

impl Api {
    /// Sets the client up; no connection is made.
    ///
    /// # Errors
    /// The URL or the token cannot be used.
    pub fn new(args: &ClientArgs) -> anyhow::Result<Self> {
        let api = Self::open(args.url().as_deref().unwrap_or(DEFAULT_URL))?;
        Ok(Self { authorization: authorization(args)?, ..api })
    }

    /// As [`Api::new`], for what asks for no token and is not told one.
    ///
    /// # Errors
    /// The URL cannot be used.
    pub fn open(url: &str) -> anyhow::Result<Self> {
        let url = url.trim_end_matches('/').to_owned();
        let good = url
            .parse::<hyper::Uri>()
            .is_ok_and(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some());
        if !good {
            return Err(anyhow!("--url = {url:?} is no address; write it as http://127.0.0.1:8080"));
        }
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())
            .context("TLS cannot be set up")?
            .https_or_http()
            .enable_http1()
            .build();
        let http = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { http, url, authorization: None })
    }

    /// `GET`.
    ///
    /// # Errors
    /// See [`CallError`]. An answer of any status is no error here.
    pub async fn get(&self, path: &str) -> Result<Answer, CallError> {
        self.call(Method::GET, path, None, Bytes::new()).await
    }

    /// `PUT` of JSON.
    ///
    /// # Errors
    /// As [`Api::get`].
    pub async fn put(&self, path: &str, body: Bytes) -> Result<Answer, CallError> {
        self.call(Method::PUT, path, Some(JSON), body).await
    }

    /// `DELETE`.
    ///
    /// # Errors
    /// As [`Api::get`].
    pub async fn delete(&self, path: &str) -> Result<Answer, CallError> {
        self.call(Method::DELETE, path, None, Bytes::new()).await
    }

    /// `POST`.
    ///
    /// # Errors
    /// As [`Api::get`].
    pub async fn post(&self, path: &str, content_type: &'static str, body: Bytes) -> Result<Answer, CallError> {
        self.call(Method::POST, path, Some(content_type), body).await
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        content_type: Option<&'static str>,
        body: Bytes,
    ) -> Result<Answer, CallError> {
        let request = self.request(method, path, content_type, body)?;
        let answer = async {
            let response = self.http.request(request).await.map_err(|error| {
                if error.is_connect() { CallError::NobodyThere { url: self.url.clone() } } else { self.cut(&error) }
            })?;
            let (head, body) = response.into_parts();
            let body = body.collect().await.map_err(|error| self.cut(&error))?.to_bytes();
            Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
        };
        match tokio::time::timeout(TIMEOUT, answer).await {
            Ok(answer) => answer,
            Err(_) => Err(CallError::Cut {
                url: self.url.clone(),
                detail: format!("nothing within {} seconds", TIMEOUT.as_secs()),
            }),
        }
    }

    /// Writes the body of a `GET` as it comes, so that it is never whole in memory. Answers its length.
    ///
    /// # Errors
    /// The call or the writing fails, or the service refuses.
    pub async fn download(&self, path: &str, out: &mut dyn std::io::Write) -> anyhow::Result<u64> {
        let request = self.request(Method::GET, path, None, Bytes::new())?;
        let response = self.http.request(request).await.map_err(|error| match error.is_connect() {
            true => CallError::NobodyThere { url: self.url.clone() },
            false => self.cut(&error),
        })?;
        let (head, mut body) = response.into_parts();
        if !head.status.is_success() {
            let body = body.collect().await.map_err(|error| self.cut(&error))?.to_bytes();
            let answer = Answer { status: head.status.as_u16(), headers: head.headers, body };
            return Err(answer.refusal());
        }
        let mut written = 0;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| self.cut(&error))?;
            if let Some(data) = frame.data_ref() {
                out.write_all(data)?;
                written += data.len() as u64;
            }
        }
        Ok(written)
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        content_type: Option<&'static str>,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, CallError> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        if let Some(content_type) = content_type {
            request = request.header(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        request.body(Full::new(body)).map_err(|error| self.cut(&error))
    }

    fn cut(&self, error: &dyn std::error::Error) -> CallError {
        let mut detail = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            detail = format!("{detail}: {error}");
            cause = error.source();
        }
        CallError::Cut { url: self.url.clone(), detail }
    }
}

fn authorization(args: &ClientArgs) -> anyhow::Result<Option<HeaderValue>> {
    let (token, from) = match &args.token_file {
        Some(file) => {
            let token = std::fs::read_to_string(file);
            let token = token.with_context(|| format!("--token-file {} cannot be read", file.display()))?;
            (token, "--token-file")
        }
        None => match std::env::var(TOKEN) {
            Ok(token) => (token, TOKEN),
            Err(_) => return Ok(None),
        },
    };
    let value = HeaderValue::from_str(&format!("Bearer {}", token.trim()));
    let mut value =
        value.map_err(|_| anyhow!("the token of {from} has characters that HTTP does not allow; check it"))?;
    value.set_sensitive(true);
    Ok(Some(value))
}
