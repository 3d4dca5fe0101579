//! Brands of an account: numbers that write under one name, with consents of their own.

use super::parse::{once, require};
use super::{AccountSpec, BrandSpec};
use crate::input::{InputError, shown};
use crate::naming;
use std::collections::{BTreeMap, BTreeSet};

/// Most brands of an account at a time.
pub const BRANDS_MAX: usize = 32;

/// Names, numbers and pools of the brands: a number is of one brand at most, and so are all numbers of a pool.
pub(super) fn check(spec: &AccountSpec, senders: &BTreeSet<&str>) -> Result<(), InputError> {
    let (brands, many) = (&spec.policy.brands, spec.policy.brands.len());
    require(many <= BRANDS_MAX, "spec.policy.brands", &format!("there are {many}"), || {
        format!("name at most {BRANDS_MAX}")
    })?;
    let mut names = BTreeSet::new();
    let mut of: BTreeMap<&str, &str> = BTreeMap::new();
    for (i, BrandSpec { name, senders: own, .. }) in brands.iter().enumerate() {
        let at = format!("spec.policy.brands[{i}]");
        naming::brand(&format!("{at}.name"), name)?;
        once(&mut names, &format!("{at}.name"), name)?;
        require(!own.is_empty(), &format!("{at}.senders"), "it is empty", || {
            "name the phone number ids that write as this brand, or leave the brand out".to_owned()
        })?;
        for (j, sender) in own.iter().enumerate() {
            let at = format!("{at}.senders[{j}]");
            let what = format!("{} is no sender of this account", shown(sender));
            require(senders.contains(sender.as_str()), &at, &what, || {
                "name one of the phone number ids under `wabas`".to_owned()
            })?;
            if let Some(other) = of.insert(sender, name) {
                let (what, remedy) = match other == name {
                    true => (format!("{} is there twice", shown(sender)), "keep one of the two".to_owned()),
                    false => (
                        format!("{} is a number of brand {} too", shown(sender), shown(other)),
                        "a number writes as one brand: take it out of the other".to_owned(),
                    ),
                };
                return Err(InputError::invalid(at, what, remedy));
            }
        }
    }
    for (i, pool) in spec.pools.iter().enumerate() {
        let brand = |sender: &String| of.get(sender.as_str()).copied();
        let first = pool.senders.first().and_then(brand);
        let other = pool.senders.iter().find(|sender| brand(sender) != first);
        let one = |brand: Option<&str>| brand.map_or_else(|| "no brand".to_owned(), |b| format!("brand {}", shown(b)));
        let what = other.map(|sender| format!("its numbers are of {} and of {}", one(first), one(brand(sender))));
        require(what.is_none(), &format!("spec.pools[{i}].senders"), what.as_deref().unwrap_or_default(), || {
            "a pool writes as one brand: give each brand a pool of its own".to_owned()
        })?;
    }
    Ok(())
}
