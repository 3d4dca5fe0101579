//! The arguments of the program.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use tollgate_sandbox::SandboxArgs;

use crate::commands::{
    accounts, billing, campaigns, check_config, config, consents, dead_letters, enqueue, explain, lots, outcomes,
    person, rates, ready, senders, serve, templates, token, topics, windows,
};
use crate::demo::DemoArgs;

/// Sends approved WhatsApp templates at the pace the platform allows, and bills every message to the cent.
#[derive(Debug, Parser)]
#[command(
    name = "tollgate",
    version,
    disable_help_subcommand = true,
    after_help = "Examples:\n  \
        tollgate serve --config tollgate.toml\n  \
        tollgate accounts apply accounts.toml\n  \
        tollgate enqueue people.csv --account acme --template order_shipped --language pt_BR --map name=1\n  \
        tollgate billing export --month 2026-10\n\n\
        Exit codes: 0 done, 1 failed, 2 wrong use, 3 differences found (checks, configuration)"
)]
pub struct Cli {
    /// Print data as JSON, for machines
    #[arg(long, global = true)]
    pub json: bool,
    /// Configuration file, for the commands that read one [default: tollgate.toml if it exists]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do. The words about each are those of its arguments: a line here would hide their further paragraphs.
#[derive(Debug, Subcommand)]
pub enum Command {
    Serve(serve::ServeArgs),
    Ready(ready::ReadyArgs),
    Demo(DemoArgs),
    Sandbox(SandboxArgs),
    Accounts(accounts::AccountsArgs),
    Senders(senders::SendersArgs),
    Templates(templates::TemplatesArgs),
    Lots(lots::LotsArgs),
    Windows(windows::WindowsArgs),
    Campaigns(campaigns::CampaignsArgs),
    Enqueue(Box<enqueue::EnqueueArgs>),
    Consents(consents::ConsentsArgs),
    Person(person::PersonArgs),
    Billing(billing::BillingArgs),
    Rates(rates::RatesArgs),
    Explain(explain::ExplainArgs),
    DeadLetters(dead_letters::DeadLettersArgs),
    Outcomes(outcomes::OutcomesArgs),
    Topics(topics::TopicsArgs),
    Token(token::TokenArgs),
    CheckConfig(check_config::CheckConfigArgs),
    Config(config::ConfigCommandArgs),
}
