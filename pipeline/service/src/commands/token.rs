//! `tollgate token new`: a token, shown once, and its entry for the configuration.

use std::process::ExitCode;

use anyhow::anyhow;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use tollgate_runtime::gateway::hash_token;

use crate::output;

/// Random bytes of a token: 256 bits, so that a plain hash of it can be stored.
const TOKEN_BYTES: usize = 32;

/// Make API tokens.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  tollgate token new --role enqueue --account acme")]
pub struct TokenArgs {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Make a token: printed once, to be kept safe; the configuration holds only its hash
    #[command(after_help = "Examples:\n  \
        tollgate token new --role enqueue --account acme --name crm\n  \
        tollgate token new --role finance --json")]
    New(NewArgs),
}

#[derive(Args, Debug)]
struct NewArgs {
    /// What it may do
    #[arg(long)]
    role: RoleName,
    /// Account it may touch; repeat for several [default: all]
    #[arg(long = "account", value_name = "ACCOUNT")]
    accounts: Vec<String>,
    /// Name for people and logs [default: the role]
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    name: Option<String>,
}

/// The roles of API tokens.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum RoleName {
    /// Campaign systems: enqueue, consents, outcomes.
    Enqueue,
    /// Finance: billing exports, state.
    Finance,
    /// Operations: campaigns, consents, everything but money.
    Operate,
    /// Everything.
    Admin,
}

impl RoleName {
    fn as_str(self) -> &'static str {
        match self {
            Self::Enqueue => "enqueue",
            Self::Finance => "finance",
            Self::Operate => "operate",
            Self::Admin => "admin",
        }
    }
}

/// Runs it.
///
/// # Errors
/// The system has no random numbers, or stdout cannot be written.
pub fn run(args: &TokenArgs, json: bool) -> anyhow::Result<ExitCode> {
    let TokenCommand::New(args) = &args.command;
    let mut random = [0; TOKEN_BYTES];
    getrandom::fill(&mut random).map_err(|error| anyhow!("the system gives no random numbers: {error}"))?;
    let token = format!("tg_{}", hex::encode(random));
    let (sha256, role) = (hash_token(&token), args.role.as_str());
    let name = args.name.as_deref().unwrap_or(role);
    if json {
        output::line(
            json!({ "token": token, "name": name, "sha256": sha256, "role": role, "accounts": args.accounts }),
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    output::line(&token)?;
    output::line("\n# The token above is not shown again. Its entry for the configuration:")?;
    output::line("[[gateway.tokens]]")?;
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    output::line(format_args!("name = {}", quoted(name)))?;
    output::line(format_args!("sha256 = {}", quoted(&sha256)))?;
    output::line(format_args!("role = {}", quoted(role)))?;
    if !args.accounts.is_empty() {
        let accounts: Vec<String> = args.accounts.iter().map(|account| quoted(account)).collect();
        output::line(format_args!("accounts = [{}]", accounts.join(", ")))?;
    }
    Ok(ExitCode::SUCCESS)
}
