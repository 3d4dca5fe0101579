//! The whole configuration is checked before anything starts.

use std::collections::HashSet;

use hyper::Uri;
use jiff::{civil, tz::TimeZone};

use super::SandboxConfig;
use super::account::PortfolioConfig;
use crate::error::SandboxError;

/// What a check derives from the text of the configuration.
#[derive(Debug)]
pub(crate) struct Checked {
    /// Major part of `graph_version`.
    pub(crate) graph_major: u32,
    /// The receiver, if any.
    pub(crate) webhook: Option<Uri>,
    /// Bytes that sign webhooks.
    pub(crate) signing_key: Vec<u8>,
    /// Start of each era, one pair per account, in the order of `accounts`.
    pub(crate) eras: Vec<EraStarts>,
    /// Time zone of each account, in the order of `accounts`.
    pub(crate) zones: Vec<TimeZone>,
}

/// First second at which a kind of message is charged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EraStarts {
    /// Utility inside a window.
    pub(crate) utility_s: u64,
    /// Service.
    pub(crate) service_s: u64,
}

impl Checked {
    pub(crate) fn new(config: &SandboxConfig) -> Result<Self, SandboxError> {
        if config.bearer_tokens.is_empty() || config.bearer_tokens.iter().any(String::is_empty) {
            return refuse("bearer_tokens", "", "give at least one token, none empty");
        }
        check_numbers(config)?;
        let webhook = match &config.webhooks.url {
            None => None,
            Some(url) => match url.parse::<Uri>() {
                Ok(uri) if uri.scheme_str() == Some("http") && uri.host().is_some() => Some(uri),
                _ => return refuse("webhooks.url", url, "give http://host:port/path"),
            },
        };
        let Some(signing_key) = config.webhooks.app_secret.key() else {
            return refuse("webhooks.app_secret", "hex:…", "after hex: only hex digits");
        };
        let mut ids = HashSet::new();
        let (mut eras, mut zones) = (Vec::new(), Vec::new());
        for (index, account) in config.accounts.iter().enumerate() {
            let (starts, zone) = check_account(config, index, account, &mut ids)?;
            eras.push(starts);
            zones.push(zone);
        }
        super::bands::check(&config.volume_bands)?;
        Ok(Self { graph_major: graph_major(&config.graph_version)?, webhook, signing_key, eras, zones })
    }
}

fn check_numbers(config: &SandboxConfig) -> Result<(), SandboxError> {
    for (name, rate) in config.rates.named() {
        if !(0.0..=1.0).contains(&rate) {
            return refuse(&format!("rates.{name}"), &rate.to_string(), "a share from 0 to 1");
        }
    }
    let delays = &config.delays;
    for (name, value) in [
        ("delay_scale", delays.delay_scale),
        ("sigma", delays.sigma),
        ("sent_median_ms", delays.sent_median_ms),
        ("delivered_median_ms", delays.delivered_median_ms),
        ("read_median_ms", delays.read_median_ms),
        ("reply_median_ms", delays.reply_median_ms),
        ("held_median_ms", delays.held_median_ms),
        ("repeat_median_ms", delays.repeat_median_ms),
    ] {
        if !(0.0..=1e9).contains(&value) {
            return refuse(&format!("delays.{name}"), &value.to_string(), "0 or more");
        }
    }
    let webhooks = &config.webhooks;
    let bounds = [
        ("webhooks.updates_max", webhooks.updates_max as u64, 1, 1_000),
        ("webhooks.flush_ms", webhooks.flush_ms, 1, 60_000),
        ("webhooks.concurrency", webhooks.concurrency as u64, 1, 1_000),
        ("webhooks.timeout_ms", webhooks.timeout_ms, 1, 600_000),
        ("webhooks.retry_first_ms", webhooks.retry_first_ms, 1, 600_000),
        ("webhooks.queue_max_updates", webhooks.queue_max_updates as u64, 1_000, 1 << 32),
        ("limits.pair_interval_ms", config.limits.pair_interval_ms, 1, 86_400_000),
        ("limits.pair_burst", u64::from(config.limits.pair_burst), 1, 10_000),
        ("limits.management_calls_per_hour", u64::from(config.limits.management_calls_per_hour), 1, 100_000),
    ];
    for (name, value, min, max) in bounds {
        if !(min..=max).contains(&value) {
            return refuse(name, &value.to_string(), "outside the documented bounds");
        }
    }
    Ok(())
}

fn check_account(
    config: &SandboxConfig,
    index: usize,
    account: &PortfolioConfig,
    ids: &mut HashSet<String>,
) -> Result<(EraStarts, TimeZone), SandboxError> {
    let field = |name: &str| format!("accounts[{index}].{name}");
    if account.senders.is_empty() {
        return refuse(&field("senders"), "", "give at least one number");
    }
    for id in
        [&account.id, &account.waba].into_iter().chain(account.senders.iter().map(|sender| &sender.phone_number_id))
    {
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/') {
            return refuse(&field("id"), id, "ids are printable, without spaces or slashes");
        }
    }
    if !ids.insert(format!("waba {}", account.waba)) {
        return refuse(&field("waba"), &account.waba, "each WABA belongs to one account");
    }
    for sender in &account.senders {
        if !ids.insert(format!("number {}", sender.phone_number_id)) {
            let remedy = "each number belongs to one account";
            return refuse(&field("senders"), &sender.phone_number_id, remedy);
        }
        if !sender.display_phone_number.bytes().all(|byte| byte.is_ascii_digit()) {
            let remedy = "digits only, with the country code";
            return refuse(&field("senders.display_phone_number"), &sender.display_phone_number, remedy);
        }
        if sender.throughput_mps == 0 || sender.throughput_mps > 100_000 {
            let value = sender.throughput_mps.to_string();
            return refuse(&field("senders.throughput_mps"), &value, "1 to 100000");
        }
    }
    let mut templates = HashSet::new();
    for template in &account.templates {
        if !templates.insert((&template.name, &template.language)) {
            return refuse(&field("templates"), &template.name, "one entry per name and language");
        }
    }
    let Ok(zone) = TimeZone::get(&account.time_zone) else {
        return refuse(&field("time_zone"), &account.time_zone, "an IANA name, such as America/Bogota");
    };
    let starts = EraStarts {
        utility_s: day_start("utility_in_window_charged_from", &config.utility_in_window_charged_from, &zone)?,
        service_s: day_start("service_charged_from", &config.service_charged_from, &zone)?,
    };
    Ok((starts, zone))
}

fn day_start(field: &str, text: &str, zone: &TimeZone) -> Result<u64, SandboxError> {
    text.parse::<civil::Date>()
        .and_then(|date| date.to_zoned(zone.clone()))
        .map(|start| start.timestamp().as_second().max(0).unsigned_abs())
        .or_else(|_| refuse(field, text, "a date, YYYY-MM-DD"))
}

fn graph_major(text: &str) -> Result<u32, SandboxError> {
    crate::graph::version_major(text).map_or_else(|| refuse("graph_version", text, "a version such as v24.0"), Ok)
}

pub(super) fn refuse<T>(field: &str, value: &str, remedy: &'static str) -> Result<T, SandboxError> {
    Err(SandboxError::Config { field: field.to_owned(), value: value.to_owned(), remedy })
}

#[cfg(test)]
mod tests {
    use super::Checked;
    use crate::config::SandboxConfig;

    fn refusal(change: impl FnOnce(&mut SandboxConfig)) -> String {
        let mut config = SandboxConfig::example();
        change(&mut config);
        Checked::new(&config).expect_err("refused").to_string()
    }

    #[test]
    fn each_refusal_names_its_key() {
        let cases: [(&str, String); 8] = [
            ("bearer_tokens", refusal(|c| c.bearer_tokens.clear())),
            ("graph_version", refusal(|c| c.graph_version = "24".into())),
            ("rates.silence", refusal(|c| c.rates.silence = 1.5)),
            ("delays.delay_scale", refusal(|c| c.delays.delay_scale = f64::NAN)),
            ("webhooks.url", refusal(|c| c.webhooks.url = Some("ftp://x".into()))),
            ("webhooks.app_secret", refusal(|c| c.webhooks.app_secret.0 = "hex:zz".into())),
            ("service_charged_from", refusal(|c| c.service_charged_from = "soon".into())),
            ("time_zone", refusal(|c| c.accounts[0].time_zone = "Mars/Base".into())),
        ];
        for (key, message) in cases {
            assert!(message.contains(key), "{key}: {message}");
        }
    }

    #[test]
    fn an_era_starts_at_local_midnight() {
        let mut config = SandboxConfig::example();
        config.accounts[0].time_zone = "America/Bogota".into();
        let checked = Checked::new(&config).expect("valid");
        // 2026-10-01 00:00 in Bogota is 05:00 UTC.
        assert_eq!(checked.eras[0].utility_s, 1_790_830_800);
    }
}
