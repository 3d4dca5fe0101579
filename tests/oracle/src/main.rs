//! Plays random months through the real engine and ledger, and leaves what went in beside the exports, for
//! `oracle.py` to compute them again.

mod data;
mod extras;
mod options;
mod platform;
mod play;
mod product;
mod shapes;
mod world;

use options::Options;
use std::process::ExitCode;
use tollgate_rate_card::{RateCards, Zone, ZoneCache};
use tollgate_tests::Dice;

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("oracle_month: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    std::fs::create_dir_all(&options.out).map_err(|e| format!("{}: {e}", options.out.display()))?;
    let mut dice = Dice::new(options.seed, 0);
    let span = options.span(&mut dice);
    let sources = data::sources(options.small, &options.out.join("data"))?;
    let rates = RateCards::from_sources(&sources).map_err(|e| e.to_string())?;
    let zone = Zone::new("UTC").map_err(|e| e.to_string())?;
    let day = |at_s: i64| zone.local_date(at_s, &mut ZoneCache::default()).to_string();
    let world = world::World::new(options, &day(span.0 - 86_400 * 2), &day(span.1 - 86_400), &mut dice)?;
    let product = product::Product::new(rates, span.0 as u64 * 1000, &options.out)?;
    play::Play::new(options, dice, world, product, span)?.run()
}
