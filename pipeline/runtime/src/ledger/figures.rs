//! The platform's own figures, day by day. A day that is told otherwise later is kept beside what was told before, so that
//! what the platform said when is there to be shown; what is told again as it was makes no row.

use super::sql::Sql;
use super::{LedgerError, Reader, Writer};
use std::collections::BTreeSet;
use std::ops::{ControlFlow, Range};
use tollgate_wire::Time;
use tollgate_wire::analytics::{Day, Metric};

/// Different figures of one day that are kept: the first, and the newest of the others.
const KEPT_MAX: i64 = 32;
/// Days of one transaction.
const DAYS_AT_ONCE: usize = 256;

/// What became of figures that were to be kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Days that were told for the first time, or otherwise than before.
    pub new: u64,
    /// Days that were told as before.
    pub same: u64,
}

impl Writer {
    /// Keeps what the platform said of days, in any order, and again without a change.
    ///
    /// # Errors
    /// The database.
    pub fn keep_figures(&mut self, days: &[Day]) -> Result<Kept, LedgerError> {
        let mut kept = Kept::default();
        for some in days.chunks(DAYS_AT_ONCE) {
            self.transact(|tx, _| {
                for day in some {
                    let new = keep(tx, day)?;
                    *if new { &mut kept.new } else { &mut kept.same } += 1;
                }
                Ok(())
            })?;
        }
        Ok(kept)
    }

    /// See [`Reader::days_told`].
    ///
    /// # Errors
    /// The database.
    pub fn days_told(&self, waba: &str, metric: Metric, days: Range<i64>) -> Result<BTreeSet<i64>, LedgerError> {
        self.look(|db| told(db, waba, metric, days))
    }
}

impl Reader {
    /// Days of which the platform's figures are kept, as far as they were over when it was asked.
    ///
    /// # Errors
    /// The database.
    pub fn days_told(&self, waba: &str, metric: Metric, days: Range<i64>) -> Result<BTreeSet<i64>, LedgerError> {
        self.read(|db| told(db, waba, metric, days))
    }

    /// All that the platform said of a WABA's days, by metric, day and time.
    ///
    /// # Errors
    /// The database.
    pub fn figures(
        &self,
        waba: &str,
        days: Range<i64>,
        each: &mut dyn FnMut(Day) -> ControlFlow<()>,
    ) -> Result<(), LedgerError> {
        let sql = "SELECT day, seen_at, asked_at, points FROM figures WHERE waba = ?1 AND metric = ?2 AND day >= ?3 \
                   AND day < ?4 ORDER BY day, seen_at";
        self.read(|db| {
            for metric in Metric::ALL {
                let mut ended = false;
                let values = [waba.into(), metric.as_str().into(), days.start.into(), days.end.into()];
                db.rows(sql, &values, &mut |row| {
                    let flow = each(Day {
                        waba: waba.to_owned(),
                        metric,
                        day: row.required(0)?,
                        seen_at: Time(row.required(1)? as u64),
                        asked_at: Time(row.required(2)? as u64),
                        points: row.words(3)?.to_owned(),
                    });
                    ended = flow.is_break();
                    Ok(flow)
                })?;
                if ended {
                    break;
                }
            }
            Ok(())
        })
    }
}

/// Days that follow each other, together.
#[must_use]
pub fn spans(days: impl IntoIterator<Item = i64>) -> Vec<Range<i64>> {
    let mut spans: Vec<Range<i64>> = Vec::new();
    for day in days {
        match spans.last_mut() {
            Some(last) if last.end == day => last.end += 1,
            _ => spans.push(day..day + 1),
        }
    }
    spans
}

fn told(db: &dyn Sql, waba: &str, metric: Metric, days: Range<i64>) -> Result<BTreeSet<i64>, LedgerError> {
    let sql = "SELECT DISTINCT day FROM figures WHERE waba = ?1 AND metric = ?2 AND day >= ?3 AND day < ?4 \
               AND asked_at >= (day + 1) * 86400000";
    let mut found = BTreeSet::new();
    db.rows(sql, &[waba.into(), metric.as_str().into(), days.start.into(), days.end.into()], &mut |row| {
        found.insert(row.required(0)?);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

/// Keeps a day's figures; whether they are other ones than those before.
fn keep(db: &dyn Sql, day: &Day) -> Result<bool, LedgerError> {
    let (waba, metric) = (day.waba.as_str(), day.metric.as_str());
    let (seen, asked) = (day.seen_at.0 as i64, day.asked_at.0 as i64);
    let before = "SELECT seen_at, asked_at, points FROM figures WHERE waba = ?1 AND metric = ?2 AND day = ?3 \
                  AND seen_at <= ?4 ORDER BY seen_at DESC LIMIT 1";
    let before = db.first(before, &[waba.into(), metric.into(), day.day.into(), seen.into()], |row| {
        Ok((row.required(0)?, row.required(1)?, row.words(2)?.to_owned()))
    })?;
    if let Some((first, last, points)) = before {
        if points == day.points {
            let sql = "UPDATE figures SET asked_at = ?5 WHERE waba = ?1 AND metric = ?2 AND day = ?3 AND seen_at = ?4 \
                       AND asked_at < ?5";
            db.run(sql, &[waba.into(), metric.into(), day.day.into(), first.into(), asked.into()])?;
            return Ok(false);
        }
        // Told between two times at which something else was: that is told twice then.
        if last > asked {
            insert(db, day, &points, last, last)?;
        }
        if last >= seen {
            let sql =
                "UPDATE figures SET asked_at = seen_at WHERE waba = ?1 AND metric = ?2 AND day = ?3 AND seen_at = ?4";
            db.run(sql, &[waba.into(), metric.into(), day.day.into(), first.into()])?;
        }
    }
    let new = insert(db, day, &day.points, seen, asked)?;
    // The first stays: it is what was said of the day when it was over.
    let count = "SELECT count(*) FROM figures WHERE waba = ?1 AND metric = ?2 AND day = ?3";
    let mut over = db.number(count, &[waba.into(), metric.into(), day.day.into()])?.unwrap_or(0) - KEPT_MAX;
    while over > 0 {
        let sql = "DELETE FROM figures WHERE waba = ?1 AND metric = ?2 AND day = ?3 AND seen_at = (SELECT seen_at FROM \
                   figures WHERE waba = ?1 AND metric = ?2 AND day = ?3 ORDER BY seen_at LIMIT 1 OFFSET 1)";
        db.run(sql, &[waba.into(), metric.into(), day.day.into()])?;
        over -= 1;
    }
    Ok(new)
}

fn insert(db: &dyn Sql, day: &Day, points: &str, seen: i64, asked: i64) -> Result<bool, LedgerError> {
    let sql = "INSERT INTO figures (waba, metric, day, seen_at, asked_at, points) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
               ON CONFLICT (waba, metric, day, seen_at) DO NOTHING";
    let values = [
        day.waba.as_str().into(),
        day.metric.as_str().into(),
        day.day.into(),
        seen.into(),
        asked.into(),
        points.into(),
    ];
    Ok(db.run(sql, &values)? > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::fixture::{Database, on_both};

    on_both!(
        a_day_is_kept_each_time_that_it_is_told_otherwise,
        the_order_of_keeping_changes_nothing,
        the_first_and_the_newest_of_many_are_kept,
    );

    const DAY: i64 = 20_000;

    fn day(day: i64, asked: u64, points: &str) -> Day {
        let at = Time(((day + 1) * 86_400_000) as u64 + asked);
        Day {
            waba: "w1".to_owned(),
            metric: Metric::Pricing,
            day,
            seen_at: at,
            asked_at: at,
            points: points.to_owned(),
        }
    }

    /// Points with the times after the day's end at which they were told first and last.
    fn kept(dir: &Database) -> Vec<(i64, u64, u64, String)> {
        let mut found = Vec::new();
        let after = |d: &Day, at: Time| at.0.saturating_sub(((d.day + 1) * 86_400_000) as u64);
        let mut take = |d: Day| {
            found.push((d.day - DAY, after(&d, d.seen_at), after(&d, d.asked_at), d.points));
            ControlFlow::Continue(())
        };
        dir.reader().figures("w1", DAY..DAY + 5, &mut take).expect("reads");
        found
    }

    fn a_day_is_kept_each_time_that_it_is_told_otherwise(dir: &Database) {
        let mut writer = dir.writer();
        let early = Day {
            seen_at: Time(DAY as u64 * 86_400_000),
            asked_at: Time(DAY as u64 * 86_400_000),
            ..day(DAY + 1, 0, "[]")
        };
        let all = [day(DAY, 10, "[1]"), day(DAY, 20, "[1]"), day(DAY, 30, "[2]"), day(DAY, 40, "[1]"), early];
        assert_eq!(writer.keep_figures(&all).expect("keeps"), Kept { new: 4, same: 1 });
        let conversations = Day { metric: Metric::Conversation, ..day(DAY + 3, 5, "[9]") };
        writer.keep_figures(&[conversations, Day { waba: "w2".to_owned(), ..day(DAY, 1, "[]") }]).expect("keeps");
        let row = |n, first, last, points: &str| (n, first, last, points.to_owned());
        let expected = [row(0, 10, 20, "[1]"), row(0, 30, 30, "[2]"), row(0, 40, 40, "[1]")];
        assert_eq!(kept(dir)[..3], expected);
        // Once more, as a file that is taken in again.
        assert_eq!(writer.keep_figures(&all).expect("keeps"), Kept { new: 0, same: 5 });
        assert_eq!(kept(dir).len(), 5);
        let told = |metric| dir.reader().days_told("w1", metric, DAY..DAY + 5).expect("reads");
        assert_eq!(told(Metric::Pricing), BTreeSet::from([DAY]), "of a day that was not over there may be more");
        assert_eq!(told(Metric::Conversation), BTreeSet::from([DAY + 3]));
        assert_eq!(writer.days_told("w1", Metric::Pricing, DAY..DAY).expect("reads"), BTreeSet::new());
    }

    fn the_order_of_keeping_changes_nothing(dir: &Database) {
        let told =
            [day(DAY, 10, "[1]"), day(DAY, 20, "[1]"), day(DAY, 30, "[2]"), day(DAY, 40, "[1]"), day(DAY, 50, "[1]")];
        let mut writer = dir.writer();
        for at in [4, 0, 3, 1, 2] {
            writer.keep_figures(&told[at..=at]).expect("keeps");
        }
        let said: Vec<_> = kept(dir).into_iter().map(|(_, first, _, points)| (first, points)).collect();
        // What holds at each time is what was told last before it.
        for (at, points) in [(10, "[1]"), (20, "[1]"), (30, "[2]"), (40, "[1]"), (50, "[1]")] {
            let held = said.iter().rev().find(|(first, _)| *first <= at).map(|(_, points)| points.as_str());
            assert_eq!(held, Some(points), "{at} of {said:?}");
        }
    }

    fn the_first_and_the_newest_of_many_are_kept(dir: &Database) {
        let told: Vec<_> = (0..100).map(|n| day(DAY, n, &format!("[{n}]"))).collect();
        assert_eq!(dir.writer().keep_figures(&told).expect("keeps").new, 100);
        let kept: Vec<_> = kept(dir).into_iter().map(|(_, first, ..)| first).collect();
        assert_eq!(kept, std::iter::once(0).chain(69..100).collect::<Vec<_>>());
    }

    #[test]
    fn days_that_follow_each_other_are_asked_for_together() {
        assert_eq!(spans([1, 2, 3, 5, 7, 8]), [1..4, 5..6, 7..9]);
        assert!(spans([]).is_empty());
    }
}
