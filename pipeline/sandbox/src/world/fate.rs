//! What will happen to a message, decided when it is accepted.
//!
//! The last three digits of a recipient can order a behaviour (the README has the table);
//! everyone else gets the ordinary distribution, the same for the same seed, number, user and
//! ordinal of the message.

use super::lifecycle::MessageKind;
use crate::config::behaviour::{DelayConfig, RateConfig};
use crate::config::template::Category;
use crate::dice::Dice;

/// A behaviour ordered by the recipient's last three digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Special {
    NeverDelivered,
    ReadWithoutDelivered,
    Duplicated,
    Reordered,
    NotOnPlatform,
    MarketingCap,
    StoppedMarketing,
    PairRateRefused,
    ServerError,
    SlowAnswer,
    ThroughputRefused,
    ConnectionClosed,
    RepliesStop,
    RepliesText,
    HeldThenReleased,
    HeldThenDropped,
    RepliesFromAdvert,
    TapsUnsubscribe,
}

impl Special {
    pub(crate) fn of(user: &str) -> Option<Self> {
        Some(match user.get(user.len().checked_sub(3)?..)? {
            "001" => Self::NeverDelivered,
            "002" => Self::ReadWithoutDelivered,
            "003" => Self::Duplicated,
            "004" => Self::Reordered,
            "005" => Self::NotOnPlatform,
            "006" => Self::MarketingCap,
            "007" => Self::StoppedMarketing,
            "008" => Self::PairRateRefused,
            "009" => Self::ServerError,
            "010" => Self::SlowAnswer,
            "011" => Self::ThroughputRefused,
            "012" => Self::ConnectionClosed,
            "013" => Self::RepliesStop,
            "014" => Self::RepliesText,
            "015" => Self::HeldThenReleased,
            "016" => Self::HeldThenDropped,
            "017" => Self::RepliesFromAdvert,
            "018" => Self::TapsUnsubscribe,
            _ => return None,
        })
    }
}

/// Whether the platform first assesses the template's quality.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hold {
    None,
    Released,
    Dropped,
}

/// How the message ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Course {
    Delivered,
    /// The chat was open: `read` stands for both.
    ReadOnly,
    Silent,
    /// Never sent.
    Failed(u32),
}

/// What the user writes after delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    Stop,
    Text,
    Advert,
    Unsubscribe,
}

/// The decided future of one message; delays in milliseconds, scaled.
#[derive(Debug, Clone)]
pub(crate) struct Fate {
    pub(crate) hold: Hold,
    pub(crate) course: Course,
    pub(crate) read: bool,
    pub(crate) duplicate: bool,
    pub(crate) reorder: bool,
    /// It is delivered and charged, but no status says so.
    pub(crate) lost: bool,
    pub(crate) reply: Option<Reply>,
    pub(crate) held_ms: u32,
    pub(crate) sent_ms: u32,
    pub(crate) delivered_ms: u32,
    pub(crate) read_ms: u32,
    pub(crate) reply_ms: u32,
    pub(crate) repeat_ms: u32,
}

impl Fate {
    pub(crate) fn decide(
        user: &str,
        kind: MessageKind,
        rates: &RateConfig,
        delays: &DelayConfig,
        mut dice: Dice,
    ) -> Self {
        let mut delay = |median: f64| dice.delay_ms(median * delays.delay_scale, delays.sigma);
        let mut fate = Self {
            hold: Hold::None,
            course: Course::Delivered,
            read: true,
            duplicate: false,
            reorder: false,
            lost: false,
            reply: None,
            held_ms: delay(delays.held_median_ms),
            sent_ms: delay(delays.sent_median_ms),
            delivered_ms: delay(delays.delivered_median_ms),
            read_ms: delay(delays.read_median_ms),
            reply_ms: delay(delays.reply_median_ms),
            repeat_ms: delay(delays.repeat_median_ms),
        };
        match Special::of(user) {
            Some(special) => fate.order(special, kind),
            None => fate.throw(kind, rates, &mut dice),
        }
        fate
    }

    fn order(&mut self, special: Special, kind: MessageKind) {
        let marketing = kind == MessageKind::Template(Category::Marketing);
        let template = kind != MessageKind::Service;
        match special {
            Special::NeverDelivered => self.course = Course::Silent,
            Special::ReadWithoutDelivered => self.course = Course::ReadOnly,
            Special::Duplicated => self.duplicate = true,
            Special::Reordered => self.reorder = true,
            Special::NotOnPlatform => self.course = Course::Failed(131_026),
            Special::MarketingCap if marketing => self.course = Course::Failed(131_049),
            Special::StoppedMarketing if marketing => self.course = Course::Failed(131_050),
            Special::RepliesStop => self.reply = Some(Reply::Stop),
            Special::RepliesText => self.reply = Some(Reply::Text),
            Special::RepliesFromAdvert => self.reply = Some(Reply::Advert),
            Special::TapsUnsubscribe if template => self.reply = Some(Reply::Unsubscribe),
            Special::HeldThenReleased if template => self.hold = Hold::Released,
            Special::HeldThenDropped if template => self.hold = Hold::Dropped,
            // The others act on the answer, or on another kind of message.
            _ => {}
        }
    }

    fn throw(&mut self, kind: MessageKind, rates: &RateConfig, dice: &mut Dice) {
        let marketing = kind == MessageKind::Template(Category::Marketing);
        self.read = dice.chance(rates.read);
        self.duplicate = dice.chance(rates.duplicate);
        self.reorder = dice.chance(rates.reorder);
        // Every chance is thrown, so that one rate does not move the others; the first that
        // comes up decides.
        let courses = [
            (dice.chance(rates.undeliverable), Course::Failed(131_026)),
            (dice.chance(rates.marketing_cap) && marketing, Course::Failed(131_049)),
            (dice.chance(rates.experiment) && marketing, Course::Failed(130_472)),
            (dice.chance(rates.unknown_error), Course::Failed(131_000)),
            (dice.chance(rates.silence), Course::Silent),
            (dice.chance(rates.read_without_delivered), Course::ReadOnly),
        ];
        if let Some((_, course)) = courses.into_iter().find(|(happens, _)| *happens) {
            self.course = course;
        }
        let text = dice.chance(rates.reply);
        let stop = dice.chance(rates.stop_reply) && marketing;
        self.reply = match (stop, text) {
            (true, _) => Some(Reply::Stop),
            (false, true) => Some(Reply::Text),
            (false, false) => None,
        };
        // The last throw, so that it moves no other.
        self.lost = dice.chance(rates.lost_statuses);
    }
}

#[cfg(test)]
mod tests {
    use super::{Category, Course, Dice, Fate, Hold, MessageKind, Reply, Special};
    use crate::config::behaviour::{DelayConfig, RateConfig};

    const MARKETING: MessageKind = MessageKind::Template(Category::Marketing);

    fn fate(user: &str, kind: MessageKind) -> Fate {
        let dice = Dice::new(1, &[user.as_bytes()]);
        Fate::decide(user, kind, &RateConfig::default(), &DelayConfig::default(), dice)
    }

    #[test]
    fn the_suffix_orders_the_fate() {
        assert_eq!(fate("16505550001", MARKETING).course, Course::Silent);
        assert_eq!(fate("16505550006", MARKETING).course, Course::Failed(131_049));
        assert_eq!(fate("16505550006", MessageKind::Service).course, Course::Delivered);
        assert_eq!(fate("16505550016", MARKETING).hold, Hold::Dropped);
        assert_eq!(fate("16505550018", MARKETING).reply, Some(Reply::Unsubscribe));
        assert_eq!(Special::of("16505550019"), None);
        assert_eq!(Special::of("01"), None);
        assert_eq!(Special::of("US.é01"), None);
    }

    #[test]
    fn ordinary_users_follow_the_rates() {
        let of = |wanted: Course| {
            (0..20_000).filter(|n| fate(&format!("1650{n:07}999"), MARKETING).course == wanted).count()
        };
        assert!((140..260).contains(&of(Course::Silent)));
        assert!((140..260).contains(&of(Course::Failed(131_049))));
        assert!((60..140).contains(&of(Course::Failed(131_026))));
    }
}
