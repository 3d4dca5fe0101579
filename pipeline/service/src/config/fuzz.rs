//! Whatever a configuration or an account file holds, it ends with a value or faults that can be acted on, soon and in
//! bounded memory.

use tollgate_tests::fuzz::{Counting, Form, Fuzz};

use super::settings::Settings;
use super::{DEFAULT_TOML, Faults, file, sections};
use crate::commands::accounts::read_text;

#[global_allocator]
static MEMORY: Counting = Counting;

const ACCOUNTS: &str = include_str!("../../../../examples/accounts.toml");
const CONFIG: &str = include_str!("../../../../examples/tollgate.toml");
const ACCOUNT: &str = r#"[{"account":"acme","limit":"TIER_2K","wabas":[{"id":"1","currency":"USD","time_zone":"UTC",
    "senders":[{"id":"2"}],"templates":[{"name":"news","language":"pt_BR","category":"marketing"}]}]}]"#;

fn text(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|error| error.to_string())
}

#[test]
fn configurations() {
    let fuzz = Fuzz::new("config", Form::Toml, &[DEFAULT_TOML, CONFIG])
        .situation("a key without end", "x".repeat(200_000) + " = 1\n")
        .situation("a key of many parts", format!("a{} = 1\n", ".a".repeat(50_000)))
        .situation("a value of many lists", format!("a = {}", "[".repeat(100_000)));
    fuzz.inputs(500).memory(200, 1 << 20).run(|bytes| {
        let mut settings = Settings::defaults();
        file::read("t.toml", text(bytes)?, &mut settings);
        if settings.faults.is_empty() {
            sections::build(&mut settings);
        }
        if settings.faults.is_empty() { Ok(()) } else { Err(Faults(settings.faults).to_string()) }
    });
}

#[test]
fn account_files() {
    for (form, json, fixture) in [(Form::Toml, false, ACCOUNTS), (Form::Json, true, ACCOUNT)] {
        let fuzz = Fuzz::new("accounts", form, &[fixture]).inputs(2_000).memory(200, 1 << 20);
        fuzz.run(|bytes| read_text("t", text(bytes)?, json).map(drop).map_err(|error| format!("{error:#}")));
    }
}
