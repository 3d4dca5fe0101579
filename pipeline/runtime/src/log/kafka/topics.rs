//! Creates the topics with the positions from which their readers begin, and checks them before anything starts.

use std::collections::{BTreeMap, BTreeSet};

use rdkafka::admin::{ConfigResource, NewTopic, OwnedResourceSpecifier, ResourceSpecifier, TopicReplication};
use rdkafka::error::RDKafkaErrorCode;

use super::cluster::{Cluster, Positions, block_on, code};
use super::config::KafkaConfig;
use super::topic_plan::{TopicSpec, plan};
use super::topic_settings::{fewer_copies, losses, setting_faults};
use super::topics_error::{Faults, TopicFault, TopicsError};
use crate::log::Topic;

/// What [`create`] did; empty when everything was there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Created {
    /// Names of the topics that were missing.
    pub topics: Vec<String>,
    /// Positions written where a group had none.
    pub positions: usize,
}

/// Creates what is missing and writes the first positions of the readers: since a reader without a position stops
/// instead of guessing, each is explicit. Existing topics and positions are left as they are; look at them with
/// [`check`]. Blocks for at most about 70 s.
///
/// # Errors
/// The brokers cannot be used; existing topics have another number of partitions (nothing is created then); the
/// changelog has state but the shards' positions are gone; a call was refused.
pub fn create(config: &KafkaConfig, partitions: u32, replication: u32) -> Result<Created, TopicsError> {
    if partitions == 0 || replication == 0 {
        return Err(TopicsError::Refused {
            action: "create topics".to_owned(),
            reason: format!("{partitions} partitions and {replication} copies; both must be at least 1"),
        });
    }
    let cluster = Cluster::connect(config)?;
    let specs = plan(config, partitions, replication);
    let existing = cluster.topics()?;
    let other: Vec<TopicFault> = specs.iter().filter_map(|spec| other_partitions(spec, &existing)).collect();
    if !other.is_empty() {
        return Err(TopicsError::Faults(Faults(other)));
    }
    let missing: Vec<&TopicSpec> = specs.iter().filter(|spec| !existing.contains_key(&spec.name)).collect();
    create_topics(&cluster, &missing)?;
    let topics: Vec<String> = missing.into_iter().map(|spec| spec.name.clone()).collect();
    let positions = write_positions(&cluster, config, partitions, &topics.iter().map(String::as_str).collect())?;
    Ok(Created { topics, positions })
}

/// Looks whether everything is as it must be, and tells the number of partitions. Blocks for at most about 70 s.
///
/// # Errors
/// The brokers cannot be used, or topics are not as they must be: everything found, at once.
pub fn check(config: &KafkaConfig) -> Result<u32, TopicsError> {
    let cluster = Cluster::connect(config)?;
    let existing = cluster.topics()?;
    let partitions = usual_partitions(config, &existing);
    let specs = plan(config, partitions, 1);
    let mut faults: Vec<TopicFault> = Vec::new();
    for spec in &specs {
        if !existing.contains_key(&spec.name) {
            faults.push(TopicFault::Missing { topic: spec.name.clone() });
        }
        faults.extend(other_partitions(spec, &existing));
    }
    let copies = cluster.copies()?;
    faults.extend(fewer_copies(&specs, &copies));
    let present: Vec<&TopicSpec> = specs.iter().filter(|spec| existing.contains_key(&spec.name)).collect();
    for resource in describe(&cluster, &present)? {
        let spec =
            present.iter().find(|s| matches!(&resource.specifier, OwnedResourceSpecifier::Topic(n) if *n == s.name));
        if let Some(spec) = spec {
            let value = |name: &str| resource.get(name).and_then(|entry| entry.value.clone()).unwrap_or_default();
            faults.extend(setting_faults(spec, &value));
            let copies = copies.get(&spec.name).copied().unwrap_or(1);
            faults.extend(losses(spec, copies, &value));
        }
    }
    for (group, topics) in readers(config) {
        let wanted = partitions_of(&topics, &existing);
        let committed = cluster.group(&group)?.committed(&wanted)?;
        for topic in topics {
            let without = wanted.iter().filter(|key| key.0 == topic && !committed.contains_key(*key));
            let partitions: Vec<u32> = without.map(|key| key.1).collect();
            if !partitions.is_empty() {
                faults.push(TopicFault::NoPosition { group: group.clone(), topic, partitions });
            }
        }
    }
    if faults.is_empty() { Ok(partitions) } else { Err(TopicsError::Faults(Faults(faults))) }
}

/// Consumer group of the dispatchers.
#[must_use]
pub fn dispatch_group(config: &KafkaConfig) -> String {
    format!("{}.dispatch", config.app)
}

/// The groups that commit positions, with the topics that each reads.
fn readers(config: &KafkaConfig) -> [(String, Vec<String>); 2] {
    let inputs = Topic::INPUTS.into_iter().map(|topic| config.topic(topic)).collect();
    [(config.app.clone(), inputs), (dispatch_group(config), vec![config.topic(Topic::Dispatch)])]
}

fn partitions_of(topics: &[String], existing: &BTreeMap<String, u32>) -> Vec<(String, u32)> {
    let all = |topic: &String| (0..existing.get(topic).copied().unwrap_or(0)).map(|p| (topic.clone(), p)).collect();
    topics.iter().flat_map(|topic| -> Vec<(String, u32)> { all(topic) }).collect()
}

/// The number that most of the co-partitioned topics have; of two the smaller, since partitions are only ever added.
fn usual_partitions(config: &KafkaConfig, existing: &BTreeMap<String, u32>) -> u32 {
    let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
    // A plan of any number but one tells which topics are co-partitioned.
    for spec in plan(config, 2, 1).iter().filter(|spec| spec.partitions == 2) {
        if let Some(have) = existing.get(&spec.name) {
            *counts.entry(*have).or_default() += 1;
        }
    }
    counts.into_iter().rev().max_by_key(|&(_, topics)| topics).map_or(0, |(partitions, _)| partitions)
}

fn other_partitions(spec: &TopicSpec, existing: &BTreeMap<String, u32>) -> Option<TopicFault> {
    let have = *existing.get(&spec.name)?;
    let fault = || TopicFault::Partitions { topic: spec.name.clone(), have, want: spec.partitions };
    (have != spec.partitions).then(fault)
}

fn create_topics(cluster: &Cluster<'_>, specs: &[&TopicSpec]) -> Result<(), TopicsError> {
    if specs.is_empty() {
        return Ok(());
    }
    let topics: Vec<NewTopic<'_>> = specs
        .iter()
        .map(|spec| {
            let replication = TopicReplication::Fixed(spec.replication as i32);
            let topic = NewTopic::new(&spec.name, spec.partitions as i32, replication);
            spec.settings.iter().fold(topic, |topic, (name, value)| topic.set(name, value))
        })
        .collect();
    let results = cluster
        .admin(|admin, options| block_on(admin.create_topics(&topics, options)))?
        .map_err(|e| cluster.refused("create topics", &reason(code(&e), &e.to_string())))?;
    for result in results {
        match result {
            // Somebody else was faster; the check will tell whether it is what we would have created.
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((name, error)) => {
                let reason = reason(Some(error), &error.to_string());
                return Err(cluster.refused(format!("create topic {name}"), &reason));
            }
        }
    }
    // The metadata of this connection may come from another broker than the one that created them.
    loop {
        let known = cluster.topics()?;
        match specs.iter().find(|spec| !known.contains_key(&spec.name)) {
            None => return Ok(()),
            Some(_) if cluster.pause() => {}
            Some(spec) => return Err(cluster.refused("wait for topics", &format!("{} did not appear", spec.name))),
        }
    }
}

/// An error code with its remedy, where there is one.
fn reason(code: Option<RDKafkaErrorCode>, words: &str) -> String {
    let remedy = match code {
        Some(RDKafkaErrorCode::InvalidReplicationFactor) => "ask for at most as many copies as there are brokers",
        Some(RDKafkaErrorCode::TopicAuthorizationFailed | RDKafkaErrorCode::ClusterAuthorizationFailed) => {
            "allow this user to create, alter and describe topics of the prefix"
        }
        Some(RDKafkaErrorCode::PolicyViolation) => "the cluster's policy forbids it; ask its administrator",
        _ => return words.to_owned(),
    };
    format!("{words}; {remedy}")
}

fn describe(cluster: &Cluster<'_>, specs: &[&TopicSpec]) -> Result<Vec<ConfigResource>, TopicsError> {
    if specs.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<ResourceSpecifier<'_>> = specs.iter().map(|spec| ResourceSpecifier::Topic(&spec.name)).collect();
    let action = "read the settings of the topics";
    let results = cluster
        .admin(|admin, options| block_on(admin.describe_configs(&names, options)))?
        .map_err(|e| cluster.refused(action, &reason(code(&e), &e.to_string())))?;
    let refused = |e: RDKafkaErrorCode| cluster.refused(action, &reason(Some(e), &e.to_string()));
    results.into_iter().map(|result| result.map_err(refused)).collect()
}

/// Writes the positions that are missing; returns how many.
fn write_positions(
    cluster: &Cluster<'_>,
    config: &KafkaConfig,
    partitions: u32,
    new: &BTreeSet<&str>,
) -> Result<usize, TopicsError> {
    let mut written = 0;
    for (name, topics) in readers(config) {
        let wanted: Vec<(String, u32)> =
            topics.iter().flat_map(|topic| (0..partitions).map(|p| (topic.clone(), p))).collect();
        let group = cluster.group(&name)?;
        let committed = group.committed(&wanted)?;
        let missing: Vec<(String, u32)> = wanted.into_iter().filter(|key| !committed.contains_key(key)).collect();
        refuse_if_lost(cluster, config, &name, &missing, new)?;
        let mut first = Positions::new();
        for (topic, partition) in missing {
            let low = if new.contains(topic.as_str()) { 0 } else { cluster.watermarks(&topic, partition)?.0 };
            first.insert((topic, partition), low);
        }
        if !first.is_empty() {
            group.commit(&first)?;
        }
        written += first.len();
    }
    Ok(written)
}

/// A partition with state was read before: its positions are lost, not missing. From the first record on, requests would be
/// decided again and orders sent again.
fn refuse_if_lost(
    cluster: &Cluster<'_>,
    config: &KafkaConfig,
    group: &str,
    missing: &[(String, u32)],
    new: &BTreeSet<&str>,
) -> Result<(), TopicsError> {
    let state = config.state_topic();
    // A topic that is new begins at 0 for certain; what the changelog says of one before it, the restore refuses.
    let old = missing.iter().filter(|key| !new.contains(key.0.as_str()));
    let partitions: BTreeSet<u32> = old.map(|key| key.1).collect();
    if new.contains(state.as_str()) {
        return Ok(());
    }
    let mut lost = Vec::new();
    for partition in partitions {
        if cluster.watermarks(&state, partition)?.1 > 0 {
            lost.push(partition);
        }
    }
    if lost.is_empty() {
        return Ok(());
    }
    let group = group.to_owned();
    Err(if group == config.app {
        TopicsError::PositionsLost { group, topic: state, partitions: lost }
    } else {
        TopicsError::OrderPositionsLost { group, topic: config.topic(Topic::Dispatch), partitions: lost }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_partitions_that_most_topics_have_are_meant() {
        let config = KafkaConfig::default();
        let mut existing: BTreeMap<String, u32> =
            plan(&config, 4, 1).into_iter().map(|s| (s.name, s.partitions)).collect();
        assert_eq!(usual_partitions(&config, &existing), 4);
        existing.insert(config.topic(Topic::Requests), 6);
        assert_eq!(usual_partitions(&config, &existing), 4, "one topic was extended");
        existing.retain(|name, _| *name == config.topic(Topic::Requests) || *name == config.topic(Topic::Ledger));
        assert_eq!(usual_partitions(&config, &existing), 4, "the extended one is the larger");
        assert_eq!(usual_partitions(&config, &BTreeMap::new()), 0);
    }

    #[test]
    fn faults_name_the_topic_the_values_and_the_remedy() {
        let faults = Faults(vec![
            TopicFault::Missing { topic: "t.events".to_owned() },
            TopicFault::Partitions { topic: "t.ledger".to_owned(), have: 5, want: 4 },
        ]);
        assert_eq!(
            TopicsError::Faults(faults).to_string(),
            "topic t.events is missing; run `tollgate topics create`, or allow this user to describe it\n\
             topic t.ledger has 5 partitions instead of 4; delete it if it is unused and create it again, or copy everything to a new prefix"
        );
    }
}
