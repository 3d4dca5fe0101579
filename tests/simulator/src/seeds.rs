//! Seeds that are run every time.

/// Ordinary seeds of the test run.
pub const CI_SEEDS: std::ops::Range<u64> = 0..12;

/// Seeds that once found something, and what. A seed finds the same only while the world draws the same numbers;
/// the tests of the core beside each fix do not depend on that.
pub const REGRESSION_SEEDS: &[(u64, &str)] = &[
    (28, "a campaign's lot went on waiting for the template of a head that had expired"),
    (41, "a message with two paused languages was freed by the first only"),
    (107, "the same, with two alternatives"),
    (73, "marketing resumed on the platform took an opt-out of everything back"),
    (241, "the auditor did not know that a delivery of other software gives a person a place in the moving day"),
    (899, "the same, of a message that waited for its pace meanwhile"),
    (405, "what other software sent where the client pays stayed at the time of the status that came first"),
    (989, "an undone cancel left the lots open whose messages have times of their own"),
    (1033, "a number that stopped kept its message although the account had another"),
    (1063, "a message was undelivered while another attempt was waited for, which then ended without a word"),
    (1154, "the auditor did not know that an attempt of a delivered message gives its budget back in time"),
    (1147, "the auditor did not know that a service message of no known country uses up the free thousand"),
    (2227, "a template changed its category and the lot waited on for the old one's pacing"),
    (90, "a message waited for a blocked number of its pool while another waited for a place"),
];
