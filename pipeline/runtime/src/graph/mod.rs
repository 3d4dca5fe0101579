//! The platform's Cloud API as a client: one send call, and what its answer proves.
//!
//! `body` the send body · `client` the pooled connection and the call · `connector` connecting within a bound ·
//! `answer` what an answer means for the attempt.

mod answer;
mod body;
mod client;
mod connector;

pub use body::write_body;
pub use client::{GraphClient, GraphConfig, GraphError, Target};

#[cfg(test)]
mod tests;
