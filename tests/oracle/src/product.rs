//! The product: the real engine, the real translation of webhooks and the real ledger, without threads or sockets.

use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;
use tollgate_core::effect::Effect;
use tollgate_core::engine::{Engine, EngineConfig, Sink, Source, Table, Writes};
use tollgate_core::hashing::HashKey;
use tollgate_core::life::Times;
use tollgate_core::snapshot;
use tollgate_core::state::State;
use tollgate_rate_card::{RateCards, YearMonth};
use tollgate_runtime::export::{Format, Request, export};
use tollgate_runtime::ledger::{LedgerStore as _, Options, Reader, Record, Stream, Writer};
use tollgate_runtime::settle::{self, Allow, Job};
use tollgate_wire::Time;
use tollgate_wire::event::{Events, PlatformEvent};
use tollgate_wire::order::Order;
use tollgate_wire::outcome::{Outcome, OutcomeKind};
use tollgate_wire::webhook;

/// Inputs of a batch.
const BATCH: usize = 4_000;

/// What was committed and nothing else.
#[derive(Debug, Default)]
struct Store(BTreeMap<(Table, Vec<u8>), Vec<u8>>);

impl Source for Store {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, String> {
        Ok(self.0.get(&(table, key.to_vec())).cloned())
    }
}

impl Writes for Store {
    fn write(&mut self, table: Table, key: &[u8], value: Option<&[u8]>) {
        match value {
            Some(v) => self.0.insert((table, key.to_vec()), v.to_vec()),
            None => self.0.remove(&(table, key.to_vec())),
        };
    }
}

/// An order, and what is sent by it.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub uid: u64,
    pub attempt: u8,
    pub account: String,
    pub sender: String,
    /// The request's id.
    pub request: String,
    pub campaign: Option<String>,
    pub category: String,
}

#[derive(Default)]
struct Outbox {
    /// Message to request, campaign and category of its latest admission.
    admitted: HashMap<u64, (String, Option<String>, String)>,
    orders: Vec<(u64, u8, String, String)>,
    /// Message to the person it is for.
    people: HashMap<u64, String>,
    ledger: Vec<Vec<u8>>,
    refused: BTreeMap<String, u64>,
}

impl Sink for Outbox {
    fn effect(&mut self, _: &State, effect: &Effect, _: &str, json: &[u8]) {
        match effect {
            Effect::Order { .. } => {
                let o: Order<'_> = serde_json::from_slice(json).expect("the engine writes orders that are read");
                self.orders.push((o.message_uid, o.attempt, o.account.to_string(), o.sender.to_string()));
            }
            Effect::Outcome(o) if matches!(o.kind, OutcomeKind::Admitted | OutcomeKind::Refused) => {
                let o: Outcome<'_> = serde_json::from_slice(json).expect("the engine writes outcomes that are read");
                if o.outcome == OutcomeKind::Refused {
                    *self.refused.entry(format!("{:?}", o.reason)).or_default() += 1;
                    return;
                }
                let category = o.content.as_ref().map_or("", |c| c.category.as_str()).to_owned();
                let campaign = o.campaign.as_ref().map(ToString::to_string);
                self.people.insert(o.message_uid, o.to.to_string());
                self.admitted.insert(o.message_uid, (o.id.to_string(), campaign, category));
            }
            Effect::Ledger(_)
            | Effect::Fee(_)
            | Effect::Credit(_)
            | Effect::BandReached(_)
            | Effect::MonthClosed(_) => self.ledger.push(json.to_vec()),
            Effect::Outcome(_)
            | Effect::Registry(_)
            | Effect::Consent(_)
            | Effect::Erased(_)
            | Effect::Template(_)
            | Effect::Level(_)
            | Effect::Reply(_) => {}
        }
    }
}

/// Engine, store and ledger.
pub(crate) struct Product {
    engine: Engine,
    store: Store,
    out: Outbox,
    ledger: Writer,
    rates: Arc<RateCards>,
    offset: u64,
    /// Entries booked when months were settled last.
    settled: u64,
    inputs: usize,
    /// WABA to account.
    accounts: HashMap<String, String>,
    key: HashKey,
}

impl Product {
    /// An empty one, with its ledger in a directory.
    pub fn new(rates: RateCards, now_ms: u64, directory: &Path) -> Result<Self, String> {
        let key = HashKey(*b"oracle--a-secret");
        let rates = Arc::new(rates);
        let config = EngineConfig {
            rates: Arc::clone(&rates),
            hash_key: key,
            times: Times::default(),
            recent_most: 20_000,
            partition: tollgate_wire::partition::Partition::ONLY,
        };
        let mut engine = Engine::new(config);
        engine.clock(now_ms);
        let ledger = Writer::open(&directory.join("ledger.sqlite"), Options::default()).map_err(|e| e.to_string())?;
        let (store, out, accounts) = (Store::default(), Outbox::default(), HashMap::new());
        Ok(Self { engine, store, out, ledger, rates, offset: 0, settled: 0, inputs: 0, accounts, key })
    }

    /// Place of a message among those of one instant.
    pub fn tie(&self, wamid: &str) -> u128 {
        self.key.wamid(wamid)
    }

    /// Whom a message is for.
    pub fn recipient(&self, uid: u64) -> Option<&str> {
        self.out.people.get(&uid).map(String::as_str)
    }

    /// Engine time.
    pub fn now_ms(&self) -> u64 {
        self.engine.now_ms()
    }

    /// A command, which must be applied.
    pub fn command(&mut self, command: &Value) -> Result<(), String> {
        if let Some(wabas) = command["spec"]["wabas"].as_array() {
            let account = command["spec"]["account"].as_str().unwrap_or_default();
            let ids = wabas.iter().filter_map(|w| w["id"].as_str());
            self.accounts.extend(ids.map(|id| (id.to_owned(), account.to_owned())));
        }
        let handled = self.engine.command(command.to_string().as_bytes(), &mut self.out);
        let handled = handled.map_err(|e| e.to_string())?;
        handled.map_err(|e| format!("{command}: {e:?}"))?;
        self.fed()
    }

    /// A request; one that is refused is an outcome of its own.
    pub fn request(&mut self, request: &Value, priority: bool) -> Result<(), String> {
        let handled = self.engine.request(request.to_string().as_bytes(), priority, &self.store, &mut self.out);
        if let Err(rejected) = handled.map_err(|e| e.to_string())? {
            return Err(format!("{request}: {rejected:?}"));
        }
        self.fed()
    }

    /// The platform took an order.
    pub fn accepted(&mut self, sent: &Sent, wamid: &str) -> Result<(), String> {
        self.result(sent, &json!({"accepted": {"wamid": wamid}}))
    }

    /// The platform took an order and answered that it is not available; it will be sent again.
    pub fn refused(&mut self, sent: &Sent) -> Result<(), String> {
        self.result(sent, &json!({"rejected": {"code": 131_016, "detail": ""}}))
    }

    fn result(&mut self, sent: &Sent, result: &Value) -> Result<(), String> {
        let record = json!({"account": sent.account, "events": [{"event": "result",
            "callback": {"message_uid": sent.uid, "attempt": sent.attempt}, "at": Time(self.now_ms()),
            "result": result}]});
        self.events(record.to_string().as_bytes())
    }

    /// A webhook: translated, addressed by its WABA, and decided account by account.
    pub fn webhook(&mut self, body: &str) -> Result<(), String> {
        let webhook = webhook::parse(body.as_bytes()).map_err(|e| format!("{e}: {body}"))?;
        let mut by_account: Vec<(String, Vec<PlatformEvent<'_>>)> = Vec::new();
        for addressed in webhook.events {
            let Some(account) = self.accounts.get(&*addressed.waba) else { continue };
            match by_account.iter_mut().find(|(have, _)| have == account) {
                Some((_, events)) => events.push(addressed.event),
                None => by_account.push((account.clone(), vec![addressed.event])),
            }
        }
        for (account, events) in by_account {
            let record = Events { account: account.as_str().into(), events };
            let record = serde_json::to_vec(&record).map_err(|e| e.to_string())?;
            self.events(&record)?;
        }
        Ok(())
    }

    /// An event that no webhook brings.
    pub fn event(&mut self, account: &str, event: &Value) -> Result<(), String> {
        self.events(json!({"account": account, "events": [event]}).to_string().as_bytes())
    }

    fn events(&mut self, record: &[u8]) -> Result<(), String> {
        // An event of a number that is not registered is rejected, which is as it should be.
        let _ = self.engine.events(record, &self.store, &mut self.out).map_err(|e| e.to_string())?;
        self.fed()
    }

    fn fed(&mut self) -> Result<(), String> {
        self.inputs += 1;
        if self.inputs >= BATCH { self.commit() } else { Ok(()) }
    }

    /// Lets time pass until `to_ms` or until an order leaves; answers the orders, none when `to_ms` is reached.
    pub fn run_until(&mut self, to_ms: u64) -> Result<Vec<Sent>, String> {
        loop {
            while self.engine.tick(10_000, &self.store, &mut self.out).map_err(|e| e.to_string())? > 0 {}
            if !self.out.orders.is_empty() {
                return Ok(self.orders());
            }
            let now_ms = self.now_ms();
            let due_ms = self.engine.next_due_ms().unwrap_or(to_ms).max(now_ms + 1);
            if now_ms >= to_ms {
                return Ok(Vec::new());
            }
            self.engine.clock(due_ms.min(to_ms));
        }
    }

    fn orders(&mut self) -> Vec<Sent> {
        let orders = std::mem::take(&mut self.out.orders);
        let sent = |(uid, attempt, account, sender)| {
            let (request, campaign, category) = self.out.admitted.get(&uid).cloned().unwrap_or_default();
            Sent { uid, attempt, account, sender, request, campaign, category }
        };
        orders.into_iter().map(sent).collect()
    }

    /// Makes the batch durable and books its entries.
    fn commit(&mut self) -> Result<(), String> {
        self.engine.commit(&mut self.store);
        self.engine.committed();
        self.inputs = 0;
        let values = std::mem::take(&mut self.out.ledger);
        let records: Vec<Record<'_>> = values
            .iter()
            .zip(self.offset..)
            .map(|(value, offset)| Record { partition: 0, offset, after: offset, value })
            .collect();
        self.offset += values.len() as u64;
        let done = self.ledger.ingest(&records, Time(self.engine.now_ms())).map_err(|e| e.to_string())?;
        if done.rejected > 0 {
            return Err(format!("the ledger set {} entries aside", done.rejected));
        }
        Ok(())
    }

    /// Books what is left, settles, closes and exports every month that has entries, and checks that what is closed is
    /// as its manifests say.
    pub fn finish(&mut self, directory: &Path) -> Result<(), String> {
        self.commit()?;
        self.settle(directory)?;
        let (months, accounts) = self.months(directory)?;
        for &month in &months {
            for account in &accounts {
                self.end(account, month)?;
            }
        }
        self.commit()?;
        let ledger = reader(directory)?;
        for account in &accounts {
            let terms = ledger.terms(account).map_err(|e| e.to_string())?;
            for &month in &months {
                let at = Time(self.engine.now_ms());
                let job = Job { account, month, rates: &self.rates, terms: &terms, at };
                let allow = Allow { unpriced: true, unverified: true, bands_unknown: true, set_aside: true };
                let closed = settle::close(&mut self.ledger, &ledger, &job, allow, &mut |_| {});
                closed.map_err(|e| e.to_string())?;
            }
            settle::verify(&ledger, &self.rates, account).map_err(|e| e.to_string())?;
        }
        let as_of = ledger.as_of(Stream::Ledger).map_err(|e| e.to_string())?;
        for month in months {
            for format in [Format::Detail, Format::Summary] {
                let out = directory.join(format!("{}-{month}.csv", format.as_str()));
                let request = Request { month, account: None, with_recipients: true, invoices: None, format, as_of };
                export(&ledger, &request, &out, &mut |_, _| {}).map_err(|e| e.to_string())?;
            }
        }
        for (reason, count) in &self.out.refused {
            eprintln!("refused {reason}: {count}");
        }
        Ok(())
    }

    /// Settles every month of every account, as an operator may at any time.
    pub fn settle_now_and_then(&mut self, directory: &Path) -> Result<(), String> {
        if self.offset < self.settled + SETTLE_EVERY {
            return Ok(());
        }
        self.commit()?;
        self.settle(directory)
    }

    fn settle(&mut self, directory: &Path) -> Result<(), String> {
        self.settled = self.offset;
        self.snapshots()?;
        let (months, accounts) = self.months(directory)?;
        let ledger = reader(directory)?;
        for account in &accounts {
            let terms = ledger.terms(account).map_err(|e| e.to_string())?;
            for &month in &months {
                let at = Time(self.engine.now_ms());
                let job = Job { account, month, rates: &self.rates, terms: &terms, at };
                settle::settle(&mut self.ledger, &ledger, &job, &mut |_| {}).map_err(|e| e.to_string())?;
            }
        }
        Ok(())
    }

    /// Lets the engine end a month, before its time if need be.
    fn end(&mut self, account: &str, month: YearMonth) -> Result<(), String> {
        let event = PlatformEvent::CloseMonth { month, settle_days: 0, forced: Some("the play is over".into()) };
        let record = Events { account: account.into(), events: vec![event] };
        self.events(&serde_json::to_vec(&record).map_err(|e| e.to_string())?)
    }

    /// What the views know of the accounts.
    fn snapshots(&mut self) -> Result<(), String> {
        self.engine.touch_all();
        let mut values = Vec::new();
        for account in self.engine.take_touched() {
            let snapshot = snapshot::account(self.engine.state(), account, self.engine.now_ms());
            values.push(serde_json::to_vec(&snapshot).map_err(|e| e.to_string())?);
        }
        let next = self.ledger.position(Stream::Snapshots, 0).map_err(|e| e.to_string())?;
        let records: Vec<Record<'_>> = values
            .iter()
            .zip(next..)
            .map(|(value, offset)| Record { partition: 0, offset, after: offset, value })
            .collect();
        self.ledger.ingest_snapshots(&records, Time(self.engine.now_ms())).map_err(|e| e.to_string())?;
        Ok(())
    }

    /// Months with entries, and accounts.
    fn months(&self, directory: &Path) -> Result<(Vec<YearMonth>, Vec<String>), String> {
        let ledger = reader(directory)?;
        let mut months = Vec::new();
        if let Some((first, last)) = ledger.months().map_err(|e| e.to_string())? {
            let read = |text: String| text.parse::<YearMonth>().map_err(|e| e.to_string());
            let (mut month, last) = (read(first)?, read(last)?);
            while month <= last {
                months.push(month);
                month = month.next();
            }
        }
        let accounts = ledger.accounts().map_err(|e| e.to_string())?;
        Ok((months, accounts.items.into_iter().map(|a| a.account).collect()))
    }
}

/// So many entries later months are settled again in the middle of the play.
const SETTLE_EVERY: u64 = 1_500;

fn reader(directory: &Path) -> Result<Reader, String> {
    Reader::open(&directory.join("ledger.sqlite"), Options::default()).map_err(|e| e.to_string())
}
