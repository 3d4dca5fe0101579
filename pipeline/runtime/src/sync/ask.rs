//! One WABA: taken, asked about page by page, compared, what differs written, and what came of it kept.

use super::compare::{Differences, Missed, differences};
use super::pace::{self, Questions};
use super::told::{numbers_unless_told, unless_told, with_known};
use crate::clock::Clock;
use crate::gateway::{SyncError, Syncs};
use crate::graph::{GraphClient, ListedNumber, Page, QuestionError, message_templates, page, phone_numbers, template};
use crate::inbox::{AppendError, BoxFuture, Inbox};
use crate::ledger::{LedgerError, Place, Writer};
use crate::log::{NewRecord, Topic};
use crate::registry::SharedRegistry;
use crate::views::{Claim, Known, SyncReport, SyncResult};
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tollgate_core::hashing;
use tollgate_metrics::{Metrics, SyncEnd};
use tollgate_wire::Time;
use tollgate_wire::command::{Command, TemplateSpec};
use tollgate_wire::event::Events;

/// Pages of one list at most: 10,000 templates, and the platform's own bound is 6,000.
const PAGES_MAX: usize = 100;
/// Tries of one question.
const TRIES_MAX: u32 = 3;
/// Pause before the second try, doubled before the third.
const TRY_PAUSE: Duration = Duration::from_secs(1);
/// A longer pause that the platform asks for ends the attempt instead.
const TRY_PAUSE_MAX: Duration = Duration::from_secs(20);
/// Pause between two questions.
const BETWEEN: Duration = Duration::from_millis(100);
/// Bound on one answer. A page is longer than the answer to a send.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// Nobody else asks about a WABA for so long after it was taken, should this process end meanwhile.
const LEASE: Duration = Duration::from_secs(600);
/// Least time between two times that somebody asks for it by hand, and between the starts of two processes.
const BY_HAND: Duration = Duration::from_secs(10);
const AT_START: Duration = Duration::from_secs(60);
/// Pause for the views to know an account.
const NOT_YET: Duration = Duration::from_secs(3);
/// Records appended at once.
const APPENDED: usize = 100;
/// Changes that a report tells.
const TOLD_MAX: usize = 100;

/// Why a WABA is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// This process has just met it.
    Start,
    /// It is due.
    Due,
    /// Somebody asked for it.
    ByHand,
}

/// A WABA and how it is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Waba {
    pub(super) id: Arc<str>,
    pub(super) account: Arc<str>,
    pub(super) app: Arc<str>,
}

/// What a syncer works with.
pub struct SyncParts {
    /// The platform.
    pub graph: GraphClient,
    /// Access tokens by app.
    pub tokens: HashMap<String, String>,
    /// Known accounts and WABAs.
    pub registry: SharedRegistry,
    /// Where differences go.
    pub inbox: Arc<dyn Inbox>,
    /// Where it is known who asks, and what was known before.
    pub place: Place,
    /// For what is due.
    pub clock: Clock,
    /// Counted.
    pub metrics: Arc<Metrics>,
}

/// Asks the platform about WABAs.
pub struct Syncer {
    pub(super) parts: SyncParts,
    /// Pause between two times that a WABA is asked about.
    pub(super) every: Duration,
    writer: Mutex<Option<Writer>>,
    questions: Mutex<HashMap<Arc<str>, Questions>>,
    /// What the last whole list of each WABA lacked; a process begins without.
    missed: Mutex<HashMap<Arc<str>, Missed>>,
}

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("{0}")]
    Platform(#[from] QuestionError),
    #[error("{0}")]
    Answer(String),
    #[error("no access token for app {0}; configure one under apps")]
    NoToken(Arc<str>),
    #[error("the platform may not be asked again before {0}: 180 questions were in the past hour")]
    Paced(Time),
    #[error("account {0} is not in the views yet; it is tried again soon")]
    NotYet(Arc<str>),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error("the work was cut off")]
    CutOff,
}

/// What was found and done.
struct Done {
    templates: usize,
    numbers: usize,
    unreadable: usize,
    questions: u32,
    found: Differences,
}

impl Syncer {
    /// A syncer that asks about each WABA `every` so often once it is due.
    #[must_use]
    pub fn new(parts: SyncParts, every: Duration) -> Self {
        Self { parts, every, writer: Mutex::default(), questions: Mutex::default(), missed: Mutex::default() }
    }

    /// Asks about a WABA if it may. Answers what came of it and when it is due again.
    pub(super) async fn ask(self: &Arc<Self>, waba: &Waba, why: Why) -> (SyncReport, Time) {
        let at = self.parts.clock.now();
        let mut report = SyncReport {
            waba: waba.id.to_string(),
            at,
            result: SyncResult::Failed,
            detail: String::new(),
            templates: 0,
            numbers: 0,
            changes: Vec::new(),
            changed: 0,
            not_listed: Vec::new(),
            silent_since: None,
        };
        let before = |pause: Duration| Time(at.0.saturating_sub(millis(pause)));
        let (begun_before, due_before) = match why {
            Why::Start => (before(AT_START), Time(i64::MAX as u64)),
            Why::Due => (at, at),
            Why::ByHand => (before(BY_HAND), Time(i64::MAX as u64)),
        };
        let lease = Time(at.0 + millis(LEASE));
        let (account, id) = (Arc::clone(&waba.account), Arc::clone(&waba.id));
        let claim =
            self.write(move |writer| writer.claim_sync((&account, &id), at, (begun_before, due_before), lease)).await;
        let failures = match claim {
            Ok(Claim::Taken { failures }) => failures,
            Ok(Claim::Not { due_at }) => {
                report.result = SyncResult::NotBegun;
                report.detail = format!("it was asked about within the past {} s; ask again later", BY_HAND.as_secs());
                return (report, due_at);
            }
            Err(error) => {
                report.detail = error.to_string();
                tracing::warn!(waba = &*waba.id, %error, "templates and numbers cannot be synced");
                self.parts.metrics.synced(SyncEnd::Failed);
                self.parts.metrics.figures_failed(super::figures::reason(&error));
                return (report, self.after(at, pace::after_failure(self.every, 1, None)));
            }
        };
        let (failures, pause) = match self.work(waba).await {
            Ok(done) => {
                let pause = self.tell(waba, done, &mut report);
                self.figures(waba, &mut report).await;
                (0, pause)
            }
            // An account that was applied a moment ago.
            Err(failure @ Failure::NotYet(_)) => {
                report.detail = failure.to_string();
                (failures, NOT_YET)
            }
            // Our own pause: the platform has refused nothing.
            Err(failure @ Failure::Paced(until)) => {
                report.detail = failure.to_string();
                self.figures_not_asked(waba, &failure).await;
                (failures, Duration::from_millis(until.0.saturating_sub(at.0)))
            }
            Err(failure) => {
                let failures = failures.saturating_add(1);
                let asked = match &failure {
                    Failure::Platform(error) => error.retry_after_s().map(|s| Duration::from_secs(s.into())),
                    _ => None,
                };
                report.detail = failure.to_string();
                tracing::warn!(waba = &*waba.id, account = &*waba.account, failures, error = %failure,
                    "templates and numbers could not be read from the platform; sending goes on with what is known");
                self.parts.metrics.synced(SyncEnd::Failed);
                self.figures_not_asked(waba, &failure).await;
                (failures, pace::after_failure(self.every, failures, asked))
            }
        };
        let due_at = self.after(self.parts.clock.now(), pause);
        let kept = report.clone();
        if let Err(error) = self.write(move |writer| writer.finish_sync(&kept, failures, due_at)).await {
            tracing::warn!(waba = &*waba.id, %error, "what came of a sync is not kept; it is due again in ten minutes");
        }
        (report, due_at)
    }

    /// Keeps the platform's figures where they are due. That they could not be kept keeps nothing else from its time: they
    /// are due again with the WABA.
    async fn figures(self: &Arc<Self>, waba: &Waba, report: &mut SyncReport) {
        match self.keep_figures(waba).await {
            Ok(None) => {}
            Ok(Some(kept)) => {
                tracing::info!(waba = &*waba.id, new = kept.new, same = kept.same, "the platform's figures are kept");
            }
            Err(error) => {
                self.parts.metrics.figures_failed(super::figures::reason(&error));
                tracing::warn!(waba = &*waba.id, account = &*waba.account, %error,
                    "the platform's figures could not be kept; days that are not asked for in time cannot be reconciled");
                if report.detail.is_empty() {
                    report.detail = format!("figures: {error}");
                }
            }
        }
    }

    /// An instant so long from now, and by chance a little later.
    fn after(&self, now: Time, pause: Duration) -> Time {
        let differs = hashing::public(&[&now.0.to_le_bytes(), b"sync"]) as u64;
        Time(now.0 + millis(pace::with_jitter(pause, differs)))
    }

    /// Says what was done. Answers how long until the WABA is due again.
    fn tell(&self, waba: &Waba, done: Done, report: &mut SyncReport) -> Duration {
        let Done { templates, numbers, unreadable, questions, found } = done;
        let Differences { mut changes, mut not_listed, .. } = found;
        let changed = changes.len();
        for change in &changes {
            tracing::info!(waba = &*waba.id, of = change.of, what = change.what, "the platform knows better");
        }
        if unreadable > 0 {
            let why = "templates of a state, category or form that this version does not know are left alone";
            tracing::warn!(waba = &*waba.id, unreadable, why);
            report.detail = format!("{unreadable} could not be read: {why}");
        }
        changes.truncate(TOLD_MAX);
        not_listed.truncate(TOLD_MAX);
        report.result = SyncResult::Done;
        (report.templates, report.numbers) = (templates as u32, numbers as u32);
        (report.changes, report.changed, report.not_listed) = (changes, changed as u32, not_listed);
        self.parts.metrics.synced(SyncEnd::Done);
        pace::next(self.every, questions)
    }

    async fn work(self: &Arc<Self>, waba: &Waba) -> Result<Done, Failure> {
        let token = self.parts.tokens.get(&*waba.app).ok_or_else(|| Failure::NoToken(Arc::clone(&waba.app)))?;
        // Before anything is asked: there must be something to compare with.
        let before = self.known(waba).await?;
        let mut questions = 0;
        let version = self.parts.graph.version().to_owned();
        let templates = self.list(waba, token, &mut questions, |after| message_templates(&waba.id, after), template);
        let (templates, unreadable) = templates.await?;
        let asked = |after: Option<&str>| phone_numbers(&waba.id, &version, after);
        let (mut numbers, strange) = self.list(waba, token, &mut questions, asked, ListedNumber::read).await?;
        let (listed, listed_numbers) = (templates.len(), numbers.len());
        // What a webhook told while the lists were read stays: they may be older.
        let known = self.known(waba).await?;
        let templates = unless_told(templates, &before, &known);
        numbers_unless_told(&mut numbers, &before, &known);
        // A template that could not be read is not gone.
        let templates = if unreadable > 0 { with_known(templates, &known) } else { templates };
        let mut found = self.compare(waba, &known, templates, &numbers).map_err(Failure::Answer)?;
        self.append(waba, &mut found).await?;
        let unreadable = unreadable + strange;
        Ok(Done { templates: listed, numbers: listed_numbers, unreadable, questions, found })
    }

    /// What differs, after what the list before lacked. One that is too strange to be acted upon leaves that as it was.
    fn compare(
        &self,
        waba: &Waba,
        known: &Known,
        templates: Vec<TemplateSpec>,
        numbers: &[ListedNumber],
    ) -> Result<Differences, String> {
        let mut missed = self.missed.lock().unwrap_or_else(PoisonError::into_inner);
        let missed = missed.entry(Arc::clone(&waba.id)).or_default();
        let mut found = differences(known, templates, numbers, missed, self.parts.clock.now())?;
        *missed = std::mem::take(&mut found.missed);
        Ok(found)
    }

    async fn known(self: &Arc<Self>, waba: &Waba) -> Result<Known, Failure> {
        let (account, id) = (Arc::clone(&waba.account), Arc::clone(&waba.id));
        let known = self.write(move |writer| writer.known(&account, &id)).await?;
        known.ok_or_else(|| Failure::NotYet(Arc::clone(&waba.account)))
    }

    /// Whether there is a token to ask with.
    pub(super) fn may_ask(&self, waba: &Waba) -> bool {
        self.parts.tokens.contains_key(&*waba.app)
    }

    /// A whole list, page by page, and how many of it could not be read.
    async fn list<T>(
        &self,
        waba: &Waba,
        token: &str,
        questions: &mut u32,
        question: impl Fn(Option<&str>) -> String,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<(Vec<T>, usize), Failure> {
        let (mut all, mut unreadable, mut after) = (Vec::new(), 0, None::<String>);
        for _ in 0..PAGES_MAX {
            let body = self.question(waba, token, &question(after.as_deref()), questions).await?;
            let Page { items, unreadable: strange, next } = page(&body, &read).map_err(Failure::Answer)?;
            all.extend(items);
            unreadable += strange;
            if next.is_none() {
                return Ok((all, unreadable));
            }
            after = next;
            tokio::time::sleep(BETWEEN).await;
        }
        Err(Failure::Answer(format!("the platform's list has more than {PAGES_MAX} pages; nothing is changed")))
    }

    /// One question, tried again where that may help and soon.
    pub(super) async fn question(
        &self,
        waba: &Waba,
        token: &str,
        text: &str,
        questions: &mut u32,
    ) -> Result<Bytes, Failure> {
        let mut pause = TRY_PAUSE;
        for attempt in 1.. {
            {
                let mut of = self.questions.lock().unwrap_or_else(PoisonError::into_inner);
                let of = of.entry(Arc::clone(&waba.id)).or_default();
                of.take(self.parts.clock.now()).map_err(Failure::Paced)?;
            }
            *questions += 1;
            let error = match self.parts.graph.ask(text, &waba.app, token, ANSWER_WITHIN).await {
                Ok(body) => return Ok(body),
                Err(error) => error,
            };
            if let Some(code) = error.code() {
                self.parts.metrics.platform_error(code);
            }
            let asked = error.retry_after_s().map(|seconds| Duration::from_secs(seconds.into()));
            pause = pause.max(asked.unwrap_or_default());
            if !error.is_transient() || attempt >= TRIES_MAX || pause > TRY_PAUSE_MAX {
                return Err(error.into());
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        Err(Failure::CutOff)
    }

    /// Writes what differs to the log.
    async fn append(&self, waba: &Waba, found: &mut Differences) -> Result<(), Failure> {
        let now = self.parts.clock.now().0;
        let record = |topic, value| (topic, NewRecord::new(waba.account.as_bytes().to_vec(), value, now));
        let json = |value: Result<Vec<u8>, serde_json::Error>| value.expect("plain data with string keys only");
        let mut records: Vec<(Topic, NewRecord)> = Vec::new();
        if !found.events.is_empty() {
            let events = Events { account: (&*waba.account).into(), events: std::mem::take(&mut found.events) };
            records.push(record(Topic::Events, json(serde_json::to_vec(&events))));
        }
        for template in std::mem::take(&mut found.templates) {
            let (account, waba) = (waba.account.to_string(), waba.id.to_string());
            let command = Command::PutTemplate { account, waba, template };
            records.push(record(Topic::Commands, json(serde_json::to_vec(&command))));
        }
        while !records.is_empty() {
            let rest = records.split_off(records.len().min(APPENDED));
            self.parts.inbox.append(std::mem::replace(&mut records, rest)).await?;
        }
        Ok(())
    }

    /// Uses the ledger's database, off the asynchronous threads. After an error it is opened anew.
    pub(super) async fn write<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&mut Writer) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, Failure> {
        let this = Arc::clone(self);
        let worked = tokio::task::spawn_blocking(move || {
            let mut writer = this.writer.lock().unwrap_or_else(PoisonError::into_inner);
            let mut open = match writer.take() {
                Some(open) => open,
                None => this.parts.place.writer()?,
            };
            let worked = work(&mut open);
            if worked.is_ok() {
                *writer = Some(open);
            }
            worked
        });
        Ok(worked.await.map_err(|_| Failure::CutOff)??)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Syncs asked for through the API.
pub struct ByHand(pub Arc<Syncer>);

impl Syncs for ByHand {
    fn sync(&self, account: &str) -> BoxFuture<'static, Result<Vec<SyncReport>, SyncError>> {
        let registry = self.0.parts.registry.snapshot();
        let wabas = super::schedule::wabas(&registry).filter(|waba| &*waba.account == account);
        let wabas: Vec<Waba> = wabas.collect();
        let syncer = Arc::clone(&self.0);
        Box::pin(async move {
            // On a task of its own: a caller that goes away stops nothing half-way.
            let work = tokio::spawn(async move {
                let mut reports = Vec::with_capacity(wabas.len());
                for waba in &wabas {
                    reports.push(syncer.ask(waba, Why::ByHand).await.0);
                }
                reports
            });
            work.await.map_err(|_| SyncError::Panicked)
        })
    }
}
