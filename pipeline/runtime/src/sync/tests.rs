//! The whole of it against a platform that is made up.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use super::ask::{Waba, Why};
use super::{SyncParts, Syncer, overdue};
use crate::clock::Clock;
use crate::graph::{GraphClient, GraphConfig};
use crate::inbox::AppendError;
use crate::inbox::fake::FakeInbox;
use crate::ledger::Record;
use crate::ledger::fixture::{Database, READ_AT};
use crate::log::Topic;
use crate::registry::{Registry, SharedRegistry};
use crate::views::{SyncReport, SyncResult};
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tollgate_metrics::{Limits, Metrics};
use tollgate_wire::Time;

const NOW: Time = Time(1_795_262_400_000);
const EVERY: Duration = Duration::from_secs(900);

/// What the platform answers, by path and cursor, and what it was asked.
#[derive(Default)]
struct Platform {
    templates: Mutex<Vec<Value>>,
    numbers: Mutex<Vec<Value>>,
    /// The next answers instead: status, `Retry-After`, code.
    refusals: Mutex<Vec<(u16, &'static str, u32)>>,
    asked: Mutex<Vec<String>>,
    /// Figures of every answer about them, and what was asked for.
    figures: Mutex<Vec<Value>>,
    asked_figures: Mutex<Vec<String>>,
    /// Every question about figures is refused with this code instead.
    figures_refused: Mutex<Option<u32>>,
}

/// Pages of two.
async fn answer(State(platform): State<Arc<Platform>>, uri: Uri) -> axum::response::Response {
    if uri.query().is_some_and(|query| query.contains("pricing_analytics")) {
        platform.asked_figures.lock().unwrap().push(uri.to_string());
        if let Some(code) = *platform.figures_refused.lock().unwrap() {
            let body = json!({"error": {"message": "no", "code": code}}).to_string();
            return (StatusCode::BAD_REQUEST, body).into_response();
        }
        let points = platform.figures.lock().unwrap().clone();
        return json!({"id": "w1", "pricing_analytics": {"data": [{"data_points": points}]}})
            .to_string()
            .into_response();
    }
    platform.asked.lock().unwrap().push(uri.to_string());
    if let Some((status, after, code)) = platform.refusals.lock().unwrap().pop() {
        let body = json!({"error": {"message": "no", "code": code}}).to_string();
        return (StatusCode::from_u16(status).unwrap(), [("retry-after", after)], body).into_response();
    }
    let list = if uri.path().ends_with("message_templates") { &platform.templates } else { &platform.numbers };
    let from: usize = uri.query().unwrap().split("after=c").nth(1).map_or(0, |place| place.parse().unwrap());
    let list = list.lock().unwrap();
    let data: Vec<&Value> = list.iter().skip(from).take(2).collect();
    let mut page = json!({"data": data, "paging": {"cursors": {"after": format!("c{}", from + 2)}}});
    if list.len() > from + 2 {
        page["paging"]["next"] = json!("https://platform/next?access_token=SECRET");
    }
    page.to_string().into_response()
}

struct World {
    platform: Arc<Platform>,
    inbox: Arc<FakeInbox>,
    clock: Clock,
    metrics: Arc<Metrics>,
    syncer: Arc<Syncer>,
    database: Database,
    /// Next offset of the snapshots.
    next: u64,
}

fn listed(name: &str) -> Value {
    json!({"name": name, "language": "pt_BR", "status": "APPROVED", "category": "UTILITY", "id": "1",
        "components": [{"type": "BODY", "text": "Olá {{1}}"}]})
}

fn waba() -> Waba {
    Waba { id: "w1".into(), account: "acme".into(), app: "default".into() }
}

impl World {
    async fn new() -> Self {
        let platform: Arc<Platform> = Arc::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let router = axum::Router::new().fallback(answer).with_state(Arc::clone(&platform));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let (inbox, clock, database) = (Arc::<FakeInbox>::default(), Clock::manual(NOW), Database::sqlite());
        let metrics = Arc::new(Metrics::new("test", Limits::default()).unwrap());
        drop(database.writer());
        let parts = SyncParts {
            graph: GraphClient::new(GraphConfig { base_url, ..GraphConfig::default() }).unwrap(),
            tokens: HashMap::from([("default".to_owned(), "secret".to_owned())]),
            registry: SharedRegistry::new(Registry::default()),
            inbox: Arc::clone(&inbox) as _,
            place: database.place().clone(),
            clock: clock.clone(),
            metrics: Arc::clone(&metrics),
        };
        let syncer = Arc::new(Syncer::new(parts, EVERY));
        Self { platform, inbox, clock, metrics, syncer, database, next: 0 }
    }

    /// What the shard would have told.
    fn tell(&mut self, value: &Value) {
        let value = value.to_string();
        let record = Record { partition: 0, offset: self.next, after: 0, value: value.as_bytes() };
        let done = self.database.writer().ingest_snapshots(&[record], READ_AT).unwrap();
        assert_eq!((done.applied, done.rejected), (1, 0), "{value}");
        self.next += 1;
    }

    fn tell_account(&mut self) {
        self.tell(&json!({"account": "acme", "name": "", "as_of": NOW, "disabled": false, "limit": 1000,
            "limit_scope": "portfolio", "quota_used": 0, "parked_messages": 0, "parked_bytes": 0,
            "wabas": [{"id": "w1", "time_zone": "UTC"}], "campaigns": [], "lots": [],
            "senders": [{"id": "200", "display": "", "waba": "w1", "quality": "GREEN", "throughput": 80,
                "throughput_now": 80, "in_flight": 0, "in_flight_limit": 1, "blocked": false}]}));
    }

    /// Decides what was appended as a shard would, and tells it.
    fn decide(&mut self) {
        for (_, command) in self.inbox.of(Topic::Commands) {
            let command: Value = serde_json::from_str(&command).unwrap();
            assert_eq!((&command["command"], &command["waba"]), (&json!("put_template"), &json!("w1")));
            self.tell(&json!({"template_of": "w1", "account": "acme", "as_of": NOW, "template": command["template"]}));
        }
    }

    async fn ask(&self, why: Why) -> (SyncReport, Duration) {
        let (report, due_at) = self.syncer.ask(&waba(), why).await;
        (report, Duration::from_millis(due_at.0.saturating_sub(self.clock.now().0)))
    }

    fn later(&self, seconds: u64) {
        self.clock.set(Time(self.clock.now().0 + seconds * 1000));
    }

    fn counted(&self, result: &str) -> bool {
        let text = String::from_utf8(self.metrics.encode().unwrap()).unwrap();
        !text.contains(&format!("tollgate_template_syncs_total{{result=\"{result}\"}} 0\n"))
    }
}

impl World {
    /// Figures that could not be kept, by reason; reasons without any are left out.
    fn figures_failed(&self) -> Vec<String> {
        let text = String::from_utf8(self.metrics.encode().unwrap()).unwrap();
        let series = "tollgate_figures_failures_total{reason=";
        let failed = text.lines().filter_map(|line| line.strip_prefix(series)).filter(|line| !line.ends_with(" 0"));
        failed.map(|line| line.replace(['"', '}'], "")).collect()
    }
}

#[tokio::test]
async fn whole_lists_are_read_and_only_what_differs_is_written() {
    let mut world = World::new().await;
    world.tell_account();
    *world.platform.templates.lock().unwrap() = ["a", "b", "c"].map(listed).to_vec();
    *world.platform.numbers.lock().unwrap() = vec![json!({"id": "200", "quality_rating": "RED",
        "throughput": {"level": "HIGH"}, "whatsapp_business_manager_messaging_limit": "TIER_2K"})];
    let (report, due) = world.ask(Why::Start).await;
    assert_eq!((report.result, report.templates, report.numbers), (SyncResult::Done, 3, 1), "{}", report.detail);
    assert_eq!(report.changed, 6, "{:?}", report.changes);
    assert!((900..990).contains(&due.as_secs()), "{due:?}");
    let commands = world.inbox.of(Topic::Commands);
    assert_eq!((commands.len(), commands[0].0.as_str()), (3, "acme"));
    let events: Value = serde_json::from_str(&world.inbox.of(Topic::Events)[0].1).unwrap();
    let expected = json!([
        {"event": "sender", "sender": "200", "quality": "RED", "throughput": 1000}, {"event": "limit", "limit": 2000}]);
    assert_eq!((&events["account"], &events["events"]), (&json!("acme"), &expected));
    let asked = world.platform.asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(asked[1].ends_with("&limit=100&after=c2") && asked[2].contains("/w1/phone_numbers?"), "{asked:?}");
    assert!(world.counted("done") && !world.counted("failed"));

    // Once it is decided, the next time finds nothing of the templates.
    world.decide();
    world.later(1_000);
    let (report, _) = world.ask(Why::Due).await;
    assert_eq!(world.inbox.of(Topic::Commands).len(), 3, "{:?}", report.changes);
    world.platform.templates.lock().unwrap().remove(1);
    world.platform.templates.lock().unwrap()[0]["status"] = json!("PAUSED");
    world.later(1_000);
    let (report, _) = world.ask(Why::Due).await;
    let told: Vec<_> = report.changes.iter().map(|c| format!("{}: {}", c.of, c.what)).collect();
    assert_eq!(told[..1], ["a pt_BR: approved → paused"]);
    assert_eq!(report.not_listed, ["b pt_BR"]);
    assert!(told.iter().all(|told| !told.contains("deleted")), "one list may be less than it says: {told:?}");

    // A list that failed is none.
    world.later(1_000);
    *world.platform.refusals.lock().unwrap() = vec![(400, "", 190)];
    assert_eq!(world.ask(Why::Due).await.0.result, SyncResult::Failed);
    world.later(1_000);
    let (report, _) = world.ask(Why::Due).await;
    let told: Vec<_> = report.changes.iter().map(|c| format!("{}: {}", c.of, c.what)).collect();
    assert!(told.contains(&"b pt_BR: approved → deleted".to_owned()), "{told:?}");
    assert_eq!(report.not_listed, ["b pt_BR"]);
}

#[tokio::test]
async fn it_is_not_begun_twice_and_not_before_it_is_due() {
    let mut world = World::new().await;
    world.tell_account();
    assert_eq!(world.ask(Why::Start).await.0.result, SyncResult::Done);
    let asked = world.platform.asked.lock().unwrap().len();
    world.later(20);
    for why in [Why::Start, Why::Due] {
        let (report, due) = world.ask(why).await;
        assert_eq!(report.result, SyncResult::NotBegun, "{why:?}");
        assert!((870..990).contains(&due.as_secs()), "{due:?}");
    }
    assert_eq!(world.platform.asked.lock().unwrap().len(), asked);
    assert_eq!(world.ask(Why::ByHand).await.0.result, SyncResult::Done);
    assert_eq!(world.ask(Why::ByHand).await.0.result, SyncResult::NotBegun, "a moment ago");
}

#[tokio::test]
async fn a_refusal_changes_nothing_and_is_waited_for_longer_each_time() {
    let mut world = World::new().await;
    world.tell_account();
    *world.platform.templates.lock().unwrap() = ["a", "b", "c"].map(listed).to_vec();
    // In order of their coming from the last: the first page comes, the second is refused for good.
    *world.platform.refusals.lock().unwrap() = vec![(400, "", 190)];
    let (report, due) = world.ask(Why::Start).await;
    assert_eq!(report.result, SyncResult::Failed);
    assert!(report.detail.contains("code 190") && !report.detail.contains("secret"), "{}", report.detail);
    assert!((30..34).contains(&due.as_secs()), "{due:?}");
    assert!(world.counted("failed") && !world.counted("done"));
    // The platform's own pause counts, and an error that passes is tried again at once.
    world.later(40);
    *world.platform.refusals.lock().unwrap() = vec![(429, "3600", 80_008)];
    let (report, due) = world.ask(Why::Due).await;
    assert!(report.detail.contains("code 80008"), "{}", report.detail);
    assert!((3_600..3_970).contains(&due.as_secs()), "{due:?}");
    world.later(4_000);
    *world.platform.refusals.lock().unwrap() = vec![(503, "1", 2)];
    let (report, _) = world.ask(Why::Due).await;
    assert_eq!((report.result, report.templates), (SyncResult::Done, 3), "{}", report.detail);
    assert_eq!(world.database.reader().syncs("acme").unwrap(), [report], "the last word is kept");
}

#[tokio::test]
async fn nothing_is_asked_before_there_is_something_to_compare_with_or_without_a_token() {
    let world = World::new().await;
    let (report, due) = world.ask(Why::Start).await;
    assert!(report.detail.contains("account acme is not in the views yet"), "{}", report.detail);
    assert!(due.as_secs() <= 3 && !world.counted("failed"), "{due:?}");
    assert!(world.figures_failed().is_empty(), "it is tried again in a moment");
    let foreign = Waba { app: "shop".into(), id: "w2".into(), ..waba() };
    assert!(!world.syncer.may_ask(&foreign));
    let (report, _) = world.syncer.ask(&foreign, Why::ByHand).await;
    assert_eq!(report.detail, "no access token for app shop; configure one under apps");
    assert!(world.platform.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_could_not_be_written_is_found_again() {
    let mut world = World::new().await;
    world.tell_account();
    *world.platform.templates.lock().unwrap() = vec![listed("a")];
    world.inbox.fail_with(vec![AppendError::Full]);
    let (report, _) = world.ask(Why::Start).await;
    assert!(report.detail.contains("the log is busy"), "{}", report.detail);
    world.later(100);
    assert_eq!(world.ask(Why::Due).await.0.changed, 1);
    assert_eq!(world.inbox.of(Topic::Commands).len(), 1);
}

#[tokio::test]
async fn a_template_that_is_not_understood_is_left_alone() {
    let mut world = World::new().await;
    world.tell_account();
    *world.platform.templates.lock().unwrap() = vec![listed("a")];
    assert_eq!(world.ask(Why::Start).await.0.changed, 1);
    world.decide();
    world.platform.templates.lock().unwrap()[0]["status"] = json!("MELTED");
    world.later(1_000);
    let (report, _) = world.ask(Why::Due).await;
    assert_eq!((report.result, report.changed, report.not_listed.len()), (SyncResult::Done, 0, 0));
    assert!(report.detail.starts_with("1 could not be read"), "{}", report.detail);
}

#[tokio::test]
async fn a_waba_that_is_told_nothing_of_for_three_hours_is_overdue() {
    let mut world = World::new().await;
    world.tell_account();
    *world.platform.templates.lock().unwrap() = vec![listed("a")];
    let asked = std::collections::HashSet::from([waba().id]);
    let counted = async |world: &World| overdue::count(&world.syncer, &asked).await.unwrap();
    assert_eq!(counted(&world).await, 0, "never asked");
    assert_eq!(world.ask(Why::Start).await.0.result, SyncResult::Done);
    // Failures move nothing on, however many there are.
    for minute in 1..=10 {
        world.later(1_080);
        *world.platform.refusals.lock().unwrap() = vec![(400, "", 190)];
        assert_eq!(world.ask(Why::ByHand).await.0.result, SyncResult::Failed, "{minute}");
    }
    assert_eq!(counted(&world).await, 0, "three hours and no more");
    world.later(1);
    assert_eq!(counted(&world).await, 1);
    assert_eq!(overdue::count(&world.syncer, &std::collections::HashSet::new()).await.unwrap(), 0, "not ours any more");
    assert_eq!(world.ask(Why::ByHand).await.0.result, SyncResult::NotBegun);
    world.later(60);
    assert_eq!(world.ask(Why::ByHand).await.0.result, SyncResult::Done);
    assert_eq!(counted(&world).await, 0);
    // One that never was told of counts from the first question.
    world.later(40_000);
    assert_eq!(counted(&world).await, 1, "nobody has asked since");
}

#[tokio::test]
async fn our_own_pace_is_no_failure() {
    let mut world = World::new().await;
    world.tell_account();
    // And five about figures, the first time.
    for _ in 0..87 {
        assert_eq!(world.ask(Why::ByHand).await.0.result, SyncResult::Done, "two questions each");
        world.later(11);
    }
    let (report, due) = world.ask(Why::ByHand).await;
    assert!(report.detail.contains("may not be asked again before"), "{}", report.detail);
    assert!(!world.counted("failed") && world.figures_failed().is_empty(), "the day's figures are kept");
    assert!((2_600..2_910).contains(&due.as_secs()), "the first of them is out of the hour then: {due:?}");
}

#[tokio::test]
async fn figures_of_the_days_that_are_over_are_kept_once_a_day() {
    const DAY: u64 = 86_400;
    let mut world = World::new().await;
    world.tell_account();
    let today = NOW.0 / 1000 / DAY;
    let kept = |world: &World| {
        let mut found = Vec::new();
        let days = today as i64 - 40..today as i64 + 2;
        let take = &mut |day: tollgate_wire::analytics::Day| {
            found.push((day.day, day.points));
            std::ops::ControlFlow::Continue(())
        };
        world.database.reader().figures("w1", days, take).unwrap();
        found
    };
    assert_eq!(world.ask(Why::Start).await.0.detail, "");
    assert_eq!(world.platform.asked_figures.lock().unwrap().len(), 5, "35 days, 8 at a time");
    assert_eq!(kept(&world).len(), 35);
    world.later(1_000);
    world.ask(Why::Due).await;
    assert_eq!(world.platform.asked_figures.lock().unwrap().len(), 5, "once a day");
    // The day after, yesterday has a figure, which was not there before.
    world.later(DAY);
    let point = json!({"start": today * DAY, "end": (today + 1) * DAY, "volume": 12});
    *world.platform.figures.lock().unwrap() = vec![point.clone()];
    assert_eq!(world.ask(Why::Due).await.0.detail, "");
    let asked = world.platform.asked_figures.lock().unwrap().clone();
    let (start, end) = ((today + 1 - 8) * DAY, (today + 1) * DAY);
    assert!(asked.len() == 6 && asked[5].contains(&format!("start({start}).end({end})")), "{asked:?}");
    assert_eq!(kept(&world).last(), Some(&(today as i64, format!("[{point}]"))));
    assert_eq!(kept(&world).len(), 36, "what was told again as it was makes no row");
    // What cannot be read is told, and keeps nothing from its time.
    world.later(DAY);
    *world.platform.figures.lock().unwrap() = vec![json!({"start": 0, "end": 1, "volume": 1})];
    let (report, _) = world.ask(Why::Due).await;
    assert_eq!(report.result, SyncResult::Done);
    assert!(report.detail.starts_with("figures: the platform's answer cannot be read"), "{}", report.detail);
}

#[tokio::test]
async fn figures_that_are_not_kept_are_counted_by_reason_and_overdue_after_three_hours() {
    const HOUR: u64 = 3_600;
    let mut world = World::new().await;
    world.tell_account();
    let asked = std::collections::HashSet::from([waba().id]);
    let overdue = async |world: &World| overdue::count_figures(&world.syncer, &asked).await.unwrap();
    assert_eq!(overdue(&world).await, 0, "never asked");
    // Noon. What comes before the figures fails, and they are due.
    *world.platform.refusals.lock().unwrap() = vec![(400, "", 190)];
    assert_eq!(world.ask(Why::Start).await.0.result, SyncResult::Failed);
    assert_eq!(world.figures_failed(), ["not_asked 1"]);
    assert_eq!(overdue(&world).await, 1, "yesterday is over for twelve hours");
    assert_eq!(overdue::count_figures(&world.syncer, &Default::default()).await.unwrap(), 0, "not ours any more");
    world.later(100);
    assert_eq!(world.ask(Why::Due).await.0.detail, "");
    assert_eq!(overdue(&world).await, 0);
    // What fails once they are kept is no failure of figures.
    world.later(1_000);
    *world.platform.refusals.lock().unwrap() = vec![(400, "", 190)];
    assert_eq!(world.ask(Why::Due).await.0.result, SyncResult::Failed);
    assert_eq!(world.figures_failed(), ["not_asked 1"]);
    // Twelve hours after noon the day is over, and the platform tells nothing of it.
    world.later(12 * HOUR - 1_100);
    *world.platform.figures_refused.lock().unwrap() = Some(190);
    assert_eq!(world.ask(Why::Due).await.0.result, SyncResult::Done);
    assert_eq!(world.figures_failed(), ["not_asked 1", "refused 1"]);
    world.later(3 * HOUR - 1);
    assert_eq!(overdue(&world).await, 0, "not yet three hours");
    world.later(1);
    assert_eq!(overdue(&world).await, 1);
    *world.platform.figures_refused.lock().unwrap() = None;
    *world.platform.figures.lock().unwrap() = vec![json!({"start": 0, "end": 1, "volume": 1})];
    world.ask(Why::Due).await;
    assert_eq!(world.figures_failed(), ["not_asked 1", "refused 1", "unreadable 1"]);
    assert_eq!(overdue(&world).await, 1);
    world.platform.figures.lock().unwrap().clear();
    world.later(1_000);
    assert_eq!(world.ask(Why::Due).await.0.detail, "");
    assert_eq!(overdue(&world).await, 0);
    // Without the table neither figures nor how many are overdue can be told.
    world.later(24 * HOUR);
    world.database.writer().transact(|tx, _| tx.run("DROP TABLE figures", &[])).unwrap();
    assert!(world.ask(Why::Due).await.0.detail.starts_with("figures: "));
    assert_eq!(world.figures_failed(), ["database 1", "not_asked 1", "refused 1", "unreadable 1"]);
    assert!(overdue::count_figures(&world.syncer, &asked).await.is_err());
}

#[tokio::test]
async fn figures_that_our_own_pace_leaves_out_are_counted_as_that() {
    let mut world = World::new().await;
    world.tell_account();
    *world.platform.figures_refused.lock().unwrap() = Some(100);
    for _ in 0..60 {
        assert_eq!(world.ask(Why::ByHand).await.0.result, SyncResult::Done, "three questions each");
        world.later(11);
    }
    assert_eq!(world.figures_failed(), ["refused 60"]);
    assert!(world.ask(Why::ByHand).await.0.detail.contains("may not be asked again before"));
    assert_eq!(world.figures_failed(), ["paced 1", "refused 60"]);
}
