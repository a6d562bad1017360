//! The gateway's master secret and what is derived from it.
//!
//! Pass authentication tokens are never stored: each is an HMAC of the card under the master secret, so a copy
//! of the database alone opens no card. Losing the master secret cuts off every issued pass; it is backed up
//! with the database.

use crate::domain::id::{AccountId, CardId, InvitationId, MerchantId};
use crate::domain::time::Timestamp;
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

    /// What whoever makes the first owner must show; the operator of the gateway reads it from a command.
    pub fn first_owner_code(&self) -> String {
        let derived = self.derive("first owner", &[]);
        hex::encode(derived.get(..10).unwrap_or(&derived))
    }

    /// Whether `shown` is [`first_owner_code`](Self::first_owner_code); compares in constant time.
    pub fn opens_first_owner(&self, shown: &str) -> bool {
        let expected = self.first_owner_code();
        expected.len() == shown.len() && memcmp::eq(expected.as_bytes(), shown.as_bytes())
    }

    /// Says that a browser has shown the password of `account`, until `expires`; its second factor is asked for next.
    pub fn password_ticket(&self, account: AccountId, expires: Timestamp) -> String {
        let mut input = [0; 16];
        input[..8].copy_from_slice(&account.0.to_be_bytes());
        input[8..].copy_from_slice(&expires.0.to_be_bytes());
        let proof = hex::encode(self.derive("password ticket", &input));
        format!("{account}.{}.{proof}", expires.0)
    }

    /// The account that a ticket is for, if it is ours and still good at `now`.
    pub fn opens_ticket(&self, shown: &str, now: Timestamp) -> Option<AccountId> {
        let mut parts = shown.splitn(3, '.');
        let account: AccountId = parts.next()?.parse().ok()?;
        let expires = Timestamp(parts.next()?.parse().ok()?);
        let expected = self.password_ticket(account, expires);
        let is_ours = expected.len() == shown.len() && memcmp::eq(expected.as_bytes(), shown.as_bytes());
        (is_ours && now < expires).then_some(account)
    }

    /// Seals a few bytes for one purpose and owner with AES-256-GCM; `nonce` must be new each time.
    pub fn seal(
        &self,
        purpose: &str,
        owner: i64,
        nonce: [u8; 12],
        plain: &[u8],
    ) -> Result<Vec<u8>, openssl::error::ErrorStack> {
        let key = self.derive(purpose, &owner.to_be_bytes());
        let mut tag = [0; 16];
        let cipher = openssl::symm::Cipher::aes_256_gcm();
        let sealed = openssl::symm::encrypt_aead(cipher, &key, Some(&nonce), &[], plain, &mut tag)?;
        Ok([&nonce[..], &tag, &sealed].concat())
    }

    /// What [`seal`](Self::seal) sealed; none for anything else.
    pub fn unseal(&self, purpose: &str, owner: i64, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = sealed.split_at_checked(12)?;
        let (tag, sealed) = rest.split_at_checked(16)?;
        let key = self.derive(purpose, &owner.to_be_bytes());
        let cipher = openssl::symm::Cipher::aes_256_gcm();
        openssl::symm::decrypt_aead(cipher, &key, Some(nonce), &[], sealed, tag).ok()
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
    fn what_is_sealed_opens_for_its_owner_alone() {
        let key = MasterKey::from_bytes([7; 32]);
        let sealed = key.seal("a purpose", 1, [3; 12], b"secret").expect("sealed");
        assert_eq!(
            key.unseal("a purpose", 1, &sealed).as_deref(),
            Some(&b"secret"[..])
        );
        assert_eq!(key.unseal("a purpose", 2, &sealed), None);
        assert_eq!(key.unseal("another", 1, &sealed), None);
        for cut in 0..sealed.len() {
            assert_eq!(key.unseal("a purpose", 1, &sealed[..cut]), None);
        }
    }

    #[test]
    fn a_ticket_is_good_for_its_account_and_time() {
        let key = MasterKey::from_bytes([7; 32]);
        let (account, expires) = (AccountId(77), Timestamp(1000));
        let ticket = key.password_ticket(account, expires);
        assert_eq!(key.opens_ticket(&ticket, Timestamp(999)), Some(account));
        assert_eq!(key.opens_ticket(&ticket, Timestamp(1000)), None);
        let later = ticket.replace(".1000.", ".2000.");
        for forged in [later.as_str(), "", "..", "x.y.z", &ticket[1..]] {
            assert_eq!(key.opens_ticket(forged, Timestamp(0)), None, "{forged}");
        }
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
