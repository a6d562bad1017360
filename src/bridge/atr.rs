//! What the answer to reset says about a card, as PC/SC part 3 §3.1.3.2.3 lays it out for contactless readers.

/// What kind of card is on the reader, as far as reading it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CardClass {
    /// Memory in pages of four bytes, read with the reader's READ BINARY: Ultralight, NTAG (NFC Forum Type 2).
    Type2,
    /// Another storage card: only its UID can be asked for.
    Storage,
    /// ISO 14443-4: takes APDUs, may hold an NFC Forum Type 4 application. Also anything that is not recognised.
    Iso14443,
}

/// Registered application provider of the PC/SC Workgroup, with the tag and length before it.
const STORAGE_CARD: [u8; 8] = [0x80, 0x4f, 0x0c, 0xa0, 0x00, 0x00, 0x03, 0x06];
const ULTRALIGHT: [u8; 2] = [0x00, 0x03];
const ULTRALIGHT_C: [u8; 2] = [0x00, 0x3a];

impl CardClass {
    /// Reads an ATR. No bytes make it fail: what is not a storage card is spoken to as ISO 14443-4.
    pub fn from_atr(atr: &[u8]) -> Self {
        // 3B 8F 80 01 80 4F 0C A000000306 SS NN NN 00000000 TCK
        let Some(historical) = atr.get(4..) else {
            return Self::Iso14443;
        };
        let Some(rest) = historical.strip_prefix(&STORAGE_CARD) else {
            return Self::Iso14443;
        };
        match rest.get(1..3) {
            Some(name) if name == ULTRALIGHT || name == ULTRALIGHT_C => Self::Type2,
            _ => Self::Storage,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn class(hex: &str) -> CardClass {
        CardClass::from_atr(&hex::decode(hex).expect("hexadecimal"))
    }

    #[test]
    fn known_cards_are_told_apart() {
        let ultralight = "3b8f8001804f0ca0000003060300030000000068";
        let classic = "3b8f8001804f0ca000000306030001000000006a";
        let ultralight_c = "3b8f8001804f0ca00000030603003a0000000051";
        assert_eq!(class(ultralight), CardClass::Type2);
        assert_eq!(class(ultralight_c), CardClass::Type2);
        assert_eq!(class(classic), CardClass::Storage);
        assert_eq!(class("3b80800101"), CardClass::Iso14443);
        assert_eq!(class(""), CardClass::Iso14443);
    }

    proptest! {
        #[test]
        fn any_atr_has_a_class(atr in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = CardClass::from_atr(&atr);
        }
    }
}
