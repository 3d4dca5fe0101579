//! `tollgate billing credit`: what finance takes off a bill by hand.

use std::process::ExitCode;

use clap::{ArgGroup, Args};
use rust_decimal::Decimal;
use serde::Deserialize;
use tollgate_rate_card::YearMonth;

use crate::client::{Api, ClientArgs, encode, path};
use crate::output;

/// Credit something by hand: one entry of kind `credit`, for good.
///
/// It is about a month, and billed there; where that is closed, in the first open month. --price is taken off what the
/// account's client is asked, in the currency of the WABA's mark-up, --cost off what the platform asks, in the WABA's
/// currency; --amount off both, which have to be one currency. A negative amount is put on the bill instead, which is also how a
/// credit is taken back. The same id again, with the same content, changes nothing. Summary, detail, FOCUS and the manifest
/// of a close have it; a minimum does not ask it back.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("credited").args(["amount", "cost", "price"]).required(true).multiple(true))]
#[command(after_help = "Examples:\n  \
    tollgate billing credit --month 2026-10 --account acme --waba 102290129340398 --id CR-7 --price 25 --reason \"outage of 12 October\"\n  \
    tollgate billing credit --month 2026-10 --account acme --waba 102290129340398 --id CR-8 --cost 3.20 --reason \"platform's credit note\" --reference CN-2026-118")]
pub(super) struct CreditArgs {
    /// Month that it is about, YYYY-MM
    #[arg(long, value_name = "MONTH")]
    month: YearMonth,
    /// Account
    #[arg(long)]
    account: String,
    /// WABA whose bill it is
    #[arg(long, value_name = "ID")]
    waba: String,
    /// Id of your own, up to 64 bytes; once for each credit of a WABA and month
    #[arg(long, value_name = "ID")]
    id: String,
    /// Taken off cost and price
    #[arg(long, value_name = "AMOUNT", allow_hyphen_values = true, value_parser = amount, conflicts_with_all = ["cost", "price"])]
    amount: Option<Decimal>,
    /// Taken off what the platform asks
    #[arg(long, value_name = "AMOUNT", allow_hyphen_values = true, value_parser = amount)]
    cost: Option<Decimal>,
    /// Taken off what the client is asked
    #[arg(long, value_name = "AMOUNT", allow_hyphen_values = true, value_parser = amount)]
    price: Option<Decimal>,
    /// Why, up to 256 bytes
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// A document that it refers to, up to 64 bytes
    #[arg(long, value_name = "TEXT")]
    reference: Option<String>,
    #[command(flatten)]
    client: ClientArgs,
}

fn amount(text: &str) -> Result<Decimal, String> {
    Decimal::from_str_exact(text)
        .map_err(|_| "write an amount with a point before the decimals, such as 12.50".to_owned())
}

/// What the service answers.
#[derive(Deserialize)]
struct Booked {
    entry: String,
    cost: Decimal,
    cost_currency: String,
    price_ex_tax: Decimal,
    price_currency: String,
    billed_in: String,
}

/// Runs it.
///
/// # Errors
/// The service, or stdout.
pub(super) async fn run(args: CreditArgs, json: bool) -> anyhow::Result<ExitCode> {
    let api = Api::new(&args.client)?;
    let mut address = format!(
        "{}:credit?account={}&waba={}&id={}&reason={}",
        path(&["billing", &args.month.to_string()]),
        encode(&args.account),
        encode(&args.waba),
        encode(&args.id),
        encode(&args.reason)
    );
    let maybe = [
        ("amount", args.amount.map(|amount| amount.to_string())),
        ("cost", args.cost.map(|amount| amount.to_string())),
        ("price", args.price.map(|amount| amount.to_string())),
        ("reference", args.reference.clone()),
    ];
    for (name, value) in maybe {
        if let Some(value) = value {
            address.push_str(&format!("&{name}={}", encode(&value)));
        }
    }
    let answer = super::close::until_done(&api, &address).await?.ok()?.body;
    if json {
        output::json(&answer)?;
    } else {
        let booked: Booked = serde_json::from_slice(&answer)?;
        let of = |amount: Decimal, currency: &str| format!("{} {currency}", amount.normalize());
        output::line(format_args!(
            "{} {}: cost {}, price {}, billed in {}, entry {}",
            args.account,
            args.id,
            of(booked.cost, &booked.cost_currency),
            of(booked.price_ex_tax, &booked.price_currency),
            booked.billed_in,
            booked.entry
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
