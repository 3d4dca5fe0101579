//! Where a request comes from, as its headers say: whether a form was sent by a page of ours, whether there is TLS before
//! us, and the cookie.

use axum::http::HeaderMap;
use axum::http::header::{COOKIE, HOST, ORIGIN};

use super::session::AGE_MAX;

/// The cookie behind TLS. A browser takes a name that begins so only with `Secure`, for this host alone and for `/`, so that
/// no neighbour under the same domain can set it.
const SECURE_NAME: &str = "__Host-tollgate";
/// The cookie without TLS.
const PLAIN_NAME: &str = "tollgate";

/// Whether the browser spoke TLS, as the proxy before us says. Somebody who only claims it harms nobody else: the answer is
/// a stricter cookie.
fn is_https(headers: &HeaderMap) -> bool {
    let forwarded_proto = first(headers, "x-forwarded-proto").is_some_and(|proto| proto.eq_ignore_ascii_case("https"));
    let forwarded = first(headers, "forwarded").is_some_and(|forwarded| {
        let mut pairs = forwarded.split(';').filter_map(|pair| pair.trim().split_once('='));
        pairs.any(|(name, value)| {
            name.eq_ignore_ascii_case("proto") && value.trim_matches('"').eq_ignore_ascii_case("https")
        })
    });
    forwarded_proto || forwarded
}

/// The first value of a list in a header: that of the proxy next to the browser.
fn first<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()?.split(',').next().map(str::trim)
}

/// Whether a form was sent by a page of ours. Browsers give the origin with every form, and a foreign page cannot set the
/// headers that it is compared with.
pub(super) fn is_own(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()) else { return false };
    let Some((scheme, origin)) = origin.split_once("://") else { return false };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let names = [host, first(headers, "x-forwarded-host")];
    matches!(scheme, "http" | "https") && names.into_iter().flatten().any(|name| origin.eq_ignore_ascii_case(name))
}

/// The session's id in the cookie.
pub(super) fn session_id(headers: &HeaderMap) -> Option<&str> {
    let wanted = name(headers);
    let cookies = headers.get_all(COOKIE).into_iter().filter_map(|cookies| cookies.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == wanted).map(|(_, id)| id)
}

/// The header that gives the browser a session's id; an empty one takes it away.
pub(super) fn cookie(headers: &HeaderMap, id: &str) -> String {
    let secure = if is_https(headers) { "; Secure" } else { "" };
    let age = if id.is_empty() { 0 } else { AGE_MAX.as_secs() };
    format!("{}={id}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age}{secure}", name(headers))
}

fn name(headers: &HeaderMap) -> &'static str {
    if is_https(headers) { SECURE_NAME } else { PLAIN_NAME }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(text: &str) -> HeaderMap {
        let pairs = text.split('|').filter_map(|pair| pair.split_once(": "));
        pairs
            .map(|(name, value)| (name.trim().parse().expect("a name"), value.trim().parse().expect("a value")))
            .collect()
    }

    /// `headers → whether the form is our own`
    const FORMS: &str = "
        host: tollgate.example | origin: https://tollgate.example                              → own
        host: 127.0.0.1:8080 | origin: http://127.0.0.1:8080                                   → own
        host: backend:8080 | x-forwarded-host: tollgate.example | origin: https://tollgate.example → own
        host: tollgate.example | origin: https://evil.example                                  → foreign
        host: tollgate.example | origin: https://tollgate.example.evil.example                 → foreign
        host: tollgate.example | origin: https://tollgate.example:444                          → foreign
        host: tollgate.example | origin: null                                                  → foreign
        host: tollgate.example                                                                 → foreign
        origin: https://                                                                       → foreign
        host: tollgate.example | origin: file://tollgate.example                               → foreign
    ";

    #[test]
    fn a_form_is_our_own_or_not_taken() {
        for row in FORMS.lines().filter(|row| row.contains('→')) {
            let (given, expected) = row.split_once('→').expect("a row");
            assert_eq!(is_own(&headers(given)), expected.trim() == "own", "{row}");
        }
    }

    #[test]
    fn the_cookie_is_strict_and_behind_tls_secure() {
        let plain = cookie(&headers("host: a"), "id");
        assert_eq!(plain, "tollgate=id; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200");
        for told in ["x-forwarded-proto: https", "forwarded: for=1.2.3.4;proto=https", "x-forwarded-proto: https, http"]
        {
            let secure = cookie(&headers(told), "id");
            assert_eq!(
                secure, "__Host-tollgate=id; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200; Secure",
                "{told}"
            );
        }
        assert!(cookie(&headers("x-forwarded-proto: http"), "").contains("tollgate=; ") && !plain.contains("Secure"));
    }

    #[test]
    fn the_cookie_of_the_other_scheme_is_not_read() {
        assert_eq!(session_id(&headers("cookie: a=b; tollgate=x; c=d")), Some("x"));
        assert_eq!(session_id(&headers("cookie: tollgate=x | x-forwarded-proto: https")), None);
        assert_eq!(session_id(&headers("cookie: tollgate=x; __Host-tollgate=y | x-forwarded-proto: https")), Some("y"));
        assert_eq!(session_id(&headers("cookie: tollgatex=x")), None);
        assert_eq!(session_id(&headers("host: a")), None);
    }
}
