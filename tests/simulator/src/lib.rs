//! A seeded world under virtual time with an independent auditor.
