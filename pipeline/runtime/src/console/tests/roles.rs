//! What a role may not see is not there: neither link nor page nor download.

use super::world::World;

/// Address, which roles may.
const PAGES: &str = "
    /                                              enqueue finance operate admin
    /?account=acme                                 enqueue finance operate admin
    /console/accounts                              enqueue finance operate admin
    /console/account?account=acme                  enqueue finance operate admin
    /console/campaigns                             enqueue finance operate admin
    /console/campaigns?account=acme                enqueue finance operate admin
    /console/waiting                               enqueue finance operate admin
    /console/waiting?account=acme                  enqueue finance operate admin
    /console/bill                                          finance         admin
    /console/bill?account=acme                             finance         admin
    /console/bill.csv?account=acme&month=2026-11           finance         admin
    /console/message                               enqueue         operate admin
    /console/message?account=acme&id=m1            enqueue         operate admin
";

const ROLES: [&str; 4] = ["enqueue", "finance", "operate", "admin"];

fn pages() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    PAGES.lines().map(str::trim).filter(|line| !line.is_empty()).map(|line| {
        let mut words = line.split_whitespace();
        (words.next().unwrap(), words.collect())
    })
}

#[tokio::test]
async fn a_role_has_its_pages_and_links_and_no_others() {
    for role in ROLES {
        for token in [role.to_owned(), format!("{role} of acme")] {
            let world = World::of(&token).await;
            for (page, roles) in pages() {
                let answer = world.get(page).await;
                let case = format!("{page} as {token}: {} {}", answer.status, answer.text);
                assert_eq!(answer.status, if roles.contains(&role) { 200 } else { 403 }, "{case}");
                if page.contains(".csv") {
                    continue;
                }
                for (path, section) in [("/console/bill", "finance"), ("/console/message", "operate")] {
                    let may = role == "admin" || role == section || (role == "enqueue" && section == "operate");
                    assert_eq!(answer.text.contains(&format!("href=\"{path}")), may, "{case}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_token_for_an_account_sees_that_account_alone() {
    for role in ROLES {
        let world = World::of(&format!("{role} of acme")).await;
        for (page, roles) in pages().filter(|(_, roles)| roles.contains(&role)) {
            let own = world.get(page).await;
            assert!(!own.text.contains("other"), "{page} as {role}: {}", own.text);
            if page.contains("account=acme") {
                let foreign = world.get(&page.replace("acme", "other")).await;
                assert_eq!(foreign.status, 403, "{page} as {role} {roles:?}");
                assert!(foreign.text.contains("Your token is not for this account"), "{}", foreign.text);
            }
        }
    }
    let finance = World::of("finance of acme").await;
    assert_eq!(finance.get("/console/bill.csv?month=2026-11").await.status, 403, "the bill of all accounts");
    assert_eq!(finance.reads.exported.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn without_a_session_there_is_the_way_in_and_nothing_else() {
    let world = World::new();
    for (page, _) in pages() {
        let answer = world.get(page).await;
        let to = answer.header("location");
        assert!(answer.status == 303 && to.starts_with("/console/login?next=%2F"), "{page}: {} {to}", answer.status);
        assert_eq!(answer.text, "");
    }
    for (open, status) in [("/console/login", 200), ("/console/style.css", 200), ("/console/icon.svg", 200)] {
        assert_eq!(world.get(open).await.status, status, "{open}");
    }
    let nowhere = world.get("/console/nowhere").await;
    assert_eq!(nowhere.status, 404);
    assert!(!nowhere.text.contains("href=\"/console/accounts\""), "{}", nowhere.text);
}
