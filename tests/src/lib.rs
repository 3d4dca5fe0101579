//! End-to-end, crash and structure tests.
