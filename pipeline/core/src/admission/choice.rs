//! Gate 6, choice among what is usable.

use super::{Candidate, Usable};
use crate::hashing;
use tollgate_wire::request::{Choose, Recipient};

/// The first usable alternative; the cheapest before allowances (ties by order, then language); or the person's own of a
/// split, else the next usable one. With it the alternative of a split that it stands in for.
pub(super) fn choose(c: &Candidate<'_>, usable: &[Usable]) -> Option<(Usable, Option<u8>)> {
    match c.request.choose {
        Choose::First => usable.first().map(|u| (*u, None)),
        Choose::Cheapest => usable.iter().min_by_key(|u| (u.price, u.alternative, u.language)).map(|u| (*u, None)),
        Choose::Split => {
            let own = own(c);
            let taken = usable.iter().find(|u| u.alternative >= own).or_else(|| usable.first())?;
            Some((*taken, Some(own).filter(|own| *own != taken.alternative)))
        }
    }
}

/// The person's own alternative.
fn own(c: &Candidate<'_>) -> u8 {
    let to = match &c.request.to {
        Recipient::Number(number) => number,
        Recipient::Scoped { bsuid, .. } => bsuid,
    };
    let (name, shares) = c.campaign.map_or(("", &[][..]), |c| (c.spec.name.as_str(), c.spec.split.as_slice()));
    alternative(&c.account.spec.account, name, to, shares, c.request.content.len())
}

/// A point between nothing and the sum of the shares, from names alone, so that it is the same at every try, after every
/// restart and on every machine. A greater share of the first keeps those who had it.
fn alternative(account: &str, campaign: &str, to: &str, shares: &[u32], alternatives: usize) -> u8 {
    let given = |n: usize| u128::from(shares.get(n).copied().unwrap_or(0));
    let sum: u128 = (0..alternatives).map(given).sum();
    let share = |n: usize| if sum == 0 { 1 } else { given(n) };
    let sum = if sum == 0 { alternatives as u128 } else { sum };
    let hash = hashing::public(&[b"split", account.as_bytes(), campaign.as_bytes(), to.as_bytes()]);
    let mut point = ((hash >> 64) * sum) >> 64;
    for n in 0..alternatives {
        if point < share(n) {
            return n as u8;
        }
        point -= share(n);
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEOPLE: u32 = 20_000;

    fn counts(campaign: &str, shares: &[u32], alternatives: usize) -> Vec<u32> {
        let mut counts = vec![0; alternatives];
        for n in 0..PEOPLE {
            counts[usize::from(alternative("acme", campaign, &person(n), shares, alternatives))] += 1;
        }
        counts
    }

    fn person(n: u32) -> String {
        format!("+55119{n:08}")
    }

    /// Chi-square in thousandths against what the shares ask for.
    fn chi_square(counts: &[u32], shares: &[u64]) -> u64 {
        let sum: u64 = shares.iter().sum();
        let of = |(count, share): (&u32, &u64)| {
            let expected = u64::from(PEOPLE) * share / sum;
            expected.abs_diff(u64::from(*count)).pow(2) * 1000 / expected
        };
        counts.iter().zip(shares).map(of).sum()
    }

    /// Bounds are those that a fair split exceeds once in a thousand times; the people are fixed.
    #[test]
    fn people_are_split_as_the_shares_ask() {
        let halves = counts("spring", &[], 2);
        assert!(chi_square(&halves, &[1, 1]) < 10_828, "{halves:?}");
        let thirds = counts("spring", &[50, 30, 20], 3);
        assert!(chi_square(&thirds, &[50, 30, 20]) < 13_816, "{thirds:?}");
        let eighths = counts("autumn", &[7; 8], 8);
        assert!(chi_square(&eighths, &[1; 8]) < 24_322, "{eighths:?}");
        // An alternative without a share, or with a share and without an alternative, has nobody.
        assert_eq!(counts("spring", &[1, 0, 1], 4)[1], 0);
        assert_eq!(counts("spring", &[1], 2), [PEOPLE, 0]);
        assert_eq!(counts("spring", &[0, 0, 5], 2).iter().sum::<u32>(), PEOPLE);
    }

    #[test]
    fn another_campaign_is_another_split_and_a_greater_share_keeps_its_people() {
        let both = |n: u32| (0..n).map(person);
        let first = |campaign: &str, shares: &[u32], to: &str| alternative("acme", campaign, to, shares, 2) == 0;
        let same = both(PEOPLE).filter(|to| first("spring", &[], to) == first("autumn", &[], to)).count();
        assert!(same.abs_diff(PEOPLE as usize / 2) < 300, "{same}");
        assert!(both(PEOPLE).all(|to| !first("spring", &[20, 80], &to) || first("spring", &[50, 50], &to)));
        // What was sent yesterday must not depend on today's version.
        let known: Vec<u8> = both(8).map(|to| alternative("acme", "spring", &to, &[], 2)).collect();
        assert_eq!(known, KNOWN);
    }

    const KNOWN: [u8; 8] = [0, 0, 1, 1, 0, 1, 0, 0];
}
