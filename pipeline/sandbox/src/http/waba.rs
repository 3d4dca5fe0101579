//! `GET /{version}/{waba}?fields=…`.

use hyper::Request;
use hyper::body::Incoming;

use super::route::{Answer, Closed, authorized, json, refusal};
use super::send::outage;
use crate::graph::analytics;
use crate::graph::error::PlatformError;
use crate::graph::fields::Fields;
use crate::server::Shared;

/// Answers a question: outage, token, WABA, fields. Questions are no sends, so none is counted as one.
pub(crate) async fn answer(shared: &Shared, waba: &str, request: Request<Incoming>) -> Result<Answer, Closed> {
    if let Some(answer) = outage(shared, false).await {
        return answer;
    }
    if !authorized(shared, &request) {
        return Ok(refusal(&PlatformError::new(190, "Invalid or missing access token")));
    }
    let fields = match Fields::of(request.uri().query().unwrap_or_default()) {
        Ok(fields) => fields,
        Err(error) => return Ok(refusal(&error)),
    };
    let body = {
        let world = shared.world();
        let portfolio = world.portfolios.iter().position(|portfolio| portfolio.waba == waba);
        portfolio.map(|portfolio| analytics::answer(&world, portfolio, &fields))
    };
    Ok(body.map_or_else(|| refusal(&PlatformError::unknown_object("get", waba)), |body| json(200, body)))
}
