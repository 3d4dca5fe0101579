//! The log in Apache Kafka: topics, transactions, the changelog and what is rebuilt from it.
//!
//! `config` client settings · `flush` the one C call · `topic_plan` how each topic is set up · `topics` creates
//! and checks them over a `cluster` connection, which reads and writes the positions of a `group` · `inbox` what comes from
//! outside · `tail` readers with positions of their own · `headers` of records from outside · `registry` who owns which
//! number · `broker_clock` whether our clock is right · `context` what the clients report, `contact` whether brokers are there, `passing` which errors are none ·
//! `slot` the shard loop's side, with `membership` in the group, the partitions `served`, the `fence` before their requests,
//! their `restore` and one `transaction` for a batch of the `changelog` and all outputs.

mod broker_clock;
mod changelog;
mod cluster;
mod config;
mod contact;
mod context;
mod crash_point;
mod fence;
mod flush;
mod group;
mod headers;
mod inbox;
mod membership;
mod passing;
mod registry;
mod restore;
mod served;
mod share;
mod slot;
mod tail;
mod topic_plan;
mod topic_settings;
mod topics;
mod topics_error;
mod transaction;

pub use broker_clock::BrokerClock;
pub use changelog::{CHANGELOG_FORMAT, CHANGELOG_FORMAT_BEFORE, Deployment};
pub use config::{KafkaConfig, RECORD_BYTES_MAX};
pub use flush::flush;
pub use inbox::KafkaInbox;
pub(crate) use passing::is_passing;
pub use registry::{RegistryHealth, RegistryReader, follow_registry};
pub use share::KafkaShare;
pub use slot::KafkaLog;
pub use tail::KafkaTail;
pub use tollgate_wire::partition::partition_of;
pub use topic_plan::{TOMBSTONE_DAYS, TopicSpec, plan};
pub use topics::{Created, check, create, dispatch_group};
pub use topics_error::{Faults, TopicFault, TopicsError};
