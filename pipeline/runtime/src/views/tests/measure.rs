//! How many outcomes a second are projected.

use crate::ledger::fixture::{Database, READ_AT, records};
use crate::views::fixture::life;

/// `cargo test --release -p tollgate-runtime views::tests::measure -- --ignored --nocapture`
#[test]
#[ignore = "a measurement: five million outcomes"]
fn outcomes_a_second_in_sqlite() {
    let dir = &Database::sqlite();
    let (offset, bytes) = outcomes_a_second(dir);
    let file = std::fs::metadata(dir.path().join("ledger.db")).unwrap().len();
    println!("{} bytes an outcome in JSON, {} in the file", bytes as u64 / offset, file / offset);
}

#[test]
#[ignore = "a measurement: five million outcomes"]
fn outcomes_a_second_in_postgres() {
    outcomes_a_second(&Database::postgres());
}

/// Outcomes and their bytes.
fn outcomes_a_second(dir: &Database) -> (u64, usize) {
    let mut writer = dir.writer();
    let (mut spent, mut offset, mut bytes_in) = (std::time::Duration::ZERO, 0u64, 0usize);
    for batch in 0..50u64 {
        let messages = batch * 20_000..(batch + 1) * 20_000;
        // Ids are scattered, as a campaign system's random ones are; moves come interleaved.
        let lives: Vec<_> = messages
            .map(|n| {
                let id = format!("{:032x}", u128::from(n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
                let mut life = life(&id, n);
                life.remove(3);
                life
            })
            .collect();
        let values: Vec<_> = (0..5).flat_map(|step| lives.iter().map(move |l| l[step].clone())).collect();
        drop(lives);
        bytes_in += values.iter().map(Vec::len).sum::<usize>();
        let records = records(&values, offset);
        offset += records.len() as u64;
        let start = std::time::Instant::now();
        for part in records.chunks(20_000) {
            writer.ingest_outcomes(part, READ_AT).unwrap();
        }
        spent += start.elapsed();
        if batch % 10 == 9 {
            println!("{offset} outcomes, {:.0} a second so far", offset as f64 / spent.as_secs_f64());
        }
    }
    (offset, bytes_in)
}
