//! What an export is of: month, account, format, view. One of another scope is never replaced.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use serde::Deserialize;
use tollgate_rate_card::YearMonth;
use tollgate_runtime::ledger::{LedgerReader as _, Reader};
use tollgate_wire::Time;

use super::ExportArgs;
use crate::config::nearest;

/// A month begins first at UTC+14, in milliseconds before UTC.
const EARLIEST_ZONE_MS: u64 = 14 * 3_600_000;

/// What an export is of, as its manifest says it too.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Scope {
    billing_period: String,
    #[serde(default)]
    account: Option<String>,
    format: String,
    /// Of FOCUS.
    #[serde(default)]
    view: Option<String>,
    with_recipients: bool,
}

impl Scope {
    pub(super) fn of(args: &ExportArgs) -> Self {
        Self {
            billing_period: args.month.to_string(),
            account: args.account.clone(),
            format: args.format.as_str().to_owned(),
            view: args.view().map(|view| view.as_str().to_owned()),
            with_recipients: args.with_recipients,
        }
    }

    /// The file's name when none is given. Of an account's name only what an account's id may have.
    pub(super) fn default_name(&self, extension: &str) -> String {
        let plain = |sign: char| if sign.is_ascii_alphanumeric() || "._-".contains(sign) { sign } else { '_' };
        let account = self.account.as_ref().map(|account| account.chars().map(plain).collect::<String>() + "_");
        let view = self.view.as_ref().map(|view| format!("_{view}")).unwrap_or_default();
        format!("billing_{}_{}{}{view}.{extension}", self.billing_period, account.unwrap_or_default(), self.format)
    }

    /// Whether the file may be replaced: it is not there, is empty, or is an export of the same scope.
    ///
    /// # Errors
    /// It is something else: a file of somebody's, a directory, a device, which the export would take the place of.
    pub(super) fn may_replace(&self, out: &Path) -> anyhow::Result<()> {
        let name = out.display();
        // A link of the system's to what a process has open, such as /dev/stdout, is never a file of an export.
        let is_link = std::fs::symlink_metadata(out).is_ok_and(|meta| meta.is_symlink());
        let of_the_system = is_link && ["/dev", "/proc"].iter().any(|place| out.starts_with(place));
        match std::fs::metadata(out) {
            Ok(there) if there.is_dir() => return Err(anyhow!("--out {name} is a directory; name a file in it")),
            Ok(there) if !there.is_file() || of_the_system => {
                return Err(anyhow!("--out {name} is no file that could be replaced; write --out - for stdout"));
            }
            Ok(there) if there.len() > 0 => {}
            _ => return Ok(()),
        }
        let manifest = std::fs::read(manifest_path(out)).ok();
        let Some(there) = manifest.and_then(|text| serde_json::from_slice::<Self>(&text).ok()) else {
            let remedy = "move it away, or name another file with --out";
            return Err(anyhow!("{name} is there, without the manifest that would say what it is of; {remedy}"));
        };
        if there == *self {
            return Ok(());
        }
        Err(anyhow!(
            "{name} is the export of {}, this one would be of {}; name another file with --out",
            there.words(),
            self.words()
        ))
    }

    fn words(&self) -> String {
        let account = self.account.as_deref().map_or("all accounts".to_owned(), |account| format!("account {account}"));
        let people = if self.with_recipients { " with recipients" } else { "" };
        let view = self.view.as_ref().map(|view| format!(" for the {view}")).unwrap_or_default();
        format!("{} {}{view}, {account}{people}", self.billing_period, self.format)
    }
}

/// Where the manifest of an export lies.
pub(super) fn manifest_path(out: &Path) -> PathBuf {
    let mut path = out.as_os_str().to_owned();
    path.push(".manifest.json");
    path.into()
}

/// An account is known by its snapshot, or by entries in the month.
///
/// # Errors
/// It is not known; or the database.
pub(super) fn check_account(reader: &Reader, account: &str, month: YearMonth) -> anyhow::Result<()> {
    let known = reader.accounts().context("the accounts cannot be read")?;
    let mut names = known.items.iter().map(|known| known.account.as_str());
    if names.clone().any(|name| name == account) || reader.entry_count(month, Some(account))? > 0 {
        return Ok(());
    }
    let meant = match nearest(account, names.clone()) {
        Some(meant) => format!("did you mean {meant}?"),
        None if names.next().is_none() => "there is none here yet".to_owned(),
        None => "see `tollgate accounts list`".to_owned(),
    };
    Err(anyhow!("--account = {account:?}: there is no such account; {meant}"))
}

/// What is to be said of a month that has not begun anywhere.
pub(super) fn future(month: YearMonth, now: Time) -> Option<String> {
    let latest: YearMonth = Time(now.0 + EARLIEST_ZONE_MS).to_string().get(..7)?.parse().ok()?;
    (month > latest).then(|| format!("{month} has not begun yet: nothing is booked for it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(account: Option<&str>) -> Scope {
        Scope {
            billing_period: "2026-10".to_owned(),
            account: account.map(str::to_owned),
            format: "summary".to_owned(),
            view: None,
            with_recipients: false,
        }
    }

    #[test]
    fn the_account_is_in_the_name() {
        assert_eq!(scope(None).default_name("csv"), "billing_2026-10_summary.csv");
        assert_eq!(scope(Some("acme")).default_name("csv"), "billing_2026-10_acme_summary.csv");
        let focus = Scope { format: "focus".to_owned(), view: Some("customer".to_owned()), ..scope(Some("acme")) };
        assert_eq!(focus.default_name("parquet"), "billing_2026-10_acme_focus_customer.parquet");
        assert_eq!(scope(Some("../é")).default_name("csv"), "billing_2026-10_..___summary.csv", "never a path");
    }

    #[test]
    fn only_the_same_scope_is_replaced() {
        let directory = tempfile::tempdir().expect("a directory");
        let out = directory.path().join("bill.csv");
        assert!(scope(None).may_replace(&out).is_ok(), "nothing is there");
        std::fs::write(&out, "").expect("written");
        assert!(scope(None).may_replace(&out).is_ok(), "an empty file");
        std::fs::write(&out, "a,b\n").expect("written");
        let told = scope(None).may_replace(&out).expect_err("something of somebody").to_string();
        assert!(told.contains("without the manifest"), "{told}");
        let manifest =
            r#"{"billing_period":"2026-10","account":"acme","format":"summary","with_recipients":false,"rows":1}"#;
        std::fs::write(manifest_path(&out), manifest).expect("written");
        assert!(scope(Some("acme")).may_replace(&out).is_ok(), "the same again");
        let told = scope(None).may_replace(&out).expect_err("all accounts over one").to_string();
        assert!(told.contains("is the export of 2026-10 summary, account acme"), "{told}");
    }

    #[test]
    fn a_month_to_come_is_told() {
        let last_day = Time(1_793_446_000_000); // 2026-10-31T11:26:40Z, already November at UTC+14.
        let month = |text: &str| text.parse::<YearMonth>().expect("a month");
        assert_eq!(future(month("2026-11"), last_day), None);
        assert!(future(month("2026-12"), last_day).is_some_and(|note| note.contains("2026-12 has not begun")));
    }
}
