//! Signing in, out, and what is not let in.

use axum::http::Method;

use super::world::World;

const ORIGIN: (&str, &str) = ("origin", "http://127.0.0.1:8080");

#[tokio::test]
async fn a_token_opens_a_session_and_signing_out_ends_it() {
    let mut world = World::of("operate").await;
    let cookie = world.cookie.clone().unwrap();
    assert!(cookie.starts_with("tollgate=") && cookie.len() == "tollgate=".len() + 64, "{cookie}");
    let first = world.get("/").await;
    assert_eq!(first.status, 200);
    assert!(first.text.contains("Role <strong>operate</strong>, all accounts"), "{}", first.text);
    assert_eq!(world.get("/console/login?next=%2Fconsole%2Fwaiting").await.header("location"), "/console/waiting");
    let out = world.post("/console/logout", &[ORIGIN], "").await;
    assert_eq!((out.status, out.header("location")), (303, "/console/login"));
    assert!(out.header("set-cookie").starts_with("tollgate=; ") && out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(world.get("/").await.status, 303, "the old cookie opens nothing");
    world.cookie = Some("tollgate=".to_owned() + &"0".repeat(64));
    assert_eq!(world.get("/").await.status, 303, "nor does a made-up one");
}

#[tokio::test]
async fn a_wrong_token_is_told_and_many_are_stopped() {
    let world = World::new();
    for token in ["wrong", "", "operate%00"] {
        let answer = world.sign_in(token).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (403, ""), "{token}");
        assert!(answer.text.contains("role=\"alert\"") && answer.text.contains("The token is not known"));
        assert!(answer.text.contains("aria-describedby=\"wrong hint\" aria-invalid=\"true\""), "{}", answer.text);
    }
    let mut stopped = 0;
    for _ in 0..40 {
        let answer = world.sign_in("wrong").await;
        stopped += usize::from(answer.status == 429);
        assert!(answer.status == 403 || answer.header("retry-after") == "5", "{}", answer.status);
    }
    assert!(stopped > 15, "{stopped}");
    assert_eq!(world.sign_in("admin").await.status, 303, "nobody keeps others out");
}

#[tokio::test]
async fn a_form_of_another_site_is_refused() {
    let world = World::of("admin").await;
    for path in ["/console/login", "/console/logout"] {
        for headers in [&[][..], &[("origin", "https://evil.example")], &[("origin", "null")]] {
            let answer = world.post(path, headers, "token=admin&next=%2F").await;
            assert_eq!((answer.status, answer.header("set-cookie")), (403, ""), "{path} {headers:?}");
            assert!(answer.text.contains("does not come from this console"));
        }
    }
    assert_eq!(world.get("/").await.status, 200, "still signed in");
    assert_eq!(world.get("/console/logout").await.status, 405, "a link signs nobody out");
}

#[tokio::test]
async fn behind_tls_the_cookie_is_secure() {
    let world = World::new();
    let headers = [("x-forwarded-proto", "https"), ("origin", "https://127.0.0.1:8080")];
    let answer = world.post("/console/login", &headers, "token=admin&next=%2Fconsole%2Fbill").await;
    let cookie = answer.header("set-cookie").to_owned();
    assert_eq!(answer.header("location"), "/console/bill");
    assert!(cookie.starts_with("__Host-tollgate=") && cookie.ends_with("; Secure"), "{cookie}");
    assert!(cookie.contains("; HttpOnly; SameSite=Strict;"), "{cookie}");
}

#[tokio::test]
async fn a_form_that_cannot_be_read_is_told() {
    let world = World::new();
    for form in ["token=a&token=b", "tokn=a", &"x".repeat(20_000), &format!("token={}", "x".repeat(2_000))] {
        assert_eq!(world.post("/console/login", &[ORIGIN], form).await.status, 400, "{}", &form[..10.min(form.len())]);
    }
}

#[tokio::test]
async fn without_tokens_this_machine_alone_is_let_in() {
    let world = World::with(Vec::new());
    let open = world.get("/console/bill").await;
    assert_eq!(open.status, 200);
    assert!(open.text.contains("No token is configured") && !open.text.contains("Sign out"), "{}", open.text);
    assert_eq!(world.get("/console/login?next=%2Fconsole%2Faccounts").await.header("location"), "/console/accounts");
    for headers in [("host", "evil.example"), ("origin", "https://evil.example")] {
        let answer = world.ask(Method::GET, "/", &[headers], String::new()).await;
        assert_eq!(answer.status, 403, "{headers:?}");
        assert!(!answer.text.contains("acme"), "{}", answer.text);
    }
}
