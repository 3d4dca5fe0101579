//! How much of the messaging limit a sender may use, by its quality score and the message's category.
//!
//! The messaging limit is the platform's rule and is held exactly, by `RollingCount` against
//! `PacingPolicy::quota_ceiling`. Pacing is our own policy on top of it: a sender in trouble sends less
//! marketing, and spreads it, so that its score can recover. One bucket per sender and category class, one
//! token for each message that takes a token of the limit.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::bucket::{Bucket, Wait};
use crate::percent::Percent;
use crate::rate::{DAY, Rate};
use crate::score::Score;
use crate::tier::Limit;

/// What a message is, as far as pacing cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CategoryClass {
    /// Marketing templates.
    Marketing,
    /// Utility templates.
    Utility,
    /// Authentication templates, international ones included.
    Authentication,
    /// Messages that are no template.
    Service,
}

/// A sender's part of its portfolio's limit. Under a limit per number it is the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weight {
    /// Parts of this sender.
    pub parts: u32,
    /// Parts of all senders together. Fewer than `parts` count as the whole.
    pub of: NonZeroU32,
}

impl Weight {
    /// The only sender.
    pub const WHOLE: Weight = Weight { parts: 1, of: NonZeroU32::MIN };

    /// The default: one of so many active senders, all alike.
    #[must_use]
    pub const fn one_of(active_senders: NonZeroU32) -> Weight {
        Weight { parts: 1, of: active_senders }
    }

    const fn is_whole(self) -> bool {
        self.parts >= self.of.get()
    }
}

/// The part of the base (limit × weight) that one class may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// Percent of the base per 24 hours; 0 stops the class.
    pub percent: Percent,
    /// Spread evenly over 24 hours (true), or as fast as they come until the share is used (false).
    pub spread: bool,
}

impl Share {
    /// All of the base, as fast as it comes.
    pub const ALL: Share = Share { percent: Percent::ALL, spread: false };

    const fn spread(percent: u8) -> Share {
        Share { percent: Percent::at_most_100(percent), spread: true }
    }
}

/// The shares of the four classes at one score. A class that is not named has all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScorePacing {
    /// Marketing templates.
    pub marketing: Share,
    /// Utility templates.
    pub utility: Share,
    /// Authentication templates.
    pub authentication: Share,
    /// Messages that are no template.
    pub service: Share,
}

impl Default for ScorePacing {
    fn default() -> Self {
        ScorePacing { marketing: Share::ALL, utility: Share::ALL, authentication: Share::ALL, service: Share::ALL }
    }
}

impl ScorePacing {
    /// The share of one class.
    #[must_use]
    pub const fn share(&self, class: CategoryClass) -> Share {
        match class {
            CategoryClass::Marketing => self.marketing,
            CategoryClass::Utility => self.utility,
            CategoryClass::Authentication => self.authentication,
            CategoryClass::Service => self.service,
        }
    }
}

/// The pacing policy. Defaults: GREEN and UNKNOWN all of the limit, unspread; YELLOW 50 % and RED 10 % for
/// marketing, spread over 24 hours; the other classes always all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PacingPolicy {
    /// At GREEN.
    pub green: ScorePacing,
    /// At YELLOW.
    pub yellow: ScorePacing,
    /// At RED.
    pub red: ScorePacing,
    /// Not rated yet.
    pub unknown: ScorePacing,
    /// Part of the limit that marketing leaves to the other classes, so that a campaign cannot starve a
    /// one-time code. Default 10.
    pub reserved_percent: Percent,
    /// Part of the limit that nobody uses, for deliveries that no status tells us of. Default 0.
    pub headroom_percent: Percent,
    /// The base of a portfolio without limit, in users per 24 hours, since a percentage needs a number.
    /// Default 100,000, the highest tier that has one. Matters only for shares below 100 % or spread.
    pub unlimited_base: NonZeroU32,
}

/// A policy under which marketing could never be admitted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "reserved_percent {reserved} and headroom_percent {headroom} leave marketing nothing: \
     lower one, so that together they stay below 100"
)]
pub struct PolicyError {
    reserved: u32,
    headroom: u32,
}

impl Default for PacingPolicy {
    fn default() -> Self {
        let marketing = |share| ScorePacing { marketing: share, ..ScorePacing::default() };
        PacingPolicy {
            green: ScorePacing::default(),
            yellow: marketing(Share::spread(50)),
            red: marketing(Share::spread(10)),
            unknown: ScorePacing::default(),
            reserved_percent: Percent::at_most_100(10),
            headroom_percent: Percent::ZERO,
            unlimited_base: const { NonZeroU32::new(100_000).expect("not zero") },
        }
    }
}

/// How fast one class may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// The hard limit alone counts.
    Unlimited,
    /// A bucket of this rate.
    Rate(Rate),
    /// Nothing goes until score, limit, weight or policy change.
    Blocked,
}

impl Pace {
    /// Takes one token from this pace's bucket: the new value (the old one when unlimited), or when to come
    /// back (`Wait::FOREVER` when blocked).
    pub fn check(self, bucket: Bucket, now_ms: u64) -> Result<Bucket, Wait> {
        match self {
            Pace::Unlimited => Ok(bucket),
            Pace::Rate(rate) => bucket.check(rate, now_ms),
            Pace::Blocked => Err(Wait::FOREVER),
        }
    }
}

impl PacingPolicy {
    /// Refuses a policy under which marketing could never be admitted.
    pub fn validate(&self) -> Result<(), PolicyError> {
        let (reserved, headroom) = (self.reserved_percent.get(), self.headroom_percent.get());
        if reserved + headroom < 100 { Ok(()) } else { Err(PolicyError { reserved, headroom }) }
    }

    /// The limit that the scope's count is held against for one class: what is left after the headroom
    /// and, for marketing, the reserve. Both are rounded down, so that a limit of a few users keeps them.
    #[must_use]
    pub const fn quota_ceiling(&self, limit: Limit, class: CategoryClass) -> Limit {
        let Limit::Users(users) = limit else {
            return Limit::Unlimited;
        };
        let reserved = match class {
            CategoryClass::Marketing => self.reserved_percent.of(users),
            CategoryClass::Utility | CategoryClass::Authentication | CategoryClass::Service => 0,
        };
        Limit::Users(users.saturating_sub(self.headroom_percent.of(users)).saturating_sub(reserved))
    }

    /// How fast one class of one sender may go.
    #[must_use]
    pub fn pace(&self, limit: Limit, weight: Weight, score: Score, class: CategoryClass) -> Pace {
        let share = self.at(score).share(class);
        let full_speed = share == Share::ALL && weight.parts > 0;
        let base = match limit {
            // One sender with all of the limit, at once: the exact count says it better than any bucket.
            _ if full_speed && weight.is_whole() => return self.unless_nothing(limit),
            Limit::Unlimited if full_speed => return Pace::Unlimited,
            Limit::Unlimited => self.unlimited_base.get(),
            Limit::Users(users) => users,
        };
        let Some(per_day) = NonZeroU32::new(part(base, weight, share.percent)) else {
            return Pace::Blocked;
        };
        let burst = if share.spread { spread_burst(per_day) } else { per_day };
        Pace::Rate(Rate::new(per_day, DAY, burst))
    }

    /// The shares at one score.
    #[must_use]
    pub const fn at(&self, score: Score) -> &ScorePacing {
        match score {
            Score::Green => &self.green,
            Score::Yellow => &self.yellow,
            Score::Red => &self.red,
            Score::Unknown => &self.unknown,
        }
    }

    const fn unless_nothing(&self, limit: Limit) -> Pace {
        match limit {
            Limit::Users(0) => Pace::Blocked,
            Limit::Users(_) | Limit::Unlimited => Pace::Unlimited,
        }
    }
}

/// base × weight × percent, rounded up: a share that is not nothing is at least one user a day. What the
/// parts exceed the limit by is caught by the exact count.
fn part(base: u32, weight: Weight, percent: Percent) -> u32 {
    let parts = weight.parts.min(weight.of.get());
    let share = u128::from(base) * u128::from(parts) * u128::from(percent.get());
    let part = share.div_ceil(u128::from(weight.of.get()) * 100);
    u32::try_from(part).unwrap_or(base)
}

/// What goes at once when spread: one, or what falls due in a second where that is more.
fn spread_burst(per_day: NonZeroU32) -> NonZeroU32 {
    NonZeroU32::new(per_day.get() / 86_400).unwrap_or(NonZeroU32::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// limit, weight, score, class → pace, under the default policy; `n/day burst b`.
    const PACES: &str = "
        250       1/1 GREEN   marketing      → unlimited
        250       1/1 UNKNOWN marketing      → unlimited
        250       1/1 YELLOW  marketing      → 125/day burst 1
        250       1/1 RED     marketing      → 25/day burst 1
        250       1/1 RED     utility        → unlimited
        250       1/1 RED     authentication → unlimited
        250       1/1 RED     service        → unlimited
        2000      1/4 GREEN   marketing      → 500/day burst 500
        2000      1/3 UNKNOWN utility        → 667/day burst 667
        2000      1/4 YELLOW  marketing      → 250/day burst 1
        2000      3/2 GREEN   marketing      → unlimited
        3         1/9 RED     marketing      → 1/day burst 1
        10000000  1/1 YELLOW  marketing      → 5000000/day burst 57
        4294967295 1/1 YELLOW marketing      → 2147483648/day burst 24855
        UNLIMITED 1/1 GREEN   marketing      → unlimited
        UNLIMITED 1/5 GREEN   marketing      → unlimited
        UNLIMITED 1/1 YELLOW  marketing      → 50000/day burst 1
        UNLIMITED 1/5 RED     marketing      → 2000/day burst 1
        0         1/1 GREEN   marketing      → blocked
        0         1/1 RED     marketing      → blocked
        0         1/2 GREEN   utility        → blocked
        2000      0/4 GREEN   utility        → blocked
        UNLIMITED 0/4 GREEN   utility        → blocked
    ";

    #[test]
    fn the_pace_follows_limit_weight_score_and_class() {
        let policy = PacingPolicy::default();
        for line in PACES.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (facts, expected) = line.split_once('→').expect("facts → pace");
            let facts: Vec<&str> = facts.split_whitespace().collect();
            let (parts, of) = facts[1].split_once('/').expect("parts/of");
            let weight = Weight { parts: parts.parse().expect("parts"), of: of.parse().expect("of") };
            let class = class(facts[3]);
            let pace =
                match policy.pace(facts[0].parse().expect("limit"), weight, facts[2].parse().expect("score"), class) {
                    Pace::Unlimited => "unlimited".to_owned(),
                    Pace::Blocked => "blocked".to_owned(),
                    Pace::Rate(rate) => format!("{}/day burst {}", rate.per_period(), rate.burst()),
                };
            assert_eq!(pace, expected.trim(), "{line}");
        }
    }

    fn class(name: &str) -> CategoryClass {
        serde_json::from_value(name.into()).expect("a class")
    }

    /// limit, reserved %, headroom %, class → ceiling.
    const CEILINGS: &str = "
        250       10 0  marketing      → 225
        250       10 0  utility        → 250
        250       10 0  authentication → 250
        250       10 20 marketing      → 175
        250       10 20 authentication → 200
        9         10 0  marketing      → 9
        1         10 0  marketing      → 1
        UNLIMITED 10 20 marketing      → UNLIMITED
        0         10 0  authentication → 0
    ";

    #[test]
    fn marketing_leaves_the_reserve_and_everyone_the_headroom() {
        for line in CEILINGS.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (facts, expected) = line.split_once('→').expect("facts → ceiling");
            let facts: Vec<&str> = facts.split_whitespace().collect();
            let percent = |text: &str| Percent::try_from(text.parse::<u32>().expect("a number")).expect("a percentage");
            let policy = PacingPolicy {
                reserved_percent: percent(facts[1]),
                headroom_percent: percent(facts[2]),
                ..PacingPolicy::default()
            };
            let ceiling = policy.quota_ceiling(facts[0].parse().expect("limit"), class(facts[3]));
            assert_eq!(ceiling.to_string(), expected.trim(), "{line}");
        }
    }

    #[test]
    fn a_share_of_zero_stops_the_class_and_says_that_waiting_is_no_help() {
        let policy: PacingPolicy =
            serde_json::from_str(r#"{"red": {"marketing": {"percent": 0, "spread": true}}}"#).expect("a policy");
        let pace = policy.pace(Limit::Users(250), Weight::WHOLE, Score::Red, CategoryClass::Marketing);
        assert_eq!(pace.check(Bucket::FULL, 1_000), Err(Wait::FOREVER));
        assert_eq!(policy.yellow, PacingPolicy::default().yellow, "what is not named keeps its default");
    }

    #[test]
    fn a_policy_is_checked_as_it_is_read() {
        let read = serde_json::from_str::<PacingPolicy>;
        assert!(read(r#"{"reserved_percent": 101}"#).is_err());
        assert!(read(r#"{"reserve_percent": 10}"#).is_err(), "a typo is never ignored");
        let greedy = read(r#"{"reserved_percent": 60, "headroom_percent": 40}"#).expect("each is a percentage");
        assert!(greedy.validate().expect_err("nothing left").to_string().contains("stay below 100"));
        let text = serde_json::to_string(&PacingPolicy::default()).expect("a policy is data");
        assert_eq!(read(&text).expect("reads back"), PacingPolicy::default());
    }
}
