//! Reads a command and checks what can be checked without knowing the account's state.

use super::{
    AccountSpec, BUTTONS_MAX, CARDS_MAX, CampaignAction, CampaignSpec, Command, ConsentPolicy, ConsentSpec,
    ConsentState, MAX_PER_MINUTE, MAX_SHARE, MAX_TEST_RECIPIENTS, POOL_MAX, Policy, PoolSpec, QuietHours, SendingHours,
    TTL_S, TemplateSpec, WabaSpec, brand,
};
use crate::input::{InputError, read_tagged, shown};
use crate::naming;
use crate::request::{MAX_ALTERNATIVES, Purpose, parse_e164};
use jiff::tz::TimeZoneDatabase;
use std::collections::BTreeSet;
use tollgate_rate_card::{Category, Currency, Markup};

/// Longest accepted command in bytes: an account with its numbers and templates.
pub const MAX_BYTES: usize = 1 << 20;
/// Most marketing messages that `marketing_cap` can count.
pub const MAX_MARKETING_CAP: u8 = 4;

/// Reads a command of at most 1 MiB.
///
/// # Errors
/// [`InputError`] with the reason for the dead letter, the field and the remedy.
pub fn parse(bytes: &[u8]) -> Result<Command, InputError> {
    let command: Command = read_tagged(bytes, MAX_BYTES)?;
    check(&command)?;
    Ok(command)
}

/// Checks a command that was not read from JSON, by the same rules as [`parse`].
///
/// # Errors
/// [`InputError`] with the field and the remedy.
pub fn check(command: &Command) -> Result<(), InputError> {
    match command {
        Command::ApplyAccount { spec } => return check_account(spec),
        Command::PutCampaign { spec, .. } => check_campaign(spec)?,
        Command::ControlCampaign { campaign, action, test_recipients, .. } => {
            naming::free("campaign", campaign)?;
            let fits = test_recipients.is_empty() || *action == CampaignAction::Test;
            require(fits, "test_recipients", "this action takes none", || {
                "use the action \"test\", or leave them out".to_owned()
            })?;
            check_test_recipients("test_recipients", test_recipients)?;
        }
        Command::SetConsent { consent, .. } => check_consent(consent)?,
        Command::SetSuppression { suppression, .. } => check_person("suppression.to", &suppression.to)?,
        Command::ErasePerson { to, .. } => check_person("to", to)?,
        Command::PutTemplate { waba, template, .. } => {
            naming::platform_id("waba", waba)?;
            check_template("template", template)?;
        }
    }
    naming::account("account", command.account())
}

/// Checks an account's registry entry, as an operator declares it in a file.
///
/// # Errors
/// [`InputError`] with the field below `spec` and the remedy.
pub fn check_account(spec: &AccountSpec) -> Result<(), InputError> {
    naming::account("spec.account", &spec.account)?;
    naming::free("spec.app", &spec.app)?;
    require(!spec.wabas.is_empty(), "spec.wabas", "it is empty", || {
        "declare at least one WABA, or nothing can be sent; `disabled = true` stops an account".to_owned()
    })?;
    let mut wabas = BTreeSet::new();
    let mut senders = BTreeSet::new();
    for (i, waba) in spec.wabas.iter().enumerate() {
        let at = format!("spec.wabas[{i}]");
        check_waba(&at, waba)?;
        once(&mut wabas, &format!("{at}.id"), &waba.id)?;
        for (j, sender) in waba.senders.iter().enumerate() {
            let at = format!("{at}.senders[{j}]");
            naming::platform_id(&format!("{at}.id"), &sender.id)?;
            once(&mut senders, &format!("{at}.id"), &sender.id)?;
            require(sender.throughput >= 1, &format!("{at}.throughput"), "it is 0", || {
                "give the messages a second that the platform allows, or set `blocked`".to_owned()
            })?;
        }
    }
    for (i, pool) in spec.pools.iter().enumerate() {
        check_pool(&format!("spec.pools[{i}]"), pool, &senders, &spec.pools[..i])?;
        let of = |waba: &&WabaSpec| waba.senders.iter().any(|sender| pool.senders.contains(&sender.id));
        let wabas: Vec<&str> = spec.wabas.iter().filter(of).map(|waba| waba.id.as_str()).collect();
        let at = format!("spec.pools[{i}].senders");
        require(wabas.len() == 1, &at, &format!("they are of the WABAs {}", wabas.join(", ")), || {
            "take numbers of one WABA: their templates are its own".to_owned()
        })?;
    }
    if let Some(sender) = &spec.default_sender {
        let known = senders.contains(sender.as_str()) || spec.pools.iter().any(|pool| pool.name == *sender);
        require(known, "spec.default_sender", &format!("{} is no sender of this account", shown(sender)), || {
            "name one of the phone number ids under `wabas`".to_owned()
        })?;
    }
    brand::check(spec, &senders)?;
    check_policy(&spec.policy)
}

fn check_pool(at: &str, pool: &PoolSpec, senders: &BTreeSet<&str>, before: &[PoolSpec]) -> Result<(), InputError> {
    let (name, name_at) = (&pool.name, format!("{at}.name"));
    naming::platform_id(&name_at, name)?;
    require(!senders.contains(name.as_str()), &name_at, &format!("{} is a phone number id", shown(name)), || {
        "give the pool a name of its own".to_owned()
    })?;
    let twice = before.iter().any(|other| other.name == *name);
    require(!twice, &name_at, &format!("{} is there twice", shown(name)), || "keep one of the two".to_owned())?;
    let (all, many) = (format!("{at}.senders"), pool.senders.len());
    require((1..=POOL_MAX).contains(&many), &all, &format!("there are {many}"), || {
        format!("name 1 to {POOL_MAX} phone number ids")
    })?;
    for (j, sender) in pool.senders.iter().enumerate() {
        let at = format!("{all}[{j}]");
        require(
            senders.contains(sender.as_str()),
            &at,
            &format!("{} is no sender of this account", shown(sender)),
            || "name one of the phone number ids under `wabas`".to_owned(),
        )?;
        let twice = pool.senders[..j].contains(sender);
        require(!twice, &at, &format!("{} is there twice", shown(sender)), || "keep one of the two".to_owned())?;
    }
    Ok(())
}

fn check_waba(at: &str, waba: &WabaSpec) -> Result<(), InputError> {
    naming::platform_id(&format!("{at}.id"), &waba.id)?;
    let currency = Currency::new(&waba.currency).ok_or_else(|| {
        let problem = format!("{} is not a currency", shown(&waba.currency));
        InputError::invalid(format!("{at}.currency"), problem, "use the ISO 4217 code, such as USD")
    })?;
    check_zone(&format!("{at}.time_zone"), &waba.time_zone)?;
    let mut templates = BTreeSet::new();
    for (i, template) in waba.templates.iter().enumerate() {
        let at = format!("{at}.templates[{i}]");
        check_template(&at, template)?;
        let new = templates.insert((template.name.as_str(), template.language.as_str()));
        let twice = format!("{} in {} is there twice", shown(&template.name), template.language);
        require(new, &at, &twice, || "leave one out".to_owned())?;
    }
    for (i, start) in waba.auth_international.iter().enumerate() {
        if waba.auth_international[..i].iter().any(|earlier| earlier.country == start.country) {
            let problem = format!("{} is there twice", start.country);
            return Err(InputError::invalid(format!("{at}.auth_international[{i}].country"), problem, "leave one out"));
        }
    }
    Markup::check(&waba.markup, currency)
        .map_err(|fault| InputError::invalid(format!("{at}.{}", fault.field), fault.problem, fault.remedy))
}

fn check_template(at: &str, template: &TemplateSpec) -> Result<(), InputError> {
    naming::template(&template.name).map_err(|e| e.at(&format!("{at}.name")))?;
    naming::language(&template.language).map_err(|e| e.at(&format!("{at}.language")))?;
    if let Some(ttl_s) = template.ttl_s {
        require(TTL_S.contains(&ttl_s), &format!("{at}.ttl_s"), &format!("{ttl_s} is out of range"), || {
            format!("give {} to {} seconds, or leave it out", TTL_S.start(), TTL_S.end())
        })?;
    }
    let buttons = template.components.as_ref().map_or(0, |components| components.buttons.len());
    require(buttons <= BUTTONS_MAX, &format!("{at}.components.buttons"), &format!("there are {buttons}"), || {
        format!("a template has at most {BUTTONS_MAX}")
    })?;
    let cards = template.components.as_ref().map_or(&[][..], |components| &components.cards);
    require(
        cards.len() <= CARDS_MAX,
        &format!("{at}.components.cards"),
        &format!("there are {}", cards.len()),
        || format!("a carousel has at most {CARDS_MAX}"),
    )?;
    let buttons = cards.iter().map(|card| card.buttons.len()).max().unwrap_or(0);
    require(buttons <= BUTTONS_MAX, &format!("{at}.components.cards"), &format!("a card has {buttons} buttons"), || {
        format!("a card has at most {BUTTONS_MAX}")
    })
}

fn check_policy(policy: &Policy) -> Result<(), InputError> {
    policy
        .pacing
        .validate()
        .map_err(|e| InputError::invalid("spec.policy.pacing", "marketing could never be sent", e.to_string()))?;
    let cap = policy.marketing_cap;
    require(cap <= MAX_MARKETING_CAP, "spec.policy.marketing_cap", &format!("{cap} is too many"), || {
        format!("at most {MAX_MARKETING_CAP} are counted; 0 switches the cap off")
    })?;
    let hours = policy.marketing_cap_hours;
    require(cap == 0 || hours >= 1, "spec.policy.marketing_cap_hours", "it is 0", || {
        "give at least 1 hour".to_owned()
    })?;
    require(policy.leave_by_seconds >= 1, "spec.policy.leave_by_seconds", "it is 0", || {
        "give at least 1 second, or nothing could leave".to_owned()
    })?;
    for (purpose, name) in [
        (Purpose::Authentication, "authentication"),
        (Purpose::Utility, "utility"),
        (Purpose::Marketing, "marketing"),
        (Purpose::Service, "service"),
    ] {
        let (_, seconds) = policy.in_doubt.of(purpose);
        let at = format!("spec.policy.in_doubt.{name}_seconds");
        require((1..=86_400).contains(&seconds), &at, &format!("{seconds} is not 1 to 86400"), || {
            "give as many seconds as a status is waited for".to_owned()
        })?;
    }
    check_words("spec.policy.stop_words", &policy.stop_words)?;
    check_consent_policy(&policy.consent)?;
    if let Some(QuietHours { from, to }) = policy.quiet_hours {
        require(
            from < 24 && to < 24 && from != to,
            "spec.policy.quiet_hours",
            &format!("from {from} to {to}"),
            || "give two different hours from 0 to 23, such as from 21 to 8".to_owned(),
        )?;
    }
    let api = &policy.marketing_api;
    let more = api.product_policy.is_some() || api.message_activity_sharing.is_some();
    require(
        api.call().is_some() || !more,
        "spec.policy.marketing_api",
        "the call for everything knows no such options",
        || "set endpoint to marketing_messages, or leave product_policy and message_activity_sharing out".to_owned(),
    )?;
    let headroom = policy.throughput_headroom_percent;
    require(
        headroom < 100,
        "spec.policy.throughput_headroom_percent",
        &format!("{headroom} leaves nothing to send with"),
        || "give 0 to 99".to_owned(),
    )
}

fn check_campaign(spec: &CampaignSpec) -> Result<(), InputError> {
    naming::free("spec.name", &spec.name)?;
    require(spec.weight >= 1, "spec.weight", "it is 0", || {
        "give at least 1; pause the campaign to stop it".to_owned()
    })?;
    if let Some(budget) = spec.budget {
        let negative = budget.is_sign_negative() && !budget.is_zero();
        require(!negative, "spec.budget", &format!("{budget} is negative"), || {
            "give 0 or more, or leave it out for no budget".to_owned()
        })?;
    }
    let fast = spec.per_minute.filter(|rate| rate.get() > MAX_PER_MINUTE);
    require(fast.is_none(), "spec.per_minute", "it is more than any numbers send", || {
        format!("give 1 to {MAX_PER_MINUTE}, or leave it out for no rate of its own")
    })?;
    let shares = spec.split.len();
    require(shares <= MAX_ALTERNATIVES, "spec.split", &format!("{shares} shares are too many"), || {
        format!("give one for each alternative, at most {MAX_ALTERNATIVES}")
    })?;
    let fits = |share: &u32| *share <= MAX_SHARE;
    let some = spec.split.is_empty() || spec.split.iter().any(|share| *share > 0);
    require(some && spec.split.iter().all(fits), "spec.split", "these are no shares", || {
        format!("give numbers up to {MAX_SHARE}, not all 0, such as [50, 50]; leave it out for equal shares")
    })?;
    check_test_recipients("spec.test_recipients", &spec.test_recipients)?;
    spec.hours.as_ref().map_or(Ok(()), check_hours)
}

fn check_test_recipients(field: &str, people: &[String]) -> Result<(), InputError> {
    require(people.len() <= MAX_TEST_RECIPIENTS, field, &format!("{} are too many", people.len()), || {
        format!("give at most {MAX_TEST_RECIPIENTS}")
    })?;
    for (i, to) in people.iter().enumerate() {
        let at = format!("{field}[{i}]");
        check_person(&at, to)?;
        require(!people[..i].contains(to), &at, "the same person is given before", || "name each once".to_owned())?;
    }
    Ok(())
}

fn check_hours(hours: &SendingHours) -> Result<(), InputError> {
    let (from, to) = (hours.from, hours.to);
    require(from < to && to <= 24, "spec.hours", &format!("{from} to {to} is no span of a day"), || {
        "give `from` 0 to 23 and `to` after it, at most 24".to_owned()
    })?;
    check_zone("spec.hours.time_zone", &hours.time_zone)
}

fn check_consent(consent: &ConsentSpec) -> Result<(), InputError> {
    check_person("consent.to", &consent.to)?;
    if let Some(brand) = &consent.brand {
        naming::brand("consent.brand", brand)?;
    }
    let opt_in = consent.state == ConsentState::OptIn;
    require(opt_in || consent.expires.is_none(), "consent.expires", "an opt-out does not end", || {
        "leave it out; a later opt-in ends an opt-out".to_owned()
    })?;
    require(opt_in || !consent.confirmed, "consent.confirmed", "an opt-out needs no confirmation", || {
        "leave it out".to_owned()
    })?;
    let backwards = consent.expires.zip(consent.at).is_some_and(|(expires, at)| expires <= at);
    require(!backwards, "consent.expires", "it is not after `at`", || {
        "give the time at which the opt-in ends, or leave it out".to_owned()
    })
}

/// Only what begins like a number is one: a business-scoped id has its own form.
/// Longest business-scoped id in bytes; the platform's have about 23.
const MAX_SCOPED: usize = 128;

fn check_person(field: &str, to: &str) -> Result<(), InputError> {
    // Digits alone are a number whose plus is missing: as an id nobody would have it.
    if to.starts_with('+') || !to.is_empty() && to.bytes().all(|b| b.is_ascii_digit()) {
        return match parse_e164(to) {
            Ok(_) => Ok(()),
            Err(e) => Err(InputError::invalid(field, e.to_string(), "correct it")),
        };
    }
    let fits = (1..=MAX_SCOPED).contains(&to.len()) && to.bytes().all(|b| b.is_ascii_graphic());
    require(fits, field, &format!("an id of {} bytes does not fit", to.len()), || {
        format!("give an E.164 number, or a business-scoped id of 1 to {MAX_SCOPED} visible ASCII characters")
    })
}

/// What a person types is compared up to this length, in bytes: a longer text is not kept.
const MAX_WORD_BYTES: usize = 64;
/// Most words of one list.
const MAX_WORDS: usize = 200;

fn check_words(field: &str, words: &[String]) -> Result<(), InputError> {
    require(words.len() <= MAX_WORDS, field, &format!("{} words are too many", words.len()), || {
        format!("give at most {MAX_WORDS}")
    })?;
    for (i, word) in words.iter().enumerate() {
        let fits = !word.trim().is_empty() && word.len() <= MAX_WORD_BYTES;
        require(fits, &format!("{field}[{i}]"), &format!("{} is never what a person writes", shown(word)), || {
            format!("give a word or a payload of 1 to {MAX_WORD_BYTES} bytes")
        })?;
    }
    Ok(())
}

fn check_consent_policy(policy: &ConsentPolicy) -> Result<(), InputError> {
    const AT: &str = "spec.policy.consent";
    check_words(&format!("{AT}.stop_all_words"), &policy.stop_all_words)?;
    check_words(&format!("{AT}.confirm_words"), &policy.confirm_words)?;
    for (name, list) in [("stop_ends", &policy.stop_ends), ("double_opt_in", &policy.double_opt_in)] {
        require(list.len() <= 4, &format!("{AT}.{name}"), "categories are repeated", || "name each once".to_owned())?;
    }
    let codes = |c: &Category| matches!(c, Category::Authentication | Category::AuthenticationInternational);
    require(
        policy.stop_ends.contains(&Category::Marketing),
        &format!("{AT}.stop_ends"),
        "marketing is missing",
        || "add \"marketing\": a stop word ends at least that".to_owned(),
    )?;
    require(!policy.stop_ends.iter().any(codes), &format!("{AT}.stop_ends"), "it ends one-time codes", || {
        "take authentication out; who asks for no codes either writes one of `stop_all_words`".to_owned()
    })?;
    let doubled = &policy.double_opt_in;
    require(!doubled.iter().any(codes), &format!("{AT}.double_opt_in"), "one-time codes are in it", || {
        "take authentication out: who asks for a code has no time to confirm".to_owned()
    })?;
    require(
        doubled.is_empty() || !policy.confirm_words.is_empty(),
        &format!("{AT}.confirm_words"),
        "it is empty",
        || "give at least one word, or nobody could confirm".to_owned(),
    )?;
    let hours = policy.confirm_hours;
    require(
        (1..=MAX_CONFIRM_HOURS).contains(&hours),
        &format!("{AT}.confirm_hours"),
        &format!("{hours} does not fit"),
        || format!("give 1 to {MAX_CONFIRM_HOURS} hours"),
    )
}

/// Longest time to confirm: 30 days.
const MAX_CONFIRM_HOURS: u16 = 720;

fn check_zone(field: &str, name: &str) -> Result<(), InputError> {
    let known = TimeZoneDatabase::bundled().get(name).is_ok();
    require(known, field, &format!("{} is not a time zone", shown(name)), || {
        "use the IANA name, such as America/Sao_Paulo".to_owned()
    })
}

pub(super) fn once<'a>(seen: &mut BTreeSet<&'a str>, field: &str, id: &'a str) -> Result<(), InputError> {
    require(seen.insert(id), field, &format!("{} is given twice", shown(id)), || {
        "an id belongs to one place only: remove one of them".to_owned()
    })
}

pub(super) fn require(
    holds: bool,
    field: &str,
    problem: &str,
    remedy: impl FnOnce() -> String,
) -> Result<(), InputError> {
    if holds {
        return Ok(());
    }
    Err(InputError::invalid(field, problem, remedy()))
}
