//! Commands to and answers from a card, as ISO/IEC 7816-4 short APDUs.

/// Builds a command without data that expects up to `le` bytes; 0 asks for up to 256.
pub fn read(class: u8, instruction: u8, p1: u8, p2: u8, le: u8) -> Vec<u8> {
    vec![class, instruction, p1, p2, le]
}

/// SELECT by name (ISO/IEC 7816-4 §11.2.2): the application that `name` (5 to 16 bytes) stands for.
pub fn select_application(name: &[u8]) -> Vec<u8> {
    with_data(&[0x00, 0xa4, 0x04, 0x00], name, Some(0))
}

/// SELECT by file identifier, no answer data wanted.
pub fn select_file(id: [u8; 2]) -> Vec<u8> {
    with_data(&[0x00, 0xa4, 0x00, 0x0c], &id, None)
}

/// READ BINARY of the selected file.
pub fn read_binary(offset: u16, length: u8) -> Vec<u8> {
    let [high, low] = offset.to_be_bytes();
    read(0x00, 0xb0, high, low, length)
}

/// Joins header, data and expected length. Data beyond 255 bytes does not fit a short APDU and is cut; every
/// caller passes a name or identifier far shorter.
fn with_data(header: &[u8; 4], data: &[u8], le: Option<u8>) -> Vec<u8> {
    let length = u8::try_from(data.len()).unwrap_or(u8::MAX);
    let mut command = header.to_vec();
    command.push(length);
    command.extend(data.iter().take(usize::from(length)));
    command.extend(le);
    command
}

/// What a card answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer<'a> {
    pub data: &'a [u8],
    pub status: StatusWord,
}

impl<'a> Answer<'a> {
    /// Splits the status word off. `None`: fewer than two bytes came, so the card left the field while answering.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (data, &[sw1, sw2]) = bytes.split_last_chunk::<2>()?;
        let status = StatusWord(sw1, sw2);
        Some(Self { data, status })
    }
}

/// SW1 and SW2.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct StatusWord(pub u8, pub u8);

impl StatusWord {
    pub fn is_success(self) -> bool {
        self == Self(0x90, 0x00)
    }

    /// `6Cxx`: ask again, for exactly this many bytes.
    pub fn right_length(self) -> Option<u8> {
        (self.0 == 0x6c).then_some(self.1)
    }
}

impl std::fmt::Debug for StatusWord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02x}{:02x}", self.0, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn commands_are_written_as_the_standard_says() {
        let ndef = [0xd2, 0x76, 0x00, 0x00, 0x85, 0x01, 0x01];
        assert_eq!(
            hex::encode(select_application(&ndef)),
            "00a4040007d276000085010100"
        );
        assert_eq!(hex::encode(select_file([0xe1, 0x03])), "00a4000c02e103");
        assert_eq!(hex::encode(read_binary(0x0102, 15)), "00b001020f");
    }

    proptest! {
        #[test]
        fn any_answer_is_split_or_torn(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            match Answer::parse(&bytes) {
                None => prop_assert!(bytes.len() < 2),
                Some(answer) => prop_assert_eq!(answer.data.len() + 2, bytes.len()),
            }
        }
    }
}
