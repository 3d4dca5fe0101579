//! Why a message is where it is, and why it cost what it did, in words. The same view gives the same text.

use super::entry::EntryView;
use super::message::{MessageView, MoveView, PriceLine};
use crate::ledger::fixed;
use rust_decimal::Decimal;
use std::fmt::Write;
use tollgate_rate_card::{ENTRY_DECIMALS, round_amount};
use tollgate_wire::outcome::OutcomeKind;

/// The gates of admission in their order, and what passing each one means.
pub const GATES: [(&str, &str); 11] = [
    ("request", "well-formed, account known, id new, not expired"),
    ("campaign", "not cancelled, running, inside its sending hours"),
    ("sender", "registered, its currency taken, not blocked or locked"),
    ("recipient", "valid, country and market known, not known to be off the platform"),
    ("content", "an alternative is legal, approved, consented to and priced"),
    ("choice", "chosen among the alternatives left"),
    ("pacing", "the sender's quality lets this category go"),
    ("quota", "a unique user may be reached"),
    ("frequency", "the person's marketing cap allows it"),
    ("budget", "the worst-case price fits"),
    ("throughput", "pair rate, throughput and a slot are free"),
];

/// Writing to a `String` cannot fail.
macro_rules! line {
    ($out:expr, $($arg:tt)*) => {{ let _ = writeln!($out, $($arg)*); }};
}

/// The message's story for people: state, gates, moves, price.
#[must_use]
pub fn explain(view: &MessageView) -> String {
    let mut out = String::new();
    head(&mut out, view);
    gates(&mut out, view);
    moves(&mut out, view);
    prices(&mut out, &view.ledger);
    out
}

/// The price of an entry that belongs to no message, for people.
#[must_use]
pub fn explain_entry(view: &EntryView) -> String {
    let mut out = String::new();
    line!(out, "Entry {} of account {}, as of {}", view.entry, view.account, view.as_of);
    let what = match view.origin.as_str() {
        "foreign" => "other software sent it, so there are neither gates nor moves",
        _ => "of no message: a fee or a credit",
    };
    line!(out, "  origin     {}: {what}", view.origin);
    line!(out, "  waba       {}", view.waba);
    line!(out, "  sender     {}", if view.sender.is_empty() { "none" } else { &view.sender });
    prices(&mut out, &view.ledger);
    out
}

fn head(out: &mut String, view: &MessageView) {
    line!(out, "Message {} of account {}, as of {}", view.id, view.account, view.as_of);
    let reason = view.reason.as_ref().filter(|reason| *reason != view.outcome.as_str());
    let reason = reason.map(|r| format!(" ({r})")).unwrap_or_default();
    line!(out, "  state      {}{reason} since {}, attempt {}", view.outcome, view.at, view.attempt);
    if let Some(detail) = &view.detail {
        line!(out, "  detail     {detail}");
    }
    waits(out, view);
    line!(out, "  to         {}", view.to);
    line!(out, "  sender     {}", view.sender.as_deref().unwrap_or("not chosen yet"));
    line!(out, "  campaign   {}", view.campaign.as_deref().unwrap_or("none"));
    if let Some(wamid) = &view.wamid {
        line!(out, "  wamid      {wamid}");
    }
}

/// What it waits for now: its queue's words, or its own.
fn waits(out: &mut String, view: &MessageView) {
    match &view.waits {
        Some(waits) if waits.is_own() => line!(out, "  waits for  {}", own(view)),
        Some(waits) => line!(out, "  waits for  {}", waits.words()),
        None if view.outcome == OutcomeKind::Parked => {
            line!(
                out,
                "  waits for  its queue is not in the account's last snapshot; snapshots follow within a second or two, and of \
                 very many queues they leave out the smallest"
            );
        }
        None => {}
    }
    if let Some(at) = view.retry_at {
        line!(out, "  next try   {at}");
    }
    let Some(waits) = view.waits.as_ref().filter(|waits| !waits.is_own()) else { return };
    let done = waits.lot.done_by.filter(|at| *at > waits.account.as_of);
    let done = done.map(|at| format!(", all gone by about {at}")).unwrap_or_default();
    let messages = match waits.lot.messages {
        1 => "it waits alone".to_owned(),
        n => format!("{} others wait in it", n - 1),
    };
    line!(out, "  queue      {messages}{done}, as of {}", waits.account.as_of);
}

/// What a message with a time of its own waits for.
fn own(view: &MessageView) -> String {
    let what = match view.reason.as_deref() {
        Some("scheduled") => "its time: it is not to leave before",
        Some("frequency_capped") => "the person's next place under the marketing cap",
        Some("quiet_hours") => "the morning where the person is: the account has quiet hours",
        Some("pair_rate") => {
            "the next message to this person: what a burst borrowed is paid back first, 6 seconds a message"
        }
        Some("backoff") => "the next attempt",
        _ => "its own time",
    };
    match view.retry_at {
        Some(_) => what.to_owned(),
        None => format!("{what}; that has come, it is looked at again"),
    }
}

fn gates(out: &mut String, view: &MessageView) {
    let tried = view.moves.iter().rev().find(|m| m.gates.is_some());
    let Some((tried, gates)) = tried.and_then(|m| m.gates.as_ref().map(|g| (m, g))) else {
        line!(out, "\nGates: no admission try is on record");
        return;
    };
    line!(out, "\nGates at {}, attempt {}", tried.at, tried.attempt);
    let passed = usize::from(gates.passed);
    for (i, (name, meaning)) in GATES.into_iter().enumerate() {
        let word = match i {
            _ if i < passed => "pass",
            _ if i == passed => "stop",
            _ => "-",
        };
        let saw = match word {
            "pass" => saw(name, view, tried).unwrap_or_else(|| meaning.to_owned()),
            "stop" => stopped(name, view, tried),
            _ => "not reached".to_owned(),
        };
        line!(out, "  {:>2} {name:<10} {word:<4}  {saw}", i + 1);
    }
}

/// What a gate saw when it passed, where the trace tells more than the rule.
fn saw(gate: &str, view: &MessageView, m: &MoveView) -> Option<String> {
    match gate {
        "campaign" if view.campaign.is_none() => Some("no campaign".to_owned()),
        "sender" => view.sender.as_ref().map(|s| format!("sender {s}")),
        "content" => {
            let brand = m.gates.as_ref().and_then(|g| g.brand.as_ref());
            Some(brand.map(|brand| format!("as brand {brand}; ")).unwrap_or_default() + &window(m))
        }
        "choice" => {
            let c = m.content.as_ref().or(view.content.as_ref())?;
            let what = match (&c.template, &c.language) {
                (Some(t), Some(l)) => format!("template {t} in {l}"),
                (Some(t), None) => format!("template {t}"),
                (None, _) => c.kind.clone().unwrap_or_else(|| "text".to_owned()),
            };
            Some(format!("alternative {} of the request: {what}, {}", c.alternative + 1, c.category))
        }
        "quota" => quota(m),
        "budget" => {
            let e = m.estimate.as_ref()?;
            Some(format!("worst case {} {}", exact(e.amount), e.currency))
        }
        _ => None,
    }
}

/// What stopped it: reason, what the gate saw, what it is about.
fn stopped(gate: &str, view: &MessageView, m: &MoveView) -> String {
    let reported = m.gates.as_ref().and_then(|g| g.stopped.as_deref());
    let mut text = m.reason.clone().unwrap_or_else(|| m.outcome.to_string());
    if let Some(name) = reported.filter(|name| *name != gate) {
        let _ = write!(text, " (reported as gate {name})");
    }
    if let Some(saw) = saw(gate, view, m) {
        let _ = write!(text, "; {saw}");
    }
    if let Some(detail) = &m.detail {
        let _ = write!(text, "; {detail}");
    }
    if let Some(no) = view.opt_out.as_ref().filter(|_| m.reason.as_deref() == Some("opted_out")) {
        let brand = no.brand.as_ref().map(|brand| format!(" of brand {brand}")).unwrap_or_default();
        let _ = write!(text, "; no to {}{brand} on {}, by {}", no.category, no.at, no.source);
    }
    text
}

fn window(m: &MoveView) -> String {
    match m.gates.as_ref().and_then(|g| g.window_until) {
        Some(until) => format!("customer service window open until {until}"),
        None => "customer service window closed".to_owned(),
    }
}

fn quota(m: &MoveView) -> Option<String> {
    let gates = m.gates.as_ref()?;
    let token = match gates.quota_use.as_deref() {
        Some("free") => "free inside the window",
        Some("counted") => "user already counted",
        Some("token") => "took one token",
        Some(_) | None => "no token taken",
    };
    let used = gates.quota_used?;
    let ceiling = gates.quota_ceiling.map_or("unlimited".to_owned(), |c| c.to_string());
    let kept =
        gates.quota_limit.map(|limit| format!("; the limit is {limit}, the rest is kept free")).unwrap_or_default();
    Some(format!("{token}; {used} of {ceiling} unique users counted in 24 h{kept}"))
}

fn moves(out: &mut String, view: &MessageView) {
    line!(out, "\nMoves");
    if view.moves.is_empty() {
        line!(out, "  none is kept any more");
    }
    for m in &view.moves {
        let mut more = String::new();
        if let Some(reason) = m.reason.as_ref().filter(|reason| *reason != m.outcome.as_str()) {
            let _ = write!(more, " ({reason})");
        }
        if let Some(detail) = &m.detail {
            let _ = write!(more, ": {detail}");
        }
        if let Some(at) = m.retry_at.filter(|at| *at > view.as_of) {
            let _ = write!(more, "; next try {at}");
        }
        if let Some(charge) = &m.charge {
            let amount = charge.amount.map_or("no price".to_owned(), exact);
            let _ = write!(more, "; booked {amount} {} as {}", charge.currency, charge.category);
        }
        line!(out, "  {}  attempt {}  {}{more}", m.at, m.attempt, m.outcome);
    }
}

fn prices(out: &mut String, ledger: &[PriceLine]) {
    line!(out, "\nPrice");
    if ledger.is_empty() {
        line!(out, "  nothing is booked");
    }
    for entry in ledger {
        price(out, entry);
    }
}

fn price(out: &mut String, e: &PriceLine) {
    let cause = e.cause.as_ref().map(|c| format!(", {c}")).unwrap_or_default();
    line!(out, "  entry {} ({}{cause}), delivered {}", e.entry, e.kind, e.occurred_at);
    if let Some(adjusts) = &e.adjusts {
        line!(out, "    corrects   {adjusts}");
    }
    let or_unknown = |t: &Option<String>| t.clone().unwrap_or_else(|| "unknown".to_owned());
    line!(
        out,
        "    charged as {}, {} under {}, market {} ({})",
        or_unknown(&e.category),
        e.pricing_type.as_deref().unwrap_or("unpriced"),
        e.pricing_model,
        or_unknown(&e.market),
        or_unknown(&e.country)
    );
    if e.reported_category.is_some() || e.reported_type.is_some() {
        let (category, kind) = (or_unknown(&e.reported_category), or_unknown(&e.reported_type));
        line!(out, "    reported   {category}, {kind}");
    }
    if let Some(card) = &e.card {
        let status = e.card_status.as_deref().unwrap_or("status unknown");
        line!(out, "    card       {card} ({status}), rulebook {}", or_unknown(&e.rulebook));
    }
    if let Some(list) = e.list_rate {
        line!(out, "    list rate  {} {}", exact(list), e.cost_currency);
    }
    if let Some(band) = e.band {
        let basis = e.band_basis.as_deref().unwrap_or("unknown");
        let ordinal = e.ordinal.map(|n| format!(", number {n} in its group")).unwrap_or_default();
        line!(out, "    band       {band} (basis {basis}){ordinal}");
    }
    cost(out, e);
    if let Some(rule) = &e.markup_rule {
        let markup = fixed(e.markup.unwrap_or_default(), 10);
        line!(out, "    mark-up    {markup} {} by rule {rule}", e.price_currency);
    }
    if let Some(fee) = e.fee {
        line!(out, "    fee        {} {}", fixed(fee, 10), e.price_currency);
    }
    if let Some(fx) = e.fx_rate {
        let (source, date) = (or_unknown(&e.fx_source), or_unknown(&e.fx_date));
        line!(out, "    exchange   {} {} = 1 {}, {source} {date}", exact(fx), e.price_currency, e.cost_currency);
    }
    if let Some(price) = e.price_ex_tax {
        line!(out, "    price      {} {} before tax", fixed(price, 10), e.price_currency);
    }
    line!(out, "    billed in  {} for usage in {}", e.billing_period, e.usage_period);
    if let Some(reason) = e.reason.as_ref().filter(|_| e.cost.is_some()) {
        line!(out, "    reason     {reason}");
    }
}

fn cost(out: &mut String, e: &PriceLine) {
    let Some(cost) = e.cost else {
        line!(out, "    cost       no price: {}", e.reason.as_deref().unwrap_or("unknown"));
        return;
    };
    let (amount, currency) = (fixed(cost, 10), &e.cost_currency);
    let Some(rate) = e.cost_rate else {
        line!(out, "    cost       {amount} {currency}");
        return;
    };
    let (quantity, shown) = (e.quantity, exact(rate));
    let product = rate.checked_mul(quantity.into()).map(|p| round_amount(p, ENTRY_DECIMALS));
    if product == Some(cost) {
        line!(out, "    cost       {quantity} x {shown} = {amount} {currency} (to 10 decimals, half away from zero)");
    } else {
        line!(out, "    cost       {amount} {currency}, quantity {quantity}, rate {shown}");
    }
}

fn exact(amount: Decimal) -> String {
    amount.normalize().to_string()
}
