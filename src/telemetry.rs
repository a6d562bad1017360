//! Logs and metrics: metric names as an enum, and the one place that sets up output.
