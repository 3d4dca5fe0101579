//! The known name that is nearest to one that is not known.

/// How different a name may be and still be meant (0 = nothing in common, 1 = the same).
const LIKENESS_MIN: f64 = 0.75;

/// Longest name, in bytes, that may be a misspelt one: a comparison takes the product of both lengths.
const NAME_BYTES_MAX: usize = 200;

/// The candidate that was probably meant.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > NAME_BYTES_MAX {
        return None;
    }
    let mut best: Option<(f64, &str)> = None;
    for candidate in candidates {
        let likeness = strsim::jaro_winkler(name, candidate);
        if likeness >= LIKENESS_MIN && best.is_none_or(|(most, _)| likeness > most) {
            best = Some((likeness, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}
