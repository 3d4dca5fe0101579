//! What came of the questions: a table or JSON on stdout, a line on stderr for each WABA without an answer.

use std::path::Path;

use serde_json::json;

use super::ask::Asked;
use super::days::shown;
use crate::output::{self, Table};

/// Prints it.
///
/// # Errors
/// Stdout cannot be written.
pub(super) fn show(out: Option<&Path>, results: &[Asked], json: bool) -> anyhow::Result<()> {
    for asked in results {
        if let Err(failed) = &asked.outcome {
            let (waba, first, last) = (&asked.waba, shown(asked.days.start), shown(asked.days.end - 1));
            eprintln!("tollgate: WABA {waba}, {first} to {last}: {}", failed.why);
        }
    }
    if json {
        return Ok(output::line(answer(out, results))?);
    }
    let of = out.map_or("the ledger's database".to_owned(), |out| out.display().to_string());
    if results.is_empty() {
        return Ok(output::line(format_args!("{of} lacks no day up to yesterday (UTC)"))?);
    }
    let mut table = Table::new(&["WABA", "from", "to", "figures", "messages"]);
    for asked in results {
        let counts = match &asked.outcome {
            Ok(fetched) => [fetched.points.to_string(), fetched.messages.to_string()],
            Err(_) => ["failed".to_owned(), "-".to_owned()],
        };
        let days = [asked.waba.clone(), shown(asked.days.start), shown(asked.days.end - 1)];
        table.row(days.into_iter().chain(counts));
    }
    table.print()?;
    let kept = results.iter().filter(|asked| asked.outcome.is_ok()).count();
    Ok(output::line(format_args!("{of}: {kept} of {} answers kept", results.len()))?)
}

/// Last days are within; ends of the figures themselves are not.
fn answer(out: Option<&Path>, results: &[Asked]) -> serde_json::Value {
    let asked = |asked: &Asked| {
        let mut row = json!({"waba": asked.waba, "from": shown(asked.days.start), "to": shown(asked.days.end - 1)});
        match &asked.outcome {
            Ok(fetched) => {
                row["figures"] = fetched.points.into();
                row["messages"] = fetched.messages.into();
            }
            Err(failed) => {
                row["error"] = failed.why.as_str().into();
                row["code"] = failed.code.into();
            }
        }
        row
    };
    json!({"out": out.map(|out| out.display().to_string()), "answers": results.iter().map(asked).collect::<Vec<_>>()})
}
