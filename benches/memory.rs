//! Resident bytes a contact: loads people, each with one pair, and asks the system.
//!
//! `cargo run --release -p tollgate-benches --example memory -- [PEOPLE]`

#[path = "world/mod.rs"]
mod world;

use world::{NOON_MS, engine, load_people};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let people: u64 = std::env::args().nth(1).map_or(Ok(5_000_000), |n| n.parse())?;
    let mut e = engine("UNLIMITED");
    let before = resident_bytes()?;
    // A third was counted during the past day.
    let now_s = (NOON_MS / 1000) as u32;
    load_people(&mut e, people, |i| if i.is_multiple_of(3) { now_s - (i % 86_000) as u32 } else { 0 });
    let held = resident_bytes()? - before;
    let (contacts, pairs) = e.state().sizes();
    println!("{contacts} contacts, {pairs} pairs: {} MB resident", held >> 20);
    println!("{} bytes a contact, its pair included", held / people);
    Ok(())
}

/// Resident set of this process, from the second field of `/proc/self/statm`, in pages of 4 KiB.
fn resident_bytes() -> Result<u64, Box<dyn std::error::Error>> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = statm.split_whitespace().nth(1).ok_or("statm has no second field")?.parse()?;
    Ok(pages * 4096)
}
