//! The sandbox over real loopback HTTP: a client that sends, a receiver that takes webhooks.

mod analytics;
mod bands;
mod carousel;
mod control;
mod errors;
mod limits;
mod management;
mod marketing;
mod pricing;
mod service;
mod suffixes;
mod support;
mod webhooks;
