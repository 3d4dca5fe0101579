//! Questions about a WABA: `GET /{version}/{waba}?fields=…`, `…/message_templates` and `…/phone_numbers`.

use hyper::Request;
use hyper::body::Incoming;

use super::route::{Answer, Closed, authorized, json, refusal};
use super::send::outage;
use crate::graph::error::PlatformError;
use crate::graph::fields::Fields;
use crate::graph::listing::Listing;
use crate::graph::{analytics, numbers, templates};
use crate::server::Shared;
use crate::world::World;

/// What is asked of a WABA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edge {
    /// The WABA itself.
    Itself,
    /// Its templates.
    Templates,
    /// Its numbers.
    Numbers,
}

/// Answers a question: outage, token, WABA, errors on order, the hourly limit, fields. Questions are no sends, so none is
/// counted as one.
pub(crate) async fn answer(
    shared: &Shared,
    graph_major: u32,
    waba: &str,
    edge: Edge,
    request: Request<Incoming>,
) -> Result<Answer, Closed> {
    if let Some(answer) = outage(shared, false).await {
        return answer;
    }
    if !authorized(shared, &request) {
        return Ok(refusal(&PlatformError::new(190, "Invalid or missing access token")));
    }
    let now_ms = shared.clock.now_ms();
    let path = request.uri().path();
    let host = request.headers().get(hyper::header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let here = format!("http://{host}{path}");
    let query = request.uri().query().unwrap_or_default();
    let body = asked(&mut shared.world(), graph_major, waba, edge, query, &here, now_ms);
    Ok(body.map_or_else(|error| refusal(&error), |body| json(200, body)))
}

fn asked(
    world: &mut World,
    graph_major: u32,
    waba: &str,
    edge: Edge,
    query: &str,
    here: &str,
    now_ms: u64,
) -> Result<Vec<u8>, PlatformError> {
    let Some(index) = world.portfolios.iter().position(|portfolio| portfolio.waba == waba) else {
        return Err(PlatformError::unknown_object("get", waba));
    };
    world.ordered_answer(now_ms).map_or(Ok(()), Err)?;
    let limit = world.config.limits.management_calls_per_hour;
    world.portfolios[index].questions.take(limit, now_ms).map_err(|seconds| {
        let mut error = PlatformError::new(80_008, "Too many calls to this WhatsApp Business account in the past hour");
        error.retry_after_s = Some(seconds);
        error
    })?;
    let world = &*world;
    let page = match edge {
        Edge::Itself => return Ok(analytics::answer(world, index, &Fields::of(query)?)),
        Edge::Templates => {
            let listing = Listing::of(query, templates::DEFAULT, templates::KNOWN)?;
            listing.page(world.portfolios[index].templates.listed(), templates::template, here)
        }
        Edge::Numbers => {
            let listing = Listing::of(query, numbers::DEFAULT, &numbers::known(graph_major))?;
            let of_waba = world.senders.iter().filter(|sender| sender.portfolio == index);
            listing.page(of_waba, |sender| numbers::number(world, sender), here)
        }
    };
    Ok(page.to_string().into_bytes())
}
