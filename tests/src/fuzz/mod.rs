//! Bad input for parsers, on stable Rust: fixtures are changed by their structure and by their bytes, and each input must
//! end in a value or an error of bounded length, soon, and in bounded memory.
//!
//! An input follows from seed and number alone. `TOLLGATE_FUZZ=100` runs a hundred times as many as usual,
//! `TOLLGATE_FUZZ_SEED` other ones. What fails is written to `target/fuzz` and becomes a test named by its situation.
//!
//! | file | subject |
//! |---|---|
//! | `json` | fields dropped, doubled, swapped, renamed, of wrong types, nested without end |
//! | `lines` | CSV and TOML: rows, cells, quotes, line ends, keys, tables |
//! | `bytes` | what happens to any bytes: cut off, flipped, no UTF-8 |
//! | `wild` | values that nobody expects |
//! | `memory` | counts what a thread allocates |
//! | `clock` | time that a thread ran, whatever else the machine does |

mod bytes;
mod clock;
mod json;
mod lines;
mod memory;
mod wild;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::Dice;

pub use memory::{Counting, peak_of};

/// Longest text of an error, in bytes.
pub const ERROR_BYTES_MAX: usize = 4_000;
/// How much slower than the median fixture an input may be, byte by byte.
const SLOWNESS_MAX: f64 = 50.0;
/// Median of parsers that refuse most fixtures at their first bytes.
const NANOSECONDS_PER_BYTE_MIN: f64 = 5.0;
/// What any input may take: a machine that does other things too shall not fail the test.
const PATIENCE: Duration = Duration::from_millis(3);
/// … or so many times the median of the fixtures, where a parser has work to do that no input needs.
const PATIENCE_MEDIANS: u32 = 4;
/// How often a slow input and each fixture are read for a measurement.
const TRIES: u32 = 7;

/// How fixtures are written, and so how they are changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One JSON value.
    Json,
    /// Comma-separated rows.
    Csv,
    /// TOML.
    Toml,
}

/// A parser and what it is fed with.
pub struct Fuzz {
    name: &'static str,
    fixtures: Vec<Fixture>,
    situations: Vec<(&'static str, Vec<u8>)>,
    inputs: u64,
    memory_per_byte: usize,
    memory_beside: usize,
}

/// What the inputs of a run took at most.
struct Bounds {
    /// Median of the fixtures in nanoseconds.
    per_byte: f64,
    /// What any input may take.
    patience: Duration,
    /// Bytes of memory a byte.
    most: f64,
    /// Times the median.
    slowest: f64,
}

/// A good input in the form in which it is changed.
struct Fixture {
    text: Vec<u8>,
    parts: Parts,
}

enum Parts {
    Json(json::Node),
    Csv(Vec<Vec<String>>),
    Toml(Vec<String>),
}

/// The texts of all files of a folder, by name.
///
/// # Panics
/// When there are none, or one cannot be read.
#[must_use]
pub fn fixtures(folder: impl AsRef<Path>) -> Vec<String> {
    let folder = folder.as_ref();
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> =
        entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files.iter().map(|file| std::fs::read_to_string(file).expect("a text")).collect()
}

/// What a run found out, for `docs/performance.md`.
#[derive(Debug)]
pub struct Tally {
    /// Inputs that were tried.
    pub inputs: u64,
    /// Inputs that ended in a value.
    pub accepted: u64,
}

impl Fuzz {
    /// A parser by its name for messages, with good inputs of one form.
    ///
    /// # Panics
    /// Without fixtures, or with one that is no JSON where it should be.
    #[must_use]
    pub fn new(name: &'static str, form: Form, fixtures: &[impl AsRef<str>]) -> Self {
        assert!(!fixtures.is_empty(), "{name} has no fixtures");
        let fixture = |text: &dyn AsRef<str>| {
            let text = text.as_ref();
            let parts = match form {
                Form::Json => Parts::Json(json::Node::of(text)),
                Form::Csv => Parts::Csv(lines::table(text)),
                Form::Toml => Parts::Toml(lines::lines(text)),
            };
            Fixture { text: text.as_bytes().to_vec(), parts }
        };
        Self {
            name,
            fixtures: fixtures.iter().map(|text| fixture(text)).collect(),
            situations: Vec::new(),
            inputs: 1_000,
            memory_per_byte: 64,
            memory_beside: 64 << 10,
        }
    }

    /// Inputs of a usual run.
    #[must_use]
    pub fn inputs(mut self, inputs: u64) -> Self {
        self.inputs = inputs;
        self
    }

    /// An input that was found once, by its situation. It is held to the same bounds as all others.
    #[must_use]
    pub fn situation(mut self, name: &'static str, input: impl Into<Vec<u8>>) -> Self {
        self.situations.push((name, input.into()));
        self
    }

    /// Memory that reading may take at most: so much for each byte of the input, and so much beside.
    #[must_use]
    pub fn memory(mut self, per_byte: usize, beside: usize) -> Self {
        (self.memory_per_byte, self.memory_beside) = (per_byte, beside);
        self
    }

    /// Feeds the parser. It answers with the text of its error where it refuses.
    ///
    /// # Panics
    /// When no fixture is accepted, and with the first finding: a panic of the parser, an error that is empty or too long, too much time or memory.
    pub fn run(&self, parse: impl Fn(&[u8]) -> Result<(), String>) -> Tally {
        let number = |name: &str| {
            std::env::var(name)
                .ok()
                .map(|n| n.parse::<u64>().unwrap_or_else(|_| panic!("{name} is {n:?}; write a whole number")))
        };
        let seed = number("TOLLGATE_FUZZ_SEED").unwrap_or(1);
        let inputs = self.inputs * number("TOLLGATE_FUZZ").unwrap_or(1);
        let (per_byte, median) = self.medians(&parse);
        let mut bounds =
            Bounds { per_byte, patience: PATIENCE.max(median * PATIENCE_MEDIANS), most: 0.0, slowest: 0.0 };
        for (name, input) in &self.situations {
            if let Err(what) = self.hold(&mut bounds, input, &parse) {
                panic!("{}, {name}: {what}", self.name);
            }
        }
        let started = Instant::now();
        let mut tally = Tally { inputs, accepted: 0 };
        for n in 0..inputs {
            let input = self.input(&mut Dice::new(seed, n));
            match self.hold(&mut bounds, &input, &parse) {
                Ok(accepted) => tally.accepted += u64::from(accepted),
                Err(what) => self.found(seed, n, &input, &what),
            }
        }
        let Bounds { per_byte, patience, most, slowest } = bounds;
        println!(
            "\n{}: {inputs} inputs in {:.1} s, {} accepted; at most {most:.0} bytes of memory a byte beside {}, {slowest:.1} times \
             the median of {per_byte:.1} ns a byte beside {patience:?}; seed {seed}",
            self.name,
            started.elapsed().as_secs_f64(),
            tally.accepted,
            self.memory_beside,
        );
        tally
    }

    /// One input; whether it was accepted, or what is wrong with how it was read.
    fn hold(
        &self,
        bounds: &mut Bounds,
        input: &[u8],
        parse: &impl Fn(&[u8]) -> Result<(), String>,
    ) -> Result<bool, String> {
        let once = || {
            let since = Instant::now();
            let (result, peak) = peak_of(|| catch_unwind(AssertUnwindSafe(|| parse(input))));
            (result, peak, since.elapsed())
        };
        let (result, peak, took) = once();
        let accepted = match result {
            Err(panic) => return Err(format!("it panics: {}", said(&*panic))),
            Ok(Err(error)) if error.is_empty() || error.len() > ERROR_BYTES_MAX => {
                return Err(format!("its error has {} bytes", error.len()));
            }
            Ok(result) => result.is_ok(),
        };
        let allowed = input.len() * self.memory_per_byte + self.memory_beside;
        if peak > allowed {
            return Err(format!("it takes {peak} bytes of memory, {allowed} are allowed"));
        }
        let expected = bounds.per_byte * input.len().max(1) as f64;
        let slowness = |took: Duration| took.saturating_sub(bounds.patience).as_nanos() as f64 / expected;
        // Something else may have run meanwhile: what seems slow is measured again, by what this thread alone ran.
        let took = if slowness(took) > bounds.slowest {
            took.min(clock::of_this_thread(TRIES, || drop(once())))
        } else {
            took
        };
        if slowness(took) > SLOWNESS_MAX {
            let patience = bounds.patience;
            return Err(format!(
                "it takes {took:?}, {SLOWNESS_MAX} times {expected:.0} ns and {patience:?} are allowed"
            ));
        }
        bounds.slowest = bounds.slowest.max(slowness(took));
        bounds.most = bounds.most.max(peak.saturating_sub(self.memory_beside) as f64 / input.len().max(1) as f64);
        Ok(accepted)
    }

    /// The medians of the fixtures, each measured at its best: nanoseconds for a byte, and time.
    fn medians(&self, parse: &impl Fn(&[u8]) -> Result<(), String>) -> (f64, Duration) {
        let good = self.fixtures.iter().any(|fixture| parse(&fixture.text).is_ok());
        assert!(good, "{}: no fixture is accepted, so hardly anything is tried", self.name);
        let best = |fixture: &Fixture| {
            let times = (0..TRIES).map(|_| {
                let since = Instant::now();
                let _ = parse(&fixture.text);
                since.elapsed()
            });
            times.min().unwrap_or_default()
        };
        let mut times: Vec<Duration> = self.fixtures.iter().map(best).collect();
        let lengths = self.fixtures.iter().map(|fixture| fixture.text.len().max(1) as f64);
        let mut per_byte: Vec<f64> =
            times.iter().zip(lengths).map(|(time, len)| time.as_nanos() as f64 / len).collect();
        times.sort();
        per_byte.sort_by(f64::total_cmp);
        (per_byte[per_byte.len() / 2].max(NANOSECONDS_PER_BYTE_MIN), times[times.len() / 2])
    }

    fn input(&self, dice: &mut Dice) -> Vec<u8> {
        let fixture = dice.pick(&self.fixtures);
        let mut input = match (dice.below(100), &fixture.parts) {
            (0..2, _) => bytes::any(dice),
            (2..17, _) => bytes::changed(fixture.text.clone(), dice),
            (_, Parts::Json(root)) => json::changed(root, dice),
            (_, Parts::Csv(rows)) => lines::changed_table(rows, dice),
            (_, Parts::Toml(lines)) => lines::changed_toml(lines, dice),
        };
        if dice.percent(15) {
            input = bytes::changed(input, dice);
        }
        input
    }

    fn found(&self, seed: u64, n: u64, input: &[u8], what: &str) -> ! {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/fuzz");
        let file = folder.join(format!("{}-{seed}-{n}", self.name));
        let written = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&file, input));
        let place = written.map_or_else(|error| error.to_string(), |()| file.display().to_string());
        let head = input[..input.len().min(300)].escape_ascii();
        panic!("{}, seed {seed}, input {n} of {} bytes: {what}\n{head}\nall of it: {place}", self.name, input.len());
    }
}

impl std::fmt::Debug for Fuzz {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fuzz").field("name", &self.name).field("inputs", &self.inputs).finish_non_exhaustive()
    }
}

fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("something else than a text")
}
