//! Who sends: three accounts with their numbers, templates and campaigns, as the service and the sandbox know them.

use super::countries::Region;
use rust_decimal::Decimal;
use tollgate_quality::{Limit, Score};
use tollgate_rate_card::Category;
use tollgate_sandbox::{
    BodyParameters, ButtonConfig, ButtonKind, MessagingLimit, PortfolioConfig, Rating, SenderConfig, TemplateConfig,
    VolumeBandsConfig,
};
use tollgate_wire::command::{
    AccountSpec, CampaignSpec, Funding, LimitScope, Policy, SenderSpec, SendingHours, TemplateSpec, TemplateStatus,
    WabaSpec,
};

/// The app whose secret signs webhooks and whose token sends.
pub(super) const APP: &str = "demo";

/// Part of each number's throughput that is left unused: service, sandbox and generator share one machine, whose
/// calls bunch when it is busy, and people write back.
const HEADROOM_PERCENT: u8 = 10;

/// An account.
pub(super) struct Account {
    pub(super) id: &'static str,
    name: &'static str,
    waba: &'static str,
    pub(super) time_zone: &'static str,
    limit: u32,
    quality: Score,
    /// Part of the world where most of its recipients live.
    pub(super) prefers: Option<Region>,
    pub(super) senders: &'static [Sender],
    templates: &'static [Template],
}

/// A number.
pub(super) struct Sender {
    pub(super) id: &'static str,
    display: &'static str,
    /// Messages a second.
    pub(super) throughput: u32,
}

struct Template {
    name: &'static str,
    category: Category,
    status: TemplateStatus,
    languages: &'static [&'static str],
    /// Positional body parameters.
    body: usize,
}

const fn template(
    name: &'static str,
    category: Category,
    status: TemplateStatus,
    body: usize,
    languages: &'static [&'static str],
) -> Template {
    Template { name, category, status, languages, body }
}

use Category::{Authentication, Marketing, Utility};
use TemplateStatus::{Approved, Paused, Rejected};

/// The accounts, in the order of their limits.
pub(super) const ACCOUNTS: [Account; 3] = [
    Account {
        id: "aurora",
        name: "Aurora Retail",
        waba: "102290129340001",
        time_zone: "America/Sao_Paulo",
        limit: 100_000,
        quality: Score::Green,
        prefers: None,
        senders: &[
            Sender { id: "106540352240101", display: "551140040101", throughput: 1_000 },
            Sender { id: "106540352240102", display: "551140040102", throughput: 1_000 },
        ],
        templates: &[
            template("black_friday", Marketing, Approved, 2, &["en_US", "pt_BR", "es_MX", "de", "fr", "id"]),
            template("winter_sale", Marketing, Approved, 1, &["en_US", "pt_BR", "es_MX"]),
            template("order_shipped", Utility, Approved, 2, &["en_US", "pt_BR", "es_MX", "de", "id", "hi"]),
            template("login_code", Authentication, Approved, 1, &["en_US", "pt_BR", "es_MX"]),
            template("loyalty_points", Marketing, Paused, 1, &["en_US", "pt_BR"]),
            template("flash_offer", Marketing, Rejected, 1, &["en_US"]),
        ],
    },
    Account {
        id: "borealis",
        name: "Borealis Travel",
        waba: "102290129340002",
        time_zone: "Europe/Berlin",
        limit: 10_000,
        quality: Score::Yellow,
        prefers: Some(Region::Europe),
        senders: &[
            Sender { id: "106540352240201", display: "493022330201", throughput: 80 },
            Sender { id: "106540352240202", display: "493022330202", throughput: 80 },
        ],
        templates: &[
            template("autumn_offers", Marketing, Approved, 1, &["en_US", "de", "fr", "es_MX"]),
            template("booking_update", Utility, Approved, 2, &["en_US", "de", "fr"]),
            template("login_code", Authentication, Approved, 1, &["en_US", "de"]),
            template("price_watch", Marketing, Paused, 1, &["en_US"]),
        ],
    },
    Account {
        id: "cascade",
        name: "Cascade Clinics",
        waba: "102290129340003",
        time_zone: "Asia/Kolkata",
        limit: 1_000,
        quality: Score::Red,
        prefers: Some(Region::Asia),
        senders: &[Sender { id: "106540352240301", display: "912240040301", throughput: 80 }],
        templates: &[
            template("health_week", Marketing, Approved, 1, &["en_US", "hi", "id", "ar"]),
            template("appointment_reminder", Utility, Approved, 2, &["en_US", "hi", "ar"]),
            template("login_code", Authentication, Approved, 1, &["en_US"]),
            template("vaccination", Marketing, Paused, 1, &["en_US"]),
        ],
    },
];

impl Account {
    /// Its registry entry.
    pub(super) fn spec(&self) -> AccountSpec {
        let senders = self.senders.iter().map(|s| SenderSpec {
            id: s.id.to_owned(),
            display: s.display.to_owned(),
            throughput: s.throughput,
            quality: self.quality,
            weight: 1,
            blocked: false,
        });
        let templates = self.templates.iter().flat_map(|t| {
            t.languages.iter().map(|language| TemplateSpec {
                name: t.name.to_owned(),
                language: (*language).to_owned(),
                category: t.category,
                status: t.status,
                body: (1..=t.body).map(|n| n.to_string()).collect(),
                header: tollgate_wire::command::HeaderFormat::None,
                buttons: u8::from(t.category == Authentication),
                quality: Score::Unknown,
                next_category: None,
                components: None,
                ttl_s: None,
            })
        });
        AccountSpec {
            account: self.id.to_owned(),
            name: self.name.to_owned(),
            legal_entity: format!("{} (fictional)", self.name),
            limit: Limit::Users(self.limit),
            limit_scope: LimitScope::Portfolio,
            disabled: false,
            app: APP.to_owned(),
            wabas: vec![WabaSpec {
                id: self.waba.to_owned(),
                currency: "USD".to_owned(),
                time_zone: self.time_zone.to_owned(),
                funding: Funding::WePay,
                senders: senders.collect(),
                templates: templates.collect(),
                markup: Vec::new(),
                location: None,
                auth_international: Vec::new(),
                sold_to: None,
            }],
            default_sender: None,
            pools: Vec::new(),
            policy: Policy { marketing_cap: 1, throughput_headroom_percent: HEADROOM_PERCENT, ..Policy::default() },
        }
    }

    /// The same account as the platform knows it.
    pub(super) fn portfolio(&self) -> PortfolioConfig {
        let templates = self.templates.iter().flat_map(|t| {
            t.languages.iter().map(|language| TemplateConfig {
                id: None,
                name: t.name.to_owned(),
                language: (*language).to_owned(),
                category: match t.category {
                    Marketing => tollgate_sandbox::Category::Marketing,
                    Authentication => tollgate_sandbox::Category::Authentication,
                    _ => tollgate_sandbox::Category::Utility,
                },
                status: match t.status {
                    Paused => tollgate_sandbox::TemplateStatus::Paused,
                    Rejected => tollgate_sandbox::TemplateStatus::Rejected,
                    _ => tollgate_sandbox::TemplateStatus::Approved,
                },
                quality_score: Rating::Unknown,
                body: BodyParameters::Positional(t.body),
                header: None,
                buttons: match t.category {
                    Authentication => vec![ButtonConfig { kind: ButtonKind::Otp, dynamic: false }],
                    _ => Vec::new(),
                },
                cards: None,
                limited_time_offer: false,
                message_send_ttl_seconds: None,
            })
        });
        PortfolioConfig {
            id: self.id.to_owned(),
            waba: self.waba.to_owned(),
            time_zone: self.time_zone.to_owned(),
            messaging_limit: MessagingLimit::Users(u64::from(self.limit)),
            limit_scope: tollgate_sandbox::LimitScope::Portfolio,
            authentication_international_prefixes: Vec::new(),
            marketing_call_only: false,
            senders: self
                .senders
                .iter()
                .map(|s| SenderConfig {
                    phone_number_id: s.id.to_owned(),
                    display_phone_number: s.display.to_owned(),
                    throughput_mps: s.throughput,
                    quality_rating: match self.quality {
                        Score::Green => Rating::Green,
                        Score::Yellow => Rating::Yellow,
                        Score::Red => Rating::Red,
                        Score::Unknown => Rating::Unknown,
                    },
                })
                .collect(),
            templates: templates.collect(),
        }
    }

    /// How many body parameters a template takes; one for a template that does not exist.
    pub(super) fn parameters(&self, name: &str) -> usize {
        self.templates.iter().find(|t| t.name == name).map_or(1, |t| t.body)
    }
}

/// Other software has filled Mexico's first band of utility messages, of each account: the platform says so with the
/// month's first message, and positions go on from there.
pub(super) fn bands() -> VolumeBandsConfig {
    VolumeBandsConfig {
        region: "Mexico".to_owned(),
        countries: vec!["MX".to_owned()],
        category: tollgate_sandbox::Category::Utility,
        starts: vec![1_000_001, 5_000_001, 10_000_001, 20_000_001, 40_000_001],
        elsewhere: 1_000_000,
    }
}

/// Campaigns with settings of their own, by account. `hour` is the present one, UTC: the brunch campaign's hours do
/// not contain it. The budget covers about half of its campaign.
pub(super) fn campaigns(recipients: u32, hour: u8) -> Vec<(&'static str, CampaignSpec)> {
    let plain = |name: &str, cost_center: &str| CampaignSpec {
        cost_center: Some(cost_center.to_owned()),
        ..CampaignSpec::named(name)
    };
    let budget = Decimal::new(i64::from(recipients) * 22, 4).round_dp(2);
    let from = if hour < 20 { hour + 2 } else { 1 };
    let hours = SendingHours { from, to: from + 2, time_zone: "UTC".to_owned() };
    vec![
        ("aurora", plain("black-friday", "MKT-1")),
        ("aurora", CampaignSpec { budget: Some(budget), ..plain("winter-sale", "MKT-2") }),
        ("aurora", CampaignSpec { paused: true, ..plain("vip-preview", "MKT-3") }),
        ("aurora", CampaignSpec { hours: Some(hours), ..plain("brunch-club", "MKT-4") }),
        ("aurora", CampaignSpec { paused: true, ..plain("gift-cards", "MKT-5") }),
        ("borealis", plain("autumn-offers", "TRAVEL")),
        ("cascade", plain("health-week", "CLINICS")),
    ]
}
