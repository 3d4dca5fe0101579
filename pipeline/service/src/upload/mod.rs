//! Sends many JSON lines to a batch address of the service, or requests to their topics: a few batches in flight,
//! retries, and a mark of what is acknowledged without a gap.
//!
//! `batch` one request and its retries · `kafka` the topics · `acknowledged` the mark · `quotes` those of a CSV file ·
//! `undated` rows without a time.

mod acknowledged;
mod batch;
mod kafka;
mod quotes;
mod undated;

#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;

use indicatif::ProgressBar;
use tokio::task::JoinSet;

use acknowledged::Acknowledged;
use batch::{Batch, Sent};

pub use batch::ServiceSender;
pub use kafka::KafkaSender;
pub use quotes::{CsvFile, Quotes};

/// Rows of one request; the service takes 20,000.
const BATCH_ROWS_MAX: usize = 2_000;
/// Bytes of one request; the service takes 16 MiB.
const BATCH_BYTES_MAX: usize = 4 << 20;
/// Requests at once.
const IN_FLIGHT_MAX: usize = 4;
/// Refused rows that the report keeps; all are counted.
const REFUSED_KEPT: usize = 1_000;
/// Refused rows that are shown as they come.
const REFUSED_SHOWN: u64 = 20;

/// A row that can be sent.
#[derive(Clone, Debug)]
pub struct Row {
    /// Line of the file, from 1.
    pub line: u64,
    /// The JSON object.
    pub json: Vec<u8>,
    /// How far the file has been read after this row.
    pub mark: Mark,
}

/// How far a file has been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// Rows, good and bad.
    pub rows: u64,
    /// Hash of all of them, so that a changed file is noticed.
    pub fingerprint: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

/// A row that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct BadRow {
    /// Line of the file, from 1.
    pub line: u64,
    /// What is wrong and what would help.
    pub problem: String,
}

/// What a file's reader yields.
#[derive(Debug)]
pub enum Item {
    /// To be sent.
    Row(Row),
    /// Not to be sent.
    Bad(BadRow, Mark),
}

/// What became of the rows.
#[derive(Debug, Default, serde::Serialize)]
pub struct Report {
    /// Acknowledged by the service or the brokers: durable.
    pub accepted: u64,
    /// Not taken.
    pub bad: u64,
    /// The first of them.
    pub bad_rows: Vec<BadRow>,
    /// Those of them that the service keeps in dead-letters.
    pub dead_letters: u64,
}

/// Where rows go.
pub enum Sender {
    /// A batch address of the service.
    Service(Box<ServiceSender>),
    /// The topics for requests.
    Kafka(Box<KafkaSender>),
}

impl Sender {
    async fn send(&self, batch: Batch, bar: &ProgressBar) -> anyhow::Result<Sent> {
        match self {
            Self::Service(service) => service.send(batch, bar).await,
            Self::Kafka(kafka) => kafka.send(batch, bar).await,
        }
    }

    /// Batches at once. Where the order of the file counts they go one after the other, and so do Kafka's.
    fn in_flight_max(&self) -> usize {
        match self {
            Self::Service(service) if service.is_in_order() => 1,
            Self::Service(_) => IN_FLIGHT_MAX,
            Self::Kafka(_) => 1,
        }
    }
}

/// An upload of one file.
pub struct Upload<'a> {
    /// Where rows go.
    pub to: Arc<Sender>,
    /// Name of the file for messages.
    pub file: &'a str,
    /// Shows bytes of the file.
    pub bar: ProgressBar,
}

impl Upload<'_> {
    /// Sends all rows; `acknowledged` hears each time how far the file is done without a gap, and how many rows up to there
    /// were bad. On an error what was acknowledged stays so.
    ///
    /// # Errors
    /// The file cannot be read, or the service refuses or stays away.
    pub async fn run(
        &self,
        rows: impl Iterator<Item = anyhow::Result<Item>>,
        mut acknowledged: impl FnMut(Mark, u64),
    ) -> (Report, anyhow::Result<()>) {
        let mut report = Report::default();
        let mut done = Acknowledged::default();
        let mut rows = rows.fuse();
        let mut tasks = JoinSet::new();
        let mut result = Ok(());
        let mut ended = false;
        while !(ended && tasks.is_empty()) {
            if !ended && tasks.len() < self.to.in_flight_max() {
                match self.next_batch(&mut rows, &mut report) {
                    Ok(Some(batch)) => {
                        let number = done.start();
                        let (sender, bar) = (Arc::clone(&self.to), self.bar.clone());
                        let (mark, bad) = (batch.mark, batch.bad);
                        tasks.spawn(async move { (number, mark, bad, sender.send(batch, &bar).await) });
                    }
                    Ok(None) => ended = true,
                    Err(error) => (result, ended) = (Err(error), true),
                }
                continue;
            }
            let Some(joined) = tasks.join_next().await else { break };
            let (number, mark, bad, sent) = joined.expect("sending does not panic and is not aborted");
            match sent {
                Ok(sent) => {
                    report.accepted += sent.accepted;
                    report.dead_letters += sent.dead_letters;
                    let bad = bad + sent.refused.len() as u64;
                    for refused in sent.refused {
                        self.bad(&mut report, refused);
                    }
                    if let Some((mark, bad)) = done.finish(number, mark, bad) {
                        self.bar.set_position(mark.bytes);
                        acknowledged(mark, bad);
                    }
                }
                Err(error) => {
                    ended = true;
                    result = result.and(Err(error));
                }
            }
        }
        self.bar.finish_and_clear();
        if report.bad > REFUSED_SHOWN {
            let more = report.bad - REFUSED_SHOWN;
            eprintln!("{}: and {more} more; --json lists the first {REFUSED_KEPT}", self.file);
        }
        (report, result)
    }

    fn next_batch(
        &self,
        rows: &mut impl Iterator<Item = anyhow::Result<Item>>,
        report: &mut Report,
    ) -> anyhow::Result<Option<Batch>> {
        let mut batch = Batch::default();
        let mut bytes = 0;
        while batch.rows.len() < BATCH_ROWS_MAX && bytes < BATCH_BYTES_MAX {
            match rows.next().transpose()? {
                None => break,
                Some(Item::Row(row)) => {
                    bytes += row.json.len() + 1;
                    batch.mark = row.mark;
                    batch.rows.push(row);
                }
                Some(Item::Bad(bad, mark)) => {
                    batch.mark = mark;
                    batch.bad += 1;
                    self.bad(report, bad);
                }
            }
        }
        let anything = batch.mark != Mark::default();
        Ok(anything.then_some(batch))
    }

    fn bad(&self, report: &mut Report, bad: BadRow) {
        if report.bad < REFUSED_SHOWN {
            self.bar.suspend(|| eprintln!("{}:{}: {}", self.file, bad.line, bad.problem));
        }
        report.bad += 1;
        if report.bad_rows.len() < REFUSED_KEPT {
            report.bad_rows.push(bad);
        }
    }
}
