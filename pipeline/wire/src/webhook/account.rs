//! Numbers and accounts: limits in every spelling, throughput, quality, restrictions.

use super::envelope::{Eligibility, Exception, Scalar, Value, VolumeTier};
use super::{Out, Told};
use crate::event::{BandReached, PlatformEvent, SenderChange};
use tollgate_quality::{Limit, Score};
use tollgate_rate_card::{Category, Country};

/// Messages a second after a `THROUGHPUT_UPGRADE`.
const UPGRADED_THROUGHPUT: u32 = 1000;

/// `phone_number_quality_update`: the number's own limit (older rule), the portfolio's, and events.
pub(super) fn phone_number<'a>(value: Value<'a>, out: &mut Out<'a>) {
    let number_limit = value.current_limit.as_ref().and_then(limit);
    let portfolio_limit = value.max_daily_conversations_per_business.as_ref().and_then(limit);
    let (quality, throughput) = match value.event.as_deref() {
        // The events of the older rule: flagged for low quality, or medium at least again.
        Some("FLAGGED") => (Some(Score::Red), None),
        Some("UNFLAGGED") => (Some(Score::Yellow), None),
        Some("THROUGHPUT_UPGRADE") => (None, Some(UPGRADED_THROUGHPUT)),
        _ => (None, None),
    };
    if quality.is_some() || throughput.is_some() || number_limit.is_some() {
        match value.display_phone_number.and_then(Scalar::text) {
            Some(sender) => {
                let change = SenderChange { sender, quality, throughput, limit: number_limit };
                out.event(None, PlatformEvent::Sender(change));
            }
            None => out.malformed(),
        }
    } else if portfolio_limit.is_none() {
        out.form("phone_number_unchanged");
    }
    if let Some(limit) = portfolio_limit {
        out.event(None, PlatformEvent::Limit { limit });
    }
}

/// `business_capability_update`: the portfolio's limit, or each number's by the older rule.
pub(super) fn capability<'a>(value: &Value<'a>, out: &mut Out<'a>) {
    let portfolio = value.max_daily_conversations_per_business.as_ref();
    let number = value.max_daily_conversation_per_phone.as_ref();
    match (portfolio.and_then(limit)).or(number.and_then(limit)) {
        Some(limit) => out.event(None, PlatformEvent::Limit { limit }),
        None => out.form("capability_without_limit"),
    }
}

/// `-1`, `2000`, `"2000"`, `"TIER_2K"`, `"TIER_UNLIMITED"`; none for `TIER_NOT_SET`.
fn limit(value: &Scalar<'_>) -> Option<Limit> {
    match value {
        Scalar::Text(text) => text.parse().ok(),
        Scalar::Int(number) => Limit::try_from(*number).ok(),
        Scalar::Other => None,
    }
}

/// `account_update`: what stops or restores sending, volume bands that are reached, and what to declare of prices. Everything else is counted.
pub(super) fn update<'a>(value: &Value<'a>, out: &mut Out<'a>) {
    let disabled = match value.event.as_deref() {
        Some("DISABLED_UPDATE") => match value.ban_info.as_ref().and_then(|b| b.waba_ban_state.as_deref()) {
            Some("REINSTATE") => false,
            Some("SCHEDULE_FOR_DISABLE") => return out.form("account_disable_scheduled"),
            _ => true,
        },
        Some("ACCOUNT_RESTRICTION") => {
            if !restricts_sending(value) {
                return out.form("account_restriction_other");
            }
            true
        }
        Some("ACCOUNT_DELETED" | "ACCOUNT_OFFBOARDED") => true,
        Some("ACCOUNT_RECONNECTED") => false,
        Some("VOLUME_BASED_PRICING_TIER_UPDATE") => {
            match value.volume_tier_info.as_ref().and_then(band_reached) {
                Some(reached) => out.event(None, PlatformEvent::BandReached(reached)),
                None => out.malformed(),
            }
            return;
        }
        Some("AUTH_INTL_PRICE_ELIGIBILITY_UPDATE") => {
            match value.auth_international_rate_eligibility.as_ref().and_then(auth_international) {
                Some(told) => out.notice("auth_international_start", told),
                None => out.malformed(),
            }
            return;
        }
        Some("BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE") => {
            match value.country.as_deref().and_then(Country::new) {
                Some(country) => out.notice("primary_business_location", Told::Location(country)),
                None => out.malformed(),
            }
            return;
        }
        Some("ACCOUNT_VIOLATION") => return out.form("account_violation"),
        Some(_) => return out.word("account_other"),
        None => return out.malformed(),
    };
    out.event(None, PlatformEvent::AccountState { disabled });
}

/// A band by its first message: `25000001:50000000`, or `LOW:MAX`; the first band is written from 0 on.
fn band_reached<'a>(tier: &VolumeTier<'a>) -> Option<BandReached<'a>> {
    let (low, _) = tier.tier.as_ref()?.split_once(':')?;
    Some(BandReached {
        region: tier.region.clone().filter(|region| !region.is_empty())?,
        category: Category::parse(&tier.pricing_category.as_ref()?.to_ascii_lowercase().replace('-', "_"))?,
        month: tier.effective_month.as_ref()?.parse().ok()?,
        first: low.trim().parse::<u64>().ok()?.max(1),
        at_s: tier.tier_update_time.as_ref()?.u32()?,
    })
}

/// All of it or nothing: a country less would look as if it began with the others.
fn auth_international(of: &Eligibility<'_>) -> Option<Told> {
    let exception =
        |e: &Exception<'_>| Some((Country::new(e.country_code.as_deref()?)?, e.start_time.as_ref()?.u32()?));
    let exceptions = of.exception_countries.iter().flatten().map(exception).collect::<Option<_>>()?;
    Some(Told::AuthInternational { start_s: of.start_time.as_ref()?.u32()?, exceptions })
}

/// A restriction that names only other actions, such as adding numbers, does not stop sending.
fn restricts_sending(value: &Value<'_>) -> bool {
    let restrictions = value.restriction_info.as_deref().unwrap_or_default();
    restrictions.is_empty()
        || restrictions.iter().any(|r| {
            r.restriction_type
                .as_deref()
                .is_none_or(|kind| kind.contains("BIZ_INITIATED") || kind.contains("CUSTOMER_INITIATED"))
        })
}
