//! One message's story: why it is where it is and why it cost what it did, in the words of `tollgate explain`.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use maud::{Markup, html};

use super::Shared;
use super::layout::Section;
use super::refusal::Refusal;
use super::show::{Look, Page, show};

/// Accounts that the form offers while one writes.
const OFFERED_MAX: usize = 200;

/// `GET /console/message[?account=A&id=I]`: the form, and the story if both are given.
pub(super) async fn page(State(console): Shared, headers: HeaderMap, uri: Uri) -> Response {
    show(console, headers, uri, Section::Message, &["account", "id"], make).await
}

fn make(look: &Look) -> Result<Page, Refusal> {
    let account = look.account()?;
    let id = look.query.get("id");
    let story = match (&account, id) {
        (Some(account), Some(id)) => Some(look.reads.story(account, id)?),
        _ => None,
    };
    let half = account.is_some() != id.is_some();
    let body = html! {
        (form(look, account.as_deref(), id))
        @match story {
            Some(Some(story)) => (told(&story)),
            Some(None) => {
                p.notice role="status" {
                    strong { "There is no such message. " }
                    "Check account and id; views follow within a second or two, and old messages are forgotten."
                }
            }
            None if half && id.is_some() => { p.notice role="status" { "Name the account too." } }
            None => {}
        }
    };
    // The story carries its own time.
    Ok(Page { title: "A message's story".to_owned(), body, as_of: Some(look.now), is_live: false })
}

fn form(look: &Look, account: Option<&str>, id: Option<&str>) -> Markup {
    let accounts = look.accounts();
    let only = match accounts.as_slice() {
        [only] => Some(only.as_str()),
        _ => None,
    };
    html! {
        form.search method="get" action="/console/message" {
            div {
                label for="account" { "Account" }
                input id="account" name="account" required list="accounts" value=[account.or(only)] spellcheck="false"
                    autocomplete="off" autocapitalize="none";
                datalist id="accounts" {
                    @for account in accounts.iter().take(OFFERED_MAX) { option value=(account) {} }
                }
            }
            div {
                label for="id" { "Id of the request" }
                input id="id" name="id" required value=[id] spellcheck="false" autocomplete="off" autocapitalize="none";
            }
            button type="submit" { "Tell" }
        }
    }
}

/// The text, part by part: its first lines are what the parts are called.
fn told(story: &str) -> Markup {
    html! {
        @for part in story.split("\n\n") {
            @let (heading, rest) = part.split_once('\n').unwrap_or((part, ""));
            section.story {
                h2 { (heading) }
                pre tabindex="0" { (rest) }
            }
        }
    }
}
