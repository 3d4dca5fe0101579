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

use clap::Parser as _;

/// Batches are allocated on one thread and freed on another, strings by the thousand: glibc's allocator takes a tenth more of
/// the processor for it, and keeps more memory (docs/performance.md).
#[cfg(not(test))] // Tests of parsers count what is allocated.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    exit::now(exit::code(commands::run(cli::Cli::parse())))
}
