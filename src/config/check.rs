//! Refuses values that would only fail later and less clearly. Files and addresses are not tried here: whoever
//! needs one says what is wrong with it.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::config::{Bridge, Config, ConfigError, Mail, MailSecurity};

impl Config {
    /// Checks every value by itself and against its neighbours.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.server.certificate.is_some() != self.server.key.is_some() {
            return refuse(
                "server.certificate",
                "expected both certificate and key, or neither; got one",
            );
        }
        web_address("server.public_url", &self.server.public_url)?;
        if self.server.public_url.ends_with('/') {
            return refuse("server.public_url", "expected no slash at the end; got one");
        }
        if !self.store.url.starts_with("sqlite:") && !self.store.url.starts_with("postgres") {
            return refuse("store.url", "expected sqlite:<path> or postgres://…");
        }
        at_least_one("store.connections", self.store.connections)?;
        self.check_providers()?;
        at_least_one("push.concurrency", self.push.concurrency)?;
        some_time("push.lease", self.push.lease)?;
        some_time("push.poll", self.push.poll)?;
        let others = self.google.fcm.timeout.max(self.web_push.timeout);
        let longest = self.apple.apns.timeout.max(self.google.timeout).max(others);
        if self.push.lease < longest.saturating_mul(2) {
            // A send is ended before its lease is, and would be without an answer that is still in time.
            return refuse(
                "push.lease",
                format!(
                    "expected at least twice the timeouts of apple.apns, google, google.fcm and web_push; got {}",
                    self.push.lease.as_secs_f64()
                ),
            );
        }
        self.mail.check()?;
        self.bridge.check()
    }

    fn check_providers(&self) -> Result<(), ConfigError> {
        let apns = &self.apple.apns;
        if !apns.url.starts_with("https://") {
            return refuse(
                "apple.apns.url",
                format!("expected https://…; got {:?}", apns.url),
            );
        }
        if !matches!(apns.priority, 1 | 5 | 10) {
            return refuse(
                "apple.apns.priority",
                format!("expected 1, 5 or 10; got {}", apns.priority),
            );
        }
        at_least_one("apple.apns.connections", apns.connections)?;
        let mut teams = BTreeSet::new();
        for (index, key) in apns.keys.iter().enumerate() {
            if !teams.insert(key.team.as_str()) {
                return refuse(
                    format!("apple.apns.keys[{index}].team"),
                    format!("expected one key for each team; got two for {:?}", key.team),
                );
            }
        }
        some_time("apple.apns.timeout", apns.timeout)?;
        // To Apple 0 means "do not keep it": a phone that is off would miss the change.
        some_time("apple.apns.expiration", apns.expiration)?;
        let google = &self.google;
        if google.issuer_id.is_empty() != google.service_account.is_none() {
            return refuse(
                "google.service_account",
                "expected both issuer_id and service_account, or neither; got one",
            );
        }
        web_address("google.api_url", &google.api_url)?;
        web_address("google.save_url", &google.save_url)?;
        at_least_one(
            "google.requests_per_second",
            usize::try_from(google.requests_per_second).unwrap_or(1),
        )?;
        some_time("google.timeout", google.timeout)?;
        self.check_channels()
    }

    /// Apps and browsers.
    fn check_channels(&self) -> Result<(), ConfigError> {
        let fcm = &self.google.fcm;
        if !fcm.project.is_empty() && fcm.service_account.is_none() && self.google.service_account.is_none() {
            return refuse(
                "google.fcm.service_account",
                "expected a service account here or in google.service_account; got none",
            );
        }
        web_address("google.fcm.api_url", &fcm.api_url)?;
        at_least_one(
            "google.fcm.messages_per_minute",
            usize::try_from(fcm.messages_per_minute).unwrap_or(1),
        )?;
        up_to_four_weeks("google.fcm.expiration", fcm.expiration)?;
        some_time("google.fcm.timeout", fcm.timeout)?;
        up_to_four_weeks("web_push.expiration", self.web_push.expiration)?;
        some_time("web_push.timeout", self.web_push.timeout)
    }
}

impl Mail {
    fn check(&self) -> Result<(), ConfigError> {
        if self.host.is_empty() {
            return Ok(());
        }
        if self.from.is_empty() {
            return refuse("mail.from", "expected an address to send from; got nothing");
        }
        if self.user.is_some() != self.password_file.is_some() {
            return refuse(
                "mail.password_file",
                "expected both user and password_file, or neither; got one",
            );
        }
        let here = matches!(self.host.as_str(), "localhost" | "127.0.0.1" | "::1");
        if self.security == MailSecurity::None && !here {
            return refuse(
                "mail.security",
                format!(
                    "expected tls or starttls for {}; got none, which is for this machine only",
                    self.host
                ),
            );
        }
        some_time("mail.timeout", self.timeout)
    }
}

impl Bridge {
    fn check(&self) -> Result<(), ConfigError> {
        web_address("bridge.gateway_url", &self.gateway_url)?;
        some_time("bridge.answer_within", self.answer_within)?;
        let mut ids = BTreeSet::new();
        for (list, devices) in [("scanners", &self.scanners), ("readers", &self.readers)] {
            for (index, device) in devices.iter().enumerate() {
                let key = |name| format!("bridge.{list}[{index}].{name}");
                if device.id.is_empty() {
                    return refuse(key("id"), "expected a name; got nothing");
                }
                if !ids.insert(device.id.as_str()) {
                    return refuse(
                        key("id"),
                        format!(
                            "expected a name of its own for each device; got {:?} twice",
                            device.id
                        ),
                    );
                }
                if list == "scanners" && device.path.is_none() {
                    return refuse(
                        key("path"),
                        "expected a serial port such as /dev/ttyACM0; got nothing",
                    );
                }
                let pattern = device.name.as_deref().map(regex_lite::Regex::new);
                if let Some(Err(error)) = pattern {
                    return refuse(
                        key("name"),
                        format!("expected a regular expression; got an error: {error}"),
                    );
                }
            }
        }
        Ok(())
    }
}

fn refuse<T>(key: impl Into<String>, problem: impl Into<String>) -> Result<T, ConfigError> {
    Err(ConfigError::Value {
        key: key.into(),
        problem: problem.into(),
    })
}

fn web_address(key: &str, value: &str) -> Result<(), ConfigError> {
    if value.starts_with("https://") || value.starts_with("http://") {
        return Ok(());
    }
    refuse(
        key,
        format!("expected https://… (http://… for trying out); got {value:?}"),
    )
}

fn at_least_one(key: &str, value: usize) -> Result<(), ConfigError> {
    if value == 0 {
        return refuse(key, "expected at least 1; got 0");
    }
    Ok(())
}

/// What Firebase takes, and other push services cut down to.
fn up_to_four_weeks(key: &str, value: Duration) -> Result<(), ConfigError> {
    if value > Duration::from_secs(2_419_200) {
        return refuse(
            key,
            format!("expected at most 2419200 seconds; got {}", value.as_secs_f64()),
        );
    }
    Ok(())
}

fn some_time(key: &str, value: Duration) -> Result<(), ConfigError> {
    if value.is_zero() {
        return refuse(key, "expected more than 0 seconds; got 0");
    }
    Ok(())
}
