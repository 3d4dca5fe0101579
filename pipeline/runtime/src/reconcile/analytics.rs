//! The platform's answers as a statement.

use super::Known;
use super::scope::{Grain, Key, REGULAR, Scope, belongs, civil_bounds};
use super::statement::{Statement, StatementError, Theirs, shown, word};
use std::collections::{BTreeMap, BTreeSet};
use tollgate_rate_card::{PricingModel, YearMonth};
use tollgate_wire::analytics::{Answer, Point};

/// What a later answer replaces: it may lack a number that has left the WABA, but what it has of a number is newer.
type Unit = (String, PricingModel, i64, i64, Option<String>);

impl Statement {
    /// Of answers in the order in which they were fetched.
    ///
    /// # Errors
    /// Nothing is of the month, buckets overlap, some tell numbers apart and some do not, or a sum is too large.
    pub fn of_answers(answers: &[Answer], month: YearMonth, known: &Known) -> Result<Self, StatementError> {
        let mut units: BTreeMap<Unit, (usize, Vec<&Point>)> = BTreeMap::new();
        let mut statement = Self::default();
        for (at, answer) in answers.iter().enumerate() {
            for point in &answer.points {
                let unit = (answer.waba.clone(), answer.model, point.start, point.end, point.phone.clone());
                let (of, points) = units.entry(unit).or_insert_with(|| (at, Vec::new()));
                if *of != at {
                    *of = at;
                    statement.replaced += points.len() as u64;
                    points.clear();
                }
                points.push(point);
            }
        }
        for answer in answers {
            let zone = known.zones.get(&answer.waba);
            let month = zone.map_or_else(|| civil_bounds(month), |zone| zone.month_bounds(month));
            let scope = Scope { month, free: true, model: true, ..Scope::default() };
            statement.scopes.entry((answer.waba.clone(), Some(answer.model))).or_insert(scope);
        }
        let (mut taken, mut days): (u64, Option<(i64, i64)>) = (0, None);
        let mut kept = Vec::new();
        // Figures for no number: theirs sort before those of numbers.
        let mut whole = None;
        for ((waba, model, start, end, phone), (_, points)) in units {
            days = Some(days.map_or((start, end), |(first, last)| (first.min(start), last.max(end))));
            let Some(scope) = statement.scopes.get_mut(&(waba.clone(), Some(model))) else { continue };
            if !belongs((start, end), scope.month) {
                statement.of_other_months += points.len() as u64;
                continue;
            }
            let bucket = (waba.clone(), model, start, end);
            match phone {
                None => whole = Some(bucket),
                Some(phone) if whole.as_ref() == Some(&bucket) => {
                    return Err(StatementError::Dimensions { waba, day: shown(start), phone });
                }
                Some(_) => {}
            }
            taken += points.len() as u64;
            scope.buckets.push((start, end));
            scope.costs |= points.iter().any(|point| point.cost.is_some());
            points.iter().for_each(|point| widen(&mut scope.grain, point));
            kept.push((waba, model, points));
        }
        if let (0, Some((first, last))) = (taken, days) {
            let (points, first, last) = (statement.of_other_months, shown(first), shown(last));
            return Err(StatementError::WrongMonth { month, points, first, last });
        }
        for ((waba, _), scope) in &mut statement.scopes {
            sort(waba, scope)?;
        }
        for (waba, model, points) in kept {
            statement.take(&waba, model, &points, known)?;
        }
        Ok(statement)
    }

    fn take(
        &mut self,
        waba: &str,
        model: PricingModel,
        points: &[&Point],
        known: &Known,
    ) -> Result<(), StatementError> {
        let Some(grain) = self.scopes.get(&(waba.to_owned(), Some(model))).map(|scope| scope.grain) else {
            return Ok(());
        };
        for point in points {
            let text = |word: &Option<String>| word.clone().unwrap_or_default();
            let pricing_type = word(&text(&point.pricing_type));
            let category = if !grain.pricing_type || pricing_type == REGULAR {
                word(&text(&point.category))
            } else {
                String::new()
            };
            let key = Key {
                waba: waba.to_owned(),
                model: Some(model),
                start: point.start,
                end: point.end,
                phone: point.phone.as_deref().map(|phone| known.phone(phone)).unwrap_or_default(),
                country: text(&point.country).to_ascii_uppercase(),
                pricing_type,
                category,
                currency: String::new(),
            };
            if grain.phone {
                self.phones.insert((key.phone.clone(), Some(model)), waba.to_owned());
            }
            let messages =
                i64::try_from(point.volume).map_err(|_| StatementError::Overflow { waba: waba.to_owned() })?;
            let theirs = Theirs {
                messages,
                cost: point.cost.unwrap_or_default(),
                costless: point.cost.is_none() && messages > 0,
                tier_from: point.tier.as_deref().map_or(0, tier_from),
            };
            self.add(&key, &theirs)?;
        }
        Ok(())
    }
}

fn widen(grain: &mut Grain, point: &Point) {
    grain.waba = true;
    grain.phone |= point.phone.is_some();
    grain.country |= point.country.is_some();
    grain.pricing_type |= point.pricing_type.is_some();
    grain.category |= point.category.is_some();
}

/// Sorts the buckets of a WABA; two may be the same, but not within each other.
fn sort(waba: &str, scope: &mut Scope) -> Result<(), StatementError> {
    let buckets: BTreeSet<(i64, i64)> = scope.buckets.drain(..).collect();
    scope.buckets = buckets.into_iter().collect();
    scope.grain.waba = true;
    for pair in scope.buckets.windows(2) {
        if pair[1].0 < pair[0].1 {
            let words = |(start, end): (i64, i64)| format!("{} to {}", shown(start), shown(end));
            let (first, second) = (words(pair[0]), words(pair[1]));
            return Err(StatementError::Overlap { waba: waba.to_owned(), first, second });
        }
    }
    Ok(())
}

/// First message of a band `LOW:HIGH`; the platform writes the first band from 0 on.
fn tier_from(tier: &str) -> u64 {
    tier.split(':').next().and_then(|low| low.trim().parse().ok()).unwrap_or(0)
}
