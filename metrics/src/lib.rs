//! Every metric name once, and cached handles to them.
