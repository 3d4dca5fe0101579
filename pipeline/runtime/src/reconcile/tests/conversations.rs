//! Figures of `conversation_analytics`, for months that were charged by conversation.

use super::*;
use tollgate_wire::ledger::EntryKind;

/// A conversation that opened at noon of the second.
fn opened(n: u64, category: Category, form: PricingType) -> LedgerEntry<'static> {
    let free = form != PricingType::Regular;
    let cost = if free { Decimal::ZERO } else { dec("0.0315") };
    LedgerEntry {
        kind: if free { EntryKind::Free } else { EntryKind::Charge },
        pricing_model: PricingModel::Cbp,
        pricing_type: Some(form),
        cost_rate: Some(cost),
        cost: Some(cost),
        price_ex_tax: Some(cost),
        ..sent(n, 2, category)
    }
}

/// A half hour's figure, as the platform names types and categories of conversations.
fn half_hour(form: &str, category: &str, volume: u64, cost: &str) -> Point {
    let start = OCTOBER + DAY + 12 * 3600;
    let costs = figure(2, volume, cost);
    Point { start, end: start + 1800, pricing_type: Some(form.to_owned()), ..of(category, costs) }
}

fn told(points: Vec<Point>) -> Vec<(Class, i64, i64, String)> {
    let booked = [
        opened(1, Category::Marketing, PricingType::Regular),
        opened(2, Category::Marketing, PricingType::Regular),
        opened(3, Category::Service, PricingType::FreeAllowance),
        opened(4, Category::Marketing, PricingType::FreeEntryPoint),
    ];
    let answer = Answer { waba: WABA.to_owned(), model: PricingModel::Cbp, points };
    classes(&compared(&booked, &[answer], &request(), &known()))
}

#[test]
fn conversations_are_compared_by_their_own_words() {
    let marketing = |volume, cost| half_hour("REGULAR", "MARKETING", volume, cost);
    let tier = |volume| half_hour("FREE_TIER", "SERVICE", volume, "0");
    let entry = |word: &str| half_hour(word, "REFERRAL_CONVERSION", 1, "0");
    assert_eq!(told(vec![marketing(2, "0.063"), tier(1), entry("FREE_ENTRY_POINT")]), []);
    assert_eq!(told(vec![marketing(2, "0.063"), tier(1), entry("FREE_ENTRY")]), []);
    let class = |class, more, fewer, amount: &str| (class, more, fewer, amount.to_owned());
    assert_eq!(
        told(vec![marketing(3, "0.0945"), tier(1), entry("FREE_ENTRY")]),
        [class(Class::MissingWebhook, 1, 0, "0.0315")]
    );
    // One of the free ones there is charged as a regular one here, or the other way round.
    let service = half_hour("REGULAR", "SERVICE", 1, "0.0088");
    assert_eq!(
        told(vec![marketing(2, "0.063"), service, entry("FREE_ENTRY")]),
        [class(Class::Allowance, 1, 1, "0.0088")]
    );
    assert_eq!(told(vec![marketing(2, "0.063"), entry("FREE_ENTRY")]), [class(Class::Unknown, 0, 1, "0")]);
}
