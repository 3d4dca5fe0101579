//! `docs/cli.md`: the help of every command, kept equal to the program by the test below.

use std::fmt::Write as _;
use std::path::Path;

use clap::{Command, CommandFactory as _};

use crate::cli::Cli;

/// Width of the help in the document.
const WIDTH: usize = 110;

fn docs() -> String {
    let mut out =
        "# Command line\n\nThe help of every command, made by `UPDATE_GOLDEN=1 cargo test -p tollgate cli_docs`.\n"
            .to_owned();
    walk(&mut out, Cli::command().term_width(WIDTH), "tollgate");
    out
}

fn walk(out: &mut String, command: Command, name: &str) {
    let mut command = command.bin_name(name).disable_version_flag(name != "tollgate").term_width(WIDTH);
    command.build();
    let help = command.render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    let _ = write!(out, "\n## {name}\n\n```text\n{}\n```\n", help.join("\n").trim_end());
    for sub in command.get_subcommands().cloned().collect::<Vec<_>>() {
        let full = format!("{name} {}", sub.get_name());
        walk(out, sub, &full);
    }
}

#[test]
fn the_document_is_the_help() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, docs()).expect("writable");
    }
    let file = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(file == docs(), "{} is stale: run this test with UPDATE_GOLDEN=1", path.display());
}

#[test]
fn every_command_has_examples() {
    fn check(command: &Command, name: &str) {
        let help = command.clone().render_long_help().to_string();
        assert!(help.contains("Examples:\n"), "{name} has no examples");
        for sub in command.get_subcommands() {
            check(sub, &format!("{name} {}", sub.get_name()));
        }
    }
    let mut command = Cli::command();
    command.build();
    check(&command, "tollgate");
}
