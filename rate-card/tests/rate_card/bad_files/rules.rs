use super::{check, message};

#[test]
fn rules() {
    check(
        "rulebooks.csv",
        &[
            (
                "PMP,2026-10-01",
                "PMP,2026-10-02",
                "6: rulebook `pmp-2026-10-01` (2026-10-02 onwards) does not start on the day after `pmp-2025-07-01` (2025-07-01 to 2026-09-30); list rulebooks in order, without gap or overlap",
            ),
            (
                "PMP,2026-10-01",
                "PMP,2026-09-30",
                "6: rulebook `pmp-2026-10-01` (2026-09-30 onwards) does not start on the day after `pmp-2025-07-01` (2025-07-01 to 2026-09-30); list rulebooks in order, without gap or overlap",
            ),
            ("2024-10-31,24,", "2024-10-31,,", "3: conversation_hours is ``; write a whole number of hours"),
            (
                "pmp-2026-10-01,PMP",
                "pmp-2027-10-01,PMP",
                "6: rulebook `pmp-2027-10-01` has not one charging rule a category; add the missing ones to charging_rules.csv and name it once",
            ),
            (
                "2026-10-01,open",
                "2026-10-01,2026-09-01",
                "6: valid_to is `2026-09-01`; write a day that is not before valid_from",
            ),
        ],
    );
    check(
        "charging_rules.csv",
        &[
            (
                "pmp-2026-10-01,utility,charged",
                "pmp-2026-10-01,utility,paid",
                "19: outside_window is `paid`; write charged, free_customer_service, free_entry_point or not_allowed",
            ),
            (
                "pmp-2026-10-01,utility,charged",
                "pmp-2026-10-01,marketing,charged",
                "19: category `marketing` of rulebook `pmp-2026-10-01` is out of order; write each rulebook's categories once, in the order marketing, utility, authentication, authentication_international, service",
            ),
            ("1000,sender,delivered", "1000,,delivered", "22: allowance_scope is ``; write waba or sender"),
            ("1000,sender,delivered", "0,sender,delivered", "22: allowance is `0`; write a number of messages"),
            (
                "yes,authentication,",
                "yes,authentication_international,",
                "16: not_offered_as is `authentication_international`; write another category, or nothing",
            ),
        ],
    );
    check(
        "bars.csv",
        &[
            ("US,marketing", "USA,marketing", "3: country is `USA`; write an ISO 3166-1 alpha-2 code in capitals"),
            (
                "US,marketing,2025-04-01,open,131049,published,",
                "US,marketing,2025-04-01,open,131049,published,\nUS,marketing,2026-04-01,open,131049,published,",
                "4: marketing to US is already barred then; keep one line for each period",
            ),
        ],
    );
    check(
        "currency_deadlines.csv",
        &[
            ("IN,INR", "India,INR", "3: country is `India`; write an ISO 3166-1 alpha-2 code in capitals"),
            ("IN,INR", "IN,LKR", "3: currency is `LKR`; write one of currencies.csv, or add it there"),
            ("2026-12-31", "31.12.2026", "3: last_day is `31.12.2026`; write a day as YYYY-MM-DD"),
            ("INR,2026-12-31,published", "INR,2026-12-31,sure", "3: status is `sure`; write published or inferred"),
            ("BR,BRL", "IN,BRL", "4: IN is listed twice; keep one line for each country"),
        ],
    );
    check(
        "currencies.csv",
        &[
            ("USD,2", "USD,9", "3: minor_units is `9`; write a number of decimals from 0 to 4"),
            ("AED,2", "USD,2", "4: currency `USD` is listed twice; keep one of the two"),
        ],
    );
}

#[test]
fn rules_without_a_rulebook() {
    let line = "cbp-2023-06-01,CBP,2023-06-01,2024-10-31,24,24,72,categories of conversations\n";
    assert_eq!(
        message("rulebooks.csv", line, ""),
        "charging_rules.csv:1: rulebook `cbp-2023-06-01` is not in rulebooks.csv; add it there or \
         remove its rules"
    );
}
