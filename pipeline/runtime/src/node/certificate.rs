//! When the certificates in a PEM file end: just enough of X.509 (RFC 5280, 4.1) to find it.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::path::Path;

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// Seconds since 1970 at which the first certificate of a file ends.
///
/// # Errors
/// The file cannot be read, or has no certificate of this form; in words.
pub fn ends(file: &Path) -> Result<i64, String> {
    let certificates = CertificateDer::pem_file_iter(file).map_err(|e| e.to_string())?;
    let mut first = None;
    for certificate in certificates {
        let certificate = certificate.map_err(|e| e.to_string())?;
        let ends = not_after(&certificate).ok_or("a certificate whose end cannot be read")?;
        first = Some(first.map_or(ends, |first: i64| first.min(ends)));
    }
    first.ok_or_else(|| "it has no certificate".to_owned())
}

/// `Certificate.tbsCertificate.validity.notAfter`.
fn not_after(der: &[u8]) -> Option<i64> {
    let (mut tbs, _) = inside(inside(der, SEQUENCE)?.0, SEQUENCE)?;
    if tbs.first() == Some(&VERSION) {
        tbs = inside(tbs, VERSION)?.1;
    }
    // Serial number, signature algorithm, issuer.
    for _ in 0..3 {
        tbs = inside(tbs, *tbs.first()?)?.1;
    }
    let (validity, _) = inside(tbs, SEQUENCE)?;
    let (_, rest) = inside(validity, *validity.first()?)?;
    let tag = *rest.first()?;
    time(tag, inside(rest, tag)?.0)
}

/// Content of the first element, which has this tag, and what follows it.
fn inside(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&have, rest) = der.split_first()?;
    let (&short, rest) = rest.split_first()?;
    let (len, rest) = match short {
        0..=0x7f => (usize::from(short), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(short & 0x7f))?;
            (bytes.iter().fold(0, |len, byte| len << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    if have == tag { rest.split_at_checked(len) } else { None }
}

/// `YYMMDDHHMMSSZ` (from 1950 on) or `YYYYMMDDHHMMSSZ`.
fn time(tag: u8, text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let whole = match (tag, text.len()) {
        (UTC_TIME, 13) if text < "50" => format!("20{text}"),
        (UTC_TIME, 13) => format!("19{text}"),
        (GENERALIZED_TIME, 15) => text.to_owned(),
        _ => return None,
    };
    let at = jiff::fmt::strtime::parse("%Y%m%d%H%M%SZ", &whole).ok()?.to_datetime().ok()?;
    let zoned = at.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(zoned.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    /// A certificate of this form with nothing real in it.
    fn certificate(not_after: &[u8]) -> Vec<u8> {
        let element = |tag: u8, content: &[u8]| {
            let mut der = vec![tag, 0x82, (content.len() >> 8) as u8, content.len() as u8];
            der.extend_from_slice(content);
            der
        };
        let validity = [element(UTC_TIME, b"200101000000Z"), not_after.to_vec()].concat();
        let tbs = [
            element(VERSION, &[2, 1, 2]),
            element(2, &[7]),
            element(SEQUENCE, &[0; 300]),
            element(SEQUENCE, &[]),
            element(SEQUENCE, &validity),
            element(SEQUENCE, b"subject"),
        ];
        element(SEQUENCE, &element(SEQUENCE, &tbs.concat()))
    }

    fn pem(der: &[u8]) -> String {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
    }

    #[test]
    fn the_first_end_in_a_file_counts() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("ca.pem");
        let short = certificate(&[&[UTC_TIME, 13][..], b"270101000000Z"].concat());
        let long = certificate(&[&[GENERALIZED_TIME, 15][..], b"20600101000000Z"].concat());
        std::fs::write(&file, pem(&long) + &pem(&short)).unwrap();
        assert_eq!(ends(&file), Ok(1_798_761_600));
        std::fs::write(&file, pem(&long)).unwrap();
        assert_eq!(ends(&file), Ok(2_840_140_800));
        std::fs::write(&file, pem(&short[..40])).unwrap();
        assert!(ends(&file).is_err());
        std::fs::write(&file, "nothing").unwrap();
        assert!(ends(&file).is_err());
        assert!(ends(&directory.path().join("none")).is_err());
    }
}
