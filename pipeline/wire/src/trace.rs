//! Where a request belongs in its caller's trace: the header `traceparent` of W3C Trace Context, level 1 (section 3.2).

use std::fmt;

/// The header, in HTTP and beside a record.
pub const TRACEPARENT: &str = "traceparent";

/// Bytes of version 00.
const LEN: usize = 55;

/// A valid `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent<'a>(&'a str);

impl<'a> TraceParent<'a> {
    /// Reads the header's value; `None` when it is not valid, and then it counts as absent.
    #[must_use]
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok()?;
        let head = text.get(..LEN)?;
        let mut parts = head.split('-');
        let hex = |part: Option<&str>, len| {
            let part = part?;
            let digits = part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            (part.len() == len && digits).then(|| part.bytes().any(|byte| byte != b'0'))
        };
        let version = head.get(..2)?;
        let known = version != "ff" && hex(parts.next(), 2).is_some();
        // An id of zeros is none.
        let ids = hex(parts.next(), 32)? && hex(parts.next(), 16)?;
        let flags = hex(parts.next(), 2).is_some() && parts.next().is_none();
        // A later version may say more, after another dash.
        let rest = &text[LEN..];
        let ends = rest.is_empty() || (version != "00" && rest.starts_with('-'));
        (known && ids && flags && ends).then_some(Self(head))
    }

    /// The trace: 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> &'a str {
        &self.0[3..35]
    }

    /// The caller's span: 16 hexadecimal digits.
    #[must_use]
    pub fn span_id(&self) -> &'a str {
        &self.0[36..52]
    }

    /// Whether the caller records this trace: the flag `sampled`.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        u8::from_str_radix(&self.0[53..55], 16).is_ok_and(|flags| flags & 1 != 0)
    }

    /// The caller's span, where its trace is recorded.
    #[must_use]
    pub fn sampled(&self) -> Option<SpanRef> {
        let (trace, span) =
            (u128::from_str_radix(self.trace_id(), 16).ok()?, u64::from_str_radix(self.span_id(), 16).ok()?);
        self.is_sampled().then_some(SpanRef { trace, span })
    }

    /// The header in the form of version 00, without what a later version says more.
    #[must_use]
    pub fn as_str(&self) -> &'a str {
        self.0
    }
}

/// A span of a trace that is recorded: the parent of what comes of it. Shown as a `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanRef {
    /// The trace; never 0.
    pub trace: u128,
    /// The span; never 0.
    pub span: u64,
}

impl fmt::Display for SpanRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-01", self.trace, self.span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recorded_is_read_as_it_is_written() {
        let span = SpanRef { trace: 0x0bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736, span: 0x00f0_67aa_0ba9_02b7 };
        let text = span.to_string();
        assert_eq!(text, "00-0bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let read = |text: &str| TraceParent::parse(text.as_bytes()).and_then(|parent| parent.sampled());
        assert_eq!(read(&text), Some(span));
        // What else the flags say does not matter.
        assert_eq!(read(&text.replace("-01", "-03")), Some(span));
        assert_eq!(read(&text.replace("-01", "-00")), None);
        assert_eq!(read(&text.replace("-01", "-fe")), None);
    }

    #[test]
    fn only_what_the_standard_allows_is_taken() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let parsed = TraceParent::parse(good.as_bytes());
        let ids = parsed.map(|parent| (parent.trace_id(), parent.span_id(), parent.as_str()));
        assert_eq!(ids, Some(("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", good)));
        let table = [
            ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes", true),
            ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", false),
            ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.more", false),
            ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false),
            ("0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011", false),
            ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false),
            ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e473600-f067aa0ba902b7-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", false),
            ("00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01", false),
            ("", false),
        ];
        for (text, taken) in table {
            assert_eq!(TraceParent::parse(text.as_bytes()).is_some(), taken, "{text}");
        }
        assert_eq!(TraceParent::parse(b"\xff".as_slice()), None);
        assert_eq!(TraceParent::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0\u{e9}".as_bytes()), None);
        assert_eq!(TraceParent::parse("\u{20ac}".repeat(19).as_bytes()), None);
    }
}
