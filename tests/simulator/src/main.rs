//! Runs seeds and prints what was checked.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use tollgate_simulator::{Options, Report, run};

const USAGE: &str = "usage: tollgate-simulator [--seeds N] [--from S] [--steps K] [--verbose]
  --seeds N   how many seeds (default 100)
  --from S    the first seed (default 0)
  --steps K   heal the world after K batches (default: when its days are over)
  --verbose   one line a seed";

struct Args {
    seeds: u64,
    from: u64,
    steps: u64,
    verbose: bool,
}

fn args() -> Result<Args, String> {
    let mut args = Args { seeds: 100, from: 0, steps: 0, verbose: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let slot = match word.as_str() {
            "--seeds" => &mut args.seeds,
            "--from" => &mut args.from,
            "--steps" => &mut args.steps,
            "--verbose" => {
                args.verbose = true;
                continue;
            }
            "--help" | "-h" => return Err(USAGE.to_owned()),
            other => return Err(format!("{other} is not known\n{USAGE}")),
        };
        *slot = words.next().and_then(|v| v.parse().ok()).ok_or_else(|| format!("{word} needs a number\n{USAGE}"))?;
    }
    Ok(args)
}

fn main() -> ExitCode {
    let args = match args() {
        Ok(args) => args,
        Err(usage) => {
            eprintln!("{usage}");
            return ExitCode::from(2);
        }
    };
    let options = Options { steps: args.steps, mutation: None };
    let mut total = Report::default();
    let mut bad = Vec::new();
    for (n, seed) in (args.from..args.from + args.seeds).enumerate() {
        let Ok(report) = catch_unwind(AssertUnwindSafe(|| run(seed, &options))) else {
            println!("seed {seed}: panic");
            bad.push(seed);
            continue;
        };
        total.add(&report);
        if args.verbose {
            println!("seed {seed}: {} batches, {} orders, {} entries", report.batches, report.orders, report.charges);
        } else if (n + 1) % 50 == 0 {
            println!("{} seeds, {} orders", n + 1, total.orders);
        }
        if let Some(v) = report.violation {
            println!("{v}");
            bad.push(seed);
        }
    }
    println!(
        "schedules {} · batches {} · decisions {} · aborts {} · restarts {} · orders {} · ledger entries {}",
        args.seeds, total.batches, total.decisions, total.aborts, total.restarts, total.orders, total.charges
    );
    println!("outcomes:");
    for (name, n) in &total.outcomes {
        println!("  {n:>10}  {name}");
    }
    println!("checks:");
    for (name, n) in &total.checks {
        println!("  {n:>10}  {name}");
    }
    if bad.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("violated by {} of {} seeds: {bad:?}", bad.len(), args.seeds);
    ExitCode::FAILURE
}
