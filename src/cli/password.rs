//! Passwords for commands: from a file or the environment, never from an argument, which every user of the machine
//! could read and the shell's history would keep.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use secrecy::SecretString;

/// The variable with the password of a new owner, and of any other new member.
pub(super) const OWNER: &str = "PASSGATE_OWNER_PASSWORD";
pub(super) const MEMBER: &str = "PASSGATE_MEMBER_PASSWORD";

/// The first line of `file`, or without a file the value of `variable`.
#[expect(
    clippy::disallowed_methods,
    reason = "a password is no part of the configuration, and as an argument it would be seen"
)]
pub(super) fn read(file: Option<&Path>, variable: &str) -> Result<SecretString> {
    let text = match file {
        Some(path) => std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the password in {}", path.display()))?,
        None => std::env::var(variable).map_err(|_| {
            anyhow!("expected a password in a file (see --help) or in the variable {variable}; got neither")
        })?,
    };
    Ok(SecretString::from(text.lines().next().unwrap_or("")))
}
