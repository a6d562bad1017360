//! passgate: a self-hosted gateway for wallet passes.
//!
//! One binary issues a merchant's cards into Apple Wallet and Google Wallet, keeps every copy up to date by
//! push, and turns barcode scans and NFC taps at the till into punches; rewards are handed out in the console.
//! `docs/ARCHITECTURE.md` walks through one tap from the reader to the phone; this page lists the rooms and what always
//! holds.
//!
//! | room | for | may import |
//! |---|---|---|
//! | [`domain`] | every decision, pure | nothing of ours |
//! | [`clock`], [`telemetry`] | time, ids and randomness passed in; metric names | `domain` |
//! | [`wire`], [`config`] | till protocol bodies; one typed configuration tree | `domain` |
//! | [`store`] | the only SQL | `domain`, `clock`, `telemetry` |
//! | [`push`] | outbox dispatcher and the `Sender` seam | `domain`, `store`, `clock`, `telemetry` |
//! | [`ops`] | one use case = one named transaction | `domain`, `store`, `clock`, `push` |
//! | [`mail`] | letters out by SMTP | `domain`, `store`, `ops`, `telemetry`, `config` |
//! | [`apple`], [`google`], [`web_push`] | formats and outgoing clients of each platform | `domain`, `push`, `clock`, `telemetry`, `config` |
//! | [`web`] | HTTP in | `domain`, `wire`, `ops`, `store`, `clock`, `apple`, `google`, `web_push`, `telemetry` |
//! | [`bridge`] | the till process | `domain`, `wire`, `config`, `clock`, `telemetry` |
//! | [`sim`] | phones, providers, readers and scanners for demo, tests and load | `domain`, `wire`, `clock` |
//! | [`app`], [`cli`] | composition and commands | everything |
//!
//! Invariants:
//! 1. `domain` never awaits; *now* and every id come in as arguments.
//! 2. Only `store` contains SQL. Only `web/error.rs` turns errors into statuses.
//! 3. No message leaves without an outbox row written in the transaction that caused it.
//! 4. The decision that sends is the decision that forecasts: one pure function, [`domain::budget::decide`].
//! 5. An update tag never becomes visible before a smaller one.
//! 6. Ledger rows are never edited: balances are sums, corrections are reversals.
//! 7. An answer (HTTP 2xx, long beep) is given only after the commit is durable.
//! 8. A secret is never logged, never in a URL that is not itself the secret, and compared in constant time.

pub mod app;
pub mod apple;
pub mod bridge;
pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
pub mod google;
pub mod mail;
pub mod ops;
pub mod push;
pub mod sim;
pub mod store;
pub mod telemetry;
pub mod web;
pub mod web_push;
pub mod wire;
