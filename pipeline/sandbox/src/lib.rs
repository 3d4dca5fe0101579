//! A separate HTTP server that plays the WhatsApp Cloud API, with its own independent limits.
