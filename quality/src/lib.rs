//! What a sender may do: quality score, tier, exact rolling unique-user count, pacing and throughput buckets. Pure.
