//! What stands on the pages: everything escaped, numbers masked, times told, faults as pages.

use std::sync::atomic::Ordering;

use super::world::{DISPLAY, HOSTILE, World};
use crate::gateway::BillingQuery;

const ALL: [&str; 12] = [
    "/",
    "/?account=acme",
    "/console/accounts",
    "/console/account?account=acme",
    "/console/account?account=empty",
    "/console/campaigns",
    "/console/campaigns?account=acme",
    "/console/waiting",
    "/console/bill",
    "/console/bill?account=acme&month=2026-10",
    "/console/message",
    "/console/message?account=acme&id=m1",
];

fn campaign_address() -> String {
    super::super::parts::link("/console/campaign", &[("account", "acme"), ("name", HOSTILE)])
}

#[tokio::test]
async fn whatever_people_write_stays_text() {
    let world = World::of("admin").await;
    let mut hostile = ALL.map(str::to_owned).to_vec();
    hostile.push(campaign_address());
    let query = super::super::parts::link("", &[("account", HOSTILE), ("id", HOSTILE)]);
    for page in ["/console/message", "/console/account", "/console/login"] {
        hostile.push(format!("{page}{query}"));
    }
    let mut carried = 0;
    for page in hostile {
        let answer = world.get(&page).await;
        for raw in ["<img", "<script", "onerror=alert(1)>"] {
            assert!(!answer.text.contains(raw), "{page}: {}", answer.text);
        }
        carried += usize::from(answer.text.contains("&lt;img src=x onerror=alert(1)&gt;"));
    }
    assert!(carried >= 8, "{carried} pages show it");
}

#[tokio::test]
async fn every_answer_keeps_others_out() {
    let world = World::of("admin").await;
    let others = ["/console/nowhere", "/console/style.css", "/console/bill.csv?month=2026-11", "/console/bill?month=x"];
    for page in ALL.into_iter().chain(others) {
        let answer = world.get(page).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'self';"), "{page}: {policy}");
        assert!(
            policy.contains("form-action 'self'")
                && policy.contains("frame-ancestors 'none'")
                && !policy.contains("unsafe")
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{page}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{page}");
        let kept = if page.ends_with(".css") { "max-age=300" } else { "no-store" };
        assert_eq!(answer.header("cache-control"), kept, "{page}");
        assert!(!answer.text.contains("style=\"") && !answer.text.contains("://"), "{page} is whole in itself");
    }
}

#[tokio::test]
async fn overviews_show_the_end_of_a_number_and_the_story_shows_it_whole() {
    let world = World::of("admin").await;
    for page in ALL {
        let text = world.get(page).await.text;
        let whole = text.contains(DISPLAY) || text.contains("98765");
        assert_eq!(whole, page.contains("id=m1"), "{page}: {text}");
    }
    assert!(world.get("/console/account?account=acme").await.text.contains("…4321"));
}

#[tokio::test]
async fn a_page_says_what_it_is_asked_for() {
    let world = World::of("admin").await;
    for (page, told) in [
        ("/", "<dd id=\"requests\">3,300</dd>"),
        ("/?account=acme", "<dd id=\"delivered\">59 (5.3 %)</dd>"),
        ("/", "at least 12"),
        ("/", "at least 5"),
        ("/", "21 requests repeated an id"),
        ("/", "template paused"),
        ("/console/accounts", "1,500 of 2,000 (75.0 %)"),
        ("/console/accounts", "2026-11-18 11:07:40 UTC"),
        ("/console/accounts", "1 YELLOW, 1 paced"),
        ("/console/accounts", "nothing is known yet"),
        ("/console/account?account=acme", "20 now, 80 reported"),
        ("/console/account?account=acme", "2026-11-18 11:06:45 UTC"),
        ("/console/campaigns", "59.0 % done"),
        ("/console/campaigns", "20.50 USD"),
        (campaign_address().as_str(), "about <time datetime=\"2026-11-18T13:06:40.000Z\">"),
        (campaign_address().as_str(), "100.00 USD, 25.5 % spent or reserved"),
        ("/console/waiting", "82"),
        ("/console/bill", "<dd id=\"cost\">2.50 USD</dd>"),
        ("/console/bill", "−2"),
        ("/console/bill?account=acme", "<dd id=\"cost\">0.6251 USD</dd>"),
        ("/console/bill?account=acme", "/console/bill.csv?month=2026-11&amp;account=acme"),
        ("/console/message?account=acme&id=m1", "<h2>Moves</h2><pre tabindex=\"0\">  none\n</pre>"),
        ("/console/message?account=acme&id=m2", "There is no such message."),
        ("/console/message?id=m1", "Name the account too."),
    ] {
        let text = world.get(page).await.text;
        assert!(text.contains(told), "{page} has no {told}:\n{text}");
        assert!(
            text.contains("As of <time datetime=\"2026-11-18T11:06:40.000Z\">2026-11-18 11:06:40 UTC</time>"),
            "{page}"
        );
    }
}

#[tokio::test]
async fn what_cannot_be_meant_is_a_page_and_no_fault() {
    let world = World::of("admin").await;
    let long = format!("/console/message?account=acme&id={}", "x".repeat(2_000));
    for (page, status, told) in [
        ("/console/account?account=nobody", 404, "There is no such account"),
        ("/console/account", 400, "No account is named"),
        ("/console/campaign?account=acme&name=none", 404, "The account has no such campaign"),
        ("/console/campaign?account=empty&name=none", 404, "The account has no such campaign"),
        ("/console/campaign?account=acme&name=long-ago", 200, "<dd>past</dd>"),
        ("/console/bill?month=2026-13", 400, "There is no such month"),
        ("/console/bill.csv?month=%00", 400, "There is no such month"),
        ("/console/bill.csv?account=nobody", 404, "There is no such account"),
        ("/console/accounts?page=0", 400, "There is no such page"),
        ("/console/accounts?pge=1", 400, "The address cannot be read"),
        ("/console/accounts?page=77", 200, "Accounts"),
        (long.as_str(), 400, "The id is too long"),
        ("/console/nowhere/at/all", 404, "There is no such page"),
    ] {
        let answer = world.get(page).await;
        assert_eq!(answer.status, status, "{page}: {}", answer.text);
        assert!(answer.text.contains(told) && answer.text.contains("<h1>"), "{page}: {}", answer.text);
    }
}

#[tokio::test]
async fn views_that_are_away_or_behind_are_told() {
    let world = World::of("admin").await;
    world.reads.age_ms.store(600_000, Ordering::Relaxed);
    let behind = world.get("/console/accounts").await.text;
    assert!(behind.contains("The views are behind.") && behind.contains("10 minutes old"), "{behind}");
    world.reads.age_ms.store(20_000, Ordering::Relaxed);
    assert!(!world.get("/console/accounts").await.text.contains("The views are behind."));
    assert!(world.get("/console/account?account=empty").await.text.contains("Nothing has been read yet"));
    world.reads.fails.store(true, Ordering::Relaxed);
    for page in ["/", "/console/accounts", "/console/bill", "/console/message?account=acme&id=m1", "/console/bill.csv"]
    {
        let answer = world.get(page).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, "5"), "{page}");
        assert!(
            answer.text.contains("The views cannot be read now") && !answer.text.contains("db-7"),
            "{}",
            answer.text
        );
    }
}

#[tokio::test]
async fn a_download_is_the_export_of_the_api() {
    let world = World::of("finance").await;
    let answer = world.get("/console/bill.csv?month=2026-10&account=acme").await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "a,b\n1,2\n"));
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"2026-10_acme_summary.csv\"");
    assert!(answer.header("content-type").starts_with("text/csv"));
    assert_eq!(world.get("/console/bill.csv").await.status, 200);
    let asked = |month: &str, account: Option<&str>| BillingQuery {
        month: month.to_owned(),
        format: "summary".to_owned(),
        view: None,
        account: account.map(str::to_owned),
        invoices: false,
        file: format!("{month}.csv"),
    };
    assert_eq!(*world.reads.exported.lock().unwrap(), [asked("2026-10", Some("acme")), asked("2026-11", None)]);
}
