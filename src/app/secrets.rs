//! Secrets in files: read with clear errors, made once, readable by their owner only.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
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

/// The master key in `path`; makes one when the file does not exist yet. Where another node makes one at the same time, the
/// one that is in the file counts.
pub fn master_key(path: &Path, ids: &Ids) -> Result<MasterKey, SecretError> {
    let read = || {
        let text = fs::read_to_string(path).map_err(|source| SecretError::Read {
            path: path.to_path_buf(),
            source,
        })?;
        MasterKey::parse(&text).map_err(|source| SecretError::MasterKey {
            path: path.to_path_buf(),
            source,
        })
    };
    let make = || {
        let key = MasterKey::from_bytes(ids.secret());
        let content = key.to_file();
        Ok((key, content))
    };
    once(path, "master key", read, make)
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
    let make = || {
        let key = VapidKey::generate().map_err(unsound)?;
        let content = key.to_pem().map_err(unsound)?;
        Ok((key, content))
    };
    once(path, "key for Web Push", read, make)
}

/// What `read` finds in `path`, or what `make` made and was written there.
fn once<T>(
    path: &Path,
    what: &str,
    read: impl Fn() -> Result<T, SecretError>,
    make: impl FnOnce() -> Result<(T, String), SecretError>,
) -> Result<T, SecretError> {
    match read() {
        Err(SecretError::Read { source, .. }) if source.kind() == ErrorKind::NotFound => {}
        other => return other,
    }
    let (secret, content) = make()?;
    match write_new(path, &content) {
        Ok(()) => {
            tracing::info!(path = %path.display(), "made a new {what}; back it up with the database");
            Ok(secret)
        }
        Err(SecretError::Write { source, .. }) if source.kind() == ErrorKind::AlreadyExists => read(),
        Err(other) => Err(other),
    }
}

/// Writes a secret to a file that must not exist yet, durable before it returns. Whoever looks meanwhile, and whoever
/// starts again after a crash, finds the whole of it or no file at all.
pub fn write_new(path: &Path, content: &str) -> Result<(), SecretError> {
    let failed = |source| SecretError::Write {
        path: path.to_path_buf(),
        source,
    };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder).map_err(failed)?;
    // Readable by its owner only, from the beginning.
    let draft = tempfile::Builder::new().prefix(".secret-").tempfile_in(folder);
    let mut draft = draft.map_err(failed)?;
    draft.write_all(content.as_bytes()).map_err(failed)?;
    draft.as_file().sync_all().map_err(failed)?;
    draft
        .persist_noclobber(path)
        .map_err(|refused| failed(refused.error))?;
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(failed)
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

    #[test]
    fn nodes_that_start_together_have_one_master_key() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("data/master.key");
        let nodes: Vec<_> = (0..16)
            .map(|_| {
                let path = path.clone();
                std::thread::spawn(move || master_key(&path, &Ids::random()).map(|key| key.to_file()))
            })
            .collect();
        let keys: Vec<_> = nodes
            .into_iter()
            .map(|node| node.join().expect("no panic").expect("a key"))
            .collect();
        assert!(keys.iter().all(|key| *key == keys[0]));
        let mode = fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let files = fs::read_dir(folder.path().join("data")).expect("read").count();
        assert_eq!(files, 1, "no draft is left");
        fs::write(&path, "gone wrong").expect("written");
        assert!(master_key(&path, &Ids::random()).is_err());
    }
}
