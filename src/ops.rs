//! Use cases: each is one named transaction that reads, asks `domain`, writes, and fills the outbox.
