//! Everything that touches the outside: shard loop, log, store, dispatcher, gateway, ledger, views, export.
