//! What the demo prints: one line a step, with the time it took.

use std::future::Future;
use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::clock::stopwatch;

pub(super) struct Report {
    steps: usize,
    begun: Instant,
}

impl Report {
    pub(super) fn new() -> Self {
        Self {
            steps: 0,
            begun: stopwatch(),
        }
    }

    pub(super) fn line(&self, text: &str) {
        println!("{text}");
    }

    /// Runs one step and prints it with its time; `work` returns what there was to see.
    pub(super) async fn step(
        &mut self,
        name: &'static str,
        work: impl Future<Output = Result<String>>,
    ) -> Result<()> {
        let begun = stopwatch();
        let result = work.await;
        let millis = begun.elapsed().as_millis();
        match &result {
            Ok(seen) => println!("ok   {millis:>5} ms  {name}: {seen}"),
            Err(_) => println!("FAIL {millis:>5} ms  {name}"),
        }
        self.steps += 1;
        result
            .map(|_| ())
            .with_context(|| format!("the demo failed at the step \"{name}\""))
    }

    pub(super) fn sum(&self) {
        let seconds = self.begun.elapsed().as_secs_f64();
        println!("{} steps, all as they should be, in {seconds:.1} s", self.steps);
    }
}
