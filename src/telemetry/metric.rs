//! Every metric that passgate has, with its kind, labels and help: the names cannot drift apart, and a list of
//! them is a list of everything. Labels have few values by construction; ids and tokens are never labels.

use metrics::{Counter, Gauge, Histogram, Label};

/// Upper bounds of the buckets of [`Kind::Seconds`].
pub(super) const SECONDS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Upper bounds of the buckets of [`Kind::Waits`].
pub(super) const WAITS: [f64; 13] = [
    0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0, 604_800.0,
];

/// Upper bounds of the buckets of [`Kind::Sizes`].
pub(super) const SIZES: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// What a metric's number does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A histogram: how often each length of time was seen, in seconds.
    Seconds,
    /// The same for what takes minutes and days.
    Waits,
    /// A histogram: how often each number of things was seen.
    Sizes,
}

macro_rules! metrics {
    ($($name:ident: $kind:ident $text:literal [$($label:literal),*] $help:literal;)*) => {
        /// A metric by name. The documentation of each is its help text in `/metrics`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Metric {
            $(#[doc = $help] $name),*
        }

        impl Metric {
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text),*
                }
            }

            pub fn kind(self) -> Kind {
                match self {
                    $(Self::$name => Kind::$kind),*
                }
            }

            /// The labels that it is always given, in this order.
            pub fn labels(self) -> &'static [&'static str] {
                match self {
                    $(Self::$name => &[$($label),*]),*
                }
            }

            pub fn help(self) -> &'static str {
                match self {
                    $(Self::$name => $help),*
                }
            }
        }
    };
}

metrics! {
    Requests: Counter "passgate_requests_total" ["route", "status"] "HTTP requests answered, by route and class of status.";
    RequestTime: Seconds "passgate_request_seconds" ["route"] "Time from a request's head to its answer's head.";
    Captures: Counter "passgate_captures_total" ["kind", "answer"] "Captures answered, by kind and feedback; repeats do not count.";
    CaptureRepeats: Counter "passgate_capture_repeats_total" [] "Captures that were sent again and got their first answer.";
    PassesBuilt: Counter "passgate_passes_built_total" [] "Passes built and signed.";
    PassTime: Seconds "passgate_pass_seconds" [] "Time to build and sign one pass.";
    PassesUnchanged: Counter "passgate_passes_unchanged_total" [] "Pass requests answered with 304.";
    Pushes: Counter "passgate_pushes_total" ["channel", "outcome"] "Attempts to push, by channel and outcome.";
    PushTime: Seconds "passgate_push_seconds" ["channel"] "Time of one attempt to push.";
    PushesInFlight: Gauge "passgate_pushes_in_flight" ["channel"] "Attempts to push that wait for the provider.";
    TimeToFetch: Waits "passgate_time_to_fetch_seconds" ["channel"] "Time from a change of a card until a device that was told of it has fetched it.";
    PushCircuitOpen: Gauge "passgate_push_circuit_open" ["channel"] "1 while a configuration fault keeps a channel from sending.";
    PushDecisions: Counter "passgate_push_decisions_total" ["channel", "rule"] "Decisions about what wants to ring, by channel and rule; free is let through.";
    PushBudgetUsed: Sizes "passgate_push_budget_used_percent_size" ["channel"] "How full the fullest window of a card was when something wanted to ring on it, in percent.";
    PushQueueAge: Gauge "passgate_push_queue_age" ["channel"] "Seconds since the longest waiting push was due.";
    PushAddressesAdded: Counter "passgate_push_addresses_added_total" ["channel"] "Browsers and apps that began to listen to a card.";
    PushAddressesDropped: Counter "passgate_push_addresses_dropped_total" ["channel", "cause"] "Browsers and apps that are no longer told of a card: a provider called them dead, nobody answered there for days, or their owner left.";
    ClicksDropped: Counter "passgate_clicks_dropped_total" [] "Clicks on links that were not counted, because too many waited or the store failed.";
    Letters: Counter "passgate_letters_total" ["outcome"] "Attempts to send a letter, by outcome.";
    StoreWriteTime: Seconds "passgate_store_write_seconds" ["transaction"] "Time from asking for a transaction to its commit, by name.";
    StoreReadTime: Seconds "passgate_store_read_seconds" ["transaction"] "Time of a read, by name.";
    StoreGroupSize: Sizes "passgate_store_group_size" [] "Transactions that one commit on SQLite made durable.";
    StoreConflicts: Counter "passgate_store_conflicts_total" ["transaction"] "Transactions run again after a conflict, by name.";
    JournalPending: Gauge "passgate_bridge_journal_pending" [] "Captures that the gateway has not acknowledged yet.";
    DeviceUp: Gauge "passgate_bridge_device_up" ["device"] "1 while a reader or scanner is connected.";
    UplinkFailures: Counter "passgate_bridge_uplink_failures_total" [] "Batches that did not reach the gateway.";
}

impl Metric {
    /// The counter with these label values. Keep it where it is needed often: finding it costs a lookup.
    pub fn counter(self, labels: &[(&'static str, &str)]) -> Counter {
        self.check(Kind::Counter, labels);
        metrics::counter!(self.name(), owned(labels))
    }

    /// The gauge with these label values.
    pub fn gauge(self, labels: &[(&'static str, &str)]) -> Gauge {
        self.check(Kind::Gauge, labels);
        metrics::gauge!(self.name(), owned(labels))
    }

    /// The histogram with these label values. Times are recorded as a [`std::time::Duration`], sizes as a number.
    pub fn histogram(self, labels: &[(&'static str, &str)]) -> Histogram {
        let kind = match self.kind() {
            kind @ (Kind::Sizes | Kind::Waits) => kind,
            Kind::Counter | Kind::Gauge | Kind::Seconds => Kind::Seconds,
        };
        self.check(kind, labels);
        metrics::histogram!(self.name(), owned(labels))
    }

    /// Gives the recorder every name with its help, so that they show before they are first counted.
    pub(super) fn describe_all() {
        for metric in Self::ALL {
            match metric.kind() {
                Kind::Counter => metrics::describe_counter!(metric.name(), metric.help()),
                Kind::Gauge => metrics::describe_gauge!(metric.name(), metric.help()),
                Kind::Seconds | Kind::Waits | Kind::Sizes => {
                    metrics::describe_histogram!(metric.name(), metric.help());
                }
            }
        }
    }

    /// A mistake in the code at the place that counts; found when it first runs in a test, free in a release.
    fn check(self, kind: Kind, labels: &[(&'static str, &str)]) {
        debug_assert_eq!(self.kind(), kind, "{} is used as another kind", self.name());
        debug_assert!(
            labels
                .iter()
                .map(|label| label.0)
                .eq(self.labels().iter().copied()),
            "{} has the labels {:?}; got {labels:?}",
            self.name(),
            self.labels(),
        );
    }
}

fn owned(labels: &[(&'static str, &str)]) -> Vec<Label> {
    labels
        .iter()
        .map(|(name, value)| Label::new(*name, (*value).to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_follow_the_conventions() {
        let names: BTreeSet<_> = Metric::ALL.iter().map(|metric| metric.name()).collect();
        assert_eq!(names.len(), Metric::ALL.len(), "every name is used once");
        for metric in Metric::ALL {
            let name = metric.name();
            assert!(name.starts_with("passgate_"), "{name}");
            assert_eq!(name.ends_with("_total"), metric.kind() == Kind::Counter, "{name}");
            assert_eq!(
                name.ends_with("_seconds"),
                matches!(metric.kind(), Kind::Seconds | Kind::Waits),
                "{name}"
            );
            assert_eq!(name.ends_with("_size"), metric.kind() == Kind::Sizes, "{name}");
            assert!(metric.help().ends_with('.'), "{name}");
        }
    }

    #[test]
    #[should_panic(expected = "passgate_pushes_total has the labels")]
    fn a_forgotten_label_is_noticed() {
        let _ = Metric::Pushes.counter(&[("channel", "apple")]);
    }
}
