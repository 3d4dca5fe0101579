//! One file a subcommand. Each has its arguments and a `run` that answers the exit code.

pub mod accounts;
pub mod billing;
pub mod campaigns;
pub mod check_config;
pub mod config;
pub mod consents;
pub mod dead_letters;
pub mod enqueue;
pub mod explain;
pub mod lots;
pub mod outcomes;
pub mod person;
pub mod rates;
pub mod ready;
pub mod senders;
pub mod serve;
pub mod templates;
pub mod token;
pub mod topics;
pub mod windows;

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::process::ExitCode;
use std::str::FromStr;

use anyhow::Context as _;

use crate::cli::{Cli, Command};
use crate::config::LogFormat;
use crate::demo;
use crate::logging;

/// Runs a command.
///
/// # Errors
/// What the command could not do.
pub fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let Cli { json, config, command } = cli;
    match command {
        Command::Serve(args) => serve::run(args, config),
        Command::Ready(args) => wait(ready::run(args, config, json)),
        Command::Demo(args) => {
            logging::start("warn", LogFormat::Auto)?;
            demo::run(args, json)
        }
        Command::Sandbox(args) => {
            logging::start("info", LogFormat::Auto)?;
            wait(tollgate_sandbox::run(args))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Accounts(args) => wait(accounts::run(&args, json)),
        Command::Senders(args) => wait(senders::run(&args, json)),
        Command::Templates(args) => wait(templates::run(&args, json)),
        Command::Lots(args) => wait(lots::run(&args, json)),
        Command::Windows(args) => wait(windows::run(&args, json)),
        Command::Campaigns(args) => wait(campaigns::run(&args, json)),
        Command::Enqueue(args) => wait(enqueue::run(&args, config, json)),
        Command::Consents(args) => wait(consents::run(&args, json)),
        Command::Person(args) => wait(person::run(&args)),
        Command::Billing(args) => billing::run(args, config, json),
        Command::Rates(args) => rates::run(args, config, json),
        Command::Explain(args) => wait(explain::run(&args, json)),
        Command::DeadLetters(args) => wait(dead_letters::run(&args, json)),
        Command::Outcomes(args) => wait(outcomes::run(&args, json)),
        Command::Token(args) => token::run(&args, json),
        Command::Topics(args) => topics::run(args, config, json),
        Command::CheckConfig(args) => check_config::run(args, config, json),
        Command::Config(args) => config::run(&args),
    }
}

/// Runs the asynchronous part of a command to its end.
pub(crate) fn wait<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.context("the threads of the program cannot be started")?;
    let done = runtime.block_on(work);
    // What still blocks (a broker that does not answer during a start) must not keep the process: whatever counts is
    // durable, as it would be after a kill.
    runtime.shutdown_background();
    done
}

/// A number of the command line that counts.
pub(crate) fn whole<N: FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| "write a whole number, such as 1200".to_owned())
}

/// One that has bounds.
pub(crate) fn between<N>(
    bounds: RangeInclusive<N>,
) -> impl Fn(&str) -> Result<N, String> + Clone + Send + Sync + 'static
where
    N: FromStr + PartialOrd + Display + Clone + Send + Sync + 'static,
{
    move |text| {
        let number = text.parse().ok().filter(|number| bounds.contains(number));
        number.ok_or_else(|| format!("write a whole number from {} to {}", bounds.start(), bounds.end()))
    }
}
