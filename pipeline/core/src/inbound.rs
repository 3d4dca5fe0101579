//! What people do: they write, they call, they stop. The content of a message is never kept.

use crate::admission::throughput_rate;
use crate::change::Change;
use crate::charge::{self, Moves};
use crate::consent::{Means, said};
use crate::decide::{Decision, Facts, person};
use crate::effect::{Effect, Reply, ReplyKind};
use crate::fee;
use crate::hashing::HashKey;
use crate::ids::{BrandIx, ContactKey, PairKey, SenderIx, User};
use crate::record::{Account, Contact, Pair};
use crate::state::State;
use crate::window;
use tollgate_rate_card::Fee;
use tollgate_wire::Text;
use tollgate_wire::event::{Inbound, Preference};
use tollgate_wire::request::{Recipient, parse_e164};

/// Stands in place of a message's number under the id of what a person wrote; below it, when.
pub(crate) const WROTE: u64 = 1 << 63;
/// How long the platform may tell of the same message again, with a day more, in seconds.
const TOLD_AGAIN_S: u32 = 8 * 86_400;

/// What an id of a person's message is kept under: never the same as that of a message of ours.
pub(crate) fn id_hash(key: &HashKey, sender: &str, id: &str) -> u128 {
    key.hash(&[b"inbound", sender.as_bytes(), id.as_bytes()])
}

/// `true` for what is kept of a person's message that is not told again any more.
pub(crate) fn is_over(kept: u64, now_s: u32) -> bool {
    kept & WROTE != 0 && (kept as u32).saturating_add(TOLD_AGAIN_S) < now_s
}

/// A person wrote or called: the window opens, the number's throughput is used, a word of the account's ends or confirms
/// consents. What the platform tells again changes nothing. Where it names the person by number and by business-scoped id,
/// window and word are of both, and the message is counted and told once.
pub(crate) fn message(facts: &Facts<'_>, account: &Account, i: &Inbound<'_>, now_ms: u64, out: &mut Decision) {
    let state = facts.state;
    let Some(sender) = state.sender_of(account.ix, &i.sender) else {
        out.rejected = Some(format!("sender {} is not registered for account {}", &*i.sender, account.spec.account));
        return;
    };
    let Some(user) = person(facts, &i.from, out).0 else { return };
    let at_s = clamp_s(i.at_s, now_ms);
    if let Some(id) = &i.id {
        let hash = id_hash(facts.key, &i.sender, id);
        if state.wamid(hash).is_some() {
            return;
        }
        out.changes.push(Change::Wamid(hash, WROTE | u64::from(at_s), 0));
    }
    let means = account.words.meaning(i.keyword.iter().chain(&i.label).map(Text::as_str));
    let settled = matches!(means, Some(Means::Stop | Means::StopAll));
    let beside = beside(facts, i.bsuid.as_ref(), user, settled, out);
    let mut moves = Moves::new(facts, now_ms);
    for user in std::iter::once(user).chain(beside) {
        let key = PairKey::new(sender.ix, user);
        let mut pair = state.pair(key);
        window::wrote(&mut pair, at_s);
        charge::window_known(&mut moves, user, &mut pair, out);
        out.changes.push(Change::Pair(key, pair));
    }
    moves.finish(out);
    // What people write that were never reached is nobody's result, but they wait for an answer like the others.
    let brand = account.brands.of_sender(sender.ix);
    let is_known = |user: User| {
        let contact = ContactKey::new(account.ix, user);
        let said_to = |brand: BrandIx| state.said(contact, brand) != Contact::default();
        said_to(BrandIx::NONE) || brand.some().is_some_and(said_to)
    };
    // Told once: of the id where that alone was written to.
    let known = std::iter::once(user).chain(beside).find(|user| is_known(*user));
    let kind = if known.is_some() { ReplyKind::Wrote } else { ReplyKind::StrangerWrote };
    out.effects.push(Effect::Reply(Box::new(Reply {
        kind,
        sender: sender.ix,
        user: known.unwrap_or(user),
        at_s,
        settled,
        reaction: i.reaction,
    })));
    if let Some(key) = fee::counter(facts, state.waba_at(sender.waba), sender.ix, Fee::Inbound, at_s) {
        out.changes.push(Change::Counter(key, state.counter(key) + 1));
    }
    let mut live = state.live(sender.ix);
    let rate = throughput_rate(account, sender, &live, now_ms);
    live.throughput = live.throughput.charge(rate, 1, now_ms);
    out.changes.push(Change::SenderLive(sender.ix, live));
    if let Some(means) = means {
        for user in std::iter::once(user).chain(beside) {
            said::word(facts, account, (sender.ix, user), means, at_s, out);
        }
    }
}

/// Those whom an event names and who are known, by number and by business-scoped id.
pub(crate) fn known_people<'s>(state: &'s State, i: &'s Inbound<'_>) -> impl Iterator<Item = User> + 's {
    let from = match &i.from {
        Recipient::Number(n) => parse_e164(n).ok().and_then(User::from_digits),
        Recipient::Scoped { bsuid, .. } => state.scoped_user(bsuid),
    };
    from.into_iter().chain(i.bsuid.as_ref().and_then(|id| state.scoped_user(id)))
}

/// The business-scoped id that the platform names beside a person's number. One that nobody has used is made known
/// only where it is to be remembered: who writes and was never written to must not cost more for having one.
fn beside(
    facts: &Facts<'_>,
    bsuid: Option<&Text<'_>>,
    user: User,
    remembered: bool,
    out: &mut Decision,
) -> Option<User> {
    let bsuid = bsuid.filter(|id| !id.is_empty())?;
    let known = match remembered {
        false => facts.state.scoped_user(bsuid),
        true => person(facts, &Recipient::Scoped { bsuid: bsuid.clone(), country: None }, out).0,
    };
    known.filter(|known| *known != user)
}

/// Tells that a message left for a person who had written within a window's length before it and so may wait for an answer.
/// Whom nobody waits for is not told of, which is most of what is sent.
pub(crate) fn answered((sender, user): (SenderIx, User), pair: &Pair, at_s: u32, now_ms: u64, out: &mut Decision) {
    let now_s = (now_ms / 1000) as u32;
    let wrote_s = pair.last_inbound_s;
    if wrote_s != 0 && at_s >= wrote_s && now_s < wrote_s.saturating_add(window::WINDOW_S) {
        let reply = Reply { kind: ReplyKind::Answered, sender, user, at_s, settled: false, reaction: false };
        out.effects.push(Effect::Reply(Box::new(reply)));
    }
}

/// A person stopped or resumed marketing on the platform.
pub(crate) fn preference(facts: &Facts<'_>, account: &Account, p: &Preference<'_>, now_ms: u64, out: &mut Decision) {
    let Some(user) = person(facts, &p.from, out).0 else { return };
    let beside = beside(facts, p.bsuid.as_ref(), user, true, out);
    for user in std::iter::once(user).chain(beside) {
        said::switch(facts, ContactKey::new(account.ix, user), p.stop, clamp_s(p.at_s, now_ms), out);
    }
}

/// How far a platform time may lie ahead of ours.
pub const AHEAD_S: u32 = 60;

/// Platform times later than a minute from now are clamped: a wrong clock must not open windows in the future.
pub(crate) fn clamp_s(at_s: u32, now_ms: u64) -> u32 {
    at_s.min((now_ms / 1000) as u32 + AHEAD_S)
}
