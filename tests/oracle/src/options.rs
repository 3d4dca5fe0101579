//! The command line, and which days a month of an era plays on.

use std::path::PathBuf;
use tollgate_tests::Dice;

/// When the platform's rules are those of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Era {
    /// Per conversation.
    Cbp,
    /// Per message.
    Pmp,
    /// From conversations to messages, 2025-07-01.
    Switch,
    /// Per message, with service and utility inside the window charged.
    Pmp2,
    /// Into it, 2026-10-01.
    Switch2,
}

/// First days of months around which an era plays: cards, rules and months change there. Bands are known for the first
/// two of charges by message.
const CBP: &[i64] = &[1_722_470_400, 1_727_740_800, 1_730_419_200, 1_738_368_000];
const PMP: &[i64] = &[1_788_220_800, 1_782_864_000, 1_759_276_800, 1_767_225_600, 1_775_001_600];
const SWITCH: &[i64] = &[1_751_328_000];
const PMP2: &[i64] = &[1_793_491_200];
const SWITCH2: &[i64] = &[1_790_812_800];

/// What is to be played.
#[derive(Debug)]
pub(crate) struct Options {
    pub seed: u64,
    pub messages: u64,
    pub era: Era,
    pub out: PathBuf,
    /// Statuses come in canonical order, and nothing that is said changes a position.
    pub in_order: bool,
    /// Bands and allowances so small that few messages pass their edges.
    pub small: bool,
}

const USAGE: &str =
    "oracle_month --seed N --messages M --era cbp|pmp|switch|pmp2|switch2 --out DIRECTORY [--in-order] [--small]";

impl Options {
    /// Reads the arguments.
    pub fn parse(args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut o =
            Self { seed: 1, messages: 1_000, era: Era::Pmp, out: PathBuf::new(), in_order: false, small: false };
        let mut args = args;
        while let Some(name) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{name}: it has no value; usage: {USAGE}"));
            match name.as_str() {
                "--seed" => o.seed = number(&name, &value()?)?,
                "--messages" => o.messages = number(&name, &value()?)?,
                "--era" => o.era = era(&value()?)?,
                "--out" => o.out = value()?.into(),
                "--in-order" => o.in_order = true,
                "--small" => o.small = true,
                _ => return Err(format!("{name:?} is no option; usage: {USAGE}")),
            }
        }
        if o.out.as_os_str().is_empty() {
            return Err(format!("--out: no directory is named; usage: {USAGE}"));
        }
        Ok(o)
    }

    /// First second at which something is sent, midnight of a month by UTC in between, and last second.
    pub fn span(&self, dice: &mut Dice) -> (i64, i64, i64) {
        let edges = match self.era {
            Era::Cbp => CBP,
            Era::Pmp => PMP,
            Era::Switch => SWITCH,
            Era::Pmp2 => PMP2,
            Era::Switch2 => SWITCH2,
        };
        let edge = edges[self.seed as usize % edges.len()];
        let before = dice.between(1, 5) as i64;
        let after = dice.between(1, 5) as i64;
        (edge - before * 86_400, edge, edge + after * 86_400)
    }
}

fn number(name: &str, value: &str) -> Result<u64, String> {
    value.parse().map_err(|_| format!("{name} {value:?} is not a whole number; write one such as 42"))
}

fn era(value: &str) -> Result<Era, String> {
    match value {
        "cbp" => Ok(Era::Cbp),
        "pmp" => Ok(Era::Pmp),
        "switch" => Ok(Era::Switch),
        "pmp2" => Ok(Era::Pmp2),
        "switch2" => Ok(Era::Switch2),
        _ => Err(format!("--era {value:?} is not known; write cbp, pmp, switch, pmp2 or switch2")),
    }
}
