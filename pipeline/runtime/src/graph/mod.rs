//! The platform's Cloud API as a client: one send call and what its answer proves, and questions.
//!
//! `body` the send body · `client` the pooled connection and the call · `connector` connecting within a bound ·
//! `answer` what an answer means for the attempt · `question` a `GET` and why it has no answer · `analytics` the question
//! for a WABA's figures, and the line that keeps its answer · `refusal` the platform's error in an answer ·
//! `retry_after` when it asks to be asked again.

mod analytics;
mod answer;
mod body;
mod client;
mod connector;
mod question;
mod refusal;
mod retry_after;

pub use analytics::{Figures, figures, pricing_analytics};
pub use body::write_body;
pub use client::{GraphClient, GraphConfig, GraphError, Target};
pub use question::QuestionError;

#[cfg(test)]
mod tests;
