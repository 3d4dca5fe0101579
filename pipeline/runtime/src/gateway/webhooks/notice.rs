//! What the platform says of the prices of a WABA, beside what the account's entry declares: prices follow the entry, so an
//! operator must hear where the two differ.

use std::collections::BTreeMap;

use tollgate_rate_card::{AuthInternational, Category, Country, Currency, Date, RateCards, Zone};
use tollgate_wire::command::WabaSpec;
use tollgate_wire::webhook::{Notice, Told};

use crate::registry::Registry;

/// Writes what there is to declare into the log.
pub(super) fn tell(notices: &[Notice<'_>], app: &str, registry: &Registry, rates: &RateCards) {
    for Notice { waba, told } in notices {
        let place = registry.waba(waba).filter(|place| &*place.app == app);
        let entry = place.and_then(|place| registry.account(&place.account));
        let Some((entry, spec)) = entry.and_then(|e| Some((e, e.wabas.iter().find(|have| have.id == **waba)?))) else {
            let waba = &**waba;
            tracing::warn!(
                app,
                waba,
                ?told,
                "prices of a WABA that no account of this app has; apply its account first"
            );
            continue;
        };
        let (account, waba) = (&*entry.account, &*spec.id);
        match to_declare(told, spec, rates) {
            Some(detail) => tracing::warn!(
                account,
                waba,
                detail,
                "the platform charges by what the account's entry does not declare; apply it, or costs are booked wrong"
            ),
            None => tracing::info!(account, waba, "the platform says what the account's entry declares"),
        }
    }
}

/// What is told and not declared, and what to write; `None` where the entry has all of it.
fn to_declare(told: &Told, spec: &WabaSpec, rates: &RateCards) -> Option<String> {
    match told {
        Told::Location(country) => (spec.location != Some(*country)).then(|| {
            let declared = spec.location.map_or("none".to_owned(), |declared| declared.to_string());
            format!("the primary business location is {country}, declared is {declared}; set location = \"{country}\"")
        }),
        Told::AuthInternational { start_s, exceptions } => {
            let zone = Zone::new(&spec.time_zone).ok()?;
            let day = |at_s: u32| zone.local_date_at(i64::from(at_s));
            let own = exceptions.iter().map(|(country, at_s)| (*country, day(*at_s)));
            let start = day(*start_s);
            // Those that are declared begin by what is told, too; a country that the cards do not know of is not forgotten.
            let all = priced(spec, start, rates).chain(spec.auth_international.iter().map(|of| of.country));
            let mut told: BTreeMap<Country, Date> = all.map(|country| (country, start)).collect();
            told.extend(own);
            let declared = |country| spec.auth_international.iter().find(|of| of.country == country);
            // At home it is never charged.
            let differs = |(country, day): (&Country, &Date)| {
                spec.location != Some(*country) && declared(*country).is_none_or(|of| of.valid_from != *day)
            };
            if !told.is_empty() && !told.iter().any(differs) {
                return None;
            }
            Some(format!(
                "authentication-international begins on {start}, in the WABA's time zone{}; declared is {}; set \
                 auth_international = {}",
                if exceptions.is_empty() { "" } else { ", in some countries on another day" },
                match spec.auth_international.as_slice() {
                    [] => "none".to_owned(),
                    declared =>
                        listed(declared.iter().map(|AuthInternational { country, valid_from }| (*country, *valid_from))),
                },
                listed(told)
            ))
        }
    }
}

/// Countries for which the WABA's card of a day has such a rate.
fn priced(spec: &WabaSpec, day: Date, rates: &RateCards) -> impl Iterator<Item = Country> {
    let card = Currency::new(&spec.currency).and_then(|currency| rates.card_at(currency, day)).map(|id| rates.card(id));
    let has_rate = move |country: &Country| {
        let cell = rates
            .map()
            .market(*country, day)
            .and_then(|market| card?.cell(market, Category::AuthenticationInternational));
        cell.is_some_and(|cell| cell.rate().is_some())
    };
    rates.map().countries().map(|(country, _)| country).filter(has_rate)
}

/// As the account's file has it.
fn listed(starts: impl IntoIterator<Item = (Country, Date)>) -> String {
    let one = |(country, day)| format!("{{ country = \"{country}\", valid_from = \"{day}\" }}");
    format!("[{}]", starts.into_iter().map(one).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn waba(inner: &str) -> WabaSpec {
        let json = format!(r#"{{"id":"1","currency":"USD","time_zone":"America/Sao_Paulo","senders":[]{inner}}}"#);
        serde_json::from_str(&json).unwrap()
    }

    fn country(code: &str) -> Country {
        Country::new(code).unwrap()
    }

    /// 2026-11-01 01:00 UTC is 2026-10-31 in São Paulo.
    const START_S: u32 = 1_793_494_800;

    fn declaring(day: &str, but: &[(&str, &str)]) -> String {
        let rates = RateCards::embedded().unwrap();
        let spec = waba("");
        let all = priced(&spec, "2026-10-31".parse().unwrap(), &rates);
        let own = |country: Country| but.iter().find(|(code, _)| country.to_string() == *code).map(|(_, day)| *day);
        let one = |country| format!(r#"{{"country":"{country}","valid_from":"{}"}}"#, own(country).unwrap_or(day));
        format!(r#","auth_international":[{}]"#, all.map(one).collect::<Vec<_>>().join(","))
    }

    #[test]
    fn a_start_is_told_until_the_entry_declares_it() {
        let rates = RateCards::embedded().unwrap();
        let told = Told::AuthInternational { start_s: START_S, exceptions: BTreeMap::new() };
        let of = |inner: &str| to_declare(&told, &waba(inner), &rates);
        let nothing = of("").unwrap();
        let begins = "authentication-international begins on 2026-10-31, in the WABA's time zone; declared is none; set \
                      auth_international = [{ country = \"AE\", valid_from = \"2026-10-31\" }, ";
        assert!(nothing.starts_with(begins) && nothing.contains("\"IN\""), "{nothing}");
        assert!(!nothing.contains("\"BR\""), "Brazil has no such rate: {nothing}");
        assert_eq!(of(&declaring("2026-10-31", &[])), None);
        let later = of(&declaring("2026-10-31", &[("IN", "2026-11-01")])).unwrap();
        assert!(later.contains("declared is [{") && later.contains("\"IN\", valid_from = \"2026-11-01\" }"), "{later}");
        // At home it is never charged, whatever is declared.
        let at_home = format!(r#"{},"location":"IN""#, declaring("2026-10-31", &[("IN", "2026-11-01")]));
        assert_eq!(of(&at_home), None);
        let unknown = of(r#","auth_international":[{"country":"BR","valid_from":"2026-01-01"}]"#).unwrap();
        assert!(unknown.contains("{ country = \"BR\", valid_from = \"2026-10-31\" }"), "{unknown}");
    }

    #[test]
    fn a_country_may_have_a_start_of_its_own() {
        let rates = RateCards::embedded().unwrap();
        let exceptions = BTreeMap::from([(country("IN"), START_S + 30 * 86_400)]);
        let told = Told::AuthInternational { start_s: START_S, exceptions };
        let of = |inner: &str| to_declare(&told, &waba(inner), &rates);
        assert_eq!(of(&declaring("2026-10-31", &[("IN", "2026-11-30")])), None);
        let same = of(&declaring("2026-10-31", &[])).unwrap();
        assert!(same.contains(", in some countries on another day;"), "{same}");
        assert!(same.ends_with("]") && same.contains("\"IN\", valid_from = \"2026-11-30\" }"), "{same}");
    }

    #[test]
    fn a_location_is_told_until_the_entry_declares_it() {
        let rates = RateCards::embedded().unwrap();
        let of = |inner: &str| to_declare(&Told::Location(country("BR")), &waba(inner), &rates);
        assert_eq!(of(r#","location":"BR""#), None);
        let none = "the primary business location is BR, declared is none; set location = \"BR\"";
        assert_eq!(of("").unwrap(), none);
        assert_eq!(of(r#","location":"PT""#).unwrap(), none.replace("none", "PT"));
    }
}
