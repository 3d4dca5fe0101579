//! `decide(facts, event, now) -> decision`: no I/O, no clock, no randomness. Everything it reads is resident,
//! everything it wants done is returned.

use crate::admission::{Admitted, Candidate, Gate, Trace, admit, default_life_ms};
use crate::change::Change;
use crate::effect::{Effect, OutcomeFx};
use crate::hashing::HashKey;
use crate::ids::{BrandIx, CampaignIx, ContactKey, PairKey, SenderIx, Uid, User};
use crate::lots::Resource;
use crate::pool::Choice;
use crate::record::{
    Account, Attempt, AttemptState, Brands, Campaign, CampaignState, Message, MessageState, Park, SaidRank, Tail,
};
use crate::state::State;
use crate::{charge, close, command, consent, credit, inbound, life};
use std::sync::Arc;
use tollgate_rate_card::{Country, RateCards, Reported};
use tollgate_wire::Reason;
use tollgate_wire::command::{CampaignSpec, Command};
use tollgate_wire::event::PlatformEvent;
use tollgate_wire::outcome::OutcomeKind;
use tollgate_wire::request::{Recipient, Request};

/// Everything a decision may read.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Resident state.
    pub state: &'a State,
    /// Rate cards.
    pub rates: &'a RateCards,
    /// Secret of keyed hashes.
    pub key: &'a HashKey,
    /// Fixed times of the engine.
    pub times: &'a life::Times,
}

/// Something to decide.
#[derive(Debug)]
pub enum Event<'a> {
    /// A request was read.
    Request {
        /// Parsed.
        request: &'a Request<'a>,
        /// As received.
        raw: &'a [u8],
        /// Keyed hash of account and id.
        hash: u128,
        /// The message that had this id before.
        duplicate: Option<Uid>,
        /// From the priority topic.
        priority: bool,
    },
    /// A parked message may go.
    Wake {
        /// Message, resident.
        uid: Uid,
        /// Its request, parsed again.
        request: &'a Request<'a>,
    },
    /// A message's own time has come.
    Timer {
        /// Message, resident.
        uid: Uid,
    },
    /// A parked message whose request cannot be read any more.
    Lost {
        /// Message, resident.
        uid: Uid,
    },
    /// Something happened outside; `account` was looked up.
    Platform {
        /// Account.
        account: &'a Account,
        /// What.
        event: &'a PlatformEvent<'a>,
    },
    /// A command.
    Command(&'a Command),
}

/// What a decision wants.
#[derive(Debug, Default)]
pub struct Decision {
    /// New records.
    pub changes: Vec<Change>,
    /// What leaves.
    pub effects: Vec<Effect>,
    /// The head of a shared lot stays where it is because of this resource, until this instant.
    pub blocked: Option<(Reason, Resource, u64)>,
    /// The event was not usable; why, for the dead letter.
    pub rejected: Option<String>,
}

impl Decision {
    /// Empties it for reuse.
    pub fn clear(&mut self) {
        self.changes.clear();
        self.effects.clear();
        self.blocked = None;
        self.rejected = None;
    }
}

/// Decides one event.
pub fn decide(facts: &Facts<'_>, event: &Event<'_>, now_ms: u64, out: &mut Decision) {
    match event {
        Event::Request { request, raw, hash, duplicate, priority } => {
            new_request(facts, request, raw, *hash, *duplicate, *priority, now_ms, out);
        }
        Event::Wake { uid, request } => wake(facts, *uid, request, now_ms, out),
        Event::Timer { uid } => life::timer(facts, *uid, now_ms, out),
        Event::Lost { uid } => life::lost(facts, *uid, now_ms, out),
        Event::Platform { account, event } => platform(facts, account, event, now_ms, out),
        Event::Command(c) => command::apply(facts, c, now_ms, out),
    }
}

fn platform(facts: &Facts<'_>, account: &Account, event: &PlatformEvent<'_>, now_ms: u64, out: &mut Decision) {
    match event {
        PlatformEvent::Result(r) => life::result(facts, account, r, now_ms, out),
        PlatformEvent::Status(s) => life::status(facts, account, s, now_ms, out),
        PlatformEvent::Inbound(i) => inbound::message(facts, account, i, now_ms, out),
        PlatformEvent::Preference(p) => inbound::preference(facts, account, p, now_ms, out),
        PlatformEvent::NumberChanged(n) => consent::moved::number(facts, account, n, now_ms, out),
        PlatformEvent::Template(t) => command::template_changed(facts, account, t, now_ms, out),
        PlatformEvent::Sender(s) => command::sender_changed(facts, account, s, now_ms, out),
        PlatformEvent::Limit { limit } => command::limit_changed(facts, account, *limit, now_ms, out),
        PlatformEvent::AccountState { disabled } => command::account_state(account, *disabled, out),
        PlatformEvent::CloseMonth { month, settle_days, forced } => {
            close::close(facts, account, *month, *settle_days, forced.as_deref(), now_ms, out);
        }
        PlatformEvent::BandReached(reached) => charge::reached(facts, account, reached, out),
        PlatformEvent::Credit(c) => credit::book(facts, account, c, now_ms, out),
    }
}

/// The person a request is for, and the country that prices it.
pub(crate) fn person(facts: &Facts<'_>, to: &Recipient<'_>, out: &mut Decision) -> (Option<User>, Option<Country>) {
    match to {
        Recipient::Number(n) => {
            let Ok(digits) = tollgate_wire::request::parse_e164(n) else { return (None, None) };
            (User::from_digits(digits), facts.rates.map().lookup(digits))
        }
        Recipient::Scoped { bsuid, country } => {
            let place = country.as_deref().and_then(Country::new).and_then(|c| facts.rates.map().by_country(c));
            let user = facts.state.scoped_user(bsuid).or_else(|| {
                // One event may name two that are new.
                let mut ix = facts.state.next_scoped();
                for change in &out.changes {
                    match change {
                        Change::Scoped(known, id) if **id == *bsuid.as_str() => return User::from_scoped(*known).ok(),
                        Change::Scoped(known, _) => ix = known + 1,
                        _ => {}
                    }
                }
                out.changes.push(Change::Scoped(ix, bsuid.as_str().into()));
                User::from_scoped(ix).ok()
            });
            (user, place)
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "the fields of Event::Request, unpacked once")]
fn new_request(
    facts: &Facts<'_>,
    request: &Request<'_>,
    raw: &[u8],
    hash: u128,
    duplicate: Option<Uid>,
    priority: bool,
    now_ms: u64,
    out: &mut Decision,
) {
    let state = facts.state;
    let Some(account) = state.account(&request.account) else {
        out.rejected = Some(format!("account {:?} is not in the registry; apply it first", &*request.account));
        return;
    };
    if let Some(uid) = duplicate {
        let mut o = OutcomeFx::new(uid, 0, now_ms, OutcomeKind::Duplicate);
        o.reason = Some(Reason::Duplicate);
        out.effects.push(Effect::Outcome(Box::new(o)));
        return;
    }
    if let Some(brand) = request.brand.as_deref()
        && let Err(why) = consent::said::brand_of(account, Some(brand))
    {
        out.rejected = Some(format!("brand: {why}"));
        return;
    }
    let uid = state.next_uid();
    let new_campaign;
    let campaign = match request.campaign.as_deref() {
        None => None,
        Some(name) => match state.campaign(account.ix, name) {
            Some(c) => Some(c),
            None => {
                new_campaign = implicit_campaign(state, account, name);
                Some(&new_campaign)
            }
        },
    };
    let (user, place) = person(facts, &request.to, out);
    let expires_ms = request.expires_at.map_or_else(|| now_ms + default_life_ms(request.purpose), |t| t.0);
    let who = (user, place);
    let asked = Asked { request, account, campaign, who, expires_ms, priority, waits_for: None };
    let c = Candidate { bytes: raw.len() as u32, fresh: true, ..asked.candidate(facts, now_ms) };
    let message = Message {
        uid,
        account: account.ix,
        sender: c.sender.map_or(SenderIx(0), |s| s.ix),
        user: user.unwrap_or_default(),
        // One that is new is made only where the message is taken.
        campaign: campaign.filter(|c| state.has_campaign(c.ix)).map_or(CampaignIx::NONE, |c| c.ix),
        priority,
        purpose: request.purpose,
        state: MessageState::Refused,
        created_s: (now_ms / 1000) as u32,
        expires_ms,
        body_bytes: 0,
        park: None,
        attempts: smallvec::SmallVec::new(),
        tail: Arc::new(Tail {
            id: request.id.as_str().into(),
            metadata: request.metadata.map(ToOwned::to_owned),
            trace: request.trace.map(Box::new),
        }),
        test: false,
    };
    out.changes.push(Change::Seen(hash, uid));
    settle(facts, &c, message, Some(raw), now_ms, out);
}

fn wake(facts: &Facts<'_>, uid: Uid, request: &Request<'_>, now_ms: u64, out: &mut Decision) {
    let Some(message) = facts.state.message(uid) else { return };
    let account = facts.state.account_at(message.account);
    let campaign = facts.state.campaign_at(message.campaign);
    let who = person(facts, &request.to, out);
    let &Message { expires_ms, priority, sender, .. } = message;
    let asked = Asked { request, account, campaign, who, expires_ms, priority, waits_for: Some(sender) };
    let c = asked.candidate(facts, now_ms);
    settle(facts, &c, message.clone(), None, now_ms, out);
}

/// A message that asks to go, for the first time or again.
struct Asked<'a> {
    request: &'a Request<'a>,
    account: &'a Account,
    campaign: Option<&'a Campaign>,
    /// To whom, and where that is.
    who: (Option<User>, Option<Country>),
    expires_ms: u64,
    priority: bool,
    /// The number for which it has been waiting.
    waits_for: Option<SenderIx>,
}

impl<'a> Asked<'a> {
    /// With all that the gates read.
    fn candidate(self, facts: &Facts<'a>, now_ms: u64) -> Candidate<'a> {
        let state = facts.state;
        let Self { request, account, campaign, who: (user, place), expires_ms, priority, waits_for } = self;
        let category = request.purpose.category();
        let brands = &account.brands;
        let asked = request.brand.as_deref().map_or(BrandIx::NONE, |b| brands.by_name(b).unwrap_or(Brands::UNKNOWN));
        let sender = Choice { state, account, brand: asked, user, category, waits_for, now_ms }.of(request);
        let brand = asked.some().or_else(|| Some(brands.of_sender(sender?.ix))).unwrap_or_default();
        let contact = user.map(|u| state.contact(ContactKey::new(account.ix, u))).unwrap_or_default();
        let pair = user.zip(sender).map(|(u, s)| state.pair(PairKey::new(s.ix, u))).unwrap_or_default();
        Candidate {
            state,
            rates: facts.rates,
            now_ms,
            request,
            account,
            sender,
            waba: sender.map(|s| state.waba_at(s.waba)),
            live: sender.map(|s| state.live(s.ix)).unwrap_or_default(),
            campaign,
            user,
            brand,
            place,
            contact,
            pair,
            expires_ms,
            bytes: 0,
            priority,
            fresh: false,
        }
    }
}

/// Asks the gates and writes down what they said.
fn settle(
    facts: &Facts<'_>,
    c: &Candidate<'_>,
    mut message: Message,
    raw: Option<&[u8]>,
    now_ms: u64,
    out: &mut Decision,
) {
    let uid = message.uid;
    let (mut admitted, trace, rejections) = admit(c);
    let new_campaign = c.campaign.filter(|campaign| c.fresh && !c.state.has_campaign(campaign.ix));
    let is_refused = matches!(admitted, Admitted::Refused { .. });
    if new_campaign.is_some() && !is_refused && !command::has_room(c.state, c.account) {
        admitted = Admitted::Refused { gate: Gate::Campaign, reason: Reason::TooManyCampaigns };
    }
    let was = message.sender;
    if let Some(s) = c.sender {
        message.sender = s.ix;
    }
    let mut told = OutcomeFx::new(uid, message.last_number(), now_ms, OutcomeKind::Parked);
    told.trace = Some(trace);
    told.rejections = rejections.unwrap_or_default();
    match admitted {
        Admitted::Yes(admission) => {
            make(new_campaign, &mut message, out);
            let chosen = *admission.chosen();
            if let (Some(ck), Some(pk), Some(s)) = (c.contact_key(), c.pair_key(), c.sender) {
                out.changes.push(Change::Contact(ck, admission.contact()));
                out.changes.push(Change::Pair(pk, admission.pair()));
                out.changes.push(Change::SenderLive(s.ix, admission.live()));
            }
            if let Some((campaign, bucket)) = admission.campaign_bucket() {
                out.changes.push(Change::CampaignBucket(campaign, bucket));
            }
            message.state = MessageState::Open;
            message.park = None;
            message.test = c.campaign.is_some_and(|c| c.in_test);
            let reserve = c.campaign.is_some_and(|c| c.spec.budget.is_some());
            let number = message.last_number() + 1;
            life::forget(&mut message);
            let template = chosen.template.map(|ix| facts.state.template_at(ix));
            let ttl_s = life::ttl::of(c.account, template, chosen.category);
            let until_ms = now_ms + u64::from(ttl_s) * 1000;
            if template.is_some() && c.request.expires_at.is_some_and(|t| t.0 < until_ms) {
                told.outlives_ms = until_ms;
            }
            message.attempts.push(Attempt {
                number,
                state: AttemptState::Ordered,
                sender: message.sender,
                waba: c.waba.map(|w| w.ix),
                template: chosen.template,
                alternative: chosen.alternative,
                category: chosen.category,
                window_open: trace.window_until_s != 0,
                reserved_user: admission.quota() != crate::admission::QuotaUse::Free,
                slot: true,
                reserved: if reserve { chosen.price } else { rust_decimal::Decimal::ZERO },
                admitted_ms: now_ms,
                leave_by_ms: admission.leave_by_ms(),
                check_ms: facts.times.result_due_ms(admission.leave_by_ms()),
                wamid: 0,
                code: 0,
                delivered_s: 0,
                reported: Reported::default(),
                said_s: 0,
                said_rank: SaidRank::default(),
                conversation: 0,
                booked: None,
                kind: chosen.kind,
                ttl_s,
            });
            told.attempt = number;
            told.kind = OutcomeKind::Admitted;
            told.estimate = Some(chosen.price);
            keep_body(&mut message, raw, out);
            out.changes.push(Change::Message(Box::new(message)));
            out.effects.push(Effect::Order { uid, alternative: chosen.alternative, language: chosen.language });
            out.effects.push(Effect::Outcome(Box::new(told)));
        }
        Admitted::Refused { gate, reason } => {
            end(&mut message, reason, raw.is_some(), out);
            told.kind = match message.state {
                MessageState::Expired => OutcomeKind::Expired,
                MessageState::Cancelled => OutcomeKind::Cancelled,
                _ => OutcomeKind::Refused,
            };
            told.reason = Some(reason);
            told.stopped = Some(gate);
            out.changes.push(Change::Message(Box::new(message)));
            out.effects.push(Effect::Outcome(Box::new(told)));
        }
        Admitted::Parked { gate, reason, resource, until_ms } => {
            told.stopped = Some(gate);
            told.reason = Some(reason);
            // A queue that is joined may be due already: its turn comes, but not in the past.
            told.retry_ms = if until_ms == u64::MAX { 0 } else { until_ms.max(now_ms) };
            if raw.is_some() && waiting_room_is_full(c) {
                told.reason = Some(Reason::WaitingRoomFull);
                // Where only an event frees what the others wait for, a minute is as good as any answer.
                if told.retry_ms == 0 {
                    told.retry_ms = now_ms + 60_000;
                }
                told.kind = OutcomeKind::Refused;
                end(&mut message, Reason::WaitingRoomFull, true, out);
                out.changes.push(Change::Message(Box::new(message)));
                out.effects.push(Effect::Outcome(Box::new(told)));
                return;
            }
            let old = message.park;
            let in_shared_lot = raw.is_none() && old.is_some_and(|p| p.resource != Resource::Own);
            let of_few = matches!(resource, Resource::Template(..) | Resource::Barred(..) | Resource::CampaignTest(..))
                && old.is_some_and(|p| p.resource != resource);
            let of_strangers = is_of_strangers(resource) && old.is_some_and(|p| !is_of_strangers(p.resource));
            // One that another number of its pool has taken over waits with that number's.
            let moved = message.sender != was;
            if in_shared_lot && resource != Resource::Own && !of_few && !of_strangers && !moved {
                // Messages do not move between lots: the lot waits for what refused its head. Only those whose
                // templates are paused, whose country is barred, or who are no test recipients, go to a lot of their own,
                // because the others of this one need not wait for it. So do those who need a token of the quota: people
                // whose window is open, or who are counted already, would wait a day behind them.
                out.blocked = Some((reason, resource, until_ms));
                return;
            }
            make(new_campaign, &mut message, out);
            park(&mut message, reason, resource, until_ms, now_ms, told, trace, out);
            keep_body(&mut message, raw, out);
            out.changes.push(Change::Message(Box::new(message)));
        }
    }
}

/// What not everybody waits for: the limit and its pacing let people through whose window is open.
fn is_of_strangers(resource: Resource) -> bool {
    matches!(resource, Resource::Quota(_) | Resource::NumberQuota(_) | Resource::Pacing(_))
}

/// Makes the campaign of a message that is the first of it to be taken: what is refused at once leaves none behind.
fn make(new: Option<&Campaign>, message: &mut Message, out: &mut Decision) {
    if let Some(campaign) = new {
        message.campaign = campaign.ix;
        out.changes.push(Change::Campaign(Box::new(campaign.clone())));
    }
}

/// Parks a message; tells people of each new reason and queue, and of the same at most hourly.
#[expect(clippy::too_many_arguments, reason = "one place where a park is written")]
fn park(
    message: &mut Message,
    reason: Reason,
    resource: Resource,
    until_ms: u64,
    now_ms: u64,
    told: OutcomeFx,
    _trace: Trace,
    out: &mut Decision,
) {
    let now_s = (now_ms / 1000) as u32;
    let before = message.park.filter(|_| message.state == MessageState::Parked);
    let same = |p: Park| p.reason == reason && p.resource == resource;
    let tell = before.is_none_or(|p| !same(p) || now_s.saturating_sub(p.told_s) >= 3600);
    message.state = MessageState::Parked;
    let told_s = if tell { now_s } else { before.map_or(now_s, |p| p.told_s) };
    message.park = Some(Park { reason, resource, until_ms, told_s });
    if tell {
        out.effects.push(Effect::Outcome(Box::new(told)));
    }
}

/// Ends a message that was never ordered, or not any more.
fn end(message: &mut Message, reason: Reason, is_new: bool, out: &mut Decision) {
    message.state = match reason {
        Reason::Expired => MessageState::Expired,
        Reason::Cancelled => MessageState::Cancelled,
        _ => MessageState::Refused,
    };
    message.park = None;
    message.body_bytes = 0;
    if !is_new {
        out.changes.push(Change::Body(message.uid, None));
    }
}

fn keep_body(message: &mut Message, raw: Option<&[u8]>, out: &mut Decision) {
    if let Some(raw) = raw {
        message.body_bytes = raw.len() as u32;
        out.changes.push(Change::Body(message.uid, Some(raw.into())));
    }
}

/// Bulk beyond the account's bounds is refused, never the priority lane.
fn waiting_room_is_full(c: &Candidate<'_>) -> bool {
    let p = c.state.lots.parked(c.account.ix);
    let policy = &c.account.spec.policy;
    !c.priority && (p.messages >= policy.waiting_messages || p.bytes + u64::from(c.bytes) > policy.waiting_bytes)
}

fn implicit_campaign(state: &State, account: &Account, name: &str) -> Campaign {
    command::new_campaign(state, account, CampaignSpec::named(name), CampaignState::Running)
}
