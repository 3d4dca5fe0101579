//! `/sandbox/…`: the paths for tests and people.

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::{Method, Request, Uri};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::route::{Answer, json as json_answer, read_body, with_type};
use crate::server::Shared;
use crate::world::control::ControlError;

/// Answers a control request; `name` is the path after `/sandbox/`.
pub(crate) async fn answer(shared: &Shared, name: &str, request: Request<Incoming>) -> Answer {
    let method = request.method().clone();
    let uri = request.uri().clone();
    match (method, name) {
        (Method::GET, "stats") => {
            let now_ms = shared.clock.now_ms();
            let stats = shared.world().snapshot(now_ms);
            let body = serde_json::to_vec(&stats).expect("strings and numbers always serialise");
            json_answer(200, body)
        }
        (Method::GET, "journal") => journal(shared, &uri),
        (Method::POST, "inbound" | "templates/status" | "quality" | "outage" | "errors") => {
            match read_body(request).await {
                Ok(body) => order(shared, name, &body),
                Err(problem) => problem_answer(400, &problem),
            }
        }
        _ => problem_answer(404, "no such control path or method; the README lists them"),
    }
}

fn order(shared: &Shared, name: &str, body: &Bytes) -> Answer {
    let now_ms = shared.clock.now_ms();
    let mut world = shared.world();
    let result = match name {
        "inbound" => parse(body).and_then(|order| {
            world.order_inbound(order, now_ms).map(|id| match id {
                Some(id) => json!({ "id": id }),
                None => json!({}),
            })
        }),
        "templates/status" => parse(body).and_then(|order| world.order_template(&order, now_ms)).map(|()| json!({})),
        "quality" => parse(body).and_then(|order| world.order_quality(&order)).map(|()| json!({})),
        "errors" => parse(body).and_then(|order| world.order_error(&order, now_ms)).map(|()| json!({})),
        _ => parse(body).and_then(|order| world.order_outage(&order, now_ms)).map(|()| json!({})),
    };
    match result {
        Ok(value) => json_answer(200, value.to_string()),
        Err(ControlError::Unknown(problem)) => problem_answer(404, &problem),
        Err(ControlError::Invalid(problem)) => problem_answer(400, &problem),
    }
}

fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, ControlError> {
    serde_json::from_slice(body).map_err(|error| ControlError::Invalid(error.to_string()))
}

/// The journal in memory from line `?after=N` on; `x-next` is the N for the next call.
fn journal(shared: &Shared, uri: &Uri) -> Answer {
    let after =
        uri.query().unwrap_or("").split('&').find_map(|pair| pair.strip_prefix("after=")).map_or(Ok(0), str::parse);
    let Ok(after) = after else {
        return problem_answer(400, "after: give a line number");
    };
    let Some((text, next)) = shared.world().journal.read(after) else {
        return problem_answer(404, "the journal is off: set journal.memory_max_lines");
    };
    let mut answer = with_type(200, "application/x-ndjson", text);
    answer.headers_mut().insert("x-next", next.into());
    answer
}

fn problem_answer(status: u16, problem: &str) -> Answer {
    json_answer(status, json!({ "error": problem }).to_string())
}
