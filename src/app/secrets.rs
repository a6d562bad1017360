//! Secrets in files: read with clear errors, made once, readable by their owner only.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::clock::Ids;
use crate::domain::secret::{MasterKey, MasterKeyError};

/// Why a secret cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("cannot read the secret in {path}: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("cannot write a new secret to {path}: {source}")]
    Write { path: PathBuf, source: std::io::Error },
    #[error("{path} does not hold a master key: {source}; restore the file from a backup")]
    MasterKey { path: PathBuf, source: MasterKeyError },
}

/// The master key in `path`; makes one when the file does not exist yet.
pub fn master_key(path: &Path, ids: &Ids) -> Result<MasterKey, SecretError> {
    match fs::read_to_string(path) {
        Ok(text) => MasterKey::parse(&text).map_err(|source| SecretError::MasterKey {
            path: path.to_path_buf(),
            source,
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let key = MasterKey::from_bytes(ids.secret());
            write_new(path, &key.to_file())?;
            tracing::info!(path = %path.display(), "made a new master key; back it up with the database");
            Ok(key)
        }
        Err(source) => Err(SecretError::Read {
            path: path.to_path_buf(),
            source,
        }),
    }
}

/// Writes a secret to a file that must not exist yet, durable before it returns.
pub fn write_new(path: &Path, content: &str) -> Result<(), SecretError> {
    let failed = |source| SecretError::Write {
        path: path.to_path_buf(),
        source,
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    file.write_all(content.as_bytes()).map_err(failed)?;
    file.sync_all().map_err(failed)
}
