//! The changelog: every change of the state as a record of the compacted topic `state`, and with each transaction one
//! record of where the inputs stood, so that a replay knows when it is whole.
//!
//! It has a format. Two are read, so that processes of two versions work side by side while they are replaced one by
//! one; the older is written until the newer is asked for, and never again once a changelog has it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::log::Topic;
use crate::store::Space;

/// First byte of a key that is no entity: the position record.
const POSITION_TAG: u8 = 0xff;
/// Newest format of the position record and, with it, of the changelog. A newer one stops the process.
///
/// 1: fingerprint of the secret, next offset of every input. 2: the number of partitions as well.
pub const CHANGELOG_FORMAT: u8 = 2;
/// The format before, which is read too, and written until the newest is asked for.
pub const CHANGELOG_FORMAT_BEFORE: u8 = CHANGELOG_FORMAT - 1;

/// Key of the position record.
pub(super) const POSITION_KEY: [u8; 1] = [POSITION_TAG];

/// What every position record says of the deployment beside its offsets, and in which format it is written.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Tells the deployment's secret apart from others without telling it: a process with another one cannot take
    /// partitions over.
    pub secret: [u8; 8],
    /// Partitions of the inputs; 0 where nobody knows.
    pub partitions: u32,
    /// The format asked for, or that of a changelog read since: nobody goes back. Shared by all clones.
    format: Arc<AtomicU8>,
}

impl Deployment {
    /// A deployment that writes a format, at most [`CHANGELOG_FORMAT`].
    #[must_use]
    pub fn new(secret: [u8; 8], partitions: u32, format: u8) -> Self {
        let format = format.clamp(CHANGELOG_FORMAT_BEFORE, CHANGELOG_FORMAT);
        Self { secret, partitions, format: Arc::new(AtomicU8::new(format)) }
    }

    /// The format that is written.
    #[must_use]
    pub fn format(&self) -> u8 {
        self.format.load(Ordering::Acquire)
    }

    /// Notes what a changelog has: from then on nothing older is written.
    pub(super) fn has_read(&self, position: &Position) {
        if self.format.fetch_max(position.format, Ordering::AcqRel) < position.format {
            tracing::info!(format = position.format, "the changelog has a newer format, which is written from now on");
        }
    }
}

impl Default for Deployment {
    fn default() -> Self {
        Self::new([0; 8], 0, CHANGELOG_FORMAT_BEFORE)
    }
}

/// A changelog key: one byte for the space, then the key inside it. Reuses the buffer.
pub(super) fn put_key<'a>(buffer: &'a mut Vec<u8>, space: Space, key: &[u8]) -> &'a [u8] {
    buffer.clear();
    buffer.push(space.index() as u8);
    buffer.extend_from_slice(key);
    buffer
}

/// What a changelog record is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry<'a> {
    /// A key of the state.
    Entity(Space, &'a [u8]),
    /// Where the inputs stood.
    Position,
}

/// Why a changelog record cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ChangelogError {
    /// Written by a newer version, or not by Tollgate.
    #[error("a key that begins with byte {0}: written by a newer version or not by Tollgate")]
    Key(u8),
    /// An empty or missing key.
    #[error("a record without key")]
    NoKey,
    /// A position record of another format.
    #[error(
        "a position record of format {0}, this version reads {CHANGELOG_FORMAT_BEFORE} and {CHANGELOG_FORMAT}: use the version that wrote it"
    )]
    Format(u8),
    /// A position record of the wrong length.
    #[error("a damaged position record")]
    Position,
}

/// Reads a key.
pub(super) fn entry(key: &[u8]) -> Result<Entry<'_>, ChangelogError> {
    let (&tag, rest) = key.split_first().ok_or(ChangelogError::NoKey)?;
    if tag == POSITION_TAG {
        return Ok(Entry::Position);
    }
    let space = Space::ALL.get(usize::from(tag)).ok_or(ChangelogError::Key(tag))?;
    Ok(Entry::Entity(*space, rest))
}

/// A position record: the deployment and the next offset of each input.
pub(super) fn put_position(next: &[(Topic, u64)], deployment: &Deployment) -> Vec<u8> {
    let format = deployment.format();
    let mut out = vec![format];
    out.extend_from_slice(&deployment.secret);
    if format >= CHANGELOG_FORMAT {
        out.extend_from_slice(&deployment.partitions.to_be_bytes());
    }
    for topic in Topic::INPUTS {
        let offset = next.iter().find(|(t, _)| *t == topic).map_or(0, |(_, o)| *o);
        out.extend_from_slice(&offset.to_be_bytes());
    }
    out
}

/// What a position record says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) format: u8,
    pub(super) secret: [u8; 8],
    /// 0 where it does not say.
    pub(super) partitions: u32,
    pub(super) next: Vec<(Topic, u64)>,
}

/// Reads a position record.
pub(super) fn position(value: &[u8]) -> Result<Position, ChangelogError> {
    let (&format, rest) = value.split_first().ok_or(ChangelogError::Position)?;
    if !(CHANGELOG_FORMAT_BEFORE..=CHANGELOG_FORMAT).contains(&format) {
        return Err(ChangelogError::Format(format));
    }
    let (secret, rest) = rest.split_first_chunk().ok_or(ChangelogError::Position)?;
    let (partitions, rest) = match format {
        CHANGELOG_FORMAT => rest.split_first_chunk().ok_or(ChangelogError::Position)?,
        _ => (&[0; 4], rest),
    };
    let (offsets, rest) = rest.as_chunks::<8>();
    if !rest.is_empty() || offsets.len() != Topic::INPUTS.len() {
        return Err(ChangelogError::Position);
    }
    let next = Topic::INPUTS.into_iter().zip(offsets.iter().map(|o| u64::from_be_bytes(*o))).collect();
    Ok(Position { format, secret: *secret, partitions: u32::from_be_bytes(*partitions), next })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "test")]
mod tests {
    use super::*;

    fn next() -> Vec<(Topic, u64)> {
        vec![(Topic::Requests, 7), (Topic::RequestsPriority, 0), (Topic::Commands, 3), (Topic::Events, 9)]
    }

    #[test]
    fn keys_and_positions_of_both_formats_read_back() {
        let mut buffer = Vec::new();
        for space in Space::ALL {
            let key = put_key(&mut buffer, space, b"k\xff").to_vec();
            assert_eq!(entry(&key), Ok(Entry::Entity(space, b"k\xff")));
        }
        assert_eq!(entry(&POSITION_KEY), Ok(Entry::Position));
        let [old, new] = [CHANGELOG_FORMAT_BEFORE, CHANGELOG_FORMAT].map(|format| Deployment::new([7; 8], 64, format));
        let told = |format, partitions| Position { format, secret: [7; 8], partitions, next: next() };
        assert_eq!(position(&put_position(&next(), &old)).unwrap(), told(1, 0));
        assert_eq!(position(&put_position(&next(), &new)).unwrap(), told(2, 64));
    }

    /// Bytes of the format before, as the version before wrote them: they must stay readable.
    #[test]
    fn the_format_before_is_what_it_was() {
        let mut bytes = vec![1, 7, 7, 7, 7, 7, 7, 7, 7];
        for offset in [7u64, 0, 3, 9] {
            bytes.extend(offset.to_be_bytes());
        }
        assert_eq!(put_position(&next(), &Deployment::new([7; 8], 64, 1)), bytes);
    }

    #[test]
    fn nobody_goes_back_to_the_format_before() {
        let deployment = Deployment::new([7; 8], 64, 1);
        let clone = deployment.clone();
        deployment.has_read(&position(&put_position(&next(), &Deployment::new([7; 8], 64, 2))).unwrap());
        assert_eq!((deployment.format(), clone.format()), (2, 2));
        deployment.has_read(&position(&put_position(&next(), &Deployment::new([7; 8], 64, 1))).unwrap());
        assert_eq!(clone.format(), 2);
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        assert_eq!(entry(b""), Err(ChangelogError::NoKey));
        assert_eq!(entry(&[99, 1]), Err(ChangelogError::Key(99)));
        assert_eq!(position(&[9, 0]), Err(ChangelogError::Format(9)));
        assert_eq!(position(&[1, 0]), Err(ChangelogError::Position));
        assert_eq!(position(&[2, 0, 0, 0, 0, 0, 0, 0, 0, 1]), Err(ChangelogError::Position));
    }
}
