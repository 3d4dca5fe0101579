//! The messages endpoint: what a body must be, what is refused, what is answered; and analytics, templates and numbers of
//! a WABA.

pub(crate) mod accept;
pub(crate) mod analytics;
pub(crate) mod answer;
pub(crate) mod body;
pub(crate) mod error;
pub(crate) mod fields;
pub(crate) mod listing;
pub(crate) mod numbers;
pub(crate) mod parameters;
pub(crate) mod recipient;
pub(crate) mod service;
pub(crate) mod templates;
pub(crate) mod wamid;

/// Major number of a Graph version such as `v24.0`.
pub(crate) fn version_major(text: &str) -> Option<u32> {
    let (major, minor) = text.strip_prefix('v')?.split_once('.')?;
    minor.parse::<u32>().ok()?;
    major.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::version_major;

    #[test]
    fn versions_are_v_major_dot_minor() {
        assert_eq!(version_major("v24.0"), Some(24));
        for wrong in ["24.0", "v24", "v.0", "vx.0", "sandbox", ""] {
            assert_eq!(version_major(wrong), None, "{wrong}");
        }
    }
}
