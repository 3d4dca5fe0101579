//! The month: who sends, who answers, and when the platform tells of it, with everything that goes wrong on the way.

mod late;

use crate::extras::{self, Extra};
use crate::options::{Era, Options};
use crate::platform::{Pair, Platform};
use crate::product::{Product, Sent};
use crate::shapes::{self, About, Words};
use crate::world::{self, CAMPAIGNS, World};
use serde_json::json;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use tollgate_rate_card::ZoneCache;
use tollgate_tests::Dice;

const HOUR_S: i64 = 3_600;

/// A message that the platform has.
#[derive(Clone, Debug)]
struct Shipment {
    wamid: String,
    pair: Pair,
    /// Category by the platform.
    category: String,
    /// Type that the platform says instead of what it should.
    odd_type: Option<&'static str>,
    /// `None`: other software sent it.
    callback: Option<(u64, u8)>,
    sent_s: i64,
    /// The platform never says a word about its price.
    silent: bool,
    /// We know the wamid from callback data alone: the call was answered with an error, and is made again.
    unknown: bool,
    /// It is told of once, and not before.
    told_last_ms: Option<u64>,
}

/// Something that is to happen.
#[derive(Debug)]
enum Due {
    Request { sender: usize, person: usize, purpose: &'static str },
    Writes { sender: usize, person: usize, advertisement: bool, late_ms: u64 },
    Foreign,
    Deliver(Box<Shipment>),
    Webhook(String),
    Credit { account: String, event: serde_json::Value },
}

/// Instant, rank, hash of the wamid, number: what happens first.
type When = (u64, u8, u128, u64);

/// The month at play.
pub(crate) struct Play<'o> {
    options: &'o Options,
    dice: Dice,
    world: World,
    platform: Platform,
    agenda: BTreeMap<When, Due>,
    product: Product,
    zones: Vec<ZoneCache>,
    people: HashMap<String, usize>,
    webhooks: BufWriter<File>,
    attempts: BufWriter<File>,
    credits: BufWriter<File>,
    foreign: BufWriter<File>,
    count: u64,
    edge_s: i64,
    end_s: i64,
}

fn file(directory: &Path, name: &str) -> Result<BufWriter<File>, String> {
    let path = directory.join(name);
    File::create(&path).map(BufWriter::new).map_err(|e| format!("{}: {e}", path.display()))
}

impl<'o> Play<'o> {
    /// Everything before the first message.
    pub fn new(
        options: &'o Options,
        dice: Dice,
        world: World,
        mut product: Product,
        (start_s, edge_s, end_s): (i64, i64, i64),
    ) -> Result<Self, String> {
        let spec = serde_json::to_string(&world.accounts).map_err(|e| e.to_string())?;
        let path = options.out.join("registry.json");
        std::fs::write(&path, spec).map_err(|e| format!("{}: {e}", path.display()))?;
        for account in &world.accounts {
            product.command(&json!({"command": "apply_account", "spec": account}))?;
            let id = &account["account"];
            for (n, name) in CAMPAIGNS.iter().enumerate() {
                let spec = json!({"name": name, "cost_center": format!("cc-{n}")});
                product.command(&json!({"command": "put_campaign", "account": id, "spec": spec}))?;
            }
            for person in &world.people {
                let consent = json!({"to": world::name(person), "state": "opt_in", "source": "web"});
                product.command(&json!({"command": "set_consent", "account": id, "consent": consent}))?;
            }
        }
        let people = world.people.iter().enumerate().map(|(n, p)| (world::name(p).to_owned(), n)).collect();
        let mut play = Self {
            people,
            options,
            dice,
            platform: Platform::default(),
            agenda: BTreeMap::new(),
            product,
            zones: vec![ZoneCache::default(); world.zones.len()],
            webhooks: file(&options.out, "webhooks.ndjson")?,
            attempts: file(&options.out, "attempts.ndjson")?,
            credits: file(&options.out, "credits.ndjson")?,
            foreign: file(&options.out, "foreign.ndjson")?,
            world,
            count: 0,
            edge_s,
            end_s,
        };
        play.plan(start_s);
        Ok(play)
    }

    fn plan(&mut self, start_s: i64) {
        for (told_ms, extra) in extras::plan(self.options, &self.world, (start_s, self.end_s)) {
            let due = match extra {
                Extra::Webhook(body) => Due::Webhook(body),
                Extra::Credit(account, event) => Due::Credit { account, event },
            };
            self.at(told_ms, 0, 0, due);
        }
        let span = (self.end_s - start_s) as u64;
        for _ in 0..self.options.messages {
            // Many near the midnights that begin the month.
            let at_s = match self.dice.below(100) {
                0..40 => self.edge_s - 20 * HOUR_S + self.dice.below(40 * HOUR_S as u64) as i64,
                _ => start_s + 60 + self.dice.below(span) as i64,
            };
            if self.dice.permille(30) {
                self.at(at_s as u64 * 1000, 0, 0, Due::Foreign);
                continue;
            }
            let sender = self.dice.below(self.world.senders.len() as u64) as usize;
            let person = self.dice.below(self.world.people.len() as u64) as usize;
            let purpose = match self.dice.below(100) {
                0..20 => "marketing",
                20..50 => "utility",
                50..68 => "authentication",
                _ => "service",
            };
            if purpose == "service" || self.dice.percent(20) {
                let before = self.dice.between(1, 20) as i64;
                let advertisement = self.dice.percent(6);
                self.at((at_s - before) as u64 * 1000, 0, 0, Due::Writes { sender, person, advertisement, late_ms: 0 });
            }
            // What a person wrote may be told of after what was delivered since.
            if !self.options.in_order && self.dice.permille(80) {
                let before = self.dice.below(20 * HOUR_S as u64) as i64;
                let late_ms = self.dice.below(40 * 3_600_000);
                let due = Due::Writes { sender, person, advertisement: false, late_ms };
                self.at((at_s - before).max(start_s) as u64 * 1000, 0, 0, due);
            }
            self.at(at_s as u64 * 1000, 0, 0, Due::Request { sender, person, purpose });
        }
    }

    fn at(&mut self, at_ms: u64, rank: u8, tie: u128, due: Due) {
        self.count += 1;
        self.agenda.insert((at_ms, rank, tie, self.count), due);
    }

    /// Plays it to the end and exports.
    pub fn run(mut self) -> Result<(), String> {
        while let Some((when, due)) = self.agenda.pop_first() {
            // An order that leaves meanwhile may put something before what is due.
            let orders = self.product.run_until(when.0)?;
            if !orders.is_empty() {
                self.agenda.insert(when, due);
                for order in orders {
                    self.take(&order)?;
                }
                continue;
            }
            match due {
                Due::Request { sender, person, purpose } => self.request(sender, person, purpose)?,
                Due::Writes { sender, person, advertisement, late_ms } => {
                    self.writes(sender, person, advertisement, late_ms)?;
                }
                Due::Foreign => self.foreign()?,
                Due::Deliver(shipment) => self.deliver(&shipment)?,
                Due::Credit { account, event } => {
                    let line = json!({"received": self.product.now_ms(), "account": account, "credit": event});
                    writeln!(self.credits, "{line}").map_err(|e| format!("credits.ndjson: {e}"))?;
                    self.product.event(&account, &event)?;
                }
                Due::Webhook(body) => {
                    self.webhook(&body)?;
                    self.product.settle_now_and_then(&self.options.out)?;
                }
            }
        }
        self.webhooks.flush().map_err(|e| e.to_string())?;
        self.attempts.flush().map_err(|e| e.to_string())?;
        self.foreign.flush().map_err(|e| e.to_string())?;
        self.credits.flush().map_err(|e| e.to_string())?;
        self.product.finish(&self.options.out)
    }

    fn now_s(&self) -> i64 {
        (self.product.now_ms() / 1000) as i64
    }

    fn date(&mut self, sender: usize, at_s: i64) -> String {
        let zone = self.world.senders[sender].zone;
        self.world.zones[zone].local_date(at_s, &mut self.zones[zone]).to_string()
    }

    fn webhook(&mut self, body: &str) -> Result<(), String> {
        writeln!(self.webhooks, "{{\"received\":{},\"body\":{body}}}", self.product.now_ms())
            .map_err(|e| format!("webhooks.ndjson: {e}"))?;
        self.product.webhook(body)
    }

    fn request(&mut self, sender: usize, person: usize, purpose: &'static str) -> Result<(), String> {
        self.count += 1;
        let who = &self.world.senders[sender];
        let content = match purpose {
            "service" => json!({"text": "Here you are."}),
            purpose => {
                let (name, _) =
                    world::TEMPLATES.iter().find(|t| t.1 == purpose).ok_or("a template of each category")?;
                json!({"template": {"name": name, "language": "en_US"}})
            }
        };
        let mut request = json!({"id": format!("r{}", self.count), "account": self.world.accounts[who.account]["account"],
            "to": self.world.people[person], "purpose": purpose, "sender": who.id, "content": [content]});
        if self.dice.percent(65) {
            request["campaign"] = json!(self.dice.pick(&CAMPAIGNS));
        }
        self.product.request(&request, purpose == "authentication")
    }

    fn writes(&mut self, sender: usize, person: usize, advertisement: bool, late_ms: u64) -> Result<(), String> {
        let at_s = self.now_s();
        self.platform.wrote((sender, person), at_s, advertisement);
        self.count += 1;
        let who = &self.world.senders[sender];
        let body =
            shapes::wrote(&who.waba, &who.id, &self.world.people[person], at_s, advertisement, self.count).to_string();
        if late_ms > 0 {
            self.at(self.product.now_ms() + late_ms, 2, 0, Due::Webhook(body));
            return Ok(());
        }
        self.webhook(&body)
    }

    /// The call of an order: the platform takes it.
    fn take(&mut self, sent: &Sent) -> Result<(), String> {
        self.count += 1;
        let wamid = format!("wamid.HBgL{}x{}", self.options.seed, self.count);
        let sender = self.world.senders.iter().position(|s| s.id == sent.sender).ok_or("a sender of ours")?;
        let to = self.product.recipient(sent.uid).ok_or("an order of a request")?;
        let person = *self.people.get(to).ok_or("a person of ours")?;
        let line = json!({"request": sent.request, "account": sent.account, "sender": sent.sender,
            "to": self.world.people[person], "category": sent.category, "campaign": sent.campaign,
            "attempt": sent.attempt, "wamid": wamid, "wamid_hash": format!("{:032x}", self.product.tie(&wamid))});
        writeln!(self.attempts, "{line}").map_err(|e| format!("attempts.ndjson: {e}"))?;
        let unknown = sent.attempt == 1 && self.dice.permille(20);
        if unknown {
            self.product.refused(sent)?;
        } else {
            self.product.accepted(sent, &wamid)?;
        }
        let category = self.category(&sent.category);
        let odd_type = (self.by_message() && self.dice.permille(20)).then_some("free_of_the_future");
        let callback = Some((sent.uid, sent.attempt));
        let pair = (sender, person);
        let sent_s = self.now_s();
        let silent = (self.by_message() || self.nameless(pair)) && self.dice.permille(30);
        let shipment =
            Shipment { wamid, pair, category, odd_type, callback, sent_s, silent, unknown, told_last_ms: None };
        self.ship(shipment, sent.attempt == 1);
        Ok(())
    }

    /// Whether nothing of the month is charged by conversation.
    fn by_message(&self) -> bool {
        !matches!(self.options.era, Era::Cbp | Era::Switch)
    }

    /// Whether the platform never says the ids of conversations between the two: then they follow from its rules.
    fn nameless(&self, pair: Pair) -> bool {
        self.options.in_order && pair.1.is_multiple_of(8)
    }

    /// The category that the platform says: mostly the one that was sent.
    fn category(&mut self, expected: &str) -> String {
        let dice = &mut self.dice;
        let odd = match dice.below(1000) {
            0..15 => *dice.pick(&["marketing", "utility", "authentication"]),
            15..45 if expected == "authentication" => "authentication-international",
            45..55 if expected == "marketing" => "marketing_lite",
            55..60 if self.by_message() => "group_marketing",
            _ => expected,
        };
        odd.to_owned()
    }

    /// Other software of the business sends from one of its numbers. No export has the hash of what is not booked.
    fn foreign(&mut self) -> Result<(), String> {
        let sender = self.dice.below(self.world.senders.len() as u64) as usize;
        let person = self.dice.below(self.world.people.len() as u64) as usize;
        let category = (*self.dice.pick(&["marketing", "utility", "service", "authentication"])).to_owned();
        let one = self.foreign_one((sender, person), category, self.now_s())?;
        // What opens a conversation and is never named leaves open which of the next ones did; reported order decides.
        let silent = self.dice.percent(5) && (self.options.in_order || self.by_message());
        self.ship(Shipment { silent, ..one }, false);
        Ok(())
    }

    fn foreign_one(&mut self, pair: Pair, category: String, sent_s: i64) -> Result<Shipment, String> {
        self.count += 1;
        let wamid = format!("wamid.f{}x{}", self.options.seed, self.count);
        let line = json!({"wamid": wamid, "wamid_hash": format!("{:032x}", self.product.tie(&wamid))});
        writeln!(self.foreign, "{line}").map_err(|e| format!("foreign.ndjson: {e}"))?;
        let (odd_type, callback, silent, unknown, told_last_ms) = (None, None, false, false, None);
        Ok(Shipment { wamid, pair, category, odd_type, callback, sent_s, silent, unknown, told_last_ms })
    }

    /// The platform has a message: it is told of as sent, and sometimes as failed though it will be delivered.
    fn ship(&mut self, shipment: Shipment, may_fail: bool) {
        let dice = &mut self.dice;
        let mut wait = match dice.below(100) {
            0..85 => dice.between(1, 30),
            85..97 => dice.between(30, 4 * 3600),
            97..99 => dice.between(3600, 30 * 3600),
            _ if shipment.category.starts_with("auth") => 20,
            _ => dice.between(3600, 12 * 24 * 3600),
        };
        if shipment.unknown {
            wait = wait.max(self.dice.between(1800, 9000));
        } else if may_fail && dice.permille(20) {
            let at_s = shipment.sent_s + 1;
            self.tell(&shipment, "failed", at_s, None, at_s as u64 * 1000);
            wait = wait.max(self.dice.between(1800, 9000));
        } else if self.dice.percent(70) {
            // The words of a status as sent are told of at once: those of an older status that comes later are
            // played in `later_words`.
            let with_words = self.dice.percent(40);
            let words = with_words.then(|| self.words_as_sent(&shipment));
            let late = if with_words || self.options.in_order { 0 } else { self.dice.below(3_600_000) };
            self.tell(&shipment, "sent", shipment.sent_s, words.as_ref(), shipment.sent_s as u64 * 1000 + late);
        }
        let at_s = shipment.sent_s + wait as i64;
        self.at(at_s as u64 * 1000, 1, 0, Due::Deliver(Box::new(shipment)));
    }

    fn words_as_sent(&mut self, shipment: &Shipment) -> Words {
        let date = self.date(shipment.pair.0, shipment.sent_s);
        if date.as_str() < "2025-07-01" {
            let category = shipment.category.clone();
            return Words { model: "CBP", pricing_type: None, category, conversation: None };
        }
        self.platform.by_message(shipment.pair, shipment.sent_s, &date, &shipment.category, &mut self.dice)
    }

    fn tell(&mut self, shipment: &Shipment, kind: &str, at_s: i64, words: Option<&Words>, told_ms: u64) {
        let who = &self.world.senders[shipment.pair.0];
        let callback = shipment.callback.filter(|_| shipment.unknown || self.dice.percent(70));
        let person = &self.world.people[shipment.pair.1];
        let about = About { waba: &who.waba, sender: &who.id, wamid: &shipment.wamid, person, callback };
        let body = shapes::status(&about, kind, at_s, words.filter(|_| !shipment.silent)).to_string();
        let tie = self.product.tie(&shipment.wamid);
        self.at(told_ms, 2, tie, Due::Webhook(body));
    }

    /// The message arrives, and everything that is ever said of it is planned.
    fn deliver(&mut self, shipment: &Shipment) -> Result<(), String> {
        let at_s = self.now_s();
        let date = self.date(shipment.pair.0, at_s);
        let mut words = self.platform.deliver(shipment.pair, at_s, &date, &shipment.category, &mut self.dice);
        if let (Some(odd), "PMP") = (shipment.odd_type, words.model) {
            words.pricing_type = Some(odd.to_owned());
        }
        if words.model == "PMP" && words.conversation.is_none() && self.dice.percent(40) {
            // An id of its own, as the earlier versions of the API have it.
            words.conversation = Some((format!("pm{}", shipment.wamid), words.category.clone()));
        }
        if words.model == "CBP" && self.nameless(shipment.pair) {
            words.conversation = None;
        }
        if let Some(told_ms) = shipment.told_last_ms {
            let by = self.dice.between(1, 3_600) as i64;
            self.tell(shipment, "delivered", at_s - by, Some(&words), told_ms.max(at_s as u64 * 1000));
            return Ok(());
        }
        let told = self.first_told(shipment, at_s, &words)?;
        if !self.options.in_order {
            self.later_words(shipment, at_s, &words, told);
        }
        Ok(())
    }

    /// Delivered, read and their repetitions; when the words are told of first.
    fn first_told(&mut self, shipment: &Shipment, at_s: i64, words: &Words) -> Result<u64, String> {
        let in_order = self.options.in_order;
        let at_ms = at_s as u64 * 1000;
        let lag = |dice: &mut Dice| match dice.below(100) {
            _ if in_order => 0,
            0..75 => dice.below(4_000),
            75..95 => dice.below(120_000),
            _ => dice.below(60 * 3_600_000),
        };
        let only_read = self.dice.percent(10);
        let kind = if only_read { if self.dice.percent(95) { "read" } else { "played" } } else { "delivered" };
        let told = at_ms + lag(&mut self.dice);
        if !in_order && self.dice.percent(6) {
            let told = self.read_first(shipment, at_s, words, kind, told);
            self.next_day(shipment, at_s, words, told)?;
            return Ok(told);
        }
        // The price may come with the second status only; then what is booked at first is corrected.
        let second = !in_order && !only_read && self.dice.percent(12);
        self.tell(shipment, kind, at_s, (!second).then_some(words), told);
        let mut last = told;
        if second || (!only_read && self.dice.percent(40)) {
            let read_s = at_s + self.dice.between(1, 3_000) as i64;
            let at_ms = read_s as u64 * 1000;
            let told_read = at_ms + lag(&mut self.dice);
            self.tell(shipment, "read", read_s, second.then_some(words), told_read);
            last = if second { told_read } else { told };
        }
        if self.dice.percent(10) && !second {
            let again = last + self.dice.below(if in_order { 3_600_000 } else { 40 * 3_600_000 });
            self.tell(shipment, kind, at_s, Some(words), again);
        }
        Ok(last)
    }

    /// An earlier time, also before it was sent, by a clock that is wrong; or another category or type.
    fn later_words(&mut self, shipment: &Shipment, at_s: i64, words: &Words, told_ms: u64) {
        let earlier = self.dice.percent(6);
        if earlier {
            let by = self.dice.below(3 * HOUR_S as u64) as i64;
            let told = told_ms + self.dice.below(20 * 3_600_000);
            self.tell(shipment, "delivered", at_s - by, Some(words), told);
        }
        if self.dice.percent(4) && !earlier {
            let mut other = words.clone();
            if words.model == "PMP" && words.category != "referral_conversion" && self.dice.percent(40) {
                let types = ["regular", "free_customer_service"];
                other.pricing_type = Some((*self.dice.pick(&types)).to_owned());
                other.conversation = None;
            }
            if words.category != "referral_conversion" && self.dice.percent(70) {
                other.category = (*self.dice.pick(&["marketing", "utility", "authentication", "service"])).to_owned();
            }
            let later_s = at_s + 3_001 + self.dice.below(40_000) as i64;
            // After every repetition of the first words.
            let told = told_ms.max(later_s as u64 * 1000) + 41 * 3_600_000;
            self.tell(shipment, "read", later_s, Some(&other), told);
            // The first words once more.
            if self.dice.percent(50) {
                self.tell(shipment, "delivered", at_s, Some(words), told + 3_600_000);
            }
        }
    }
}
