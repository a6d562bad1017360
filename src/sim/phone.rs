//! A simulated iPhone wallet.
