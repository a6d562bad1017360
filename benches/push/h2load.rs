//! The same request by h2load (nghttp2), on one connection.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use crate::TOPIC;

/// How h2load is run.
pub(crate) struct Pass<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) requests: usize,
    pub(crate) streams: usize,
}

pub(crate) struct Run {
    pub(crate) cpu_us: f64,
    /// Requests a second, without the time to connect and to end.
    pub(crate) rate: f64,
}

impl Pass<'_> {
    /// `None` when h2load is not installed.
    pub(crate) fn run(&self, address: SocketAddr) -> Option<Run> {
        Command::new("h2load").arg("--version").output().ok()?;
        let body = self.folder.join("body.json");
        std::fs::write(&body, "{}").expect("written");
        // The shell's `times` tells what its children used: "0m0.10s 0m0.02s" in the second line.
        let script = r#"h2load -n "$1" -c 1 -m "$7" -d "$2" -H "apns-topic: $3" -H "apns-push-type: background" \
            -H "apns-priority: 5" -H "apns-expiration: 4000000000" "https://$4/3/device/$5" >"$6" && times"#;
        let token = format!("{:064x}", 1);
        let log = self.folder.join("h2load.log");
        let output = Command::new("sh")
            .args(["-c", script, "sh", &self.requests.to_string()])
            .arg(&body)
            .args([TOPIC, &address.to_string(), &token])
            .arg(&log)
            .arg(self.streams.to_string())
            .output()
            .expect("sh runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let report = std::fs::read_to_string(&log).unwrap_or_default();
        assert!(
            report.contains(&format!("{} succeeded", self.requests)),
            "h2load must succeed with every request; it said {report}"
        );
        let children = said.lines().nth(1).expect("two lines from times");
        let used: f64 = children.split_whitespace().map(seconds).sum();
        // "finished in 5.87s, 17044.30 req/s, 567.52KB/s"
        let finished = report.lines().find(|line| line.starts_with("finished in"));
        let rate = finished
            .and_then(|line| line.split(", ").nth(1)?.strip_suffix(" req/s")?.parse().ok())
            .expect("h2load says its rate");
        Some(Run {
            cpu_us: used * 1e6 / self.requests as f64,
            rate,
        })
    }
}

/// Reads "1m2.5s".
fn seconds(text: &str) -> f64 {
    let (minutes, seconds) = text
        .trim_end_matches('s')
        .split_once('m')
        .expect("minutes and seconds");
    minutes.parse::<f64>().expect("minutes") * 60.0 + seconds.parse::<f64>().expect("seconds")
}
