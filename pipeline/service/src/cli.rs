//! The arguments of the program.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use tollgate_sandbox::SandboxArgs;

use crate::commands::{
    accounts, billing, campaigns, check_config, config, consents, dead_letters, enqueue, explain, lots, outcomes,
    rates, senders, serve, token,
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
        Exit codes: 0 done, 1 failed, 2 wrong use, 3 differences found (checks)"
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

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the service: API, webhooks, sending, billing
    Serve(serve::ServeArgs),
    /// Send a generated campaign set through the whole service, against a sandbox, in under a minute
    Demo(DemoArgs),
    /// Play the WhatsApp Cloud API on this machine
    Sandbox(SandboxArgs),
    /// Create, change and show accounts
    Accounts(accounts::AccountsArgs),
    /// Show business phone numbers: quality, throughput, what is in flight
    Senders(senders::SendersArgs),
    /// Show what waits, for what, and until when
    Lots(lots::LotsArgs),
    /// Show and control campaigns
    Campaigns(campaigns::CampaignsArgs),
    /// Send the rows of a CSV or JSON Lines file
    Enqueue(Box<enqueue::EnqueueArgs>),
    /// Record opt-ins and opt-outs
    Consents(consents::ConsentsArgs),
    /// Export what a month cost
    Billing(billing::BillingArgs),
    /// Show and check rate cards
    Rates(rates::RatesArgs),
    /// Tell why a message is where it is, and why it cost what it did
    Explain(explain::ExplainArgs),
    /// Show records that were set aside because they could not be read
    DeadLetters(dead_letters::DeadLettersArgs),
    /// Follow what became of an account's messages
    Outcomes(outcomes::OutcomesArgs),
    /// Make API tokens
    Token(token::TokenArgs),
    /// Check the configuration and the rate cards without starting anything
    CheckConfig(check_config::CheckConfigArgs),
    /// Print the configuration's manual
    Config(config::ConfigCommandArgs),
}
