//! Every route against every role, and the account scope.

use hyper::Method;
use serde_json::json;

use super::world::{World, account, request};

/// Method, path, which roles may; the path's account is `acme`.
const ROUTES: &str = "
    POST   /v1/messages                                  enqueue                 admin
    POST   /v1/messages:batch                            enqueue                 admin
    GET    /v1/messages/acme/m1                          enqueue         operate admin
    GET    /v1/campaigns/acme                            enqueue finance operate admin
    POST   /v1/campaigns/acme                                            operate admin
    GET    /v1/campaigns/acme/spring                     enqueue finance operate admin
    POST   /v1/campaigns/acme/spring                                     operate admin
    POST   /v1/campaigns/acme/spring:start                               operate admin
    POST   /v1/campaigns/acme/spring:pause                               operate admin
    POST   /v1/campaigns/acme/spring:resume                              operate admin
    POST   /v1/campaigns/acme/spring:cancel                              operate admin
    PUT    /v1/contacts/acme/+5511987654321/consents     enqueue         operate admin
    DELETE /v1/contacts/acme/+5511987654321/consents     enqueue         operate admin
    GET    /v1/contacts/acme/+5511987654321/consents     enqueue         operate admin
    POST   /v1/consents:batch                            enqueue         operate admin
    PUT    /v1/accounts/acme                                                     admin
    GET    /v1/accounts/acme                                     finance operate admin
    GET    /v1/outcomes?account=acme&wait=0              enqueue         operate admin
    GET    /v1/billing/2026-10.csv?account=acme                  finance         admin
    GET    /v1/billing/2026-10/state?account=acme                finance         admin
    POST   /v1/billing/2026-10:settle?account=acme               finance         admin
    POST   /v1/billing/2026-10:correct?account=acme              finance         admin
    POST   /v1/billing/2026-10:close?account=acme&allow=unverified finance       admin
    GET    /v1/lots/acme                                 enqueue finance operate admin
    GET    /v1/senders/acme                              enqueue finance operate admin
";

fn body(method: &Method, path: &str) -> String {
    match (method.as_str(), path) {
        ("POST", "/v1/messages" | "/v1/messages:batch") => request("m1", "utility").to_string(),
        ("POST", "/v1/campaigns/acme" | "/v1/campaigns/acme/spring") => json!({ "name": "spring" }).to_string(),
        ("PUT", path) if path.ends_with("/consents") => json!({ "category": "marketing", "source": "web" }).to_string(),
        ("POST", "/v1/consents:batch") => {
            json!({ "account": "acme", "to": "+5511987654321", "state": "opt_in" }).to_string()
        }
        ("PUT", "/v1/accounts/acme") => account("acme", "default", "100", "200").to_string(),
        _ => String::new(),
    }
}

fn routes() -> impl Iterator<Item = (Method, &'static str, Vec<&'static str>)> {
    ROUTES.lines().map(str::trim).filter(|line| !line.is_empty()).map(|line| {
        let mut words = line.split_whitespace();
        let method = words.next().unwrap().parse().unwrap();
        (method, words.next().unwrap(), words.collect())
    })
}

#[tokio::test]
async fn every_route_admits_its_roles_and_no_other() {
    let world = World::new().await;
    for (method, path, roles) in routes() {
        for role in ["enqueue", "finance", "operate", "admin"] {
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
    for (method, path, _) in routes() {
        for token in ["", "wrong", "admin "] {
            let answer = world.api(token, method.clone(), path, body(&method, path)).await;
            let expected = if token == "admin " { 200..300 } else { 401..402 };
            assert!(expected.contains(&answer.status.as_u16()), "{method} {path} {token:?}: {}", answer.status);
            if answer.status == 401 {
                assert_eq!(answer.header("www-authenticate"), "Bearer");
            }
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
