//! A record that no client library would write, in Kafka's own protocol: a Produce request of version 3 with one batch.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// What is written.
pub struct Raw<'a> {
    pub topic: &'a str,
    pub partition: u32,
    pub key: &'a [u8],
    pub value: &'a [u8],
    /// Names and values, of any bytes.
    pub headers: &'a [(&'a [u8], &'a [u8])],
}

/// Writes it and waits until the broker has it.
pub fn produce(bootstrap: &str, raw: &Raw<'_>) {
    let batch = batch(raw);
    let mut request = Vec::new();
    request.extend([0, 0, 0, 3, 0, 0, 0, 7]); // Produce, version 3, correlation 7
    put_text(&mut request, b"raw");
    request.extend((-1i16).to_be_bytes()); // no transaction
    request.extend((-1i16).to_be_bytes()); // every in-sync replica
    request.extend(10_000i32.to_be_bytes());
    request.extend(1i32.to_be_bytes());
    put_text(&mut request, raw.topic.as_bytes());
    request.extend(1i32.to_be_bytes());
    request.extend(raw.partition.to_be_bytes());
    request.extend((batch.len() as i32).to_be_bytes());
    request.extend(batch);
    let mut broker = TcpStream::connect(bootstrap).unwrap();
    broker.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    broker.write_all(&(request.len() as i32).to_be_bytes()).unwrap();
    broker.write_all(&request).unwrap();
    let mut size = [0; 4];
    broker.read_exact(&mut size).unwrap();
    let mut answer = vec![0; u32::from_be_bytes(size) as usize];
    broker.read_exact(&mut answer).unwrap();
    // Correlation, one topic with its name, one partition with its number, and its error.
    let error = 4 + 4 + 2 + raw.topic.len() + 4 + 4;
    assert_eq!(answer[error..error + 2], [0, 0], "the broker's error code");
}

fn batch(raw: &Raw<'_>) -> Vec<u8> {
    let mut record = vec![0];
    put_varint(&mut record, 0);
    put_varint(&mut record, 0);
    put_bytes(&mut record, raw.key);
    put_bytes(&mut record, raw.value);
    put_varint(&mut record, raw.headers.len() as i64);
    for (name, value) in raw.headers {
        put_bytes(&mut record, name);
        put_bytes(&mut record, value);
    }
    // What the checksum covers: attributes, last offset, times, producer, epoch, sequence, records.
    let mut covered = vec![0, 0, 0, 0, 0, 0];
    covered.extend([0; 16]);
    covered.extend((-1i64).to_be_bytes());
    covered.extend((-1i16).to_be_bytes());
    covered.extend((-1i32).to_be_bytes());
    covered.extend(1i32.to_be_bytes());
    put_bytes(&mut covered, &record);
    let mut batch = vec![0; 8];
    batch.extend((covered.len() as i32 + 9).to_be_bytes());
    batch.extend((-1i32).to_be_bytes());
    batch.push(2);
    batch.extend(crc32c(&covered).to_be_bytes());
    batch.extend(covered);
    batch
}

fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    out.extend((text.len() as i16).to_be_bytes());
    out.extend(text);
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as i64);
    out.extend(bytes);
}

fn put_varint(out: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 })
    })
}
