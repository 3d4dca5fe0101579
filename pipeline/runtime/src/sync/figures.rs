//! The platform's own figures of the days that are over, kept once a day: it reports only numbers that are on the WABA at
//! the time of asking, so nobody can ask for them later.

use super::ask::{Failure, Syncer, Waba};
use crate::graph::{QuestionError, figures, pricing_analytics};
use crate::ledger::{Kept, spans};
use std::ops::Range;
use std::sync::Arc;
use tollgate_metrics::FiguresFailure;
use tollgate_wire::Time;
use tollgate_wire::analytics::{DAY_S, Metric, days};

/// Days up to yesterday that are looked after: a month and the days around it that its zone may move into it.
const LOOK_BACK: i64 = 35;
/// Days up to yesterday that are asked for again each day: messages are still delivered and re-classified.
const AGAIN: i64 = 8;
/// Longest span of one question, in days.
const SPAN_MAX: i64 = 8;

/// The days that are asked for today, given those that are kept: those that are not, and once a day, before yesterday is kept, the
/// latest again.
fn due(today: i64, has: impl Fn(i64) -> bool) -> Vec<Range<i64>> {
    let again = if has(today - 1) { today } else { today - AGAIN };
    let asked = (today - LOOK_BACK).max(0)..today;
    let wanted = spans(asked.filter(|day| *day >= again || !has(*day)));
    let parts = wanted.into_iter().flat_map(|span| {
        let starts = (span.start..span.end).step_by(SPAN_MAX as usize);
        starts.map(move |start| start..(start + SPAN_MAX).min(span.end))
    });
    parts.collect()
}

impl Syncer {
    /// Asks for the figures that are due and keeps them; `None` where none are.
    pub(super) async fn keep_figures(self: &Arc<Self>, waba: &Waba) -> Result<Option<Kept>, Failure> {
        let token = self.parts.tokens.get(&*waba.app).ok_or_else(|| Failure::NoToken(Arc::clone(&waba.app)))?;
        let due = self.figures_due(waba).await?;
        if due.is_empty() {
            return Ok(None);
        }
        let (mut kept, mut questions) = (Kept::default(), 0);
        // The newest days come first: should the rest fail, they are not lost.
        for span in due.into_iter().rev() {
            let seconds = span.start * DAY_S..span.end * DAY_S;
            // Before the question: what is told is of then at the earliest.
            let at: Time = self.parts.clock.now();
            let body = self.question(waba, token, &pricing_analytics(&waba.id, &seconds), &mut questions).await?;
            let figures = figures(&waba.id, &seconds, at, &body).map_err(Failure::Answer)?;
            let days = days(figures.line.as_bytes()).map_err(|error| Failure::Answer(error.to_string()))?;
            let now = self.write(move |writer| writer.keep_figures(&days)).await?;
            kept = Kept { new: kept.new + now.new, same: kept.same + now.same };
        }
        Ok(Some(kept))
    }

    /// Spans of days whose figures are to be asked for now.
    async fn figures_due(self: &Arc<Self>, waba: &Waba) -> Result<Vec<Range<i64>>, Failure> {
        let today = i64::from(self.parts.clock.now().secs()) / DAY_S;
        let id = Arc::clone(&waba.id);
        let look = move |writer: &mut crate::ledger::Writer| {
            writer.days_told(&id, Metric::Pricing, (today - LOOK_BACK).max(0)..today)
        };
        let has = self.write(look).await?;
        Ok(due(today, |day| has.contains(&day)))
    }

    /// Counts figures that are due and that nobody asks for, since what comes before them failed.
    pub(super) async fn figures_not_asked(self: &Arc<Self>, waba: &Waba, before: &Failure) {
        let why = match self.figures_due(waba).await {
            Ok(due) if due.is_empty() => return,
            Ok(_) if matches!(before, Failure::Paced(_)) => FiguresFailure::Paced,
            Ok(_) => FiguresFailure::NotAsked,
            Err(failure) => reason(&failure),
        };
        self.parts.metrics.figures_failed(why);
    }
}

/// Why figures that were asked for are not kept.
pub(super) fn reason(failure: &Failure) -> FiguresFailure {
    match failure {
        Failure::Platform(QuestionError::Refused { .. }) => FiguresFailure::Refused,
        Failure::Platform(
            QuestionError::NoAnswer { .. } | QuestionError::Slow { .. } | QuestionError::Foreign { .. },
        ) => FiguresFailure::Unanswered,
        Failure::Platform(QuestionError::Unreadable { .. }) | Failure::Answer(_) => FiguresFailure::Unreadable,
        Failure::Paced(_) => FiguresFailure::Paced,
        // Work that is cut off is the database's.
        Failure::Ledger(_) | Failure::CutOff => FiguresFailure::Database,
        Failure::Platform(QuestionError::Unusable(_))
        | Failure::NoToken(_)
        | Failure::NotYet(_)
        | Failure::Append(_) => FiguresFailure::NotAsked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_has_the_reason_that_says_where_to_look() {
        use FiguresFailure::{NotAsked, Paced, Unanswered, Unreadable};
        let cases = [
            (Failure::Platform(QuestionError::NoAnswer { detail: String::new() }), Unanswered),
            (Failure::Platform(QuestionError::Slow { seconds: 30 }), Unanswered),
            (Failure::Platform(QuestionError::Foreign { status: 502 }), Unanswered),
            (Failure::Platform(QuestionError::Unreadable { detail: String::new() }), Unreadable),
            (Failure::Platform(QuestionError::Unusable(String::new())), NotAsked),
            (Failure::Paced(Time(1)), Paced),
            (Failure::NoToken("shop".into()), NotAsked),
        ];
        for (failure, expected) in cases {
            assert_eq!(reason(&failure), expected, "{failure}");
        }
    }

    #[test]
    fn a_day_is_asked_for_once_and_the_last_week_again() {
        assert!(due(1_000, |day| (965..1_000).contains(&day)).is_empty(), "asked today");
        assert_eq!(due(1_000, |day| day >= 989), [965..973, 973..981, 981..989], "what failed is asked for again");
        assert_eq!(due(1_000, |day| day < 999).as_slice(), std::slice::from_ref(&(992..1_000)));
        let from_the_start = due(1_000, |_| false);
        assert_eq!(from_the_start, [965..973, 973..981, 981..989, 989..997, 997..1_000]);
        assert_eq!(due(1_000, |day| !(970..972).contains(&day) && day < 999), [970..972, 992..1_000]);
        assert_eq!(due(3, |_| false).as_slice(), std::slice::from_ref(&(0..3)));
    }
}
