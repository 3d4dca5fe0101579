//! Until when the certificates in configured files hold.

use std::fmt;
use std::path::PathBuf;

use tollgate_metrics::Certificate;
use tollgate_runtime::node::{certificate_ends, day_of};
use tollgate_wire::Time;

use super::DAYS_BEFORE;
use crate::config::Fault;

/// A file and when the first certificate in it ends.
#[derive(serde::Serialize)]
pub(super) struct Holds {
    certificate: &'static str,
    file: PathBuf,
    /// The day, in UTC; none when it is not known.
    ends: Option<String>,
}

impl fmt::Display for Holds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { certificate, file, ends } = self;
        match ends {
            Some(day) => write!(f, "{certificate} {} holds until {day}", file.display()),
            None => write!(f, "{certificate} {}: no end is known", file.display()),
        }
    }
}

/// Looks at each; what has ended, ends soon or is not there is a finding.
pub(super) fn look(files: &[(Certificate, PathBuf)], now: Time, findings: &mut Vec<Fault>) -> Vec<Holds> {
    let looked = files.iter().map(|(which, file)| {
        let found = |problem: String, remedy: &str| Fault {
            place: file.display().to_string(),
            problem: format!("{}: {problem}", which.as_str()),
            remedy: remedy.to_owned(),
        };
        let ends = match certificate_ends(file) {
            Ok(ends) => Some(day_of(Time(u64::try_from(ends).unwrap_or(0) * 1_000))),
            Err(why) => {
                findings.push(found(
                    format!("the end of its certificate is not known: {why}"),
                    "name a PEM file with certificates that this user may read",
                ));
                None
            }
        };
        if let Some(day) = ends {
            let days = i64::from(day_of(now).until(day).map_or(0, |until| until.get_days()));
            let remedy = "renew it as docs/runbooks/TollgateCertificateExpires.md says, then restart";
            if days <= 0 {
                findings.push(found(format!("a certificate in it ended on {day}"), remedy));
            } else if days < DAYS_BEFORE {
                findings.push(found(format!("a certificate in it ends on {day}, in {days} days"), remedy));
            }
        }
        Holds { certificate: which.as_str(), file: file.clone(), ends: ends.map(|day| day.to_string()) }
    });
    looked.collect()
}
