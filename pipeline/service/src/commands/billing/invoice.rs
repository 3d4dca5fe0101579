//! `tollgate billing invoice`: by which invoice a closed month was billed.

use std::path::PathBuf;
use std::process::ExitCode;

use bytes::Bytes;
use clap::{Args, Subcommand};
use serde_json::json;
use tollgate_rate_card::YearMonth;
use tollgate_runtime::ledger::Invoice;

use super::super::wait;
use super::scope;
use crate::client::{Api, ClientArgs, JSON, encode, path};
use crate::config::ConfigArgs;
use crate::output::{self, Table};

/// By which invoice a closed month was billed to the account's client.
#[derive(Debug, Subcommand)]
pub(super) enum InvoiceCommand {
    Attach(AttachArgs),
    List(ListArgs),
}

/// Attach an invoice to a closed month of an account.
///
/// Exports name it with --with-invoices, in the columns invoice_id and tax_code (FOCUS: InvoiceId of the customer's view).
/// What was closed keeps its bytes: without the option nothing changes. The same again changes nothing; another invoice
/// is refused without --replace.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    tollgate billing invoice attach --month 2026-10 --account acme --invoice R-2026-117\n  \
    tollgate billing invoice attach --month 2026-10 --account acme --invoice R-2026-117 --tax-code \"VAT 19 %\"\n  \
    tollgate billing invoice attach --month 2026-10 --account acme --invoice R-2026-118 --replace")]
pub(super) struct AttachArgs {
    /// Closed month, YYYY-MM
    #[arg(long, value_name = "MONTH")]
    month: YearMonth,
    /// Account
    #[arg(long)]
    account: String,
    /// Number of the invoice, up to 64 bytes
    #[arg(long, value_name = "ID")]
    invoice: String,
    /// What it is taxed by, up to 64 bytes; nothing is computed by it
    #[arg(long, value_name = "CODE")]
    tax_code: Option<String>,
    /// Put it in the place of another one
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    client: ClientArgs,
}

/// List the invoices of a month.
///
/// Reads the ledger in data_dir, while the service runs or not.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    tollgate billing invoice list --month 2026-10\n  \
    tollgate billing invoice list --month 2026-10 --account acme --json")]
pub(super) struct ListArgs {
    /// Billing month, YYYY-MM
    #[arg(long, value_name = "MONTH")]
    month: YearMonth,
    /// One account [default: all]
    #[arg(long)]
    account: Option<String>,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs it.
///
/// # Errors
/// The service, the ledger, or stdout.
pub(super) fn run(command: InvoiceCommand, config: Option<PathBuf>, json: bool) -> anyhow::Result<ExitCode> {
    match command {
        InvoiceCommand::Attach(args) => wait(attach(&args, json))?,
        InvoiceCommand::List(mut args) => {
            args.config = args.config.or(config);
            list(&args, json)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn attach(args: &AttachArgs, json: bool) -> anyhow::Result<()> {
    let api = Api::new(&args.client)?;
    let tax_code = args.tax_code.as_deref().map(|code| format!("&tax_code={}", encode(code)));
    let address = format!(
        "{}:invoice?account={}&invoice={}{}{}",
        path(&["billing", &args.month.to_string()]),
        encode(&args.account),
        encode(&args.invoice),
        tax_code.unwrap_or_default(),
        if args.replace { "&replace=true" } else { "" }
    );
    let answer = api.post(&address, JSON, Bytes::new()).await?.ok()?;
    if json {
        output::json(&answer.body)?;
    } else {
        output::line(format!("{} {}: invoice {}", args.account, args.month, args.invoice))?;
    }
    Ok(())
}

fn list(args: &ListArgs, json: bool) -> anyhow::Result<()> {
    let reader = super::reader(&args.config)?;
    if let Some(account) = &args.account {
        scope::check_account(&reader, account, args.month)?;
    }
    let mut table = Table::new(&["account", "invoice", "tax code", "attached at"]);
    for (account, Invoice { id, tax_code, attached_at }) in reader.invoices(args.month, args.account.as_deref())? {
        if json {
            output::line(json!({ "account": account, "month": args.month.to_string(), "invoice": id,
                "tax_code": tax_code, "attached_at": attached_at }))?;
        }
        table.row([account, id, tax_code.unwrap_or_else(|| "-".to_owned()), attached_at.to_string()]);
    }
    if !json {
        table.print()?;
    }
    Ok(())
}
