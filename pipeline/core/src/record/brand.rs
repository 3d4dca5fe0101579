//! The brands of an account: names with numbers that never change, and which number writes as which.

use crate::ids::{BrandIx, SenderIx};
use std::cmp::Reverse;
use tollgate_wire::command::AccountSpec;

/// Most names that an account may ever have given to brands: one number short of a byte, which stands for none of them.
const NAMES_MAX: usize = 254;

/// Every brand that an account has or had. What people said is kept by a brand's number, so that a name keeps its own for
/// good: one that is left out is gone, and is the same brand again when it comes back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Brands {
    /// In order of number, from 1.
    all: Vec<Brand>,
    /// Which number writes as which, in order.
    of: Vec<(SenderIx, BrandIx)>,
    /// What numbers were before, in order.
    was: Vec<Was>,
}

/// A number was of a brand, or with [`BrandIx::NONE`] of none while it was the account's, and is not now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Was {
    /// The number.
    pub sender: SenderIx,
    /// What it was of.
    pub brand: BrandIx,
    /// The second at which it was that last; 0 = not known.
    pub until_s: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Brand {
    name: String,
    here: bool,
    inherits: bool,
}

/// An account has given too many names to brands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamesUsedUp;

impl Brands {
    /// A name that no brand has.
    pub const UNKNOWN: BrandIx = BrandIx(u8::MAX);

    /// Those of a declaration, after `names` that were named before in order of number, and what numbers wrote as before.
    /// `senders` are the declared ones' in order of declaration.
    ///
    /// # Errors
    /// When there are more names than numbers.
    pub fn of<'n>(
        spec: &AccountSpec,
        senders: &[SenderIx],
        names: impl Iterator<Item = &'n str>,
        was: impl Iterator<Item = Was>,
    ) -> Result<Self, NamesUsedUp> {
        let mut all: Vec<Brand> =
            names.map(|name| Brand { name: name.to_owned(), here: false, inherits: false }).collect();
        let ids = || spec.wabas.iter().flat_map(|w| &w.senders).map(|s| s.id.as_str()).zip(senders);
        let mut of = Vec::new();
        for brand in &spec.policy.brands {
            let known = all.iter().position(|b| b.name == brand.name);
            let at = known.unwrap_or_else(|| {
                all.push(Brand { name: brand.name.clone(), here: true, inherits: false });
                all.len() - 1
            });
            (all[at].here, all[at].inherits) = (true, brand.inherits);
            let own = ids().filter(|(id, _)| brand.senders.iter().any(|own| own == id));
            of.extend(own.map(|(_, sender)| (*sender, BrandIx((at + 1) as u8))));
        }
        of.sort_unstable();
        let is_now = |w: &Was| match w.brand {
            BrandIx::NONE => senders.contains(&w.sender) && !of.iter().any(|(sender, _)| *sender == w.sender),
            brand => of.contains(&(w.sender, brand)),
        };
        // Of an account that never had brands nothing is kept.
        let mut was: Vec<Was> = was.filter(|w| !all.is_empty() && !is_now(w)).collect();
        was.sort_unstable_by_key(|w| (w.sender, w.brand, Reverse(w.until_s)));
        was.dedup_by_key(|w| (w.sender, w.brand));
        if all.len() > NAMES_MAX { Err(NamesUsedUp) } else { Ok(Self { all, of, was }) }
    }

    /// The account never had any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Every name ever given, in order of number.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|b| b.name.as_str())
    }

    /// Every number ever given, in order.
    pub fn numbers(&self) -> impl Iterator<Item = BrandIx> + use<> {
        (1..=self.all.len() as u8).map(BrandIx)
    }

    /// What the account's numbers were before, and what they are until this second.
    pub fn history(&self, senders: &[SenderIx], until_s: u32) -> impl Iterator<Item = Was> {
        let now = senders.iter().map(move |sender| Was { sender: *sender, brand: self.of_sender(*sender), until_s });
        self.was.iter().copied().chain(now)
    }

    /// What numbers were before.
    #[must_use]
    pub fn was(&self) -> &[Was] {
        &self.was
    }

    fn was_of(&self, sender: Option<SenderIx>) -> impl Iterator<Item = Was> {
        let from = self.was.partition_point(|w| Some(w.sender) < sender);
        self.was[from..].iter().copied().take_while(move |w| Some(w.sender) == sender)
    }

    /// Since which second a number is of its brand, or of none; 0 = since it is there, as far as is known.
    #[must_use]
    pub fn since_s(&self, sender: SenderIx) -> u32 {
        self.was_of(Some(sender)).map(|w| w.until_s).max().unwrap_or(0)
    }

    /// To whom a word may have been said that was written to a number at a second, besides the brand that the number is
    /// of now: all that it was of then or later.
    pub fn since(&self, sender: SenderIx, at_s: u32) -> impl Iterator<Item = BrandIx> {
        self.was_of(Some(sender)).filter(move |w| w.until_s >= at_s).map(|w| w.brand)
    }

    /// What was refused to these is refused to a message of this brand and number that rests on no yes to the brand itself:
    /// brands that are gone, and those that the number was of before.
    pub fn past(&self, brand: BrandIx, sender: Option<SenderIx>) -> impl Iterator<Item = BrandIx> {
        let still = self.was_of(sender).map(|w| w.brand).filter(|brand| self.is_here(*brand));
        self.gone().chain(still).filter(move |past| *past != brand)
    }

    /// The numbers of those that are gone.
    pub fn gone(&self) -> impl Iterator<Item = BrandIx> {
        self.numbers().filter(|ix| !self.is_here(*ix))
    }

    /// The brand of that name, here or gone.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<BrandIx> {
        self.numbers().zip(&self.all).find(|(_, b)| b.name == name).map(|(ix, _)| ix)
    }

    /// The brand as which a number writes.
    #[must_use]
    pub fn of_sender(&self, sender: SenderIx) -> BrandIx {
        match self.of.binary_search_by_key(&sender, |(known, _)| *known) {
            Ok(at) => self.of[at].1,
            Err(_) => BrandIx::NONE,
        }
    }

    fn get(&self, ix: BrandIx) -> Option<&Brand> {
        self.all.get(ix.at().checked_sub(1)?)
    }

    /// Its name; empty for "no brand".
    #[must_use]
    pub fn name(&self, ix: BrandIx) -> &str {
        self.get(ix).map_or("", |b| &b.name)
    }

    /// The account has it now.
    #[must_use]
    pub fn is_here(&self, ix: BrandIx) -> bool {
        self.get(ix).is_some_and(|b| b.here)
    }

    /// Opt-ins to the account as a whole hold for it.
    #[must_use]
    pub fn inherits(&self, ix: BrandIx) -> bool {
        self.get(ix).is_some_and(|b| b.here && b.inherits)
    }
}
