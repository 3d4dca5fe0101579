//! Every route against every role, and the account scope.

use hyper::Method;
use serde_json::json;

use super::world::{World, account, request};
use crate::gateway::api;

/// Method, path, which roles may; the path's account is `acme`.
const ROUTES: &str = "
    POST   /v1/messages                                  enqueue                 admin
    POST   /v1/messages:batch                            enqueue                 admin
    GET    /v1/messages/acme/m1                          enqueue         operate admin
    GET    /v1/campaigns/acme                            enqueue finance operate admin
    POST   /v1/campaigns/acme                                            operate admin
    GET    /v1/campaigns/acme/spring                     enqueue finance operate admin
    GET    /v1/campaigns/acme/spring/report              enqueue finance operate admin
    GET    /v1/campaigns/acme/spring/test-recipients     enqueue         operate admin
    POST   /v1/campaigns/acme/spring                                     operate admin
    POST   /v1/campaigns/acme/spring:start                               operate admin
    POST   /v1/campaigns/acme/spring:test                                operate admin
    POST   /v1/campaigns/acme/spring:pause                               operate admin
    POST   /v1/campaigns/acme/spring:resume                              operate admin
    POST   /v1/campaigns/acme/spring:cancel                              operate admin
    PUT    /v1/contacts/acme/+5511987654321/consents     enqueue         operate admin
    DELETE /v1/contacts/acme/+5511987654321/consents     enqueue         operate admin
    GET    /v1/contacts/acme/+5511987654321/consents     enqueue         operate admin
    GET    /v1/contacts/acme/+5511987654321                                      admin
    DELETE /v1/contacts/acme/+5511987654321                                      admin
    PUT    /v1/contacts/acme/+5511987654321/suppression  enqueue         operate admin
    DELETE /v1/contacts/acme/+5511987654321/suppression                  operate admin
    GET    /v1/suppressions/acme                         enqueue         operate admin
    POST   /v1/consents:batch                            enqueue         operate admin
    PUT    /v1/accounts/acme                                                     admin
    GET    /v1/accounts/acme                                     finance operate admin
    GET    /v1/outcomes?account=acme&wait=0              enqueue         operate admin
    GET    /v1/billing/2026-10.csv?account=acme                  finance         admin
    GET    /v1/billing/2026-10/state?account=acme                finance         admin
    POST   /v1/billing/2026-10:settle?account=acme               finance         admin
    POST   /v1/billing/2026-10:correct?account=acme              finance         admin
    POST   /v1/billing/2026-10:close?account=acme&allow=unverified finance       admin
    POST   /v1/billing/2026-10:invoice?account=acme&invoice=R-7  finance         admin
    POST   /v1/billing/2026-10:credit?account=acme&waba=w1&id=C-1&price=1&reason=x  finance         admin
    GET    /v1/ledger/acme/e1                                    finance         admin
    GET    /v1/lots/acme                                 enqueue finance operate admin
    GET    /v1/windows/acme                              enqueue finance operate admin
    GET    /v1/windows/acme?contacts=true                enqueue         operate admin
    GET    /v1/senders/acme                              enqueue finance operate admin
    GET    /v1/senders/acme/history                      enqueue finance operate admin
    GET    /v1/templates/acme                            enqueue finance operate admin
    POST   /v1/templates/acme:sync                                       operate admin
    GET    /v1/accounts                                  enqueue finance operate admin
";

/// Method, path, which roles may; only with a token for all accounts.
const OF_ALL_ACCOUNTS: &str = "
    GET    /v1/dead-letters                                              operate admin
    GET    /v1/dead-letters/7                                            operate admin
    GET    /v1/dead-letters/7?bytes=true                                         admin
    POST   /v1/dead-letters:replay                                               admin
";

const ROLES: [&str; 4] = ["enqueue", "finance", "operate", "admin"];

fn body(method: &Method, path: &str) -> String {
    match (method.as_str(), path) {
        ("POST", "/v1/messages" | "/v1/messages:batch") => request("m1", "utility").to_string(),
        ("POST", "/v1/campaigns/acme" | "/v1/campaigns/acme/spring") => json!({ "name": "spring" }).to_string(),
        ("PUT", path) if path.ends_with("/consents") => json!({ "category": "marketing", "source": "web" }).to_string(),
        ("PUT", path) if path.ends_with("/suppression") => json!({ "source": "complaint" }).to_string(),
        ("POST", "/v1/consents:batch") => {
            json!({ "account": "acme", "to": "+5511987654321", "state": "opt_in" }).to_string()
        }
        ("POST", "/v1/dead-letters:replay") => json!({ "offsets": [1] }).to_string(),
        ("PUT", "/v1/accounts/acme") => account("acme", "default", "100", "200").to_string(),
        _ => String::new(),
    }
}

fn routes(table: &'static str) -> impl Iterator<Item = (Method, &'static str, Vec<&'static str>)> {
    table.lines().map(str::trim).filter(|line| !line.is_empty()).map(|line| {
        let mut words = line.split_whitespace();
        let method = words.next().unwrap().parse().unwrap();
        (method, words.next().unwrap(), words.collect())
    })
}

/// Whether a path is one of a route, whose `{names}` stand for anything.
fn is_of(path: &str, route: &str) -> bool {
    let (path, _) = path.split_once('?').unwrap_or((path, ""));
    let (path, route): (Vec<&str>, Vec<&str>) = (path.split('/').collect(), route.split('/').collect());
    path.len() == route.len() && path.iter().zip(route).all(|(step, of)| of.starts_with('{') || *step == of)
}

#[test]
fn every_route_has_a_row() {
    let rows: Vec<_> = routes(ROUTES).chain(routes(OF_ALL_ACCOUNTS)).collect();
    for (method, route) in api::ROUTES {
        let has_row = rows.iter().any(|(of, path, _)| of.as_str().eq_ignore_ascii_case(method) && is_of(path, route));
        assert!(has_row, "{method} {route} is in no table; add who may");
    }
    assert!(is_of("/v1/billing/2026-10:close?account=acme", "/v1/billing/{file}") && !is_of("/v1/a", "/v1/a/{b}"));
}

#[tokio::test]
async fn what_is_of_all_accounts_needs_a_role_and_a_token_for_all() {
    let world = World::new().await;
    for (method, path, roles) in routes(OF_ALL_ACCOUNTS) {
        for role in ROLES {
            let of_one = world.api(role, method.clone(), path, body(&method, path)).await;
            assert_eq!((of_one.status.as_u16(), &of_one.json()["code"]), (403, &json!("forbidden")), "{method} {path}");
            let of_all = world.api(&format!("{role} of all"), method.clone(), path, body(&method, path)).await;
            let case = format!("{method} {path} as {role} of all: {} {}", of_all.status, of_all.text);
            assert_eq!(of_all.status.as_u16(), if roles.contains(&role) { 200 } else { 403 }, "{case}");
        }
        for token in ["", "wrong"] {
            assert_eq!(
                world.api(token, method.clone(), path, body(&method, path)).await.status,
                401,
                "{method} {path}"
            );
        }
    }
}

#[tokio::test]
async fn a_list_of_accounts_has_those_of_the_token() {
    let world = World::new().await;
    for (token, accounts) in [("admin", 1), ("everything", 2)] {
        let list = world.api(token, Method::GET, "/v1/accounts", "").await.json();
        assert_eq!(list["items"].as_array().unwrap().len(), accounts, "{token}: {list}");
    }
}

#[tokio::test]
async fn every_route_admits_its_roles_and_no_other() {
    let world = World::new().await;
    for (method, path, roles) in routes(ROUTES) {
        for role in ROLES {
            let answer = world.api(role, method.clone(), path, body(&method, path)).await;
            let case = format!("{method} {path} as {role}: {} {}", answer.status, answer.text);
            if roles.contains(&role) {
                assert!(answer.status.is_success(), "{case}");
            } else {
                assert_eq!(answer.status, 403, "{case}");
                assert_eq!(answer.json()["code"], "forbidden");
            }
        }
    }
}

#[tokio::test]
async fn no_route_without_a_known_token_and_none_for_another_account() {
    let world = World::new().await;
    for (method, path, _) in routes(ROUTES) {
        for token in ["", "wrong", "admin "] {
            let answer = world.api(token, method.clone(), path, body(&method, path)).await;
            let expected = if token == "admin " { 200..300 } else { 401..402 };
            assert!(expected.contains(&answer.status.as_u16()), "{method} {path} {token:?}: {}", answer.status);
            if answer.status == 401 {
                assert_eq!(answer.header("www-authenticate"), "Bearer");
            }
        }
        if path == "/v1/accounts" {
            continue;
        }
        let foreign = path.replace("acme", "other");
        let foreign_body = body(&method, path).replace("acme", "other");
        let answer = world.api("admin", method.clone(), &foreign, foreign_body).await;
        if path.ends_with(":batch") {
            assert_eq!(answer.json()["results"][0]["error"]["code"], "forbidden");
        } else {
            assert_eq!(answer.status, 403, "{method} {foreign}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn a_bill_of_all_accounts_needs_a_token_for_all() {
    let world = World::new().await;
    let some = world.api("finance", Method::GET, "/v1/billing/2026-10.csv", "").await;
    assert_eq!((some.status.as_u16(), some.json()["code"].as_str()), (403, Some("forbidden")));
    assert!(world.api("everything", Method::GET, "/v1/billing/2026-10.csv", "").await.status.is_success());
}
