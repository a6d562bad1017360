//! A tag held to the virtual reader of vsmartcard (`vpcd`), over TCP.
//!
//! The card is the client: connected means in the field, closed means removed. Each message is a two-byte length,
//! high byte first, and that many bytes. One byte from the reader is a control: 0 power off, 1 power on, 2 reset
//! (none of them answered), 4 asks for the answer to reset; anything else is a command to the card.

use super::SimTag;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread::JoinHandle;

const POWER_OFF: u8 = 0;
const POWER_ON: u8 = 1;
const RESET: u8 = 2;
const GIVE_ATR: u8 = 4;

/// A tag in the field of a virtual reader; leaves it when dropped.
#[derive(Debug)]
pub struct VpcdCard {
    stream: TcpStream,
    card: Option<JoinHandle<()>>,
}

impl VpcdCard {
    /// Holds `tag` to the reader that listens at `address`.
    pub fn insert(address: SocketAddr, tag: SimTag) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let other = stream.try_clone()?;
        let card = std::thread::spawn(move || {
            // An error means that the reader is gone or the card was removed: either way the tap is over.
            let _ = serve(&other, tag);
            let _ = other.shutdown(Shutdown::Both);
        });
        Ok(Self {
            stream,
            card: Some(card),
        })
    }

    /// Takes the tag out of the field.
    pub fn remove(self) {}
}

impl Drop for VpcdCard {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
        if let Some(card) = self.card.take() {
            let _ = card.join();
        }
    }
}

fn serve(mut stream: &TcpStream, mut tag: SimTag) -> std::io::Result<()> {
    loop {
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut message)?;
        let answer = match message[..] {
            [POWER_OFF | POWER_ON | RESET] => continue,
            [GIVE_ATR] => tag.atr().to_vec(),
            _ => tag.answer(&message),
        };
        if answer.is_empty() {
            return Ok(());
        }
        // One write for both parts: the reader waits for each separately, and a split answer costs a delayed
        // acknowledgement.
        let length = u16::try_from(answer.len()).unwrap_or(u16::MAX);
        stream.write_all(&[&length.to_be_bytes(), &answer[..]].concat())?;
    }
}
