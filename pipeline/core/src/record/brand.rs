//! The brands of an account: names with numbers that never change, and which number writes as which.

use crate::ids::{BrandIx, SenderIx};
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
    /// Which number wrote as which before, in order.
    was: Vec<(SenderIx, BrandIx)>,
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
        was: impl Iterator<Item = (SenderIx, BrandIx)>,
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
        let mut was: Vec<_> = was.filter(|before| !of.contains(before)).collect();
        was.sort_unstable();
        was.dedup();
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

    /// Which number wrote as which, now and before.
    pub fn history(&self) -> impl Iterator<Item = (SenderIx, BrandIx)> {
        self.of.iter().chain(&self.was).copied()
    }

    /// Which number wrote as which before.
    #[must_use]
    pub fn was(&self) -> &[(SenderIx, BrandIx)] {
        &self.was
    }

    /// What was refused to these is refused to a message of this brand and number that rests on no yes to the brand itself:
    /// brands that are gone, and those that the number was of before.
    pub fn past(&self, brand: BrandIx, sender: Option<SenderIx>) -> impl Iterator<Item = BrandIx> {
        let from = self.was.partition_point(|(known, _)| Some(*known) < sender);
        let of_number = self.was[from..].iter().take_while(move |(known, _)| Some(*known) == sender);
        let still = of_number.map(|(_, brand)| *brand).filter(|brand| self.is_here(*brand));
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
