//! Documents as a reader pastes them: every block marked `sh`, in order, in one shell, with the files of the repository
//! and real processes. A line with `#` is what the command before it prints: it has to come, in order; `…` stands for
//! anything, times and dates for any others, and decimals unless they are amounts. Only the ports differ, so that the test
//! runs beside a service.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod commands;
mod shell;

use shell::{Document, fits, run};

#[test]
fn the_readme_does_what_it_shows() {
    run(&Document {
        name: "README.md",
        folders: &["examples"],
        logs: ["data/serve.log", "data/sandbox.log"],
        steps_min: 6,
        exact: false,
    });
}

#[test]
fn the_operators_document_does_what_it_shows() {
    run(&Document {
        name: "docs/operations.md",
        folders: &["examples"],
        logs: ["data/ops/serve.log", "data/ops/sandbox.log"],
        steps_min: 20,
        exact: false,
    });
}

#[test]
fn the_finance_document_does_what_it_shows() {
    run(&Document {
        name: "docs/finance.md",
        folders: &["examples", "rate-card/data"],
        logs: ["data/finance/serve.log", "data/finance/sandbox.log"],
        steps_min: 25,
        exact: true,
    });
}

#[test]
fn lines_are_compared_by_form() {
    let table = [
        ("as of 2026-11-21T08:36:59.874Z", "as of 2027-01-02T03:04:05.6Z", true),
        ("read 5  55.5%", "read  5 9.1%", true),
        ("9 accepted, 0 bad", "8 accepted, 0 bad", false),
        ("autumn-7  refused", "autumn-8  refused", false),
        ("pmp-usd-2026-10-01 PMP …", "pmp-usd-2027-01-01 PMP USD 3", true),
        ("a … c", "a b c", true),
        ("a … c", "a b c d", false),
        ("list rate  0.0625 USD", "list rate 0.0625 USD and more", false),
    ];
    assert!(fits("list rate 0.0625 USD", "list rate  0.0625 USD", true));
    assert!(!fits("list rate 0.0626 USD", "list rate  0.0625 USD", true), "an amount is held to its digits");
    for (shown, line, expected) in table {
        assert_eq!(fits(line, shown, false), expected, "{shown} / {line}");
    }
}
