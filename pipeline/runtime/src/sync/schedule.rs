//! Which WABA is due in this process. A few are asked about at a time.

use super::ask::{Syncer, Waba, Why};
use crate::registry::Registry;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tollgate_wire::Time;

/// How often it is looked which are due.
const LOOK: Duration = Duration::from_secs(1);
/// WABAs asked about at once.
const AT_ONCE: usize = 4;

/// Every WABA of the registry.
pub(super) fn wabas(registry: &Registry) -> impl Iterator<Item = Waba> {
    registry.accounts().flat_map(|account| {
        let (name, app): (Arc<str>, Arc<str>) = (account.account.as_str().into(), account.app.as_str().into());
        account.wabas.iter().map(move |waba| Waba {
            id: waba.id.as_str().into(),
            account: Arc::clone(&name),
            app: Arc::clone(&app),
        })
    })
}

/// Asks about every WABA as it is met and then on schedule, until `stop` is true or its sender is gone.
pub(super) async fn run(syncer: Arc<Syncer>, mut stop: watch::Receiver<bool>) {
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    // When each is to be looked at again; `None` while it is asked about.
    let mut due: HashMap<Arc<str>, Option<Time>> = HashMap::new();
    let mut working: JoinSet<(Arc<str>, Time)> = JoinSet::new();
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = look.tick() => {}
            Some(ended) = working.join_next() => {
                match ended {
                    Ok((waba, next)) => drop(due.insert(waba, Some(next))),
                    // Which one it was is not known: all that are worked on are looked at again.
                    Err(_) => due.retain(|_, next| next.is_some()),
                }
                continue;
            }
            changed = stop.changed() => {
                if changed.is_err() || *stop.borrow() {
                    // What is under way changes nothing by half: it is begun anew elsewhere.
                    return working.abort_all();
                }
                continue;
            }
        }
        let now = syncer.parts.clock.now();
        let registry = syncer.parts.registry.snapshot();
        // Without a token nothing is sent either, which is said elsewhere.
        let known: Vec<Waba> = wabas(&registry).filter(|waba| syncer.may_ask(waba)).collect();
        due.retain(|id, _| known.iter().any(|waba| waba.id == *id));
        for waba in known {
            let why = match due.get(&waba.id) {
                None => Why::Start,
                Some(Some(next)) if *next <= now => Why::Due,
                Some(_) => continue,
            };
            due.insert(Arc::clone(&waba.id), None);
            let (syncer, turns) = (Arc::clone(&syncer), Arc::clone(&turns));
            working.spawn(async move {
                let _turn = turns.acquire_owned().await;
                let (_, next) = syncer.ask(&waba, why).await;
                (waba.id, next)
            });
        }
    }
}
