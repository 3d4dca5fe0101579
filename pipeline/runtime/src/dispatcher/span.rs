//! One send call as a trace shows it: a request of HTTP below the decision that ordered it.

use tollgate_wire::event::AttemptResult;
use tollgate_wire::order::Callback;

use super::call::outcome;
use crate::graph::Target;
use crate::traces::{Ended, Kind, attribute};

/// The paths of all calls, with what differs left open.
const TEMPLATE: &str = "/{version}/{sender}/messages";
const MARKETING_TEMPLATE: &str = "/{version}/{sender}/marketing_messages";

/// A call that has ended.
pub(super) struct Called<'a> {
    pub(super) account: &'a str,
    pub(super) callback: Callback,
    pub(super) priority: bool,
    /// By the call for marketing templates.
    pub(super) marketing: bool,
    pub(super) target: &'a Target,
    pub(super) result: &'a AttemptResult<'static>,
    pub(super) status: Option<u16>,
}

/// Neither the body nor the platform's own words: both may name a recipient.
pub(super) fn of(called: &Called<'_>) -> Ended {
    let uri = called.target.uri(called.marketing);
    let template = if called.marketing { MARKETING_TEMPLATE } else { TEMPLATE };
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("http") { 80 } else { 443 });
    let mut attributes = vec![
        attribute("http.request.method", "POST"),
        attribute("url.full", uri.to_string()),
        attribute("url.template", template),
        attribute("server.address", uri.host().unwrap_or_default().to_owned()),
        attribute("server.port", i64::from(port)),
        attribute("tollgate.account", called.account.to_owned()),
        attribute("tollgate.message_uid", called.callback.message_uid as i64),
        attribute("tollgate.attempt", i64::from(called.callback.attempt)),
        attribute("tollgate.lane", if called.priority { "priority" } else { "bulk" }),
        attribute("tollgate.result", outcome(called.result).as_str()),
    ];
    attributes.extend(called.status.map(|status| attribute("http.response.status_code", i64::from(status))));
    let why = match called.result {
        AttemptResult::Accepted { .. } => None,
        AttemptResult::Rejected { code, .. } => {
            attributes.push(attribute("tollgate.platform_code", i64::from(*code)));
            Some("rejected")
        }
        AttemptResult::NotSent { reason } => Some(reason.as_str()),
        AttemptResult::InDoubt => Some("in_doubt"),
    };
    // An answer that is an error of HTTP is told by its status, as the conventions ask.
    let status = called.status.filter(|status| *status >= 400).map(|status| status.to_string().into());
    let error = why.map(|why| status.unwrap_or(why.into()));
    Ended { name: format!("POST {template}").into(), kind: Kind::Client, attributes, error, ..Ended::default() }
}
