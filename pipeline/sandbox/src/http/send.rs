//! `POST /{version}/{phone_number_id}/messages` and `…/marketing_messages`.

use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;

use super::route::{Answer, Closed, authorized, json, read_body, refusal, with_type};
use crate::graph::accept::{Call, Manner, Verdict, accept};
use crate::graph::body::SendBody;
use crate::graph::error::PlatformError;
use crate::server::Shared;
use crate::world::OutageManner;

/// Answers a send: outage, token, body, then the verdict.
pub(crate) async fn answer(
    shared: &Shared,
    phone_number_id: &str,
    call: Call,
    request: Request<Incoming>,
) -> Result<Answer, Closed> {
    if let Some(answer) = outage(shared, true).await {
        return answer;
    }
    if !authorized(shared, &request) {
        return Ok(refused(shared, &PlatformError::new(190, "Invalid or missing access token")));
    }
    let bytes = match read_body(request).await {
        Ok(bytes) => bytes,
        Err(problem) => return Ok(refused(shared, &PlatformError::new(100, problem))),
    };
    let body: SendBody<'_> = match serde_json::from_slice(&bytes) {
        Ok(body) => body,
        Err(problem) => {
            return Ok(refused(shared, &PlatformError::new(100, problem.to_string())));
        }
    };
    let verdict = {
        let mut world = shared.world();
        // Read under the lock, so that times are counted in the order they are given.
        let now_ms = shared.clock.now_ms();
        accept(&mut world, phone_number_id, call, &body, now_ms)
    };
    match verdict {
        Verdict::Refused(error) => Ok(refusal(&error)),
        Verdict::Closed => Err(Closed),
        Verdict::Accepted { body, manner } => Ok(match manner {
            Manner::Prompt => json(200, body),
            Manner::ServerError => with_type(500, "text/plain", ""),
            Manner::Slow(pause_ms) => {
                tokio::time::sleep(Duration::from_millis(pause_ms)).await;
                json(200, body)
            }
        }),
    }
}

fn refused(shared: &Shared, error: &PlatformError) -> Answer {
    *shared.world().counters.refused.entry(error.code).or_default() += 1;
    refusal(error)
}

/// What an outage makes of a request, if there is one. A send is counted.
pub(super) async fn outage(shared: &Shared, is_send: bool) -> Option<Result<Answer, Closed>> {
    let now_ms = shared.clock.now_ms();
    let outage = {
        let mut world = shared.world();
        let outage = world.outage(now_ms)?;
        world.counters.unanswered += u64::from(is_send);
        outage
    };
    Some(match outage.manner {
        OutageManner::Unavailable => Ok(refusal(&PlatformError::new(2, "The sandbox plays an outage"))),
        OutageManner::Close => Err(Closed),
        OutageManner::Hang => {
            tokio::time::sleep(Duration::from_millis(outage.until_ms - now_ms)).await;
            Err(Closed)
        }
    })
}
