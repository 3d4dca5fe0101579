//! Every order against the rules that were in force when it was made.

use super::book::{Attempt, Place, Rank};
use super::{Auditor, quota, zones};
use crate::money::Units;
use crate::step::Move;
use serde_json::Value;

/// Default times to live of requests without `expires_at`, in milliseconds.
pub(super) fn default_life_ms(purpose: &str) -> u64 {
    const HOUR: u64 = 3_600_000;
    match purpose {
        "authentication" => HOUR / 6,
        "service" => 24 * HOUR,
        "utility" => 72 * HOUR,
        _ => 168 * HOUR,
    }
}

impl Auditor {
    /// An order with its outcome `admitted`.
    pub(super) fn admitted(&mut self, m: &Move, request: &Value) {
        let uid = m.uid;
        let Some(order) = self.book.pending.take().filter(|o| (o.uid, o.attempt) == (uid, m.attempt)) else {
            return self.check("order_with_admission", uid, false, || format!("{m:?} has no order"));
        };
        let (now_ms, now_s) = (self.now_ms, self.now_s());
        let sender = order.sender.clone();
        let waba = self.registry.sender(&sender).waba.clone();
        let purpose = request["purpose"].as_str().unwrap_or_default().to_owned();
        let template = order.template.clone();
        let key = template.as_ref().map(|(name, language)| (waba.clone(), name.clone(), language.clone()));
        let state = key.as_ref().and_then(|key| self.registry.templates.get(key).cloned());
        let sendable = key.as_ref().is_some_and(|key| self.registry.may_be_sent(key, now_s));
        let category = match (&template, &state) {
            (None, _) => "service".to_owned(),
            (Some(_), Some((_, category))) => category.clone(),
            (Some(_), None) => String::new(),
        };
        let window = self.people.window_until_s(&sender, &m.to, now_s);
        let status = state.as_ref().map(|s| if sendable { "approved" } else { s.0.as_str() });
        self.content(uid, m, (&sender, &purpose, &category), status, window.is_some());
        self.brand(uid, (&m.account, &m.to), &sender, (&purpose, &category), request, window.is_some());
        self.holds(uid, m, &sender, &waba, &category);
        if template.is_none() {
            let by = order.leave_by_ms;
            self.check("text_leaves_inside_the_window", uid, window.is_some_and(|w| by <= u64::from(w) * 1000), || {
                format!("leave_by {by}, window until {window:?}")
            });
        }
        self.schedule(uid, request, &purpose, order.leave_by_ms);
        self.sender_may_send(uid, &sender, m);
        self.sender_was_meant(uid, &sender, m, request);
        self.users(uid, m, &sender, &category, window.is_some());
        self.caps(uid, m, &category);
        self.quiet(uid, m, &category, order.leave_by_ms);
        self.repeat(uid, &purpose);
        let holds_money = self.budget(uid, m);
        self.rates(uid, m, &order);
        self.campaign_rules(uid, m, request);
        let attempt = Attempt {
            number: m.attempt,
            sender: sender.clone(),
            person: m.to.clone(),
            admitted_ms: now_ms,
            leave_by_ms: order.leave_by_ms,
            category,
            template,
            rank: Rank::Ordered,
            read: false,
            window_open: window.is_some(),
            holds_user: window.is_none(),
            holds_money,
            wamid: None,
        };
        if attempt.holds_user {
            let scope = quota::scope(&self.registry, &sender);
            self.quota.reserve(&scope, &m.to, uid, m.attempt, now_s);
        }
        let message = self.book.messages.get_mut(&uid).expect("made by the caller");
        message.attempts.push(attempt);
        message.place = Place::OnTheWay;
        message.test = m.test;
    }

    /// What the platform said of number, person and country by its error codes.
    fn holds(&mut self, uid: u64, m: &Move, sender: &str, waba: &str, category: &str) {
        let now_s = self.now_s();
        let country = self.money.tables.country(m.to.trim_start_matches('+'));
        let barred = country.is_some_and(|country| self.registry.barred.contains(&(waba.to_owned(), country)));
        self.check("barred_country_waits", uid, !barred, || format!("{waba} to {}", m.to));
        if category == "marketing" {
            let spam = self.registry.sender(sender).spam;
            self.check("restricted_number_sends_no_marketing", uid, !spam, || sender.to_owned());
            let capped = self.people.capped_until_s.get(&(m.account.clone(), m.to.clone())).copied().unwrap_or(0);
            self.check("platforms_marketing_cap", uid, capped <= now_s, || format!("{} until {capped}", m.to));
        }
    }

    /// Consent, form, template, purpose, bar.
    fn content(
        &mut self,
        uid: u64,
        m: &Move,
        (sender, purpose, category): (&str, &str, &str),
        state: Option<&str>,
        window: bool,
    ) {
        let (account, to) = (m.account.as_str(), m.to.as_str());
        let now_s = self.now_s();
        // Of the account as a whole. Where it has brands, a yes may have been said to them.
        let word = self.people.word_on((account, to), "", category, now_s);
        let branded = !self.people.brands.ever(account).is_empty();
        let agreed = word.unwrap_or_else(|| {
            let answer = window && (category == "service" || category == "utility");
            branded || answer || self.people.implied(account, sender, to, category, now_s)
        });
        let listed = self.people.is_listed(account, to);
        self.check("order_not_suppressed", uid, !listed, || format!("{to} is on the suppression list"));
        self.check("order_needs_consent", uid, agreed, || {
            format!("{category} to {to}: said {word:?}, window open {window}")
        });
        let text = state.is_none() && category == "service";
        if text {
            let no = self.people.word_on((account, to), "", purpose, now_s) == Some(false);
            self.check("text_needs_window", uid, window, || format!("text to {to} outside the window"));
            self.check("text_respects_purpose", uid, !no, || format!("{to} said no to {purpose}"));
        } else {
            self.check("template_is_approved", uid, state == Some("approved"), || format!("template is {state:?}"));
        }
        let fits = match purpose {
            "marketing" => text || category == "marketing",
            "authentication" => category == "authentication",
            _ => text || category == "utility" || category == "marketing",
        };
        self.check("content_fits_purpose", uid, fits, || format!("{category} for {purpose}"));
        let american = to.starts_with("+1212");
        self.check("country_not_barred", uid, !(american && category == "marketing"), || format!("marketing to {to}"));
        let away = self.people.away_until_s.get(&(account.to_owned(), to.to_owned())).copied().unwrap_or(0);
        self.check("person_is_on_platform", uid, away <= now_s, || format!("{to} is away until {away}"));
        let said = m.category.map(tollgate_rate_card::Category::as_str);
        self.check("outcome_names_category", uid, said == Some(category), || format!("{said:?}, not {category}"));
    }

    fn schedule(&mut self, uid: u64, request: &Value, purpose: &str, leave_by_ms: u64) {
        let now_ms = self.now_ms;
        let time = |v: &Value| serde_json::from_value::<tollgate_wire::Time>(v.clone()).ok().map(|t| t.0);
        let after = time(&request["send_after"]).unwrap_or(0);
        self.check("not_before_send_after", uid, after <= now_ms, || format!("not before {after}"));
        let asked = request["asked_ms"].as_u64().unwrap_or(0);
        let expires = time(&request["expires_at"]).unwrap_or(asked + default_life_ms(purpose));
        let fits = now_ms < expires && leave_by_ms <= expires && leave_by_ms <= now_ms + 5_000;
        self.check("leaves_before_expiry", uid, fits, || format!("leave_by {leave_by_ms}, expires {expires}"));
    }

    fn sender_may_send(&mut self, uid: u64, sender: &str, m: &Move) {
        let s = self.registry.sender(sender).clone();
        let disabled = self.registry.account(&m.account).disabled;
        let fits = s.account == m.account && !s.blocked && !disabled;
        self.check("sender_may_send", uid, fits, || format!("{s:?}, account disabled {disabled}"));
        if !self.registry.waba_of(sender).sold_to.is_empty() {
            let taken = self.is_currency_taken(sender);
            self.check("currency_is_taken", uid, taken, || format!("{s:?}"));
        }
        let Some(name) = &m.campaign else { return };
        let now_s = self.now_s();
        let campaign = self.registry.campaign(&m.account, name).clone();
        let open = campaign.hours.as_ref().is_none_or(|(from, to, zone)| {
            let hour = zones::hour(zone, now_s);
            *from <= hour && hour < *to
        });
        let runs = campaign.state == "running" && open;
        self.check("campaign_runs", uid, runs, || format!("{name} is {}, hours {:?}", campaign.state, campaign.hours));
    }

    /// Whether the number's WABA may bill in its currency now.
    pub(super) fn is_currency_taken(&self, sender: &str) -> bool {
        let waba = self.registry.waba_of(sender);
        self.money.tables.is_taken(&waba.sold_to, &waba.currency, zones::date(&waba.zone, self.now_s()))
    }

    /// The number that was asked for, or one of the pool.
    fn sender_was_meant(&mut self, uid: u64, sender: &str, m: &Move, request: &Value) {
        let Some(named) = request["sender"].as_str() else { return };
        let pool = self.registry.account(&m.account).pools.get(named);
        let meant = named == sender || pool.is_some_and(|senders| senders.iter().any(|id| id == sender));
        self.check("sender_was_meant", uid, meant, || format!("{sender} writes where {named} was named"));
    }

    /// The messaging limit: no token at or above the ceiling, no free ride that is none.
    fn users(&mut self, uid: u64, m: &Move, sender: &str, category: &str, window: bool) {
        let now_s = self.now_s();
        let scope = quota::scope(&self.registry, sender);
        let limit = self.registry.account(&m.account).limit;
        match m.quota_use.as_str() {
            "token" => {
                let used = self.quota.count(&scope, now_s);
                // A tenth is kept from marketing.
                let ceiling = limit.map(|n| if category == "marketing" { n - n / 10 } else { n });
                self.check("quota_token_below_ceiling", uid, ceiling.is_none_or(|c| used < c), || {
                    format!("{used} of {ceiling:?} users of {scope} counted")
                });
            }
            "counted" => {
                let counts = self.quota.may_count(&scope, &m.to, now_s);
                self.check("quota_ride_is_counted", uid, counts, || format!("{} is not counted in {scope}", m.to));
            }
            free => self.check("quota_free_inside_window", uid, window && free == "free", || {
                format!("{free:?} outside the window")
            }),
        }
    }

    fn caps(&mut self, uid: u64, m: &Move, category: &str) {
        let account = self.registry.account(&m.account);
        let (cap, hours) = (account.marketing_cap, account.marketing_cap_hours);
        if category != "marketing" || cap == 0 {
            return;
        }
        let since = self.now_s() - (hours * 3600) as u32;
        let of_person = self.book.messages.values().filter(|o| o.account == m.account && o.to == m.to);
        let recent = of_person.flat_map(|o| &o.attempts);
        // What certainly reached nobody is given back.
        let recent = recent.filter(|a| !matches!(a.rank, Rank::NotSent | Rank::Failed));
        let recent = recent.filter(|a| a.category == "marketing" && (a.admitted_ms / 1000) as u32 > since).count();
        self.check("marketing_cap", uid, recent < cap, || format!("{recent} in {hours} hours, cap {cap}"));
    }

    /// No marketing may leave at night where the person is.
    fn quiet(&mut self, uid: u64, m: &Move, category: &str, leave_by_ms: u64) {
        let Some([from, to]) = self.registry.account(&m.account).quiet_hours.filter(|_| category == "marketing") else {
            return;
        };
        for at_s in [self.now_s(), (leave_by_ms / 1000) as u32] {
            let Some(hour) = zones::hour_of_person(&m.to, at_s) else { return };
            let quiet = if from < to { from <= hour && hour < to } else { hour >= from || hour < to };
            self.check("quiet_hours", uid, !quiet, || format!("{} at {hour}, quiet from {from} to {to}", m.to));
        }
    }

    /// A second order only after the first was certainly not sent, or in doubt and worth another try.
    fn repeat(&mut self, uid: u64, purpose: &str) {
        let message = &self.book.messages[&uid];
        let ended = message.place > Place::OnTheWay;
        let place = message.place;
        let may = message.attempts.iter().all(|a| match a.rank {
            Rank::NotSent | Rank::Failed => true,
            Rank::Unknown => purpose == "utility" || purpose == "authentication",
            _ => false,
        });
        let ranks: Vec<_> = message.attempts.iter().map(|a| a.rank).collect();
        let again = !ranks.is_empty();
        self.check("no_order_after_end", uid, !ended, || format!("it was {place:?}"));
        if again {
            self.check("second_order_is_safe", uid, may, || format!("{purpose} after {ranks:?}"));
        }
    }

    /// Spent, held and the new worst case stay within the budget. Returns what is held now.
    fn budget(&mut self, uid: u64, m: &Move) -> Units {
        let Some(name) = &m.campaign else { return Units(0) };
        let campaign = self.registry.campaign(&m.account, name).clone();
        let Some(budget) = campaign.budget else { return Units(0) };
        let price = m.estimate.unwrap_or_default();
        let held = self.held(&m.account, name);
        let total = campaign.spent + held + price;
        self.check("budget_holds", uid, total <= budget, || {
            format!("{name}: spent {} + held {held} + {price} > {budget}", campaign.spent)
        });
        price
    }

    /// What a campaign's attempts hold of its budget: until they end, or their time to live does.
    pub(super) fn held(&self, account: &str, name: &str) -> Units {
        let of = self.book.messages.values().filter(|m| m.account == account && m.campaign.as_deref() == Some(name));
        let waited_for = of.flat_map(|m| &m.attempts).filter(|a| !a.is_over(self.now_ms));
        waited_for.fold(Units(0), |sum, a| sum + a.holds_money)
    }
}
