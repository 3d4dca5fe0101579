//! The closed lists of reasons. A reason is never free text: dashboards, campaign systems and tests match on it.

use serde::{Deserialize, Serialize};

macro_rules! names {
    ($(#[$m:meta])* $name:ident { $($(#[$vm:meta])* $v:ident = $s:literal),+ $(,)? }) => {
        $(#[$m])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[repr(u8)]
        pub enum $name { $($(#[$vm])* #[serde(rename = $s)] $v),+ }
        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$v),+];
            /// The name on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$v => $s),+ }
            }
            /// From the position in `ALL`.
            #[must_use]
            pub fn from_index(i: u8) -> Option<Self> {
                Self::ALL.get(usize::from(i)).copied()
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl std::str::FromStr for $name {
            type Err = ();
            fn from_str(s: &str) -> Result<Self, ()> {
                match s { $($s => Ok(Self::$v),)+ _ => Err(()) }
            }
        }
    };
}
pub(crate) use names;

names! {
    /// Why a message is refused, parked or ended. Order follows the gates.
    Reason {
        /// The body is not a request.
        Malformed = "malformed",
        /// No such account.
        UnknownAccount = "unknown_account",
        /// The request id was seen within 30 days.
        Duplicate = "duplicate",
        /// Its time to be useful is over.
        Expired = "expired",
        /// The account's waiting room is full.
        WaitingRoomFull = "waiting_room_full",
        /// Parked until `send_after`.
        Scheduled = "scheduled",
        /// The campaign was cancelled.
        Cancelled = "cancelled",
        /// Parked until the campaign is resumed.
        CampaignPaused = "campaign_paused",
        /// Parked until the campaign's next sending hour.
        SendingHours = "sending_hours",
        /// No such sender in this account, or none to choose from.
        SenderUnknown = "sender_unknown",
        /// The account or sender is disabled for good.
        AccountDisabled = "account_disabled",
        /// Parked until the sender is restored.
        SenderBlocked = "sender_blocked",
        /// Not an E.164 number or business-scoped id.
        InvalidRecipient = "invalid_recipient",
        /// Known to be off the platform.
        NotOnPlatform = "not_on_platform",
        /// Free text outside the customer service window.
        WindowClosed = "window_closed",
        /// No such template in any language asked for.
        TemplateUnknown = "template_unknown",
        /// The template is rejected, disabled or deleted.
        TemplateRejected = "template_rejected",
        /// Parameters do not fit the template.
        BadParameters = "bad_parameters",
        /// The category may not be sent to this country.
        CountryBarred = "country_barred",
        /// No opt-in for this category.
        NotOptedIn = "not_opted_in",
        /// Opted out of this category or of everything.
        OptedOut = "opted_out",
        /// The content's category is lower than the stated purpose.
        PurposeMismatch = "purpose_mismatch",
        /// No price is known for it.
        NoRate = "no_rate",
        /// Parked until the template is approved or unpaused.
        TemplatePaused = "template_paused",
        /// Parked until the next pacing token.
        Pacing = "pacing",
        /// Parked until a unique-user token returns.
        Quota = "quota",
        /// The person's marketing cap is reached (refused) or parked until it allows.
        FrequencyCapped = "frequency_capped",
        /// Parked until the budget is raised or released.
        Budget = "budget",
        /// Parked until the pair may be written to again.
        PairRate = "pair_rate",
        /// Parked until the next throughput token.
        Throughput = "throughput",
        /// Parked until an attempt in flight has a result.
        InFlight = "in_flight",
        /// The order was not sent before `leave_by`.
        LeaveBy = "leave_by",
        /// The dispatcher could not reach the platform.
        Unreachable = "unreachable",
        /// The attempt has no result in time.
        NoResult = "no_result",
        /// No delivery was reported within the time to live.
        NoDelivery = "no_delivery",
        /// The platform refused or failed it; the code stands beside.
        Platform = "platform",
        /// The platform is slow or down; waiting before the next attempt.
        Backoff = "backoff",
        /// Our own fault; an alert was raised.
        Internal = "internal",
        // Kept by number: what is new stands last.
        /// Parked until the campaign's own rate allows the next message.
        CampaignRate = "campaign_rate",
        /// Parked until the campaign, which is in test, is started.
        CampaignTest = "campaign_test",
        /// Parked until it is day where the person is; refused when it would expire before.
        QuietHours = "quiet_hours",
        /// The WABA bills in another currency than the country that it is sold to asks for, and the last day for that is over.
        CurrencyNotAllowed = "currency_not_allowed",
        /// The account has as many campaigns as it may have, and the request names one more.
        TooManyCampaigns = "too_many_campaigns",
    }
}

names! {
    /// Why an input record was set aside with its original bytes.
    DeadLetterReason {
        /// Not JSON, not UTF-8, a wrong type or a missing field.
        Malformed = "malformed",
        /// A field that is not in the contract.
        UnknownField = "unknown_field",
        /// Larger than 64 KiB.
        TooLarge = "too_large",
        /// The account is not in the registry.
        UnknownAccount = "unknown_account",
        /// The event's sender is not in the registry.
        UnknownSender = "unknown_sender",
        /// The event's WABA is another app's in the registry than the app that signed it.
        WrongApp = "wrong_app",
        /// The record lies in another partition than its account.
        WrongPartition = "wrong_partition",
        /// The record's key is not its account.
        WrongKey = "wrong_key",
        /// The engine could not decide it.
        Internal = "internal",
    }
}

#[cfg(test)]
mod tests {
    use super::Reason;

    /// Parked messages keep their reason by its number: whatever is added stands behind these.
    #[test]
    fn numbers_of_reasons_stay() {
        let numbers = [
            (Reason::Malformed, 0),
            (Reason::FrequencyCapped, 26),
            (Reason::Budget, 27),
            (Reason::PairRate, 28),
            (Reason::Platform, 35),
            (Reason::Internal, 37),
            (Reason::CampaignRate, 38),
            (Reason::CampaignTest, 39),
            (Reason::QuietHours, 40),
            (Reason::CurrencyNotAllowed, 41),
            (Reason::TooManyCampaigns, 42),
        ];
        for (reason, number) in numbers {
            assert_eq!(reason as u8, number, "{reason}");
            assert_eq!(Reason::from_index(number), Some(reason));
        }
    }
}
