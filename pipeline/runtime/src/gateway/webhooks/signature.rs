//! Who signed: HMAC-SHA256 over the raw bytes with the app's secret, compared in constant time.

use axum::http::HeaderMap;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::gateway::config::AppSecrets;

/// What one app is verified by. The key is prepared once.
pub(super) struct AppKey {
    mac: Hmac<Sha256>,
    pub(super) verify_token: String,
}

impl AppKey {
    pub(super) fn new(app: &AppSecrets) -> Self {
        let mac = Hmac::new_from_slice(app.app_secret.as_bytes()).expect("HMAC takes a key of any length");
        Self { mac, verify_token: app.verify_token.clone() }
    }

    /// Whether `X-Hub-Signature-256: sha256=<hex>` signs these bytes.
    pub(super) fn signed(&self, headers: &HeaderMap, body: &[u8]) -> bool {
        let hex = headers.get("x-hub-signature-256").and_then(|value| value.as_bytes().strip_prefix(b"sha256="));
        let mut signature = [0; 32];
        let Some(Ok(())) = hex.map(|hex| hex::decode_to_slice(hex, &mut signature)) else {
            return false;
        };
        let mut mac = self.mac.clone();
        mac.update(body);
        mac.verify_slice(&signature).is_ok()
    }
}

/// Compares two secrets; takes as long for a near miss as for a far one of the same length.
pub(super) fn same(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(signature: &str, body: &[u8]) -> bool {
        let app = AppSecrets {
            name: "a".to_owned(),
            app_secret: "key".to_owned(),
            verify_token: "v".to_owned(),
            access_token: String::new(),
        };
        let headers = [("x-hub-signature-256".parse().expect("name"), signature.parse().expect("value"))];
        AppKey::new(&app).signed(&headers.into_iter().collect(), body)
    }

    #[test]
    fn a_published_example_and_its_near_misses() {
        // RFC-style example: HMAC-SHA256 with key "key".
        let text = b"The quick brown fox jumps over the lazy dog";
        let good = "sha256=f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8";
        assert!(signed(good, text));
        assert!(!signed(good, b"The quick brown fox jumps over the lazy cog"));
        assert!(!signed(&good.replace("d8", "d9"), text));
        assert!(!signed(&good[..good.len() - 2], text), "short");
        assert!(!signed(good.trim_start_matches("sha256="), text), "no prefix");
        assert!(!signed("sha256=", text));
    }
}
