//! A fixed set of seeds: every predicate holds, and every predicate was asked.

use tollgate_simulator::{CI_SEEDS, Options, REGRESSION_SEEDS, Report, run};

/// Predicates that must have been checked by the set; a check that never runs proves nothing.
const ASKED: &[&str] = &[
    "abort_equals_fresh_load",
    "an_outage_shrinks_to_questions",
    "barred_country_waits",
    "brand_is_declared",
    "brand_is_not_refused",
    "brand_needs_consent",
    "budget_holds",
    "campaign_counts_equal_recount",
    "campaigns_are_bounded",
    "campaign_rate_per_minute",
    "campaign_runs",
    "content_fits_purpose",
    "country_not_barred",
    "ends_once",
    "currency_is_refused_when_due",
    "currency_is_taken",
    "entry_equals_recomputation",
    "entry_ids_are_unique",
    "every_charge_is_booked",
    "everything_ends",
    "expires_at_its_time",
    "in_flight_slots",
    "known_id_is_duplicate",
    "leaves_before_expiry",
    "lot_is_not_passed",
    "lot_order",
    "marketing_cap",
    "newcomer_waits_its_turn",
    "no_lost_wake",
    "no_order_after_end",
    "nobody_waits_for_nothing",
    "not_before_send_after",
    "nothing_else_is_charged",
    "number_is_of_the_brand",
    "one_standing_charge",
    "one_variant_for_one_person",
    "only_a_final_answer_fails",
    "order_needs_consent",
    "order_not_suppressed",
    "order_with_admission",
    "outcome_names_category",
    "own_variant_has_a_share",
    "pair_rate",
    "parked_equals_recount",
    "person_is_on_platform",
    "platform_counts_no_excess_of_one_person",
    "platform_counts_no_excess_of_throughput",
    "platform_counts_no_excess_of_users",
    "platforms_marketing_cap",
    "quiet_hours",
    "quota_free_inside_window",
    "quota_ride_is_counted",
    "quota_token_below_ceiling",
    "request_is_answered",
    "reserved_equals_recount",
    "restricted_number_sends_no_marketing",
    "second_order_is_safe",
    "sender_may_send",
    "sender_was_meant",
    "spent_equals_ledger",
    "template_is_approved",
    "text_leaves_inside_the_window",
    "text_needs_window",
    "test_counts_equal_recount",
    "test_goes_to_test_recipients",
    "test_is_of_a_campaign",
    "test_is_told",
    "text_respects_purpose",
    "throughput_per_second",
];

#[test]
fn every_predicate_holds_and_was_asked() {
    let mut total = Report::default();
    for seed in CI_SEEDS.chain(REGRESSION_SEEDS.iter().map(|(seed, _)| *seed)) {
        let report = run(seed, &Options::default());
        if let Some(v) = &report.violation {
            panic!("{v}");
        }
        total.add(&report);
    }
    let silent: Vec<_> = ASKED.iter().filter(|name| !total.checks.contains_key(**name)).collect();
    assert!(silent.is_empty(), "never checked: {silent:?}");
    let new: Vec<_> = total.checks.keys().filter(|name| !ASKED.contains(name)).collect();
    assert!(new.is_empty(), "name these here: {new:?}");
    for outcome in [
        "parked quota",
        "parked budget",
        "parked pacing",
        "refused currency_not_allowed",
        "in_doubt no_result",
        "failed platform",
        "expired expired",
        "entry free free_allowance",
        "entry free free_entry_point",
        "entry adjustment regular",
        "entry unpriced ",
    ] {
        assert!(total.outcomes.contains_key(outcome), "the world no longer brings about `{outcome}`");
    }
}

#[test]
fn the_same_seed_plays_the_same_run() {
    let twice = [(); 2].map(|()| run(3, &Options { steps: 400, mutation: None }));
    assert_eq!(
        (twice[0].orders, twice[0].charges, &twice[0].checks),
        (twice[1].orders, twice[1].charges, &twice[1].checks)
    );
}
