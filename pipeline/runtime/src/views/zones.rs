//! Time zones and currencies of the WABAs, for what is bounded by their days and priced by their cards.

use super::snapshots::{SenderView, WabaZone};
use crate::ledger::{LedgerError, Reader};
use crate::settle::Terms;
use std::collections::{BTreeMap, BTreeSet};
use tollgate_rate_card::Zone;

impl Reader {
    /// Zones by WABA id, of one account or of all. A WABA is missing whose account had no snapshot yet, or none since
    /// snapshots carry zones. A zone never changes, so it holds for every month.
    pub fn zones(&self, account: Option<&str>) -> Result<BTreeMap<String, Zone>, LedgerError> {
        let mut zones = BTreeMap::new();
        let mut add = |wabas: Vec<WabaZone>| {
            for WabaZone { id, time_zone, .. } in wabas {
                let zone = Zone::new(&time_zone);
                let zone = zone.map_err(|_| LedgerError::Stored { what: "time zone", value: time_zone })?;
                zones.insert(id, zone);
            }
            Ok(())
        };
        match account {
            Some(account) => self.snapshot(account)?.map_or(Ok(()), |snapshot| add(snapshot.wabas))?,
            None => self.each_snapshot(|snapshot| add(snapshot.wabas))?,
        }
        Ok(zones)
    }

    /// Every WABA that is known, of one account or of all, with its zone: those of [`Reader::zones`], and without a zone
    /// those that only a number names.
    pub fn wabas(&self, account: Option<&str>) -> Result<BTreeMap<String, Option<Zone>>, LedgerError> {
        let zones = self.zones(account)?;
        let mut wabas: BTreeMap<String, Option<Zone>> =
            zones.into_iter().map(|(waba, zone)| (waba, Some(zone))).collect();
        let mut add = |senders: Vec<SenderView>| {
            for sender in senders {
                wabas.entry(sender.waba).or_default();
            }
            Ok(())
        };
        match account {
            Some(account) => self.snapshot(account)?.map_or(Ok(()), |snapshot| add(snapshot.senders))?,
            None => self.each_snapshot(|snapshot| add(snapshot.senders))?,
        }
        Ok(wabas)
    }

    /// Currencies that WABAs are billed in. One is missing as in [`Reader::zones`], and if the snapshot is of a version
    /// that did not tell currencies.
    pub fn currencies(&self) -> Result<BTreeSet<String>, LedgerError> {
        let mut currencies = BTreeSet::new();
        self.each_snapshot(|snapshot| {
            currencies.extend(snapshot.wabas.into_iter().filter_map(|waba| waba.currency));
            Ok(())
        })?;
        Ok(currencies)
    }

    /// Zone and mark-ups of an account's WABAs, by id. A WABA is missing as in [`Reader::zones`], and if the snapshot is
    /// of a version that did not tell mark-ups.
    pub fn terms(&self, account: &str) -> Result<BTreeMap<String, Terms>, LedgerError> {
        let mut terms = BTreeMap::new();
        for WabaZone { id, time_zone, currency, markup } in self.snapshot(account)?.map(|s| s.wabas).unwrap_or_default()
        {
            let zone = Zone::new(&time_zone);
            let zone = zone.map_err(|_| LedgerError::Stored { what: "time zone", value: time_zone })?;
            if currency.is_some() {
                terms.insert(id, Terms { zone, markup });
            }
        }
        Ok(terms)
    }
}
