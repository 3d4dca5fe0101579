//! Closed label values. A value outside these lists cannot be written.

macro_rules! closed_list {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vmeta])* #[doc = concat!("`", $text, "`")] $variant),+ }

        impl $name {
            /// Every value, in declaration order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The label texts, in the order of [`Self::ALL`].
            pub const NAMES: &'static [&'static str] = &[$($text),+];

            /// The label text.
            pub const fn as_str(self) -> &'static str {
                Self::NAMES[self as usize]
            }

            /// The value with this label text; `None` when the list has no such text.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text)
            }
        }
    };
}

closed_list! {
    /// Which requests topic a message came in on.
    Lane { Priority = "priority", Bulk = "bulk" }
}

closed_list! {
    /// What happened to a message: the `outcome` field of the outcomes topic.
    Outcome {
        Parked = "parked", Admitted = "admitted", NotSent = "not_sent", Accepted = "accepted",
        Held = "held", Sent = "sent", Delivered = "delivered", Read = "read", Failed = "failed",
        Refused = "refused", Expired = "expired", Cancelled = "cancelled",
        Undelivered = "undelivered", InDoubt = "in_doubt", Unknown = "unknown",
        Duplicate = "duplicate",
    }
}

closed_list! {
    /// Part of the unique-user quota of an account. Users who are reserved only are among the used ones.
    QuotaState { Used = "used", Limit = "limit" }
}

closed_list! {
    /// On whom parked messages wait.
    WaitsFor {
        /// The platform: its unique-user limit, its rates, its requests to back off.
        PlatformLimit = "platform_limit",
        /// Our pacing by quality.
        OurPacing = "our_pacing",
        /// Us: results of calls under way, or messages that may go and have not yet.
        Us = "us",
        /// The customer's own times: schedule, sending hours, frequency caps.
        Customer = "customer",
    }
}

closed_list! {
    /// Whether a sender may send.
    SenderState { Active = "active", Blocked = "blocked" }
}

closed_list! {
    /// How asking the platform about a WABA's templates and numbers ended.
    SyncEnd {
        /// What differed was written to the log.
        Done = "done",
        /// Nothing was changed.
        Failed = "failed",
    }
}

closed_list! {
    /// Why the platform's figures of a WABA's days that are over could not be kept.
    FiguresFailure {
        /// The platform answered with an error.
        Refused = "refused",
        /// It gave no answer, or something else answered.
        Unanswered = "unanswered",
        /// Its answer cannot be read, or is of other days.
        Unreadable = "unreadable",
        /// So many questions were asked about the WABA in an hour that no more may be.
        Paced = "paced",
        /// The ledger's database could not be read or written.
        Database = "database",
        /// Nothing was asked: there is no token that can be used, or templates and numbers could not be told before.
        NotAsked = "not_asked",
    }
}

closed_list! {
    /// Why a span of a trace did not reach the collector.
    SpanLoss {
        /// Too many waited.
        QueueFull = "queue_full",
        /// The collector was not there, or did not want it.
        NotTaken = "not_taken",
    }
}

closed_list! {
    /// Status of a template; deleted ones are not counted.
    TemplateState {
        Approved = "approved", Pending = "pending", Paused = "paused", Rejected = "rejected",
        Disabled = "disabled",
    }
}

closed_list! {
    /// How far a partition is.
    PartitionState {
        /// Its state is being brought here.
        Restoring = "restoring",
        /// Its state is being read into memory.
        Loading = "loading",
        /// It is decided for.
        Ready = "ready",
    }
}

closed_list! {
    /// What is on disk.
    StorePlace {
        /// The data directory without the ledger: log and state.
        Data = "data",
        /// Ledger and views, where they are a file.
        Ledger = "ledger",
    }
}

closed_list! {
    /// A certificate file of the configuration.
    Certificate {
        /// Whom we trust as a Kafka broker.
        KafkaCa = "kafka_ca",
        /// Who we are to Kafka brokers.
        KafkaClient = "kafka_client",
        /// Whom we trust as the ledger's database.
        LedgerCa = "ledger_ca",
    }
}

closed_list! {
    /// A topic that the ledger's database is built from.
    Projected { Ledger = "ledger", Outcomes = "outcomes", Snapshots = "snapshots" }
}

closed_list! {
    /// Part of a campaign's budget.
    BudgetState { Spent = "spent", Reserved = "reserved", Limit = "limit" }
}

closed_list! {
    /// A sender's quality. The exported value is the position in this list, 0–3.
    QualityLevel { Unknown = "unknown", Red = "red", Yellow = "yellow", Green = "green" }
}

closed_list! {
    /// How an attempt in doubt ended.
    InDoubtResolution {
        /// A later status showed that the platform had taken the message.
        Confirmed = "confirmed",
        /// A later status or result showed that it had failed or never left.
        Failed = "failed",
        /// Nothing came; a new attempt was made.
        Retried = "retried",
        /// Nothing came; closed without a new attempt.
        Unknown = "unknown",
    }
}

closed_list! {
    /// What the gateway answered to one webhook change.
    WebhookResult {
        /// Durable, answered 200.
        Accepted = "accepted",
        /// The signature did not match the app's secret.
        BadSignature = "bad_signature",
        /// The WABA does not belong to the app that signed.
        WrongApp = "wrong_app",
        /// Signed, but not in the platform's form.
        Malformed = "malformed",
        /// No account has this sender; kept in dead-letters, answered 200.
        UnknownSender = "unknown_sender",
        /// Over the size or rate limit of the listener.
        Limited = "limited",
        /// Could not be made durable; the platform will send it again.
        Failed = "failed",
    }
}

closed_list! {
    /// Pricing category of a charge. `other` is one that the rulebook does not know.
    Category {
        Marketing = "marketing", MarketingLite = "marketing_lite", Utility = "utility",
        Authentication = "authentication",
        AuthenticationInternational = "authentication_international",
        Service = "service", ReferralConversion = "referral_conversion", Other = "other",
    }
}

closed_list! {
    /// Pricing type of a charge. `other` is one that the rulebook does not know.
    PricingType {
        Regular = "regular", FreeCustomerService = "free_customer_service",
        FreeEntryPoint = "free_entry_point", FreeAllowance = "free_allowance", Other = "other",
    }
}

closed_list! {
    /// In what a charge differs from what was expected.
    MismatchKind {
        /// Reported pricing category.
        Category = "category",
        /// Reported pricing model.
        PricingModel = "pricing_model",
        /// Reported pricing type.
        PricingType = "pricing_type",
        /// A second attempt of one message was delivered and charged.
        Resend = "resend",
        /// The charge exceeds the budget.
        OverBudget = "over_budget",
        /// The platform says that a volume band is reached of which fewer messages are counted here.
        Band = "band",
        /// Sent by other software, whoever pays for it.
        Foreign = "foreign",
        /// Usage of a month that is closed, billed in a later one.
        Late = "late",
    }
}

closed_list! {
    /// A topic of the log that somebody has to keep up with, without the configured prefix.
    Topic {
        Requests = "requests", RequestsPriority = "requests.priority", Commands = "commands",
        Events = "events", Dispatch = "dispatch", Outcomes = "outcomes", Ledger = "ledger",
        Snapshots = "snapshots",
    }
}
