//! The tollgate binary: subcommands, configuration, wiring. What it does lives in the libraries.
//!
//! `cli` the arguments · `commands` one file a subcommand · `config` the configuration · `client` HTTP to a running
//! service · `upload` many rows to it · `output` what is printed · `demo` the whole service on a made-up campaign set · `logging` log lines · `exit` exit codes.

#[cfg(test)]
mod asyncapi;
mod cli;
#[cfg(test)]
mod cli_docs;
mod client;
mod commands;
mod config;
mod demo;
mod exit;
mod logging;
mod output;
mod upload;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    exit::code(commands::run(cli::Cli::parse()))
}
