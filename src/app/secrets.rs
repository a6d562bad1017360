//! Secrets in files: read with clear errors, made once, readable by their owner only.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::clock::Ids;
use crate::domain::secret::{MasterKey, MasterKeyError};
use crate::web_push::vapid::{VapidKey, VapidKeyError};

/// Why a secret cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("cannot read the secret in {path}: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("cannot write a new secret to {path}: {source}")]
    Write { path: PathBuf, source: std::io::Error },
    #[error("{path} does not hold the key of Web Push: {source}; restore the file from a backup")]
    VapidKey { path: PathBuf, source: VapidKeyError },
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

/// The key of Web Push in `path`; makes one when the file does not exist yet. Where another node makes one at the same
/// time, the one that is in the file counts.
pub fn vapid_key(path: &Path) -> Result<VapidKey, SecretError> {
    let unsound = |source| SecretError::VapidKey {
        path: path.to_path_buf(),
        source,
    };
    let read = || {
        let pem = fs::read(path).map_err(|source| SecretError::Read {
            path: path.to_path_buf(),
            source,
        })?;
        VapidKey::from_pem(&pem).map_err(unsound)
    };
    match read() {
        Err(SecretError::Read { source, .. }) if source.kind() == ErrorKind::NotFound => {}
        other => return other,
    }
    let key = VapidKey::generate().map_err(unsound)?;
    match write_new(path, &key.to_pem().map_err(unsound)?) {
        Ok(()) => {
            tracing::info!(path = %path.display(), "made a new key for Web Push; back it up with the database");
            Ok(key)
        }
        Err(SecretError::Write { source, .. }) if source.kind() == ErrorKind::AlreadyExists => read(),
        Err(other) => Err(other),
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn the_key_of_web_push_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("data/vapid.key");
        let made = vapid_key(&path).expect("made");
        let mode = fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let read = vapid_key(&path).expect("read");
        assert_eq!(made.public_key(), read.public_key());
        fs::write(&path, "gone wrong").expect("written");
        let refused = vapid_key(&path).expect_err("no new key takes the place of a lost one");
        assert!(refused.to_string().contains("restore the file"), "{refused}");
    }
}
