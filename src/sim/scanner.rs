//! A simulated barcode scanner on a pseudo terminal.
//!
//! The scanner holds the master side; the bridge opens the slave side by the path it is given, like any port. The
//! scanner keeps the slave open itself, so that nothing is lost while the bridge is away. Dropping it unplugs it.
#![cfg(all(unix, feature = "serial"))]

use serialport::{SerialPort as _, TTYPort};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// `O_NOCTTY`: opening a terminal must not make it the one that controls this process.
#[cfg(target_os = "linux")]
const NOT_CONTROLLING: i32 = 0o400;
#[cfg(not(target_os = "linux"))]
const NOT_CONTROLLING: i32 = 0x2_0000;

/// How long [`SimScanner::signals`] waits for bytes.
const SIGNAL_WAIT: Duration = Duration::from_millis(20);

/// A scanner that ends every code with carriage return.
#[derive(Debug)]
pub struct SimScanner {
    master: TTYPort,
    _slave: File,
    path: PathBuf,
    /// Removed when the scanner is unplugged.
    link: Option<PathBuf>,
}

impl SimScanner {
    /// Plugs a scanner in; the system chooses the path.
    pub fn new() -> std::io::Result<Self> {
        let (mut master, slave) = TTYPort::pair()?;
        master.set_timeout(SIGNAL_WAIT)?;
        let path = slave
            .name()
            .map(PathBuf::from)
            .ok_or_else(|| std::io::Error::other("a pseudo terminal without a name"))?;
        // As a port it would stay locked, and the bridge could not open it; a plain file holds it open all the same.
        let held = File::options()
            .read(true)
            .write(true)
            .custom_flags(NOT_CONTROLLING)
            .open(&path)?;
        drop(slave);
        Ok(Self {
            master,
            _slave: held,
            path,
            link: None,
        })
    }

    /// Plugs a scanner in at `path`, where it appears again each time, as by-id names do.
    pub fn at(path: &Path) -> std::io::Result<Self> {
        let mut scanner = Self::new()?;
        std::os::unix::fs::symlink(&scanner.path, path)?;
        scanner.path = path.to_path_buf();
        scanner.link = Some(path.to_path_buf());
        Ok(scanner)
    }

    /// The port to configure.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Scans a code.
    pub fn scan(&mut self, text: &str) -> std::io::Result<()> {
        self.noise(format!("{text}\r").as_bytes())
    }

    /// Sends bytes as they are.
    pub fn noise(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.master.write_all(bytes)
    }

    /// What the bridge has sent to the scanner since the last call; waits a moment for the first byte.
    pub fn signals(&mut self) -> std::io::Result<Vec<u8>> {
        let mut all = Vec::new();
        let mut bytes = [0; 256];
        loop {
            match self.master.read(&mut bytes) {
                Ok(0) => return Ok(all),
                Ok(length) => all.extend(bytes.iter().take(length)),
                Err(error) if error.kind() == std::io::ErrorKind::TimedOut => return Ok(all),
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for SimScanner {
    fn drop(&mut self) {
        if let Some(link) = &self.link {
            // A link that stays leads nowhere, which is what unplugged means.
            let _ = std::fs::remove_file(link);
        }
    }
}
