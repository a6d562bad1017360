//! The gateway's master secret and what is derived from it.
//!
//! Pass authentication tokens are never stored: each is an HMAC of the card under the master secret, so a copy
//! of the database alone opens no card. Losing the master secret cuts off every issued pass; it is backed up
//! with the database.

use crate::domain::id::{CardId, InvitationId, MerchantId};
use openssl::memcmp;
use openssl::sha::Sha256;

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

    /// The address that a letter's link leads to; the proof in it cannot be guessed from another.
    pub fn invitation_link(
        &self,
        public_url: &str,
        merchant: MerchantId,
        invitation: InvitationId,
    ) -> String {
        let proof = self.proof("invitation link", merchant, invitation.0);
        format!("{public_url}/invitation/{merchant}/{invitation}/{proof}")
    }

    /// Whether `shown` is the proof of a letter's link; compares in constant time.
    pub fn opens_invitation(&self, merchant: MerchantId, invitation: InvitationId, shown: &str) -> bool {
        let expected = self.proof("invitation link", merchant, invitation.0);
        expected.len() == shown.len() && memcmp::eq(expected.as_bytes(), shown.as_bytes())
    }

    /// 128 bits that show for one purpose that whoever has them was given the link of `id`.
    fn proof(&self, purpose: &str, merchant: MerchantId, id: i64) -> String {
        let mut input = [0; 16];
        input[..8].copy_from_slice(&merchant.0.to_be_bytes());
        input[8..].copy_from_slice(&id.to_be_bytes());
        let derived = self.derive(purpose, &input);
        hex::encode(derived.get(..16).unwrap_or(&derived))
    }

    /// HMAC-SHA256 of a purpose and an input: 32 bytes that tell nothing about the key or about each other.
    pub fn derive(&self, purpose: &str, input: &[u8]) -> [u8; 32] {
        // RFC 2104, over OpenSSL's plain SHA-256: its EVP interface looks the algorithm up under a lock each time,
        // which costs more than the rest of an answer that says "you have this already".
        let mut inner = Sha256::new();
        inner.update(&self.padded(0x36));
        inner.update(purpose.as_bytes());
        inner.update(&[0]);
        inner.update(input);
        let mut outer = Sha256::new();
        outer.update(&self.padded(0x5c));
        outer.update(&inner.finish());
        outer.finish()
    }

    /// The key, padded with zeros to a block of SHA-256, each byte combined with `pad`.
    fn padded(&self, pad: u8) -> [u8; 64] {
        let mut block = [pad; 64];
        for (byte, key) in block.iter_mut().zip(self.0) {
            *byte ^= key;
        }
        block
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
    fn a_derived_secret_is_the_hmac_of_openssl() {
        let key = openssl::pkey::PKey::hmac(&[7; 32]).expect("a key");
        let mut signer =
            openssl::sign::Signer::new(openssl::hash::MessageDigest::sha256(), &key).expect("a signer");
        let expected = signer.sign_oneshot_to_vec(b"purpose\0input").expect("an HMAC");
        assert_eq!(
            MasterKey::from_bytes([7; 32])
                .derive("purpose", b"input")
                .to_vec(),
            expected
        );
    }

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
