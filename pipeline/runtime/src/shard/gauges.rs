//! What an account's snapshot says, as gauges.

use super::backlog::Backlog;
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use std::sync::Arc;
use tollgate_core::State;
use tollgate_core::ids::AccountIx;
use tollgate_core::record::Account;
use tollgate_metrics::{BudgetState, Metrics, QualityLevel, QuotaState, SenderState, TemplateState};
use tollgate_quality::{Limit, Score};
use tollgate_rate_card::RateCards;
use tollgate_wire::command::{LimitScope, TemplateStatus};
use tollgate_wire::snapshot::{AccountSnapshot, CampaignSnapshot};

/// Templates of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Templates {
    /// By status, in [`TemplateState::ALL`] order.
    by_status: [u64; TemplateState::ALL.len()],
    /// For which another category is announced.
    announced: u64,
}
/// Senders of an account by state and quality.
type Senders = [[u64; QualityLevel::ALL.len()]; SenderState::ALL.len()];

/// The gauges of one shard's accounts.
pub(super) struct Gauges {
    metrics: Arc<Metrics>,
    rates: Arc<RateCards>,
    /// What is shown, so that what has not changed costs nothing: each account comes by every few seconds.
    shown: BTreeMap<AccountIx, Shown>,
    backlog: Backlog,
}

#[derive(Default, PartialEq, Eq)]
struct Shown {
    disabled: bool,
    next_return_s: Option<u64>,
    currency_deadline_s: Option<u64>,
    senders: Senders,
    templates: Templates,
}

impl Gauges {
    pub(super) fn new(metrics: &Arc<Metrics>, rates: &Arc<RateCards>, partition: u32) -> Self {
        let backlog = Backlog::new(metrics, partition);
        Self { metrics: Arc::clone(metrics), rates: Arc::clone(rates), shown: BTreeMap::new(), backlog }
    }

    /// Begins to set the gauges of some accounts.
    pub(super) fn begin<'g>(&'g mut self, state: &'g State) -> Setting<'g> {
        Setting { gauges: self, state, templates: None }
    }

    /// How long until what waits will have left, as of now.
    pub(super) fn backlog(&self, now_ms: u64) {
        self.backlog.show(now_ms);
    }

    /// What seldom changes.
    fn rare(&mut self, state: &State, ix: AccountIx, s: &AccountSnapshot<'_>, templates: Templates) {
        let account = state.account_at(ix);
        let now = Shown {
            disabled: s.disabled,
            next_return_s: s.quota_next_return.map(|at| at.0 / 1000),
            currency_deadline_s: currency_deadline_s(state, &self.rates, account),
            senders: senders(state, account),
            templates,
        };
        if self.shown.get(&ix) == Some(&now) {
            return;
        }
        let (m, account) = (&self.metrics, &*s.account);
        m.set_disabled(account, now.disabled);
        m.set_quota_next_return(account, now.next_return_s);
        m.set_currency_deadline(account, now.currency_deadline_s);
        for (state, by_quality) in SenderState::ALL.iter().zip(&now.senders) {
            for (quality, senders) in QualityLevel::ALL.iter().zip(by_quality) {
                m.set_senders(account, *state, *quality, *senders);
            }
        }
        for (status, templates) in TemplateState::ALL.iter().zip(now.templates.by_status) {
            m.set_templates(account, *status, templates);
        }
        m.set_announced_categories(account, now.templates.announced);
        self.shown.insert(ix, now);
    }

    /// Drops the gauges of a partition that another process decides for from now on.
    pub(super) fn forget(&self, state: &State, partition: u32) {
        let m = &self.metrics;
        for account in state.accounts() {
            account.senders.iter().for_each(|s| m.forget_sender(&state.sender_at(*s).spec.id));
            m.forget_account(&account.spec.account);
        }
        m.forget_partition(partition);
    }
}

/// Gauges while they are being set.
pub(super) struct Setting<'g> {
    gauges: &'g mut Gauges,
    state: &'g State,
    /// Counted when the first account comes.
    templates: Option<BTreeMap<AccountIx, Templates>>,
}

impl Setting<'_> {
    /// Sets those of one account.
    pub(super) fn set(&mut self, ix: AccountIx, snapshot: &AccountSnapshot<'_>) {
        let state = self.state;
        figures(&self.gauges.metrics, snapshot);
        let templates = self.templates.get_or_insert_with(|| by_status(state)).get(&ix).copied().unwrap_or_default();
        self.gauges.rare(state, ix, snapshot, templates);
        self.gauges.backlog.account(state, ix, snapshot);
    }
}

fn figures(m: &Metrics, s: &AccountSnapshot<'_>) {
    m.set_quota_users(&s.account, QuotaState::Used, s.quota_used.into());
    if let Limit::Users(limit) = s.limit {
        let numbers = match s.limit_scope {
            LimitScope::Portfolio => 1,
            LimitScope::Number => s.senders.len() as u64,
        };
        m.set_quota_users(&s.account, QuotaState::Limit, u64::from(limit) * numbers);
    }
    for sender in &s.senders {
        m.set_quality(&s.account, &sender.id, level(sender.quality));
        m.set_throughput_limit(&sender.id, sender.throughput_now);
        m.set_in_flight_orders(&sender.id, sender.in_flight.into());
    }
    s.campaigns.iter().for_each(|campaign| budget(m, &s.account, campaign));
}

fn level(score: Score) -> QualityLevel {
    match score {
        Score::Green => QualityLevel::Green,
        Score::Yellow => QualityLevel::Yellow,
        Score::Red => QualityLevel::Red,
        Score::Unknown => QualityLevel::Unknown,
    }
}

/// Those that are no longer declared are not counted.
fn senders(state: &State, account: &Account) -> Senders {
    let mut senders = Senders::default();
    for sender in account.senders.iter().map(|s| state.sender_at(*s)).filter(|s| !s.removed) {
        let is = if sender.spec.blocked { SenderState::Blocked } else { SenderState::Active };
        senders[is as usize][level(sender.spec.quality) as usize] += 1;
    }
    senders
}

/// When the first WABA that has numbers sends nothing any more, because it bills in another currency than it must.
fn currency_deadline_s(state: &State, rates: &RateCards, account: &Account) -> Option<u64> {
    let senders = account.senders.iter().map(|s| state.sender_at(*s)).filter(|s| !s.removed);
    let wabas = senders.map(|s| state.waba_at(s.waba));
    let over_at = wabas.filter_map(|waba| Some(waba.currency_deadline(rates)?.over_at(&waba.zone)));
    over_at.filter_map(|at| u64::try_from(at).ok()).min()
}

/// In one pass: templates know their WABA only.
fn by_status(state: &State) -> BTreeMap<AccountIx, Templates> {
    let mut counts: BTreeMap<AccountIx, Templates> = BTreeMap::new();
    for template in state.templates() {
        let status = match template.spec.status {
            TemplateStatus::Approved => TemplateState::Approved,
            TemplateStatus::Pending => TemplateState::Pending,
            TemplateStatus::Paused => TemplateState::Paused,
            TemplateStatus::Rejected => TemplateState::Rejected,
            TemplateStatus::Disabled => TemplateState::Disabled,
            TemplateStatus::Deleted => continue,
        };
        let of_account = counts.entry(state.waba_at(template.waba).account).or_default();
        of_account.by_status[status as usize] += 1;
        of_account.announced += u64::from(template.spec.next_category.is_some());
    }
    counts
}

/// A campaign that has ended frees its place.
fn budget(m: &Metrics, account: &str, c: &CampaignSnapshot<'_>) {
    let over = &*c.state == "cancelled";
    let Some(limit) = c.spec.budget.filter(|_| !over) else { return m.forget_campaign(account, &c.spec.name) };
    let set = |state, amount: Decimal| m.set_budget(account, &c.spec.name, &c.currency, state, amount);
    set(BudgetState::Limit, limit);
    set(BudgetState::Spent, c.spent);
    set(BudgetState::Reserved, c.reserved);
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use tollgate_core::engine::{Engine, EngineConfig, Sink};
    use tollgate_core::{Effect, snapshot};

    struct Nowhere;

    impl Sink for Nowhere {
        fn effect(&mut self, _: &State, _: &Effect, _: &str, _: &[u8]) {}
    }

    fn engine(rates: &Arc<RateCards>) -> Engine {
        let mut engine = Engine::new(EngineConfig {
            rates: Arc::clone(rates),
            hash_key: tollgate_core::hashing::HashKey([1; 16]),
            times: tollgate_core::life::Times::default(),
            recent_most: 10,
            partition: tollgate_wire::partition::Partition::ONLY,
        });
        engine.clock(1_795_262_400_000);
        engine
    }

    #[test]
    fn the_first_deadline_of_wabas_that_have_numbers_is_told() {
        let rates = RateCards::embedded().unwrap();
        let mut engine = engine(&Arc::new(rates.clone()));
        let mut told = |india: &str, brazil: &str, rupees: &str| {
            let waba = |id: u8, currency: &str, country: &str, senders: &str| {
                format!(
                    r#"{{"id":"{id}","currency":"{currency}","time_zone":"UTC","sold_to":"{country}","senders":[{senders}]}}"#
                )
            };
            let wabas = [waba(1, "USD", "IN", india), waba(2, "USD", "BR", brazil), waba(3, "INR", "IN", rupees)];
            let command = format!(
                r#"{{"command":"apply_account","spec":{{"account":"acme","limit":"TIER_250","wabas":[{}]}}}}"#,
                wabas.join(",")
            );
            engine.command(command.as_bytes(), &mut Nowhere).unwrap().unwrap();
            let state = engine.state();
            currency_deadline_s(state, &rates, state.account("acme").unwrap())
        };
        let (a, b) = (r#"{"id":"7"}"#, r#"{"id":"8"}"#);
        // 2027-01-01 and 2027-07-01.
        assert_eq!(told(a, b, ""), Some(1_798_761_600));
        assert_eq!(told("", b, a), Some(1_814_400_000), "the number has moved");
        assert_eq!(told("", "", a), None, "a number that is there no longer");
        assert_eq!(told("", "", &format!("{a},{b}")), None);
    }

    #[test]
    fn an_account_is_told_as_it_is_now_and_taken_out_when_it_moves() {
        let rates = Arc::new(RateCards::embedded().unwrap());
        let mut engine = engine(&rates);
        let apply = |engine: &mut Engine, quality: &str, status: &str, sold_to: &str| {
            let command = format!(
                r#"{{"command":"apply_account","spec":{{"account":"acme","limit":"TIER_250","limit_scope":"number",
                "wabas":[{{"id":"1","currency":"USD","time_zone":"Asia/Kolkata","sold_to":"{sold_to}",
                "senders":[{{"id":"2","quality":"{quality}"}},{{"id":"3","blocked":true}}],
                "templates":[{{"name":"news","language":"pt_BR","category":"marketing","status":"{status}"}},
                {{"name":"code","language":"pt_BR","category":"authentication"}}]}}]}}}}"#
            );
            engine.command(command.as_bytes(), &mut Nowhere).unwrap().unwrap();
        };
        let metrics = Arc::new(Metrics::new("test", tollgate_metrics::Limits::default()).unwrap());
        let mut gauges = Gauges::new(&metrics, &rates, 0);
        let shown = |gauges: &mut Gauges, engine: &mut Engine| {
            let touched = engine.take_touched();
            let mut setting = gauges.begin(engine.state());
            for ix in touched {
                setting.set(ix, &snapshot::account(engine.state(), ix, engine.now_ms()));
            }
            let text = String::from_utf8(metrics.encode().unwrap()).unwrap();
            let ours = |line: &&str| {
                ["senders{", "templates{", "quota_users{", "disabled_accounts{", "currency_deadline"]
                    .iter()
                    .any(|name| line.strip_prefix("tollgate_").is_some_and(|line| line.starts_with(name)))
                    && (!line.ends_with(" 0") || line.contains("disabled_accounts"))
            };
            let lines = text.lines().filter(ours);
            lines.map(|line| line.replace("tollgate_", "").replace("account=\"acme\"", "")).collect::<Vec<_>>()
        };
        apply(&mut engine, "GREEN", "approved", "IN");
        let before = shown(&mut gauges, &mut engine);
        let told = [
            // Midnight of the new year in Kolkata.
            r"currency_deadline_timestamp_seconds{} 1798741800",
            r"disabled_accounts{} 0",
            r#"quota_users{,state="limit"} 500"#,
            r#"senders{,quality="green",state="active"} 1"#,
            r#"senders{,quality="unknown",state="blocked"} 1"#,
            r#"templates{,status="approved"} 2"#,
        ];
        assert_eq!(before, told);
        apply(&mut engine, "RED", "paused", "LK");
        let after = shown(&mut gauges, &mut engine);
        let told = [
            r"disabled_accounts{} 0",
            r#"quota_users{,state="limit"} 500"#,
            r#"senders{,quality="red",state="active"} 1"#,
            r#"senders{,quality="unknown",state="blocked"} 1"#,
            r#"templates{,status="approved"} 1"#,
            r#"templates{,status="paused"} 1"#,
        ];
        assert_eq!(after, told);
        gauges.forget(engine.state(), 0);
        assert!(shown(&mut gauges, &mut engine).is_empty());
    }
}
