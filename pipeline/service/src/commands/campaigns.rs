//! `tollgate campaigns`: progress, control, and `report`: what came of one.

mod report;

use std::num::NonZeroU32;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use rust_decimal::Decimal;
use serde::Deserialize;
use tollgate_runtime::views::CampaignView;
use tollgate_wire::command::{CampaignSpec, MAX_PER_MINUTE, SendingHours};

use super::{between, whole};
use crate::client::{Api, ClientArgs, JSON, Listing, path};
use crate::exit::WrongUse;
use crate::output::{self, Table};

/// Fastest rate that a campaign may be given.
const PER_MINUTE_MAX: NonZeroU32 = NonZeroU32::new(MAX_PER_MINUTE).expect("more than 0");

/// Show and control campaigns.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  tollgate campaigns list acme\n  tollgate campaigns pause acme black-friday-2026")]
pub struct CampaignsArgs {
    #[command(subcommand)]
    command: CampaignsCommand,
}

#[derive(Debug, Subcommand)]
enum CampaignsCommand {
    /// List an account's campaigns
    #[command(after_help = "Examples:\n  tollgate campaigns list acme\n  tollgate campaigns list acme --json")]
    List {
        /// Account id
        account: String,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Show a campaign's settings and where its messages are
    #[command(after_help = "Examples:\n  \
        tollgate campaigns show acme black-friday-2026\n  \
        tollgate campaigns show acme black-friday-2026 --with-recipients")]
    Show(ShowArgs),
    /// Start a campaign for everybody; settings that are given replace all that it had
    #[command(after_help = "Examples:\n  \
        tollgate campaigns start acme black-friday-2026\n  \
        tollgate campaigns start acme black-friday-2026 --budget 2500.00 --hours 9-21 --time-zone America/Sao_Paulo\n  \
        tollgate campaigns start acme black-friday-2026 --per-minute 600")]
    Start(StartArgs),
    /// Let it run for its test recipients alone; the others' messages wait until it is started
    ///
    /// With --recipient the list is replaced first, of a campaign that does not exist yet it is the only setting. Test
    /// messages are sent, limited and billed like all others; the report keeps them apart.
    #[command(after_help = "Examples:\n  \
        tollgate campaigns test acme black-friday-2026 --recipient +5511987654321 --recipient +5511987654322\n  \
        tollgate campaigns test acme black-friday-2026")]
    Test(TestArgs),
    /// Park what would leave
    #[command(after_help = "Examples:\n  tollgate campaigns pause acme black-friday-2026")]
    Pause(Named),
    /// Let it run again
    #[command(after_help = "Examples:\n  tollgate campaigns resume acme black-friday-2026")]
    Resume(Named),
    /// End it for good; what waits ends as cancelled
    #[command(after_help = "Examples:\n  tollgate campaigns cancel acme black-friday-2026")]
    Cancel(Named),
    /// Show what came of it: shares, cost against budget, answers within seven days, errors, and when it will be done
    ///
    /// Replies are people who wrote or called, opt-outs people who ended a consent, within seven days after a delivery of the
    /// campaign that the ledger has booked. Costs are what the ledger has booked, corrections included.
    #[command(after_help = "Examples:\n  tollgate campaigns report acme black-friday-2026 --json\n  \
        tollgate campaigns report acme black-friday-2026 --format csv > report.csv")]
    Report(report::ReportArgs),
}

#[derive(Args, Debug)]
struct Named {
    /// Account id
    account: String,
    /// Campaign name
    campaign: String,
    #[command(flatten)]
    client: ClientArgs,
}

#[derive(Args, Debug)]
struct ShowArgs {
    #[command(flatten)]
    named: Named,
    /// Show its test recipients in full
    #[arg(long)]
    with_recipients: bool,
}

#[derive(Args, Debug)]
struct TestArgs {
    #[command(flatten)]
    named: Named,
    /// Test recipient, E.164 number or business-scoped id; at most 50 times
    #[arg(long = "recipient", value_name = "TO")]
    recipients: Vec<String>,
}

#[derive(Args, Debug)]
struct StartArgs {
    #[command(flatten)]
    named: Named,
    /// Budget in the currency of the account's WABAs
    #[arg(long, value_name = "AMOUNT", value_parser = amount, allow_negative_numbers = true)]
    budget: Option<Decimal>,
    /// Weight among the account's campaigns that wait for the same thing
    #[arg(long, value_name = "NUMBER", value_parser = whole::<u32>)]
    weight: Option<u32>,
    /// Daily sending hours, such as 9-21
    #[arg(long, value_name = "FROM-TO", requires = "time_zone")]
    hours: Option<String>,
    /// IANA time zone of the sending hours
    #[arg(long, value_name = "ZONE", requires = "hours")]
    time_zone: Option<String>,
    /// Cost centre for exports
    #[arg(long, value_name = "TEXT")]
    cost_center: Option<String>,
    /// Most messages in any minute
    #[arg(long, value_name = "NUMBER", value_parser = between(NonZeroU32::MIN..=PER_MINUTE_MAX))]
    per_minute: Option<NonZeroU32>,
    /// Shares of the alternatives of requests that choose `split`, such as 50,50
    #[arg(long, value_name = "SHARES", value_delimiter = ',')]
    split: Vec<u32>,
}

/// What the service says of a control that it took.
#[derive(Deserialize)]
struct Accepted {
    /// It cannot say that there is such a campaign.
    #[serde(default)]
    warning: Option<String>,
}

/// Runs it.
///
/// # Errors
/// The service or stdout.
pub async fn run(args: &CampaignsArgs, json: bool) -> anyhow::Result<ExitCode> {
    match &args.command {
        CampaignsCommand::List { account, client } => list(account, client, json).await?,
        CampaignsCommand::Show(args) => show(args, json).await?,
        CampaignsCommand::Start(args) => start(args, json).await?,
        CampaignsCommand::Test(args) => test(args, json).await?,
        CampaignsCommand::Pause(named) => control(named, "pause", json).await?,
        CampaignsCommand::Resume(named) => control(named, "resume", json).await?,
        CampaignsCommand::Cancel(named) => control(named, "cancel", json).await?,
        CampaignsCommand::Report(args) => report::run(args, json).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(account: &str, client: &ClientArgs, json: bool) -> anyhow::Result<()> {
    let answer = Api::new(client)?.get(&path(&["campaigns", account])).await?.ok()?;
    if json {
        return Ok(output::json(&answer.body)?);
    }
    let mut table = Table::new(&[
        "campaign",
        "state",
        "requested",
        "waiting",
        "on the way",
        NOT_READ,
        "read",
        "failed",
        "refused",
        "spent",
        "budget",
    ]);
    let list: Listing<CampaignView> = answer.json()?;
    for c in list.items {
        let n = &c.counts;
        let counts = [n.requested, n.parked, n.on_the_way, n.delivered, n.read, n.failed, n.refused];
        let mut row = vec![c.spec.name.clone(), c.state.clone()];
        row.extend(counts.map(|count| count.to_string()));
        row.extend([money(&c, c.spent), c.spec.budget.map_or_else(|| "-".to_owned(), |budget| money(&c, budget))]);
        table.row(row);
    }
    table.print_as_of(Some(list.as_of))?;
    if list.left_out != 0 {
        let n = list.left_out;
        output::line(format_args!(
            "{n} more that are over are not listed: `tollgate campaigns show` has each by its name"
        ))?;
    }
    Ok(())
}

async fn show(args: &ShowArgs, json: bool) -> anyhow::Result<()> {
    let named = &args.named;
    let api = Api::new(&named.client)?;
    let answer = api.get(&path(&["campaigns", &named.account, &named.campaign])).await?.ok()?;
    if json && !args.with_recipients {
        return Ok(output::json(&answer.body)?);
    }
    let mut c: CampaignView = answer.json()?;
    if args.with_recipients {
        let answer = api.get(&path(&["campaigns", &named.account, &named.campaign, "test-recipients"])).await?.ok()?;
        c.spec.test_recipients = answer.json::<Listing<String>>()?.items;
    }
    if json {
        return Ok(output::line(serde_json::to_string(&c)?)?);
    }
    output::line(format_args!("Campaign {} of account {}, as of {}", c.spec.name, named.account, c.as_of))?;
    output::line(format_args!("  state             {}", c.state))?;
    output::line(format_args!(
        "  budget            {}",
        c.spec.budget.map_or_else(|| "none".to_owned(), |b| money(&c, b))
    ))?;
    output::line(format_args!("  reserved          {}", money(&c, c.reserved)))?;
    output::line(format_args!("  spent             {}", money(&c, c.spent)))?;
    output::line(format_args!("  weight            {}", c.spec.weight))?;
    if let Some(rate) = c.spec.per_minute {
        output::line(format_args!("  own rate          {rate} a minute"))?;
    }
    if !c.spec.split.is_empty() {
        let shares: Vec<String> = c.spec.split.iter().map(ToString::to_string).collect();
        output::line(format_args!("  split             {}", shares.join(" : ")))?;
    }
    if !c.spec.test_recipients.is_empty() {
        output::line(format_args!("  test recipients   {}", c.spec.test_recipients.join(", ")))?;
    }
    if let Some(hours) = &c.spec.hours {
        output::line(format_args!("  hours             {} to {} in {}", hours.from, hours.to, hours.time_zone))?;
    }
    for (name, count) in counts(&c) {
        output::line(format_args!("  {name:<17} {count}"))?;
    }
    if !c.counts.test.is_empty() {
        output::line(format_args!("  test messages     {}, beside these", c.counts.test.requested))?;
    }
    Ok(())
}

async fn test(args: &TestArgs, json: bool) -> anyhow::Result<()> {
    // The list goes with the control: settings that were read and written back would undo what changed meanwhile.
    let body = match args.recipients.as_slice() {
        [] => bytes::Bytes::new(),
        people => serde_json::to_vec(&serde_json::json!({ "test_recipients": people }))?.into(),
    };
    control_with(&args.named, "test", body, json).await
}

async fn start(args: &StartArgs, json: bool) -> anyhow::Result<()> {
    let named = &args.named;
    let spec = CampaignSpec {
        budget: args.budget,
        weight: args.weight.unwrap_or(1),
        hours: hours(args.hours.as_deref(), args.time_zone.as_deref())?,
        cost_center: args.cost_center.clone(),
        per_minute: args.per_minute,
        split: args.split.clone(),
        ..CampaignSpec::named(&named.campaign)
    };
    if spec != CampaignSpec::named(&named.campaign) || args.weight.is_some() {
        let body = serde_json::to_vec(&spec)?;
        Api::new(&named.client)?.post(&path(&["campaigns", &named.account]), JSON, body.into()).await?.ok()?;
    }
    control(named, "start", json).await
}

fn amount(text: &str) -> Result<Decimal, String> {
    let amount: Option<Decimal> = text.parse().ok().filter(|amount: &Decimal| !amount.is_sign_negative());
    amount.ok_or_else(|| "write an amount of 0 or more with a point before the decimals, such as 2500.00".to_owned())
}

fn hours(hours: Option<&str>, time_zone: Option<&str>) -> Result<Option<SendingHours>, WrongUse> {
    let (Some(hours), Some(time_zone)) = (hours, time_zone) else { return Ok(None) };
    let parsed =
        hours.split_once('-').and_then(|(from, to)| Some((from.trim().parse().ok()?, to.trim().parse().ok()?)));
    let Some((from, to)) = parsed else {
        return Err(WrongUse(format!("--hours = {hours:?} cannot be read; write it as 9-21")));
    };
    Ok(Some(SendingHours { from, to, time_zone: time_zone.to_owned() }))
}

async fn control(named: &Named, verb: &str, json: bool) -> anyhow::Result<()> {
    control_with(named, verb, bytes::Bytes::new(), json).await
}

async fn control_with(named: &Named, verb: &str, body: bytes::Bytes, json: bool) -> anyhow::Result<()> {
    let address = format!("{}:{verb}", path(&["campaigns", &named.account, &named.campaign]));
    let answer = Api::new(&named.client)?.post(&address, JSON, body).await?.ok()?;
    let accepted: Accepted = answer.json()?;
    if let Some(warning) = accepted.warning {
        eprintln!("tollgate: {}: {warning}", named.campaign);
    }
    if json {
        return Ok(output::json(&answer.body)?);
    }
    Ok(output::line(format_args!("{}: {verb} is accepted", named.campaign))?)
}

fn counts(c: &CampaignView) -> [(&'static str, u64); 10] {
    let n = &c.counts;
    [
        ("requested", n.requested),
        ("waiting", n.parked),
        ("on the way", n.on_the_way),
        (NOT_READ, n.delivered),
        ("read", n.read),
        ("failed", n.failed),
        ("refused", n.refused),
        ("expired", n.expired),
        ("cancelled", n.cancelled),
        ("undelivered", n.undelivered),
    ]
}

/// Delivered and not read: everywhere here, as in the service's answers, a message is counted where it is now, once.
const NOT_READ: &str = "delivered, unread";

/// A share in tenths of a percent, rounded down, without floats.
fn share(part: u64, whole: u64) -> String {
    match u128::from(part) * 1_000 / u128::from(whole.max(1)) {
        0 if part > 0 => "<0.1%".to_owned(),
        tenths => format!("{}.{}%", tenths / 10, tenths % 10),
    }
}

fn money(c: &CampaignView, amount: Decimal) -> String {
    format!("{} {}", amount.normalize(), c.currency).trim_end().to_owned()
}
