//! The gateway's master secret and what is derived from it.
//!
//! Pass authentication tokens are never stored: each is an HMAC of the card under the master secret, so a copy
//! of the database alone opens no card. Losing the master secret cuts off every issued pass; it is backed up
//! with the database.

use crate::domain::id::{CardId, MerchantId};
use openssl::hash::MessageDigest;
use openssl::memcmp;
use openssl::pkey::PKey;
use openssl::sign::Signer;

/// 32 random bytes. Not printable.
#[derive(Clone)]
pub struct MasterKey([u8; 32]);

/// The text that a pass shows as `Authorization: ApplePass <token>`: 64 hexadecimal characters, fixed for the
/// life of the card.
#[derive(Clone)]
pub struct AuthenticationToken(String);

/// What a master key file must hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a master key is 64 hexadecimal characters (32 bytes); got {got} characters")]
pub struct MasterKeyError {
    got: usize,
}

impl MasterKey {
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads the content of a master key file.
    pub fn parse(text: &str) -> Result<Self, MasterKeyError> {
        let text = text.trim();
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| MasterKeyError {
            got: text.chars().count(),
        })?;
        Ok(Self(bytes))
    }

    /// The content of a master key file.
    pub fn to_file(&self) -> String {
        format!("{}\n", hex::encode(self.0))
    }

    /// The token of a card's pass.
    pub fn authentication_token(&self, merchant: MerchantId, card: CardId) -> AuthenticationToken {
        let mut input = [0; 16];
        input[..8].copy_from_slice(&merchant.0.to_be_bytes());
        input[8..].copy_from_slice(&card.0.to_be_bytes());
        AuthenticationToken(hex::encode(self.derive("pass authentication token", &input)))
    }

    /// HMAC-SHA256 of a purpose and an input: 32 bytes that tell nothing about the key or about each other.
    pub fn derive(&self, purpose: &str, input: &[u8]) -> [u8; 32] {
        let mut out = [0; 32];
        let signed = PKey::hmac(&self.0).and_then(|key| {
            let mut signer = Signer::new(MessageDigest::sha256(), &key)?;
            signer.update(purpose.as_bytes())?;
            signer.update(&[0])?;
            signer.update(input)?;
            signer.sign(&mut out)
        });
        // HMAC-SHA256 over memory fails only when OpenSSL has no memory left or was built without it; going on
        // with a guessable token would be worse than stopping.
        assert!(signed.is_ok(), "OpenSSL cannot compute HMAC-SHA256");
        out
    }
}

impl AuthenticationToken {
    /// Compares in constant time.
    pub fn matches(&self, shown: &str) -> bool {
        self.0.len() == shown.len() && memcmp::eq(self.0.as_bytes(), shown.as_bytes())
    }

    /// The token itself, for the pass.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

impl std::fmt::Debug for AuthenticationToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AuthenticationToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_card_has_its_own_token() {
        let key = MasterKey::from_bytes([7; 32]);
        let token = key.authentication_token(MerchantId(1), CardId(2));
        assert!(token.matches(key.authentication_token(MerchantId(1), CardId(2)).expose()));
        assert!(!token.matches(key.authentication_token(MerchantId(1), CardId(3)).expose()));
        assert!(!token.matches(key.authentication_token(MerchantId(2), CardId(2)).expose()));
        assert!(!token.matches(""));
    }

    #[test]
    fn a_key_survives_its_file_and_a_bad_file_is_named() {
        let key = MasterKey::from_bytes([9; 32]);
        let read = MasterKey::parse(&key.to_file()).expect("own file");
        assert_eq!(read.0, key.0);
        assert!(MasterKey::parse("abc").is_err_and(|error| error.to_string().ends_with("got 3 characters")));
        assert!(!format!("{key:?}").contains("09"));
    }
}
