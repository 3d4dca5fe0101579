//! `tollgate demo`: a campaign set through the whole service in one process, in under a minute.
//!
//! The service is the real one over the embedded log, or over Kafka when asked for (`kafka`), the platform is the sandbox, and everything between them is
//! HTTP: accounts, consents, requests, sends, signed webhooks. What is shown comes from the run.
//!
//! `cast` the accounts · `parts` what the set is made of · `countries`, `population`, `requests` the recipients ·
//! `stage` service and sandbox · `load` what comes in · `watch` what the views say · `audit` the sandbox's record ·
//! `report`, `exports` the result · `words`, `table`, `progress` for people · `place` the data directory.

mod args;
mod audit;
mod cast;
mod countries;
mod dice;
mod exports;
mod further;
mod http;
mod kafka;
mod load;
mod parts;
mod place;
mod population;
mod progress;
mod report;
mod requests;
mod stage;
mod table;
#[cfg(test)]
mod tests;
mod watch;
mod words;

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::task::{JoinHandle, block_in_place};
use tokio::time::{Instant, sleep, sleep_until};
use tollgate_runtime::clock;
use tollgate_sandbox::SandboxStats;

pub use args::DemoArgs;

use load::Sent;
use population::Population;
use progress::Progress;
use report::{Checks, Report, Seconds};
use stage::Stage;
use table::count;
use watch::{Seen, Watch};

/// How often the views are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(400);
/// Looks in a row that must find nothing under way: snapshots follow within a second.
const QUIET_LOOKS: u32 = 4;
/// Waves in which one-time codes come, over the first half of the sending time.
const WAVES: usize = 20;
/// So many requests come one by one: more than the smallest limit.
const STREAMED: usize = 1_100;
/// So many of them at a time …
const STREAM_CHUNK: usize = 12;
/// … and so often: 60 a second, below what a number of 80 a second takes.
const STREAM_EVERY: Duration = Duration::from_millis(200);

/// Runs the demo and prints its report.
///
/// # Errors
/// The data directory is in use or not a demo's, a part cannot start, or one ends early.
pub fn run(args: DemoArgs, json: bool) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async move {
        let (stage, report) = tokio::select! {
            done = perform(&args, json) => done?,
            // A broker of its own does not end by itself.
            _ = tokio::signal::ctrl_c(), if args.kafka.is_some() => bail!("interrupted"),
        };
        let text = if json { serde_json::to_string(&report)? + "\n" } else { words::text(&report) };
        std::io::stdout().write_all(text.as_bytes())?;
        if let Some(mut stage) = stage {
            eprintln!("serving at http://{}; Ctrl-C ends it", stage.address);
            tokio::select! {
                why = stage.node.failed() => bail!("the service ended: {why}"),
                interrupted = tokio::signal::ctrl_c() => interrupted.context("cannot wait for Ctrl-C")?,
            }
            stage.stop(false).await?;
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// Everything but the printing; the stage is still up when it is to keep running.
async fn perform(args: &DemoArgs, json: bool) -> anyhow::Result<(Option<Stage>, Report)> {
    let mut progress = Progress::new(json);
    let began = clock::now();
    place::prepare(&args.data_dir, args.force)?;
    progress.phase("starting the service and the sandbox", 1);
    let mut stage = Stage::start(args).await?;
    let (seed, recipients) = (args.seed, args.recipients);
    let population = tokio::task::spawn_blocking(move || population::generate(seed, recipients)).await?;
    let population = Arc::new(population);
    prepare(&stage, &population, recipients, &mut progress).await?;
    let watch = Watch::open(&stage.ledger)?;
    let mut seconds = Seconds { prepare: progress.seconds(), ..Seconds::default() };

    let sending = Instant::now();
    let (sent, quiet) = send(&mut stage, &watch, &population, args, &mut progress).await?;
    seconds.send = sending.elapsed().as_secs_f64();

    progress.phase("ending what runs", 1);
    let address = stage.address;
    let journal = stage.journal.clone();
    let (stage, platform) = match args.keep_running {
        true => {
            let platform = stage.sandbox.stats();
            (Some(stage), platform)
        }
        false => (None, stage.stop(quiet).await?),
    };
    progress.phase("writing the bill", 1);
    let mut report = block_in_place(|| -> anyhow::Result<Report> {
        let months = exports::months(began, clock::now())?;
        let (accounts, parked) = report::accounts(&watch, &platform)?;
        let (outcomes, duplicates) = report::outcomes(&watch, &parked)?;
        let (bill, totals) = report::bill_of(&watch, &months)?;
        let exports = exports::write(&watch, &months, &args.data_dir.join("exports"))?;
        let decided: u64 = outcomes.iter().map(|line| line.messages).sum();
        Ok(Report {
            as_of: clock::now(),
            seed: args.seed,
            recipients: u64::from(args.recipients),
            countries: population.countries,
            repeated: population.repeated.len() as u64,
            refused_by_api: sent.refused,
            seconds,
            settled: quiet,
            outcomes,
            duplicates,
            accounted_for: decided + sent.refused,
            accounts,
            parked,
            bill,
            totals,
            checks: checks(&watch, &months, &platform, &journal)?,
            exports,
            next: further::commands(args, address, &population, &watch, &months),
        })
    })?;
    progress.end();
    report.seconds.total = progress.seconds();
    Ok((stage, report))
}

/// Accounts, consents, and people who write.
async fn prepare(
    stage: &Stage,
    population: &Population,
    recipients: u32,
    progress: &mut Progress,
) -> anyhow::Result<()> {
    let now = clock::now();
    load::accounts(&stage.api, recipients, now).await?;
    progress.phase("importing consents, opening windows", u64::from(recipients));
    let (consents, wrote) = tokio::join!(
        load::consents(&stage.api, population, now, |done| progress.at(done, &format!("{} consents", count(done)))),
        load::inbound(&stage.platform, population),
    );
    let (_, wrote) = (consents?, wrote?);
    // Their messages are durable when the sandbox has its answers, and decided before the first request is read.
    while stage.sandbox.stats().updates_delivered < wrote {
        sleep(Duration::from_millis(20)).await;
    }
    sleep(Duration::from_millis(300)).await;
    Ok(())
}

/// Sends everything in and looks on until nothing more happens soon (`true`) or the time is over.
async fn send(
    stage: &mut Stage,
    watch: &Watch,
    population: &Arc<Population>,
    args: &DemoArgs,
    progress: &mut Progress,
) -> anyhow::Result<(Sent, bool)> {
    progress.phase("sending", u64::from(args.recipients));
    let time = args.time();
    let until = Instant::now() + time;
    let (mut bulk, mut stream) = (Some(send_bulk(stage, population)), Some(send_stream(stage, population)));
    let mut codes = Some(send_codes(stage, population, time / 2 / WAVES as u32));
    let mut sent = Sent::default();
    let (mut quiet, mut before) = (0, Seen::default());
    while Instant::now() < until && quiet < QUIET_LOOKS {
        tokio::select! {
            why = stage.node.failed() => bail!("the service ended: {why}"),
            () = sleep(LOOK_EVERY) => {}
        }
        for task in [&mut bulk, &mut stream, &mut codes] {
            if let Some(done) = task.take_if(|task| task.is_finished()) {
                sent = sent + done.await??;
            }
        }
        let platform = stage.sandbox.stats();
        let all_in = bulk.is_none() && stream.is_none() && codes.is_none();
        let (seen, is_quiet) = block_in_place(|| -> anyhow::Result<_> {
            let seen = watch.seen()?;
            let is_quiet = all_in && watch.quiet(&seen, sent.accepted, &platform)?;
            Ok((seen, is_quiet))
        })?;
        quiet = if is_quiet && seen == before { quiet + 1 } else { 0 };
        let words = format!(
            "{} decided · {} ordered · {} taken · {} delivered · {} wait",
            count(seen.decided),
            count(seen.ordered),
            count(platform.accepted),
            count(seen.delivered),
            count(seen.parked)
        );
        progress.at(seen.decided, &words);
        before = seen;
    }
    for task in [bulk, stream, codes].into_iter().flatten() {
        sent = sent + task.await??;
    }
    Ok((sent, quiet == QUIET_LOOKS))
}

/// The bulk, then what is sent in twice, then the end of a campaign.
fn send_bulk(stage: &Stage, population: &Arc<Population>) -> JoinHandle<anyhow::Result<Sent>> {
    let (api, population) = (stage.api.clone(), Arc::clone(population));
    tokio::spawn(async move {
        let now = clock::now();
        let first = load::requests(&api, &population.bulk, now).await?;
        let again = load::requests(&api, &population.repeated, now).await?;
        load::cancel(&api).await?;
        let last = load::requests(&api, &population.late, now).await?;
        Ok(first + again + last)
    })
}

/// What comes one by one, somewhat slower than its number takes; when the smallest limit must be used up, the rest.
fn send_stream(stage: &Stage, population: &Arc<Population>) -> JoinHandle<anyhow::Result<Sent>> {
    let (api, population) = (stage.api.clone(), Arc::clone(population));
    tokio::spawn(async move {
        let (slow, rest) = population.stream.split_at(population.stream.len().min(STREAMED));
        let mut sent = Sent::default();
        let mut next = Instant::now();
        for few in slow.chunks(STREAM_CHUNK) {
            sleep_until(next).await;
            next += STREAM_EVERY;
            sent = sent + load::requests(&api, few, clock::now()).await?;
        }
        Ok(sent + load::requests(&api, rest, clock::now()).await?)
    })
}

/// One-time codes in waves, while the bulk is under way.
fn send_codes(stage: &Stage, population: &Arc<Population>, every: Duration) -> JoinHandle<anyhow::Result<Sent>> {
    let (api, population) = (stage.api.clone(), Arc::clone(population));
    tokio::spawn(async move {
        let mut sent = Sent::default();
        let mut next = Instant::now();
        for wave in population.codes.chunks(population.codes.len().div_ceil(WAVES).max(1)) {
            sleep_until(next).await;
            next += every;
            sent = sent + load::requests(&api, wave, clock::now()).await?;
        }
        Ok(sent)
    })
}

fn checks(
    watch: &Watch,
    months: &[tollgate_rate_card::YearMonth],
    platform: &SandboxStats,
    journal: &std::path::Path,
) -> anyhow::Result<Checks> {
    let (ledger_charged, ledger_free, ledger_unpriced) = report::booked(watch, months)?;
    Ok(Checks {
        violations: platform.violations_total.clone(),
        platform_accepted: platform.accepted,
        platform_refused: platform.refused.clone(),
        platform_delivered: audit::delivered(journal)?,
        ledger_charged,
        ledger_free,
        ledger_unpriced,
    })
}
