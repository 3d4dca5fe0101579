//! Commands and the platform's changes of settings: accounts, senders, templates, campaigns, consents.

use crate::admission::campaign_bucket;
use crate::change::Change;
use crate::consent::{Words, said};
use crate::decide::{Decision, Facts};
use crate::effect::Effect;
use crate::fee;
use crate::ids::{AccountIx, CampaignIx, SenderIx, TemplateIx, WabaIx};
use crate::levels;
use crate::markup;
use crate::record::{Account, Brands, Campaign, CampaignState, NamesUsedUp, Sender, Template, Waba};
use crate::state::State;
use tollgate_quality::{Bucket, CategoryClass as Class, Limit, Score};
use tollgate_rate_card::{Currency, Zone};
use tollgate_wire::command::{
    AccountSpec, CampaignAction, CampaignSpec, Command, SenderSpec, TemplateSpec, TemplateStatus, WabaSpec,
};
use tollgate_wire::event::{SenderChange, TemplateChange};
use tollgate_wire::platform_error;
use tollgate_wire::request::Purpose;

/// Applies a command; what cannot be applied leaves `rejected` with field, value and remedy, and changes nothing.
pub(crate) fn apply(facts: &Facts<'_>, command: &Command, now_ms: u64, out: &mut Decision) {
    let result = match command {
        Command::ApplyAccount { spec } => apply_account(facts, spec, now_ms, out),
        other => match facts.state.account(other.account()) {
            None => Err(format!("account {:?} is not in the registry; apply it first", other.account())),
            Some(account) => match other {
                Command::PutCampaign { spec, .. } => put_campaign(facts.state, account, spec, now_ms, out),
                Command::ControlCampaign { campaign, action, test_recipients, .. } => {
                    control_campaign(facts.state, account, campaign, (*action, test_recipients), out)
                }
                Command::SetConsent { consent, .. } => said::command(facts, account, consent, now_ms, out),
                Command::SetSuppression { suppression, .. } => {
                    said::suppression(facts, account, suppression, now_ms, out)
                }
                Command::ErasePerson { to, .. } => said::erase(facts, account, to, out),
                Command::PutTemplate { waba, template, .. } => put_template(facts.state, account, waba, template, out),
                Command::ApplyAccount { .. } => Ok(()),
            },
        },
    };
    if let Err(why) = result {
        out.changes.clear();
        out.effects.clear();
        out.rejected = Some(why);
    }
}

/// Checks a declaration against itself and against what other accounts own.
///
/// # Errors
/// Field, value and remedy.
pub fn check_account(state: &State, spec: &AccountSpec) -> Result<(), String> {
    let id_ok = !spec.account.is_empty()
        && spec.account.len() <= 64
        && spec.account.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b));
    if !id_ok {
        return Err(format!("account {:?}: use 1 to 64 characters of a-z 0-9 . _ -", spec.account));
    }
    let own = state.account(&spec.account).map(|a| a.ix);
    if spec.wabas.is_empty() {
        return Err(format!("account {}: wabas is empty; declare at least one", spec.account));
    }
    spec.policy.pacing.validate().map_err(|e| format!("account {}: policy.pacing: {e}", spec.account))?;
    let mut seen: Vec<&str> = Vec::new();
    for w in &spec.wabas {
        if Currency::new(&w.currency).is_none() {
            return Err(format!("waba {}: currency {:?} is no ISO 4217 code such as USD", w.id, w.currency));
        }
        Zone::new(&w.time_zone).map_err(|e| format!("waba {}: time_zone: {e}", w.id))?;
        if let Some(old) = state.waba_by_id.get(w.id.as_str()).map(|ix| state.waba_at(*ix)) {
            if Some(old.account) != own {
                let owner = &state.account_at(old.account).spec.account;
                return Err(format!("waba {} belongs to account {owner}; a WABA belongs to one account only", w.id));
            }
            if old.currency.as_str() != w.currency || !old.zone.name().eq_ignore_ascii_case(&w.time_zone) {
                return Err(format!(
                    "waba {}: currency and time_zone never change ({} {} is registered); declare a new WABA and move the numbers",
                    w.id,
                    old.currency.as_str(),
                    old.zone.name()
                ));
            }
        }
        for s in &w.senders {
            if seen.contains(&s.id.as_str()) {
                return Err(format!("sender {} is declared twice; a number belongs to one WABA", s.id));
            }
            seen.push(&s.id);
            if let Some(old) = state.sender(&s.id)
                && Some(old.account) != own
            {
                let owner = &state.account_at(old.account).spec.account;
                return Err(format!("sender {} belongs to account {owner}; remove it there first", s.id));
            }
            if s.throughput == 0 {
                return Err(format!("sender {}: throughput 0; the platform reports 20, 80 or 1000 a second", s.id));
            }
        }
        for t in &w.templates {
            if w.templates.iter().filter(|o| o.name == t.name && o.language == t.language).count() > 1 {
                return Err(format!("waba {}: template {} {} is declared twice", w.id, t.name, t.language));
            }
        }
    }
    if let Some(d) = &spec.default_sender
        && !seen.contains(&d.as_str())
        && !spec.pools.iter().any(|pool| pool.name == *d)
    {
        return Err(format!("account {}: default_sender {d} is none of its senders or pools", spec.account));
    }
    let doubt = &spec.policy.in_doubt;
    for (purpose, name) in [
        (Purpose::Authentication, "authentication"),
        (Purpose::Utility, "utility"),
        (Purpose::Marketing, "marketing"),
        (Purpose::Service, "service"),
    ] {
        let seconds = doubt.of(purpose).1;
        if !(1..=86_400).contains(&seconds) {
            return Err(format!(
                "account {}: policy.in_doubt.{name}_seconds {seconds} is not 1 to 86400",
                spec.account
            ));
        }
    }
    if spec.policy.marketing_cap as usize > crate::record::MARKETING_KEPT {
        return Err(format!("account {}: policy.marketing_cap {} is above 4", spec.account, spec.policy.marketing_cap));
    }
    Ok(())
}

fn apply_account(facts: &Facts<'_>, spec: &AccountSpec, now_ms: u64, out: &mut Decision) -> Result<(), String> {
    let state = facts.state;
    check_account(state, spec)?;
    markup::check(facts, spec, now_ms)?;
    let old = state.account(&spec.account);
    let ix = match old {
        Some(a) => a.ix,
        None => AccountIx(State::owner_slot(state.accounts.len(), "accounts").map_err(|e| e.to_string())?),
    };
    let declared_before = old.map(|a| &a.declared);
    let mut told = Vec::new();
    let mut live = spec.clone();
    // What the platform reported since stays, unless the declaration itself changed. A block does not: to apply an
    // account again is how an operator says that token, number or payment is in order.
    if let (Some(old), Some(before)) = (old, declared_before)
        && before.limit == spec.limit
    {
        live.limit = old.spec.limit;
    }
    if let Some(old) = old {
        levels::limit(old, live.limit, &mut told);
    }
    let names = old.into_iter().flat_map(|a| a.brands.names());
    let was = old.into_iter().flat_map(|a| a.brands.history(&a.senders, (now_ms / 1000) as u32));
    // Once the senders have their numbers.
    let brands = |senders: &[SenderIx]| {
        Brands::of(spec, senders, names, was).map_err(|NamesUsedUp| {
            format!("account {}: policy.brands: too many names were used so far; use one of them again", spec.account)
        })
    };
    let mut account = Account {
        ix,
        declared: spec.clone(),
        wabas: Vec::new(),
        senders: Vec::new(),
        words: Words::of(&spec.policy),
        brands: Brands::default(),
        // No declaration opens a month again.
        closed: old.map_or(0, |a| a.closed),
        spec: live,
    };
    let (mut wabas, mut senders, mut templates) = (state.wabas.len(), state.senders.len(), state.templates.len());
    let (mut later, mut numbers) = (Vec::new(), Vec::new());
    for w in &spec.wabas {
        let waba = state.waba_by_id.get(w.id.as_str()).copied().map_or_else(
            || {
                wabas += 1;
                State::owner_slot(wabas - 1, "WABAs").map(WabaIx)
            },
            Ok,
        );
        let waba = waba.map_err(|e| e.to_string())?;
        account.wabas.push(waba);
        later.push(Change::Waba(Box::new(Waba {
            ix: waba,
            account: ix,
            id: w.id.clone(),
            currency: Currency::new(&w.currency).ok_or("currency")?,
            zone: Zone::new(&w.time_zone).map_err(|e| e.to_string())?,
            funding: w.funding,
            spec: WabaSpec { senders: Vec::new(), templates: Vec::new(), ..w.clone() },
            barred: Vec::new(),
        })));
        for s in &w.senders {
            let known = state.sender(&s.id);
            let sender = match known {
                Some(k) => k.ix,
                None => {
                    senders += 1;
                    SenderIx(State::owner_slot(senders - 1, "senders").map_err(|e| e.to_string())?)
                }
            };
            account.senders.push(sender);
            numbers.push(fee::Declared {
                waba,
                sender,
                zone: Zone::new(&w.time_zone).map_err(|e| e.to_string())?,
                asked: w.markup.iter().any(fee::asks_for_numbers),
            });
            let before = declared_sender(declared_before, &s.id);
            let spec = merge_sender(s, before, known.map(|k| &k.spec));
            if let Some(known) = known {
                levels::sender(known, &spec, &mut told);
            }
            later.push(Change::Sender(Box::new(Sender {
                ix: sender,
                account: ix,
                waba,
                spec,
                removed: false,
                blocked_by: None,
                marketing_held_by: None,
            })));
        }
        for t in &w.templates {
            let known = state.template(waba, &t.name, &t.language).filter(|_| waba.at() < state.wabas.len());
            let template = known.map_or_else(
                || {
                    templates += 1;
                    TemplateIx(templates as u32 - 1)
                },
                |k| k.ix,
            );
            let before = declared_template(declared_before, &w.id, t);
            let spec = merge_template(t, before, known.map(|k| &k.spec));
            // A pause goes on while the status stays.
            let pauses = known.filter(|known| known.spec.status == spec.status).map(|known| known.pauses);
            let pauses = pauses.unwrap_or_default();
            later.push(Change::Template(Box::new(Template { ix: template, waba, spec, pauses })));
            told.push(Effect::Template(template));
        }
    }
    account.brands = brands(&account.senders)?;
    if let Some(old) = old {
        for gone in old.senders.iter().filter(|s| !account.senders.contains(s)) {
            let sender = Sender { removed: true, ..state.sender_at(*gone).clone() };
            later.push(Change::Sender(Box::new(sender)));
        }
    }
    fee::numbers(facts, old, &numbers, now_ms, &mut later);
    // The account first: senders are looked up through it.
    out.changes.push(Change::Account(Box::new(account)));
    out.changes.append(&mut later);
    out.effects.push(Effect::Registry(ix));
    out.effects.append(&mut told);
    Ok(())
}

fn declared_sender<'a>(declared: Option<&'a AccountSpec>, id: &str) -> Option<&'a SenderSpec> {
    declared?.wabas.iter().flat_map(|w| &w.senders).find(|s| s.id == id)
}

fn declared_template<'a>(d: Option<&'a AccountSpec>, waba: &str, t: &TemplateSpec) -> Option<&'a TemplateSpec> {
    let waba = d?.wabas.iter().find(|w| w.id == waba)?;
    waba.templates.iter().find(|o| o.name == t.name && o.language == t.language)
}

/// The declaration, and what the platform told since where the declaration says nothing new. A template that was read from
/// the platform before it was declared is as the platform has it.
fn merge_template(new: &TemplateSpec, before: Option<&TemplateSpec>, live: Option<&TemplateSpec>) -> TemplateSpec {
    let Some(live) = live else { return new.clone() };
    match before {
        Some(before) if before == new => return live.clone(),
        None if live.components.is_some() => return live.clone(),
        _ => {}
    }
    let mut spec = new.clone();
    if let Some(before) = before {
        if before.status == new.status {
            spec.status = live.status;
        }
        if before.category == new.category {
            spec.category = live.category;
        }
    }
    // A time to live that is declared stands; otherwise it is as the platform has it.
    let declared = spec.ttl_s.take();
    if spec.is_plain() {
        spec.ttl_s = live.ttl_s;
        spec.quality = live.quality;
        spec.next_category = live.next_category;
        // By a body, header or buttons that are new it is not checked any more until the platform was asked again.
        let same = (&new.body, new.header, new.buttons) == (&live.body, live.header, live.buttons);
        spec.components = live.components.clone().filter(|_| same);
    }
    spec.ttl_s = declared.or(spec.ttl_s);
    spec
}

fn merge_sender(new: &SenderSpec, before: Option<&SenderSpec>, live: Option<&SenderSpec>) -> SenderSpec {
    let mut spec = new.clone();
    if let (Some(before), Some(live)) = (before, live) {
        if before.quality == new.quality {
            spec.quality = live.quality;
        }
        if before.throughput == new.throughput {
            spec.throughput = live.throughput;
        }
    }
    spec
}

/// A campaign that does not exist yet.
pub(crate) fn new_campaign(state: &State, account: &Account, spec: CampaignSpec, run: CampaignState) -> Campaign {
    Campaign {
        ix: CampaignIx(state.campaigns.len().max(1) as u32),
        account: account.ix,
        zone: spec.hours.as_ref().and_then(|h| Zone::new(&h.time_zone).ok()),
        spec,
        state: run,
        spent: rust_decimal::Decimal::ZERO,
        reserved: rust_decimal::Decimal::ZERO,
        counts: tollgate_wire::snapshot::CampaignCounts::default(),
        bucket: Bucket::FULL,
        in_test: false,
        test_round: 0,
    }
}

fn put_campaign(
    state: &State,
    account: &Account,
    spec: &CampaignSpec,
    now_ms: u64,
    out: &mut Decision,
) -> Result<(), String> {
    check_campaign(state, account, spec)?;
    let campaign = match state.campaign(account.ix, &spec.name) {
        Some(old) => {
            let fresh = new_campaign(state, account, spec.clone(), old.state);
            let bucket = campaign_bucket(old, spec, now_ms);
            let test_round = next_test_round(old, &spec.test_recipients);
            Campaign { ix: old.ix, spent: old.spent, bucket, in_test: old.in_test, test_round, ..fresh }
        }
        None => {
            let run = if spec.paused { CampaignState::Paused } else { CampaignState::Running };
            new_campaign(state, account, spec.clone(), run)
        }
    };
    out.changes.push(Change::Campaign(Box::new(campaign)));
    Ok(())
}

/// What waits for the start is looked through again when there is somebody new on the list.
fn next_test_round(old: &Campaign, people: &[String]) -> u8 {
    let more = people.iter().any(|to| !old.spec.test_recipients.contains(to));
    old.test_round.wrapping_add(u8::from(more))
}

fn check_campaign(state: &State, account: &Account, spec: &CampaignSpec) -> Result<(), String> {
    if spec.name.is_empty() || spec.name.len() > 128 {
        return Err(format!("campaign name {:?}: use 1 to 128 bytes", spec.name));
    }
    if spec.budget.is_some_and(|b| b.is_sign_negative()) {
        return Err(format!("campaign {}: budget is negative; use 0 or more", spec.name));
    }
    if let Some(h) = &spec.hours {
        if h.from >= h.to || h.to > 24 {
            return Err(format!(
                "campaign {}: hours {}–{}: from must lie before to, to at most 24",
                spec.name, h.from, h.to
            ));
        }
        Zone::new(&h.time_zone)
            .map_err(|_| format!("campaign {}: hours.time_zone {:?} is no IANA zone", spec.name, h.time_zone))?;
    }
    let mut currencies = account.wabas.iter().map(|w| state.waba_at(*w).currency);
    let first = currencies.next();
    if spec.budget.is_some() && currencies.any(|c| Some(c) != first) {
        return Err(format!(
            "campaign {}: a budget needs one currency, but the WABAs of account {} bill in several",
            spec.name, account.spec.account
        ));
    }
    Ok(())
}

fn control_campaign(
    state: &State,
    account: &Account,
    name: &str,
    (action, people): (CampaignAction, &[String]),
    out: &mut Decision,
) -> Result<(), String> {
    let Some(old) = state.campaign(account.ix, name) else {
        if action == CampaignAction::Test && !people.is_empty() {
            let spec = CampaignSpec { test_recipients: people.to_vec(), ..CampaignSpec::named(name) };
            check_campaign(state, account, &spec)?;
            let campaign = new_campaign(state, account, spec, CampaignState::Running);
            out.changes.push(Change::Campaign(Box::new(Campaign { in_test: true, ..campaign })));
            return Ok(());
        }
        if action == CampaignAction::Start {
            let spec = CampaignSpec::named(name);
            check_campaign(state, account, &spec)?;
            let campaign = new_campaign(state, account, spec, CampaignState::Running);
            out.changes.push(Change::Campaign(Box::new(campaign)));
            return Ok(());
        }
        return Err(format!("campaign {name:?} is not known in account {}; start it first", account.spec.account));
    };
    let (to, in_test) = match (old.state, action) {
        (CampaignState::Cancelled, CampaignAction::Cancel) => return Ok(()),
        (CampaignState::Cancelled, _) => {
            return Err(format!("campaign {name} was cancelled, which is final; use a new name"));
        }
        (_, CampaignAction::Test) if people.is_empty() && old.spec.test_recipients.is_empty() => {
            return Err(format!("campaign {name} has no test recipients; set test_recipients first"));
        }
        (_, CampaignAction::Start) => (CampaignState::Running, false),
        (_, CampaignAction::Test) => (CampaignState::Running, true),
        (_, CampaignAction::Resume) => (CampaignState::Running, old.in_test),
        (_, CampaignAction::Pause) => (CampaignState::Paused, old.in_test),
        (_, CampaignAction::Cancel) => (CampaignState::Cancelled, old.in_test),
    };
    let other_list = !people.is_empty() && people != old.spec.test_recipients;
    if other_list || (to, in_test) != (old.state, old.in_test) {
        let mut campaign = Campaign { state: to, in_test, ..old.clone() };
        if other_list {
            campaign.test_round = next_test_round(old, people);
            campaign.spec.test_recipients = people.to_vec();
        }
        out.changes.push(Change::Campaign(Box::new(campaign)));
    }
    Ok(())
}

fn put_template(
    state: &State,
    account: &Account,
    waba: &str,
    spec: &TemplateSpec,
    out: &mut Decision,
) -> Result<(), String> {
    let Some(ix) = state.waba_by_id.get(waba).copied().filter(|w| account.wabas.contains(w)) else {
        return Err(format!("waba {waba} is not one of account {}", account.spec.account));
    };
    let known = state.template(ix, &spec.name, &spec.language);
    let template = Template {
        ix: known.map_or(TemplateIx(state.templates.len() as u32), |k| k.ix),
        waba: ix,
        spec: spec.clone(),
        // A pause goes on while the status stays: whoever asked the platform tells other news of a paused one.
        pauses: known.filter(|k| k.spec.status == spec.status).map(|k| k.pauses).unwrap_or_default(),
    };
    // Told also when nothing changes: whoever asks for it does not see it as it is.
    out.effects.push(Effect::Template(template.ix));
    if known != Some(&template) {
        out.changes.push(Change::Template(Box::new(template)));
    }
    Ok(())
}

/// The platform changed a template. A pause ends by its own rule if no word of its end comes; one that is known of already,
/// because a message was refused for it, is the same pause.
pub(crate) fn template_changed(
    facts: &Facts<'_>,
    account: &Account,
    t: &TemplateChange<'_>,
    now_ms: u64,
    out: &mut Decision,
) {
    let state = facts.state;
    let known = state
        .waba_by_id
        .get(&*t.waba)
        .filter(|w| account.wabas.contains(w))
        .and_then(|w| state.template(*w, &t.name, &t.language));
    let Some(known) = known else {
        out.rejected = Some(format!("template {} {} is not known; declare or sync it", &*t.name, &*t.language));
        return;
    };
    let mut new = known.clone();
    new.spec.status = t.status.unwrap_or(new.spec.status);
    let now_s = (now_ms / 1000) as u32;
    if t.status == Some(TemplateStatus::Paused) {
        let was_paused = known.spec.status == TemplateStatus::Paused;
        match t.pause {
            // The one that goes on, or told again after it has ended.
            Some(number) if was_paused && number <= known.pauses.count => {}
            Some(number) => new.pauses = known.pauses.nth(number, now_s),
            // Without a number it is no pause that ends by itself.
            None => new.pauses = known.pauses.until_told(),
        }
    }
    new.spec.category = t.category.unwrap_or(new.spec.category);
    new.spec.quality = t.quality.unwrap_or(new.spec.quality);
    new.spec.next_category = t.next_category.or(new.spec.next_category);
    // What was announced is there, or is taken back.
    if new.spec.next_category.is_some_and(|next| next.category == new.spec.category) {
        new.spec.next_category = None;
    }
    if new != *known {
        out.effects.push(Effect::Template(new.ix));
        out.changes.push(Change::Template(Box::new(new)));
    }
}

/// The platform changed a sender. A higher rate grants no burst: the bucket keeps its time, capped.
pub(crate) fn sender_changed(
    facts: &Facts<'_>,
    account: &Account,
    s: &SenderChange<'_>,
    now_ms: u64,
    out: &mut Decision,
) {
    let state = facts.state;
    let digits = |t: &str| t.bytes().filter(u8::is_ascii_digit).collect::<Vec<u8>>();
    let named = |x: &&Sender| {
        x.spec.id == *s.sender || (!x.spec.display.is_empty() && digits(&x.spec.display) == digits(&s.sender))
    };
    let Some(known) = account.senders.iter().map(|ix| state.sender_at(*ix)).find(named) else {
        out.rejected = Some(format!("sender {} is not registered for account {}", &*s.sender, account.spec.account));
        return;
    };
    let mut new = known.clone();
    new.spec.quality = s.quality.unwrap_or(new.spec.quality);
    // A better quality ends what spam has brought, not what the account must settle.
    let for_spam = |code: &u32| platform_error::meaning(*code).effect == platform_error::Effect::CampaignPaused;
    if s.quality.is_some_and(|quality| quality != Score::Red) && new.marketing_held_by.as_ref().is_some_and(for_spam) {
        new.marketing_held_by = None;
    }
    new.spec.throughput = s.throughput.filter(|t| *t > 0).unwrap_or(new.spec.throughput);
    if let Some(limit) = s.limit {
        limit_changed(account, limit, out);
    }
    if new != *known {
        let mut live = state.live(known.ix);
        live.throughput =
            live.throughput.capped(crate::admission::throughput_rate(account, &new, &live, now_ms), now_ms);
        for class in [Class::Marketing, Class::Utility, Class::Authentication, Class::Service] {
            if let tollgate_quality::Pace::Rate(rate) = crate::admission::pace(state, account, &new, class) {
                let bucket = &mut live.pacing[class as usize];
                *bucket = bucket.capped(rate, now_ms);
            }
        }
        levels::sender(known, &new.spec, &mut out.effects);
        out.changes.push(Change::SenderLive(known.ix, live));
        out.changes.push(Change::Sender(Box::new(new)));
    }
}

/// The platform changed the messaging limit.
pub(crate) fn limit_changed(account: &Account, limit: Limit, out: &mut Decision) {
    if account.spec.limit != limit {
        levels::limit(account, limit, &mut out.effects);
        let mut new = account.clone();
        new.spec.limit = limit;
        out.changes.push(Change::Account(Box::new(new)));
    }
}

/// The platform restricted or restored the account.
pub(crate) fn account_state(account: &Account, disabled: bool, out: &mut Decision) {
    if account.spec.disabled != disabled {
        let mut new = account.clone();
        new.spec.disabled = disabled;
        out.changes.push(Change::Account(Box::new(new)));
    }
}
