//! What finance credits by hand: written to the log like an event of the platform, and answered once the ledger has it.

use axum::http::StatusCode;
use rust_decimal::Decimal;
use tollgate_wire::event::{self, Credit, Events, PlatformEvent};

use super::closing::{END_WITHIN, LOOK_EVERY, Outcome, blocking};
use super::{Api, Query};
use crate::clock::monotonic;
use crate::gateway::books::{CreditOf, MonthOf};
use crate::gateway::problem::Problem;
use crate::gateway::reads::ViewJson;
use crate::log::{NewRecord, Topic};

/// Books a credit and waits until the ledger has it. One that is there already is answered and changes nothing.
pub(super) async fn book(api: &Api, of: MonthOf, asked: CreditOf) -> Outcome {
    if let Some(view) = look(api, &of, &asked).await? {
        return Ok(view);
    }
    let record = NewRecord::new(of.account.as_bytes().to_vec(), event(&of, &asked)?, api.clock.now().0);
    api.inbox.append(vec![(Topic::Events, record)]).await?;
    let (begun, (mut pause, longest)) = (monotonic(), LOOK_EVERY);
    loop {
        if let Some(view) = look(api, &of, &asked).await? {
            return Ok(view);
        }
        if begun.elapsed() > END_WITHIN {
            return Err(not_booked());
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(longest);
    }
}

/// The ledger has no such entry: it is late, or the engine has refused the credit by what the views did not know yet.
fn not_booked() -> Problem {
    let detail = "the ledger has not read the credit yet, or it was refused";
    let remedy = "see whether shards and ledger run and what tollgate_log_lag_seconds says, and ask again with the same \
                  id; what was refused is in GET /v1/dead-letters with the reason";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not_booked", detail).remedy(remedy).retry_after(10)
}

async fn look(api: &Api, of: &MonthOf, asked: &CreditOf) -> Result<Option<ViewJson>, Problem> {
    let (of, asked, now) = (of.clone(), asked.clone(), api.clock.now());
    blocking(api, &api.reading, move |books| books.credit(&of, &asked, now)).await
}

/// The event, as the engine will read it.
pub(super) fn event(of: &MonthOf, asked: &CreditOf) -> Result<Vec<u8>, Problem> {
    let credit = Credit {
        id: asked.id.as_str().into(),
        waba: asked.waba.as_str().into(),
        month: of.month,
        cost: asked.cost,
        price: asked.price,
        reason: asked.reason.as_str().into(),
        reference: asked.reference.as_deref().map(Into::into),
        by: asked.by.as_deref().map(Into::into),
        both: asked.both,
    };
    credit.check()?;
    let events = Events { account: of.account.as_str().into(), events: vec![PlatformEvent::Credit(credit)] };
    let value = serde_json::to_vec(&events).expect("plain data");
    event::parse(&value)?;
    Ok(value)
}

/// What is asked for.
pub(super) fn read(query: &Query, by: Option<String>) -> Result<CreditOf, Problem> {
    let required = |name: &'static str, remedy: &'static str| {
        query.get(name).map(str::to_owned).ok_or_else(|| Problem::bad_query(name, "", remedy))
    };
    let amount = |name: &'static str| match query.get(name) {
        None => Ok(Decimal::ZERO),
        Some(text) => Decimal::from_str_exact(text).map_err(|_| {
            Problem::bad_query(name, text, "write an amount such as 12.50, negative to put it on the bill")
        }),
    };
    let both = query.get("amount").is_some();
    if both && (query.get("cost").is_some() || query.get("price").is_some()) {
        return Err(Problem::bad_query("amount", "", "give amount, or cost and price"));
    }
    let (cost, price) = if both { ("amount", "amount") } else { ("cost", "price") };
    Ok(CreditOf {
        id: required("id", "add id=…, once for each credit, so that the same one is not booked twice")?,
        waba: required("waba", "add waba=…, whose bill it is")?,
        cost: amount(cost)?,
        price: amount(price)?,
        both,
        reason: required("reason", "add reason=…")?,
        reference: query.get("reference").map(str::to_owned),
        // Names of tokens are of the configuration; a long one is cut.
        by: by
            .map(|name| name.chars().filter(|sign| !sign.is_control()).take(16).collect())
            .filter(|name: &String| !name.is_empty()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waited_in_vain_hears_where_to_look() {
        let told = serde_json::to_value(not_booked()).expect("plain data");
        assert_eq!((&told["status"], &told["code"]), (&503.into(), &"not_booked".into()));
        let remedy = told["remedy"].as_str().expect("a remedy");
        assert!(remedy.contains("/v1/dead-letters"), "{remedy}");
    }
}
