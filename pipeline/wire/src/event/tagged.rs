//! Reads `PlatformEvent` by its `event` field.

use super::PlatformEvent;
use crate::Text;
use crate::tagged::{self, Tagged};
use serde::{Deserialize, Deserializer, de};
use tollgate_quality::Limit;
use tollgate_rate_card::YearMonth;

#[derive(Deserialize)]
struct LimitBody {
    limit: Limit,
}

#[derive(Deserialize)]
struct AccountStateBody {
    disabled: bool,
}

/// What is not understood here must not end a month, therefore no unknown fields.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CloseMonthBody<'a> {
    month: YearMonth,
    settle_days: u8,
    #[serde(borrow, default)]
    forced: Option<Text<'a>>,
}

impl<'de: 'a, 'a> Deserialize<'de> for PlatformEvent<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        tagged::deserialize(d)
    }
}

impl<'de: 'a, 'a> Tagged<'de> for PlatformEvent<'a> {
    const TAG: &'static str = "event";
    const NAMES: &'static [&'static str] = &[
        "result",
        "status",
        "inbound",
        "preference",
        "number_changed",
        "template",
        "sender",
        "limit",
        "account_state",
        "close_month",
        "band_reached",
        "credit",
    ];

    fn read<D: Deserializer<'de>>(tag: &str, fields: D) -> Result<Self, D::Error> {
        match tag {
            "result" => Deserialize::deserialize(fields).map(Self::Result),
            "status" => Deserialize::deserialize(fields).map(Self::Status),
            "inbound" => Deserialize::deserialize(fields).map(Self::Inbound),
            "preference" => Deserialize::deserialize(fields).map(Self::Preference),
            "number_changed" => Deserialize::deserialize(fields).map(Self::NumberChanged),
            "template" => Deserialize::deserialize(fields).map(Self::Template),
            "sender" => Deserialize::deserialize(fields).map(Self::Sender),
            "limit" => LimitBody::deserialize(fields).map(|b| Self::Limit { limit: b.limit }),
            "account_state" => {
                AccountStateBody::deserialize(fields).map(|b| Self::AccountState { disabled: b.disabled })
            }
            "close_month" => CloseMonthBody::deserialize(fields)
                .map(|CloseMonthBody { month, settle_days, forced }| Self::CloseMonth { month, settle_days, forced }),
            "band_reached" => Deserialize::deserialize(fields).map(Self::BandReached),
            "credit" => Deserialize::deserialize(fields).map(Self::Credit),
            _ => Err(de::Error::unknown_variant(tag, Self::NAMES)),
        }
    }
}
