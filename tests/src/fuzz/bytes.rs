//! What may happen to any bytes.

use super::wild;
use crate::Dice;

const TOKENS: [&[u8]; 30] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\"",
    b"'",
    b"\\",
    b"\\ud800",
    b"null",
    b"true",
    b"-1",
    b"1e999",
    b"\"x\":",
    b"=",
    b"#",
    b"\n",
    b"\r",
    b"\r\n",
    b"\t",
    b";",
    b"\0",
    b"\xff",
    b"\xc3\x28",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\"\"",
    b"\xc3\xa9",
    b"[[",
];

/// One to five changes at random places.
pub(super) fn changed(mut bytes: Vec<u8>, dice: &mut Dice) -> Vec<u8> {
    for _ in 0..dice.between(1, 5) {
        let at = dice.below(bytes.len() as u64 + 1) as usize;
        let end = (at + dice.between(1, 60) as usize).min(bytes.len());
        match dice.below(8) {
            0 => bytes.truncate(at),
            1 | 2 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = dice.below(256) as u8;
                }
            }
            3 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << dice.below(8);
                }
            }
            4 | 5 => {
                let token = dice.pick(&TOKENS).repeat(if dice.percent(3) { wild::length(dice) } else { 1 });
                bytes.splice(at..at, token);
            }
            6 => {
                bytes.drain(at..end);
            }
            _ => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
        }
    }
    bytes
}

/// Up to 300 bytes without any sense.
pub(super) fn any(dice: &mut Dice) -> Vec<u8> {
    (0..dice.below(300)).map(|_| dice.below(256) as u8).collect()
}
