//! A person's path through the console.

use rust_decimal::Decimal;
use serde_json::Value;

use crate::browser::{Browser, ENTER, TAB};
use crate::http::http;
use crate::looks::{check, focused};
use crate::scene::{
    self, ADMIN, FINANCE, OF_ONE, OPERATE, OTHER_ACCOUNT, PAUSED, READERS, column, explain, export, month,
};
use crate::world::{ACCOUNT, World, wait};

fn sign_in(browser: &Browser, token: &str) {
    browser.fill("#token", token);
    browser.submit("button[type=submit]");
}

fn sign_out(browser: &Browser) {
    browser.submit("form.who button");
    assert_eq!(browser.heading(), "Sign in");
}

/// The row of the open page's tables that begins with a text, cell by cell.
fn row(browser: &Browser, begins: &str) -> Vec<String> {
    let begins = serde_json::to_string(begins).unwrap();
    let script = format!(
        "const of = [...document.querySelectorAll('tbody tr')].find(r => r.cells[0].textContent.trim().startsWith({begins}));
         return of ? [...of.cells].map(c => c.textContent.trim()) : []"
    );
    let cells = browser.run(&script);
    cells.as_array().unwrap().iter().map(|cell| cell.as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_person_finds_everything_that_the_role_allows() {
    let world = scene::set();
    let downloads = tempfile::tempdir().unwrap();
    let browser = Browser::start(downloads.path());
    let home = format!("http://{}/", world.api);

    // The way in.
    browser.open(&home);
    assert_eq!(browser.heading(), "Sign in");
    assert_eq!(browser.texts("nav a"), Vec::<String>::new());
    check(&browser, "sign-in");
    sign_in(&browser, "tg-nobody");
    assert!(browser.text("[role=alert]").starts_with("The token is not known."));
    check(&browser, "sign-in-wrong");
    sign_in(&browser, ADMIN);
    assert_eq!(browser.heading(), "Flow");
    let cookies = browser.cookies();
    assert_eq!(cookies.len(), 1, "{cookies:?}");
    assert_eq!((&cookies[0]["httpOnly"], &cookies[0]["sameSite"]), (&Value::Bool(true), &Value::from("Strict")));
    assert!(!cookies[0]["value"].as_str().unwrap().contains("tg-"), "the token stays out of the browser");
    assert_eq!(browser.texts("nav a"), ["Flow", "Accounts", "Campaigns", "Waiting", "Bill", "Message"]);

    flow_and_accounts(&browser, &world);
    campaigns_and_what_waits(&browser);
    bill(&browser, &world, downloads.path());
    story(&browser, &world);
    faults(&browser, &home);
    let number = browser.run("return document.documentElement.outerHTML");
    assert!(!number.as_str().unwrap().contains("tg-"));

    // Out, and back is not in again.
    sign_out(&browser);
    assert_eq!(browser.cookies(), Vec::<Value>::new());
    browser.open(&format!("{home}console/bill"));
    assert_eq!(browser.heading(), "Sign in");
    sign_in(&browser, FINANCE);
    assert!(browser.heading().starts_with("Bill of "), "where one wanted to go: {}", browser.heading());
    assert!(!browser.texts("nav a").contains(&"Message".to_owned()));
    sign_out(&browser);

    // What a role may not see is not there.
    sign_in(&browser, OPERATE);
    assert!(!browser.texts("nav a").contains(&"Bill".to_owned()));
    for refused in ["console/bill", "console/bill.csv?month=2026-10"] {
        browser.open(&format!("{home}{refused}"));
        assert_eq!(browser.heading(), "A token of role operate may not see this");
    }
    check(&browser, "refused");
    sign_out(&browser);
    sign_in(&browser, OF_ONE);
    browser.follow("Accounts");
    assert_eq!(browser.texts("tbody th"), [ACCOUNT]);
    browser.open(&format!("{home}console/account?account={OTHER_ACCOUNT}"));
    assert_eq!(browser.heading(), "Your token is not for this account");
    sign_out(&browser);

    // Whoever has no session gets nothing of it.
    let (status, body) = http(world.api, "GET", "/console/accounts", "").unwrap();
    assert_eq!((status, body.as_str()), (303, ""));
    keyboard_alone(&browser, &home);
}

fn flow_and_accounts(browser: &Browser, world: &World) {
    // Requests: those delivered, refused, paused and for tomorrow.
    let delivered = READERS + 25;
    let all = delivered + 9 + PAUSED + 4;
    assert_eq!(browser.text("#requests"), all.to_string());
    assert!(browser.text("#delivered").starts_with(&format!("{delivered} (")), "{}", browser.text("#delivered"));
    assert_eq!(row(browser, "Refused")[1], "9");
    assert_eq!(row(browser, "campaign paused")[1], PAUSED.to_string());
    assert_eq!(row(browser, "not opted in")[1..3], ["refused", "9"]);
    check(browser, "flow");
    browser.follow("Refresh");
    assert_eq!(browser.heading(), "Flow");

    browser.follow("Accounts");
    assert_eq!(browser.heading(), "Accounts");
    assert_eq!(browser.texts("tbody th"), [ACCOUNT, OTHER_ACCOUNT]);
    assert_eq!(row(browser, OTHER_ACCOUNT)[1], "Bluebird <Reisen> & Söhne");
    let used = world.sandbox.stats().unique_users[0].count;
    assert!(row(browser, ACCOUNT)[3].starts_with(&format!("{used} of 2,000 (")), "{:?}", row(browser, ACCOUNT));
    assert!(row(browser, ACCOUNT)[6].starts_with("1 GREEN, 1 YELLOW"));
    check(browser, "accounts");
    browser.follow(ACCOUNT);
    assert_eq!(browser.heading(), format!("Account {ACCOUNT}"));
    assert!(browser.text("#quota").starts_with(&format!("{used} of 2,000")));
    assert_eq!(row(browser, "…3881")[2..4], ["GREEN", "active"]);
    assert!(!browser.text("main").contains("15550783881"), "a number is known by its end");
    check(browser, "account");
}

fn campaigns_and_what_waits(browser: &Browser) {
    browser.follow("Campaigns");
    assert_eq!(row(browser, "autumn")[2..4], ["running", "100.0 % done"]);
    assert_eq!(row(browser, "winter")[2..6], ["paused", "0.0 % done", &PAUSED.to_string(), &PAUSED.to_string()]);
    check(browser, "campaigns");
    browser.follow("autumn");
    assert_eq!(browser.heading(), "Campaign autumn");
    assert_eq!(browser.text("#done-by"), "nothing waits");
    assert_eq!(row(browser, "Requested")[1], (READERS + 9).to_string());
    check(browser, "campaign");
    browser.follow("Campaigns");
    browser.follow("winter");
    assert_eq!(browser.text("#done-by"), "not known: something waits for an event and not for a time");
    assert!(row(browser, "campaign paused")[0].contains("campaign winter to be resumed"));

    browser.follow("Waiting");
    assert_eq!(browser.heading(), "What waits");
    assert_eq!(row(browser, "campaign paused")[1], PAUSED.to_string());
    assert_eq!(row(browser, "scheduled")[1], "4");
    check(browser, "waiting");
}

fn bill(browser: &Browser, world: &World, downloads: &std::path::Path) {
    browser.follow("Bill");
    assert_eq!(browser.heading(), format!("Bill of {}", month()));
    check(browser, "bill");
    browser.follow(ACCOUNT);
    assert_eq!(browser.heading(), format!("Bill of {ACCOUNT}, {}", month()));
    check(browser, "bill-account");
    let exported = export(world);
    let costs = exported.lines().skip(1).map(|line| column(&exported, line, "cost").parse::<Decimal>().unwrap());
    let cost: Decimal = costs.sum();
    assert!(cost > Decimal::ONE, "{exported}");
    assert_eq!(browser.text("#cost"), format!("{} USD", cost.normalize()));
    let sent = READERS.to_string();
    let marketing =
        browser.run("return [...document.querySelectorAll('tbody tr')].map(r => [...r.cells].map(c => c.textContent))");
    let marketing = marketing.as_array().unwrap().iter().find(|row| row[1] == "marketing").unwrap();
    assert_eq!((&marketing[0], marketing[2].as_str()), (&Value::from("BR"), Some(sent.as_str())));

    browser.download(&format!("Download the bill of {ACCOUNT} (CSV)"));
    let file = downloads.join(format!("{}_{ACCOUNT}_summary.csv", month()));
    let came = wait("the download", || std::fs::read_to_string(&file).unwrap_or_default(), |text| !text.is_empty());
    assert_eq!(came, exported, "byte by byte");
    let api = format!("/v1/billing/{}.csv?account={ACCOUNT}", month());
    let told = std::process::Command::new("curl")
        .args(["-sSf", "-H", &format!("Authorization: Bearer {FINANCE}"), &format!("http://{}{api}", world.api)])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(told.stdout).unwrap(), came, "as the API gives it");
}

fn story(browser: &Browser, world: &World) {
    browser.follow("Message");
    browser.fill("#account", ACCOUNT);
    browser.fill("#id", "autumn-3");
    browser.submit("main button");
    let told = explain(world, "autumn-3");
    // The same words: headings are the first lines of its parts.
    let shown: Vec<String> = browser.texts("section h2, section pre");
    let lines =
        |text: &str| text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(lines(&shown.join("\n")), lines(&told));
    assert!(told.contains("list rate"), "{told}");
    check(browser, "message");
    browser.fill("#id", "no-such-message");
    browser.submit("main button");
    assert!(browser.text("[role=status]").starts_with("There is no such message."));
}

fn faults(browser: &Browser, home: &str) {
    let long = "x".repeat(3_000);
    for (address, heading) in [
        ("console/account?account=nobody".to_owned(), "There is no such account"),
        (format!("console/message?account={ACCOUNT}&id={long}"), "The id is too long"),
        ("console/bill?month=2026-99".to_owned(), "There is no such month"),
        ("console/nowhere".to_owned(), "There is no such page"),
    ] {
        browser.open(&format!("{home}{address}"));
        assert_eq!(browser.heading(), heading, "{address}");
    }
    check(browser, "fault");
}

/// The same without a mouse.
fn keyboard_alone(browser: &Browser, home: &str) {
    browser.open(home);
    // The field has the focus from the beginning.
    browser.leave(|| browser.press(&format!("{OPERATE}{ENTER}")));
    assert_eq!(browser.heading(), "Flow");
    browser.press(TAB);
    assert_eq!(focused(browser), "Skip to the content");
    browser.press(ENTER);
    assert!(browser.address().ends_with("#content"));
    assert_eq!(browser.run("return document.activeElement.tagName"), "MAIN");
    browser.press(TAB);
    assert_eq!(focused(browser), "Refresh");
    browser.open(home);
    for stop in ["Skip to the content", "Flow", "Accounts", "Campaigns", "Waiting", "Message", "Sign out", "Refresh"] {
        browser.press(TAB);
        assert_eq!(focused(browser), stop);
    }
    browser.open(home);
    browser.press(&format!("{TAB}{TAB}{TAB}"));
    assert_eq!(focused(browser), "Accounts");
    browser.leave(|| browser.press(ENTER));
    assert_eq!(browser.heading(), "Accounts");
    browser.press(&TAB.repeat(7));
    assert_eq!(focused(browser), "Sign out");
    browser.leave(|| browser.press(ENTER));
    assert_eq!(browser.heading(), "Sign in");
}
