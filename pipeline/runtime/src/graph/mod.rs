//! The platform's Cloud API as a client: one send call and what its answer proves, and questions.
//!
//! `body` the send body · `client` the pooled connection and the call · `connector` connecting within a bound ·
//! `on_time` a body that leaves on time or not at all ·
//! `answer` what an answer means for the attempt · `question` a `GET` and why it has no answer · `analytics` the question
//! for a WABA's figures, and the line that keeps its answer · `pages` lists that come in pages, `templates` and `numbers`
//! those of a WABA · `refusal` the platform's error in an answer · `retry_after` when it asks to be asked again.

mod analytics;
mod answer;
mod body;
mod client;
mod connector;
mod numbers;
mod on_time;
mod pages;
mod question;
mod refusal;
mod retry_after;
mod templates;

pub use analytics::{Figures, figures, pricing_analytics};
pub use body::write_body;
pub use client::{GraphClient, GraphConfig, GraphError, Sent, Target};
pub(crate) use connector::TimedConnector;
pub use numbers::{ListedNumber, phone_numbers};
pub use pages::{Page, page};
pub use question::QuestionError;
pub use templates::{message_templates, template};

#[cfg(test)]
mod tests;
