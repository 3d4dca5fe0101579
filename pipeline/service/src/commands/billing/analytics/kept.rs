//! The file of answers, one a line. What has been asked is on each line, so days without a message are known too.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use serde::Deserialize;
use tollgate_runtime::ledger::spans;
use tollgate_wire::Time;

use super::days::{DAY_S, Span};

/// Longest line, in bytes: the longest answer of the platform that is taken, and what is written around it.
const LINE_MAX: u64 = 65 << 20;

/// What a line is of; the figures are not looked at here.
#[derive(Deserialize)]
struct Head {
    id: Option<String>,
    fetched_at: Option<Time>,
    start: Option<i64>,
    end: Option<i64>,
}

/// The file, and the days that it has.
#[derive(Debug)]
pub(super) struct Kept {
    path: PathBuf,
    /// By WABA: days that were over when they were asked for.
    days: BTreeMap<String, BTreeSet<i64>>,
    /// Whether the last line has no end.
    open_line: bool,
}

impl Kept {
    /// Reads which days a file has; none where it is not there yet.
    ///
    /// # Errors
    /// It cannot be read, or has something else in it.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let mut kept = Self { path: path.to_owned(), days: BTreeMap::new(), open_line: false };
        let cannot = || format!("--out {} cannot be read", path.display());
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(kept),
            file => file.with_context(cannot)?,
        };
        let mut file = BufReader::new(file);
        let mut line = Vec::new();
        for number in 1_u64.. {
            line.clear();
            if (&mut file).take(LINE_MAX + 1).read_until(b'\n', &mut line).with_context(cannot)? == 0 {
                break;
            }
            kept.open_line = !line.ends_with(b"\n");
            if !line.trim_ascii().is_empty() {
                kept.line(&line).map_err(|why| {
                    let remedy = "name another file with --out, or take the line out";
                    anyhow!("{}:{number}: this is no answer of one line: {why}; {remedy}", path.display())
                })?;
            }
        }
        Ok(kept)
    }

    fn line(&mut self, line: &[u8]) -> Result<(), String> {
        if line.len() as u64 > LINE_MAX {
            return Err(format!("it has more than {} MiB", LINE_MAX >> 20));
        }
        let head: Head = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        // An answer that was appended by other means does not say what was asked: it counts, but its days are asked for.
        if let (Some(id), Some(fetched), Some(start), Some(end)) = (head.id, head.fetched_at, head.start, head.end) {
            let over = i64::from(fetched.secs()) / DAY_S;
            let first = start.saturating_add(DAY_S - 1).div_euclid(DAY_S).max(0);
            self.days.entry(id).or_default().extend(first..(end / DAY_S).min(over));
        }
        Ok(())
    }

    /// The days of a span that the file lacks of a WABA, those that follow each other together.
    pub(super) fn missing(&self, waba: &str, span: Span) -> Vec<Span> {
        let has = self.days.get(waba);
        spans(span.filter(|day| !has.is_some_and(|days| days.contains(day))))
    }

    /// Appends an answer and waits until the disk has it.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn append(&mut self, line: &str) -> anyhow::Result<()> {
        let cannot = || format!("--out {} cannot be written", self.path.display());
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path);
        let mut file = file.with_context(cannot)?;
        let before = if self.open_line { "\n" } else { "" };
        file.write_all(format!("{before}{line}\n").as_bytes()).with_context(cannot)?;
        file.sync_all().with_context(cannot)?;
        self.open_line = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// An answer about days, fetched an hour after a midnight.
    fn line(waba: &str, days: Span, fetched_day: i64) -> String {
        let fetched = Time((fetched_day * DAY_S * 1_000).unsigned_abs() + 3_600_000);
        let (start, end) = (days.start * DAY_S, days.end * DAY_S);
        format!(
            r#"{{"id":"{waba}","fetched_at":"{fetched}","start":{start},"end":{end},"pricing_analytics":{{"data":[]}}}}"#
        )
    }

    #[test]
    fn days_that_were_over_when_they_were_fetched_are_there() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("analytics.jsonl");
        let mut kept = Kept::open(&path).expect("nothing yet");
        assert_eq!(kept.missing("w1", 10..20).as_slice(), std::slice::from_ref(&(10..20)));
        kept.append(&line("w1", 12..14, 20)).expect("appended");
        // The last of these was not over yet.
        kept.append(&line("w1", 16..19, 18)).expect("appended");
        kept.append(&line("w2", 10..20, 20)).expect("appended");
        let kept = Kept::open(&path).expect("reads");
        assert_eq!(kept.missing("w1", 10..20), [10..12, 14..16, 18..20]);
        assert!(kept.missing("w2", 10..20).is_empty());
        assert_eq!(kept.missing("w3", 10..11).as_slice(), std::slice::from_ref(&(10..11)));
        let mode = std::fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "others may not read it");
    }

    #[test]
    fn what_others_appended_stays_and_is_asked_for() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("analytics.jsonl");
        let raw = r#"{"pricing_analytics":{"data":[]},"id":"w1"}"#;
        std::fs::write(&path, format!("\n{raw}")).expect("written");
        let mut kept = Kept::open(&path).expect("reads");
        assert_eq!(kept.missing("w1", 1..2).as_slice(), std::slice::from_ref(&(1..2)));
        kept.append("{}").expect("appended");
        assert_eq!(std::fs::read_to_string(&path).expect("read"), format!("\n{raw}\n{{}}\n"), "a line of its own");
    }

    #[test]
    fn another_file_is_left_alone() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("bill.csv");
        let answer = line("w1", 1..2, 3);
        for (text, at) in [("a,b\n".to_owned(), 1), (format!("{answer}\n{}", &answer[..40]), 2)] {
            std::fs::write(&path, &text).expect("written");
            let told = Kept::open(&path).expect_err("refused").to_string();
            assert!(told.contains(&format!("bill.csv:{at}: this is no answer of one line")), "{told}");
            assert_eq!(std::fs::read_to_string(&path).expect("read"), text);
        }
    }
}
