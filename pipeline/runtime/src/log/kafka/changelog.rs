//! The changelog: every change of the state as a record of the compacted topic `state`, and with each transaction one
//! record of where the inputs stood, so that a replay knows when it is whole.

use crate::log::Topic;
use crate::store::Space;

/// First byte of a key that is no entity: the position record.
const POSITION_TAG: u8 = 0xff;
/// Format of the position record and, with it, of the changelog. A newer one stops the process.
const FORMAT: u8 = 1;

/// Key of the position record.
pub(super) const POSITION_KEY: [u8; 1] = [POSITION_TAG];

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
    #[error("a position record of format {0}, this version reads {FORMAT}: use the version that wrote it")]
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

/// A position record: the fingerprint of the deployment's secret and the next offset of each input.
pub(super) fn put_position(next: &[(Topic, u64)], fingerprint: [u8; 8]) -> Vec<u8> {
    let mut out = vec![FORMAT];
    out.extend_from_slice(&fingerprint);
    for topic in Topic::INPUTS {
        let offset = next.iter().find(|(t, _)| *t == topic).map_or(0, |(_, o)| *o);
        out.extend_from_slice(&offset.to_be_bytes());
    }
    out
}

/// What a position record says.
pub(super) type Position = ([u8; 8], Vec<(Topic, u64)>);

/// Reads a position record.
pub(super) fn position(value: &[u8]) -> Result<Position, ChangelogError> {
    let (&format, rest) = value.split_first().ok_or(ChangelogError::Position)?;
    if format != FORMAT {
        return Err(ChangelogError::Format(format));
    }
    let (fingerprint, rest) = rest.split_first_chunk().ok_or(ChangelogError::Position)?;
    let (offsets, rest) = rest.as_chunks::<8>();
    if !rest.is_empty() || offsets.len() != Topic::INPUTS.len() {
        return Err(ChangelogError::Position);
    }
    Ok((*fingerprint, Topic::INPUTS.into_iter().zip(offsets.iter().map(|o| u64::from_be_bytes(*o))).collect()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "test")]
mod tests {
    use super::*;

    #[test]
    fn keys_and_positions_read_back() {
        let mut buffer = Vec::new();
        for space in Space::ALL {
            let key = put_key(&mut buffer, space, b"k\xff").to_vec();
            assert_eq!(entry(&key), Ok(Entry::Entity(space, b"k\xff")));
        }
        assert_eq!(entry(&POSITION_KEY), Ok(Entry::Position));
        let next = vec![(Topic::Requests, 7), (Topic::RequestsPriority, 0), (Topic::Commands, 3), (Topic::Events, 9)];
        assert_eq!(position(&put_position(&next, [7; 8])).unwrap(), ([7; 8], next));
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        assert_eq!(entry(b""), Err(ChangelogError::NoKey));
        assert_eq!(entry(&[99, 1]), Err(ChangelogError::Key(99)));
        assert_eq!(position(&[9, 0]), Err(ChangelogError::Format(9)));
        assert_eq!(position(&[FORMAT, 0]), Err(ChangelogError::Position));
    }
}
