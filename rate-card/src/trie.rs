//! Digit trie: the country of a number by its longest known prefix, in about ten nanoseconds.

use crate::Country;

/// Longest prefix that the trie holds, in digits.
pub(crate) const PREFIX_DIGITS_MAX: usize = 7;

const NONE: u16 = u16::MAX;

#[derive(Debug, Clone)]
struct Node {
    children: [u16; 10],
    country: Option<Country>,
}

impl Node {
    const EMPTY: Self = Self { children: [NONE; 10], country: None };
}

/// A map from digit prefixes of 0 to 7 digits to countries.
#[derive(Debug, Clone)]
pub(crate) struct Trie {
    nodes: Vec<Node>,
    /// By the leading three digits: where the walk stands after them.
    entry: Box<[Entry; 1000]>,
}

/// The country found within the leading three digits, and the node to go on from.
#[derive(Debug, Clone, Copy)]
struct Entry {
    country: Option<Country>,
    node: u16,
}

/// Collects prefixes.
#[derive(Debug)]
pub(crate) struct TrieBuilder {
    nodes: Vec<Node>,
}

impl TrieBuilder {
    pub fn new() -> Self {
        Self { nodes: vec![Node::EMPTY] }
    }

    /// Sets the country of a prefix, which must be digits only and at most
    /// [`PREFIX_DIGITS_MAX`] long, and returns the country that it had.
    pub fn insert(&mut self, prefix: &str, country: Country) -> Option<Country> {
        let mut at = 0;
        for digit in prefix.bytes().map(|b| usize::from(b - b'0')) {
            let child = self.nodes[at].children[digit];
            at = if child == NONE {
                let new = self.nodes.len();
                self.nodes.push(Node::EMPTY);
                self.nodes[at].children[digit] = new as u16;
                new
            } else {
                usize::from(child)
            };
        }
        self.nodes[at].country.replace(country)
    }

    /// The trie of all prefixes set so far.
    pub fn build(self) -> Trie {
        let entry = std::array::from_fn(|lead| {
            let (country, node) = walk(&self.nodes, 0, self.nodes[0].country, [lead / 100, lead / 10 % 10, lead % 10]);
            Entry { country, node }
        });
        Trie { nodes: self.nodes, entry: Box::new(entry) }
    }
}

impl Trie {
    /// Country of the longest prefix of `number`, which is read in decimal without leading zeros.
    #[inline]
    pub fn longest(&self, number: u64) -> Option<Country> {
        let digits = number.checked_ilog10()? as usize + 1;
        if digits < PREFIX_DIGITS_MAX {
            return self.longest_short(number, digits);
        }
        let lead = (number / POWERS[digits - PREFIX_DIGITS_MAX]) as u32 as usize;
        let Entry { country, node } = self.entry[lead / 10_000];
        if node == NONE {
            return country;
        }
        let rest = [lead / 1_000 % 10, lead / 100 % 10, lead / 10 % 10, lead % 10];
        walk(&self.nodes, node, country, rest).0
    }

    /// The same for fewer than seven digits, which no real number has.
    fn longest_short(&self, number: u64, digits: usize) -> Option<Country> {
        let digit = |place: usize| (number / POWERS[digits - 1 - place] % 10) as usize;
        walk(&self.nodes, 0, self.nodes[0].country, (0..digits).map(digit)).0
    }
}

/// Follows digits from a node; the last country on the way, `found` before it, and the node reached
/// or [`NONE`].
#[inline]
fn walk(
    nodes: &[Node],
    mut at: u16,
    mut found: Option<Country>,
    digits: impl IntoIterator<Item = usize>,
) -> (Option<Country>, u16) {
    for digit in digits {
        at = nodes[usize::from(at)].children[digit];
        if at == NONE {
            break;
        }
        found = nodes[usize::from(at)].country.or(found);
    }
    (found, at)
}

/// Powers of ten: what a number of up to 20 digits is divided by to leave its leading ones.
const POWERS: [u64; 20] = {
    let mut powers = [1; 20];
    let mut index = 1;
    while index < powers.len() {
        powers[index] = powers[index - 1] * 10;
        index += 1;
    }
    powers
};
