//! Benchmarks: decide, rating, record to record, end to end.
