//! CSV and TOML changed by their structure.

use super::wild;
use crate::Dice;

/// So many bytes that repetition makes at most.
const GROWN_BYTES_MAX: usize = 200_000;

/// The lines of a TOML fixture.
pub(super) fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

/// The cells of a CSV fixture, with their quotes; a comma within quotes parts cells here, which is a change too.
pub(super) fn table(text: &str) -> Vec<Vec<String>> {
    text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

/// One to four changes of cells, columns, rows, quotes, line ends.
pub(super) fn changed_table(rows: &[Vec<String>], dice: &mut Dice) -> Vec<u8> {
    let mut rows = rows.to_vec();
    let (mut comma, mut end, mut start) = (",", "\n", "");
    for _ in 0..dice.between(1, 4) {
        let (row, other) = (dice.below(rows.len() as u64) as usize, dice.below(rows.len() as u64) as usize);
        let width = rows[row].len() as u64;
        let (cell, to) = (dice.below(width) as usize, dice.below(width) as usize);
        match dice.below(16) {
            0..4 => rows[row][cell] = cell_of(dice),
            4 => rows[row].swap(cell, to),
            5 => rows.iter_mut().filter(|r| r.len() > cell.max(to)).for_each(|r| r.swap(cell, to)),
            6 if width > 1 => {
                rows.iter_mut().filter(|r| r.len() > cell.max(1)).for_each(|r| drop(r.remove(cell)));
            }
            7 => {
                let wild = cell_of(dice);
                rows[row].insert(cell, wild);
            }
            8 => rows[row] = vec![wild::word(dice).to_owned(); wild::length(dice)],
            9 if rows.len() > 1 => drop(rows.remove(row)),
            10 => repeat(&mut rows, row, other, dice, |cells| cells.iter().map(String::len).sum()),
            11 => rows.swap(row, other),
            12 => end = *dice.pick(&["\r\n", "\r", "\n\n", "\n\r", "", "\0", "\u{2028}"]),
            13 => comma = *dice.pick(&[";", "\t", ",,", "|", ", ", "\",\""]),
            14 => {
                start =
                    *dice.pick(&["\u{feff}", "\u{feff}\u{feff}", "#\n", "\n", "\"", "# id=x valid_from=y\n", "sep=;\n"])
            }
            _ => rows[row][cell] = rows[other].first().cloned().unwrap_or_default(),
        }
    }
    let rows: Vec<String> = rows.iter().map(|cells| cells.join(comma)).collect();
    format!("{start}{}{end}", rows.join(end)).into_bytes()
}

/// One to four changes of lines, keys, values, tables.
pub(super) fn changed_toml(lines: &[String], dice: &mut Dice) -> Vec<u8> {
    let mut lines = lines.to_vec();
    let settings: Vec<usize> =
        (0..lines.len()).filter(|n| lines[*n].contains('=') && !lines[*n].starts_with('#')).collect();
    for _ in 0..dice.between(1, 4) {
        let at = if settings.is_empty() || dice.percent(20) {
            dice.below(lines.len() as u64) as usize
        } else {
            *dice.pick(&settings)
        };
        let at = at.min(lines.len() - 1);
        let other = dice.below(lines.len() as u64) as usize;
        let (key, value) = lines[at].split_once('=').map_or((lines[at].as_str(), "1"), |(key, value)| (key, value));
        match dice.below(12) {
            0..4 => lines[at] = format!("{key}= {}", toml_value(dice)),
            4 => lines[at] = format!("{} ={value}", toml_key(dice)),
            5 => lines[at] = format!("{key}= {}{value}", "[".repeat(wild::length(dice))),
            6 if lines.len() > 1 => drop(lines.remove(at)),
            7 => repeat(&mut lines, at, other, dice, String::len),
            8 => lines.swap(at, other),
            9 => {
                let (open, close) = *dice.pick(&[("[", "]"), ("[[", "]]"), ("[", "]]"), ("[[[", "]]]")]);
                lines.insert(at, format!("{open}{}{close}", toml_key(dice)));
            }
            10 => lines.insert(at, format!("{} = {}", toml_key(dice), toml_value(dice))),
            _ => lines.insert(at, wild::long(dice)),
        }
    }
    lines.join(*dice.pick(&["\n", "\n", "\n", "\r\n", "\r"])).into_bytes()
}

/// A line again and again, at another place.
fn repeat<T: Clone>(lines: &mut Vec<T>, at: usize, to: usize, dice: &mut Dice, size: impl Fn(&T) -> usize) {
    let line = lines[at].clone();
    let many = wild::length(dice).min(GROWN_BYTES_MAX / (size(&line) + 1));
    lines.splice(to..to, vec![line; many]);
}

fn cell_of(dice: &mut Dice) -> String {
    match dice.below(6) {
        0 => wild::long(dice),
        1 => format!("\"{}\"", wild::word(dice)),
        2 => format!("\"{}", wild::word(dice)),
        3 => format!("\"{}\"\"\r\n,{}\"", wild::word(dice), wild::number(dice)),
        4 => wild::number(dice).to_owned(),
        _ => wild::word(dice).to_owned(),
    }
}

fn toml_key(dice: &mut Dice) -> String {
    match dice.below(6) {
        0 => format!("a{}", ".a".repeat(wild::length(dice))),
        1 => format!("{:?}", wild::long(dice)),
        2 => "x".repeat(wild::length(dice)),
        3 => format!("\"{}\"", wild::word(dice)),
        _ => {
            (*dice.pick(&["account", "wabas", "account.wabas", "gateway", "log.kind", "rates", "''", "a.b"])).to_owned()
        }
    }
}

fn toml_value(dice: &mut Dice) -> String {
    const OTHERS: [&str; 16] = [
        "true",
        "{}",
        "[]",
        "{ a = 1 }",
        "[{ a = 1 }, 2]",
        "''",
        "\"\"\"\n\"\"\"",
        "'''",
        "0b1",
        "0o7",
        "1979-05-27T07:32:00Z",
        "07:32:00",
        "inf",
        "nan",
        "\"\\uD800\"",
        "\"\\e\"",
    ];
    let depth = wild::length(dice);
    match dice.below(8) {
        0 => wild::number(dice).to_owned(),
        1 => format!("\"{}\"", wild::word(dice)),
        2 => format!("{:?}", wild::long(dice)),
        3 => format!("{}1{}", "{a=".repeat(depth), "}".repeat(depth)),
        4 => format!("{}1{}", "[".repeat(depth), "]".repeat(depth)),
        5 => format!("[{}]", "\"x\",".repeat(depth)),
        6 => wild::word(dice).to_owned(),
        _ => (*dice.pick(&OTHERS)).to_owned(),
    }
}
