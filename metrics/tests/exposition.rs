//! What a scraper reads after what the code wrote.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use rust_decimal::Decimal;
use tollgate_metrics::{
    BudgetState, Category, InDoubtResolution, Lane, Limits, MismatchKind, Outcome, PartitionState, PricingType,
    QualityLevel, QuotaState, Reason, SenderState, ShardMetrics, TemplateState, Topic, WaitsFor, WebhookResult,
};

type Metrics = tollgate_metrics::Metrics;

fn metrics(limits: Limits) -> Arc<Metrics> {
    Arc::new(Metrics::new("0.0.0", limits).unwrap())
}

/// The sample lines of one metric, sorted as the format does.
/// The samples that are not zero.
fn counted(metrics: &Metrics, name: &str) -> Vec<String> {
    samples(metrics, name).into_iter().filter(|sample| !sample.ends_with(" 0")).collect()
}

fn samples(metrics: &Metrics, name: &str) -> Vec<String> {
    let text = String::from_utf8(metrics.encode().unwrap()).unwrap();
    let prefix = format!("tollgate_{name}");
    text.lines().filter_map(|line| line.strip_prefix(&prefix)).map(str::to_owned).collect()
}

#[test]
fn a_batch_is_seen_after_flush_only() {
    let metrics = metrics(Limits::default());
    let mut shard = ShardMetrics::new(&metrics);
    let quota = metrics.reason("quota");
    shard.request(Lane::Bulk);
    shard.request(Lane::Bulk);
    shard.decision(Outcome::Parked, quota);
    shard.decision(Outcome::Admitted, Reason::NONE);
    shard.decision(Outcome::Failed, metrics.reason("platform_131049"));
    shard.platform_error(131_049);
    shard.in_doubt(InDoubtResolution::Retried);
    shard.charge(Category::Utility, PricingType::FreeAllowance);
    shard.charge_mismatch(MismatchKind::PricingModel);
    shard.unpriced(metrics.unpriced_reason("no_card"));
    metrics.unpriced_reason("bid");
    shard.dead_letter(metrics.reason("unknown_field"));
    shard.decided_in(Duration::from_micros(2));
    shard.ordered_after(Lane::Bulk, Duration::from_secs(3));
    assert_eq!(samples(&metrics, "requests_total"), ["{lane=\"bulk\"} 0", "{lane=\"priority\"} 0"]);
    assert_eq!(samples(&metrics, "decision_seconds_count"), [" 0"]);

    shard.flush(2, Duration::from_millis(4));
    assert_eq!(counted(&metrics, "requests_total"), ["{lane=\"bulk\"} 2"]);
    assert_eq!(
        samples(&metrics, "decisions_total"),
        [
            "{outcome=\"admitted\",reason=\"none\"} 1",
            "{outcome=\"failed\",reason=\"platform\"} 1",
            "{outcome=\"parked\",reason=\"quota\"} 1"
        ]
    );
    assert_eq!(samples(&metrics, "platform_errors_total"), ["{code=\"131049\"} 1"]);
    assert_eq!(counted(&metrics, "in_doubt_total"), ["{resolution=\"retried\"} 1"]);
    assert_eq!(samples(&metrics, "charges_total"), ["{category=\"utility\",pricing_type=\"free_allowance\"} 1"]);
    assert_eq!(counted(&metrics, "charge_mismatch_total"), ["{kind=\"pricing_model\"} 1"]);
    assert_eq!(samples(&metrics, "unpriced_charges_total"), ["{reason=\"bid\"} 0", "{reason=\"no_card\"} 1"]);
    assert_eq!(samples(&metrics, "dead_letters_total"), ["{reason=\"unknown_field\"} 1"]);
    assert_eq!(samples(&metrics, "decision_seconds_count"), [" 1"]);
    assert_eq!(samples(&metrics, "batch_records_sum"), [" 2"]);
    assert_eq!(samples(&metrics, "batch_commit_seconds_count"), [" 1"]);
    assert!(samples(&metrics, "request_to_order_seconds_sum").contains(&"{lane=\"bulk\"} 3".to_owned()));
}

#[test]
fn an_aborted_batch_leaves_no_trace() {
    let metrics = metrics(Limits::default());
    let mut shard = ShardMetrics::new(&metrics);
    let record = |shard: &mut ShardMetrics| {
        shard.request(Lane::Priority);
        shard.decided_in(Duration::from_micros(2));
        shard.platform_error(4);
        shard.set_parked([(metrics.lot("quota"), 5)]);
        shard.charged_amount(metrics.currency("EUR"), Category::Utility, Decimal::ONE);
    };
    record(&mut shard);
    shard.discard();
    record(&mut shard);
    shard.flush(1, Duration::ZERO);
    record(&mut shard);
    drop(shard);
    assert_eq!(samples(&metrics, "requests_total"), ["{lane=\"bulk\"} 0", "{lane=\"priority\"} 1"]);
    assert_eq!(samples(&metrics, "decision_seconds_count"), [" 1"]);
    assert_eq!(samples(&metrics, "platform_errors_total"), ["{code=\"4\"} 1"]);
    assert_eq!(samples(&metrics, "charged_amount_total").len(), 1);
    assert!(samples(&metrics, "charged_amount_total")[0].ends_with(" 1"));
}

#[test]
fn parked_messages_of_a_moved_shard_are_taken_out() {
    let metrics = metrics(Limits::default());
    let lot = metrics.lot("quota");
    let (mut stays, mut moves) = (ShardMetrics::new(&metrics), ShardMetrics::new(&metrics));
    stays.set_parked([(lot, 7)]);
    stays.flush(0, Duration::ZERO);
    moves.set_parked([(lot, 5)]);
    moves.flush(0, Duration::ZERO);
    moves.set_parked([(lot, 1), (lot, 2)]);
    moves.flush(0, Duration::ZERO);
    moves.set_parked([(lot, 100)]);
    moves.discard();
    moves.flush(0, Duration::ZERO);
    assert_eq!(samples(&metrics, "parked_messages"), ["{lot=\"quota\"} 10"]);
    drop(moves);
    assert_eq!(samples(&metrics, "parked_messages"), ["{lot=\"quota\"} 7"]);
    stays.set_parked([]);
    stays.flush(0, Duration::ZERO);
    assert_eq!(samples(&metrics, "parked_messages"), ["{lot=\"quota\"} 0"]);
}

#[test]
fn what_never_happened_is_a_zero() {
    let metrics = metrics(Limits::default());
    assert_eq!(samples(&metrics, "in_doubt_total").len(), 4);
    assert_eq!(samples(&metrics, "charge_mismatch_total").len(), 8);
    assert_eq!(samples(&metrics, "requests_total"), ["{lane=\"bulk\"} 0", "{lane=\"priority\"} 0"]);
}

#[test]
fn charged_amounts_do_not_drift() {
    let metrics = metrics(Limits::default());
    let mut shard = ShardMetrics::new(&metrics);
    let euro = metrics.currency("EUR");
    for _ in 0..1000 {
        for _ in 0..10 {
            shard.charged_amount(euro, Category::Marketing, Decimal::new(1, 4));
        }
        shard.charged_amount(euro, Category::Marketing, Decimal::NEGATIVE_ONE);
        shard.flush(10, Duration::ZERO);
    }
    let shown = samples(&metrics, "charged_amount_total");
    assert_eq!(shown, ["{category=\"marketing\",currency=\"EUR\"} 1"]);
}

#[test]
fn accounts_beyond_the_bound_are_one_sum() {
    let metrics = metrics(Limits { accounts_max: 2, ..Limits::default() });
    for (account, users) in [("a", 1), ("b", 2), ("c", 4), ("d", 8), ("+5511987654321", 16)] {
        metrics.set_quota_users(account, QuotaState::Used, users);
    }
    metrics.set_quota_users("c", QuotaState::Used, 5);
    let used = |account: &str, users: u32| format!("{{account=\"{account}\",state=\"used\"}} {users}");
    assert_eq!(samples(&metrics, "quota_users"), [used("a", 1), used("b", 2), used("other", 29)]);

    metrics.forget_account("a");
    metrics.set_quota_users("d", QuotaState::Used, 8);
    assert_eq!(samples(&metrics, "quota_users"), [used("b", 2), used("d", 8), used("other", 21)]);
}

#[test]
fn senders_beyond_the_bound_show_the_worst_known_quality() {
    let metrics = metrics(Limits { senders_max: 1, ..Limits::default() });
    metrics.set_quality("acme", "100", QualityLevel::Green);
    metrics.set_quality("acme", "101", QualityLevel::Unknown);
    metrics.set_quality("acme", "102", QualityLevel::Yellow);
    metrics.set_quality("acme", "103", QualityLevel::Green);
    metrics.set_throughput_limit("100", 80);
    metrics.set_throughput_limit("101", 80);
    metrics.set_throughput_limit("102", 1000);
    metrics.set_in_flight_orders("102", 3);
    metrics.set_open_calls("102", 3);
    assert_eq!(
        samples(&metrics, "quality"),
        ["{account=\"acme\",sender=\"100\"} 3", "{account=\"acme\",sender=\"other\"} 2"]
    );
    assert_eq!(
        samples(&metrics, "throughput_limit_messages_per_second"),
        ["{sender=\"100\"} 80", "{sender=\"other\"} 1080"]
    );
    metrics.forget_sender("102");
    assert_eq!(
        samples(&metrics, "throughput_limit_messages_per_second"),
        ["{sender=\"100\"} 80", "{sender=\"other\"} 80"]
    );
    assert!(samples(&metrics, "in_flight_orders").is_empty() && samples(&metrics, "open_calls").is_empty());
}

#[test]
fn bounded_labels_fold_the_rest() {
    let metrics = metrics(Limits::default());
    for code in 0..1000 {
        metrics.platform_error(code);
    }
    let codes = samples(&metrics, "platform_errors_total");
    assert_eq!(codes.len(), 128);
    assert!(codes.contains(&"{code=\"other\"} 873".to_owned()));

    metrics.webhook("messages", WebhookResult::Accepted);
    metrics.webhook("+5511987654321", WebhookResult::Malformed);
    metrics.webhook(&"x".repeat(65), WebhookResult::Malformed);
    assert_eq!(
        samples(&metrics, "webhooks_total"),
        ["{field=\"messages\",result=\"accepted\"} 1", "{field=\"other\",result=\"malformed\"} 2"]
    );
    assert_eq!(metrics.reason("5511987654321"), Reason::OTHER);
}

#[test]
fn budgets_are_shown_only_when_switched_on() {
    let set = |metrics: &Metrics| {
        for (account, campaign) in [("acme", "spring"), ("acme", "summer"), ("zeta", "spring")] {
            let amount = Decimal::new(1050, 2);
            metrics.set_budget(account, campaign, "EUR", BudgetState::Spent, amount);
        }
    };
    let off = metrics(Limits::default());
    set(&off);
    assert!(samples(&off, "budget_amount").is_empty());

    let on = metrics(Limits { budgets: true, campaigns_max: 1, ..Limits::default() });
    set(&on);
    let line = |account: &str, campaign: &str| {
        format!("{{account=\"{account}\",campaign=\"{campaign}\",currency=\"EUR\",state=\"spent\"}} 10.5")
    };
    assert_eq!(samples(&on, "budget_amount"), [line("acme", "other"), line("acme", "spring"), line("zeta", "spring")]);
    on.forget_campaign("acme", "spring");
    assert_eq!(samples(&on, "budget_amount"), [line("acme", "other"), line("zeta", "spring")]);
}

#[test]
fn what_nobody_writes_is_looked_at_when_the_metrics_are_read() {
    let metrics = metrics(Limits::default());
    let reads = std::sync::atomic::AtomicU64::new(0);
    metrics.before_reading(move |metrics| {
        let read = reads.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        metrics.set_log_lag(Topic::Events, (read < 2).then(|| Duration::from_millis(1500 * (read + 1))));
    });
    assert_eq!(samples(&metrics, "log_lag_seconds"), ["{topic=\"events\"} 1.5"]);
    assert_eq!(samples(&metrics, "log_lag_seconds"), ["{topic=\"events\"} 3"]);
    assert!(samples(&metrics, "log_lag_seconds").is_empty());
}

#[test]
fn the_clock_is_told_with_its_side_and_not_before_it_is_known() {
    let metrics = metrics(Limits::default());
    assert!(samples(&metrics, "clock_offset_seconds").is_empty());
    for (ms, want) in [(3_250, " 3.25"), (-61_000, " -61"), (0, " 0")] {
        metrics.set_clock_offset_ms(Some(ms));
        assert_eq!(samples(&metrics, "clock_offset_seconds"), [want]);
    }
    metrics.set_clock_offset_ms(None);
    assert!(samples(&metrics, "clock_offset_seconds").is_empty());
}

#[test]
fn a_partition_that_moves_takes_its_backlog_with_it() {
    let metrics = metrics(Limits::default());
    for (partition, seconds) in [(1, 90), (2, 30)] {
        metrics.set_backlog(partition, Lane::Bulk, WaitsFor::OurPacing, Duration::from_secs(seconds));
        metrics.set_in_doubt_attempts(partition, seconds);
    }
    let backlog = |seconds| [format!("{{lane=\"bulk\",waits_for=\"our_pacing\"}} {seconds}")];
    assert_eq!(samples(&metrics, "backlog_seconds"), backlog(90));
    assert_eq!(samples(&metrics, "in_doubt_attempts"), [" 120"]);
    metrics.forget_partition(1);
    assert_eq!(samples(&metrics, "backlog_seconds"), backlog(30));
    assert_eq!(samples(&metrics, "in_doubt_attempts"), [" 30"]);
}

#[test]
fn what_an_account_has_is_told_within_the_bound() {
    let metrics = metrics(Limits { accounts_max: 1, ..Limits::default() });
    for (account, returns, disabled) in [("a", 900, false), ("b", 700, true), ("c", 800, true)] {
        metrics.set_quota_next_return(account, Some(returns));
        metrics.set_currency_deadline(account, Some(returns + 7));
        metrics.set_disabled(account, disabled);
        metrics.set_senders(account, SenderState::Active, QualityLevel::Green, 2);
        metrics.set_templates(account, TemplateState::Paused, 1);
    }
    let both = |a: u32, other: u32| [format!("{{account=\"a\"}} {a}"), format!("{{account=\"other\"}} {other}")];
    assert_eq!(samples(&metrics, "quota_next_return_timestamp_seconds"), both(900, 700));
    assert_eq!(samples(&metrics, "currency_deadline_timestamp_seconds"), both(907, 707));
    assert_eq!(samples(&metrics, "disabled_accounts"), both(0, 2));
    let senders = |account, n| format!("{{account=\"{account}\",quality=\"green\",state=\"active\"}} {n}");
    assert_eq!(samples(&metrics, "senders"), [senders("a", 2), senders("other", 4)]);
    let templates = |account, n| format!("{{account=\"{account}\",status=\"paused\"}} {n}");
    assert_eq!(samples(&metrics, "templates"), [templates("a", 1), templates("other", 2)]);

    metrics.set_quota_next_return("b", None);
    metrics.set_currency_deadline("b", None);
    metrics.set_senders("b", SenderState::Active, QualityLevel::Green, 0);
    metrics.forget_account("c");
    assert_eq!(samples(&metrics, "quota_next_return_timestamp_seconds"), ["{account=\"a\"} 900"]);
    assert_eq!(samples(&metrics, "currency_deadline_timestamp_seconds"), ["{account=\"a\"} 907"]);
    assert_eq!(samples(&metrics, "disabled_accounts"), both(0, 1));
    assert_eq!(samples(&metrics, "senders"), [senders("a", 2)]);
}

#[test]
fn an_open_card_has_no_end_and_a_webhook_a_time() {
    let metrics = metrics(Limits::default());
    let expiry = "rate_card_expiry_timestamp_seconds";
    metrics.set_rate_card("USD", Some(100), Some(50));
    assert_eq!(samples(&metrics, expiry), ["{currency=\"USD\"} 100"]);
    metrics.set_rate_card("USD", None, Some(100));
    assert!(samples(&metrics, expiry).is_empty());
    assert_eq!(samples(&metrics, "rate_card_start_timestamp_seconds"), ["{currency=\"USD\"} 100"]);
    assert!(samples(&metrics, "last_webhook_timestamp_seconds").is_empty());
    metrics.webhook_accepted(1_700_000_000);
    assert_eq!(samples(&metrics, "last_webhook_timestamp_seconds"), [" 1700000000"]);
    metrics.set_partitions(PartitionState::Ready, 3);
    assert_eq!(samples(&metrics, "partitions"), ["{state=\"ready\"} 3"]);
}

#[test]
fn calls_and_restores_are_observed() {
    let metrics = metrics(Limits::default());
    metrics.dispatched(Outcome::Accepted, Duration::from_millis(120));
    metrics.restored(Duration::from_secs(12));
    metrics.booked_after(Duration::from_secs(4));
    metrics.dead_letter(metrics.reason("unknown_sender"));
    assert_eq!(samples(&metrics, "dispatch_seconds_count"), ["{outcome=\"accepted\"} 1"]);
    assert_eq!(samples(&metrics, "restore_seconds_sum"), [" 12"]);
    assert_eq!(samples(&metrics, "delivery_to_booked_seconds_sum"), [" 4"]);
    assert_eq!(samples(&metrics, "dead_letters_total"), ["{reason=\"unknown_sender\"} 1"]);
}

#[test]
fn label_texts_parse_back() {
    for &outcome in Outcome::ALL {
        assert_eq!(Outcome::parse(outcome.as_str()), Some(outcome));
    }
    assert_eq!(Outcome::parse("lost"), None);
    assert_eq!(QualityLevel::Green as u64, 3);
}

#[test]
fn a_shard_may_move_to_its_thread() {
    const fn is_send<T: Send>() {}
    const fn is_shared<T: Send + Sync>() {}
    is_send::<ShardMetrics>();
    is_shared::<Metrics>();
}
