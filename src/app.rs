//! Composition: builds every part from the configuration, runs them, and stops them in order.
