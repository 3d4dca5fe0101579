//! The log in Apache Kafka: topics, transactions, the changelog and what is rebuilt from it.
//!
//! `config` client settings · `partition` account to partition · `flush` the one C call.

mod config;
mod flush;
mod partition;

pub use config::{KafkaConfig, RECORD_BYTES_MAX};
pub use partition::partition_of;
