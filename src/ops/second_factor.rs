//! The second factor: codes of RFC 6238 from an app, and recovery codes for the day the phone is lost.
//!
//! The secret is stored sealed under the master key, so a copy of the database alone makes no codes. A code is taken
//! once: its time step moves on in the same transaction.

use openssl::sha::sha256;
use totp_rs::{Builder, Secret, Totp};

use crate::domain::id::AccountId;
use crate::domain::secret::MasterKey;
use crate::domain::time::Timestamp;
use crate::ops::Ops;
use crate::ops::access::AccessError;
use crate::store::accounts;

const PURPOSE: &str = "second factor";
/// Recovery codes that are given out together.
pub const RECOVERY_CODES: usize = 8;
const ISSUER: &str = "passgate";
/// Without letters and digits that look alike.
const ALPHABET: &[u8; 32] = b"23456789abcdefghjkmnpqrstuvwxyz2";

/// A second factor that is being set up: nothing is stored before the first code has come back.
#[derive(Clone)]
pub struct Proposal {
    secret: [u8; 20],
    email: String,
}

impl Proposal {
    /// From what a page kept of it.
    pub fn parse(text: &str, email: &str) -> Option<Self> {
        let secret = Secret::try_from_base32(text).ok()?;
        Some(Self {
            secret: secret.as_bytes().try_into().ok()?,
            email: email.to_owned(),
        })
    }

    /// What is typed into an app that cannot scan.
    pub fn secret(&self) -> String {
        Secret::new_stack(self.secret).to_base32()
    }

    /// The address that an app scans; none where the email cannot stand in one.
    pub fn url(&self) -> Option<String> {
        totp(&self.secret, &self.email)?.to_url().ok()
    }
}

impl Ops {
    /// Draws a secret for an account.
    pub fn propose_second_factor(&self, email: &str) -> Proposal {
        Proposal {
            secret: self.ids.secret::<20>(),
            email: email.to_owned(),
        }
    }

    /// Turns the second factor on when `code` shows that the app has the secret; returns the recovery codes, which are not
    /// shown again. Refused while one is on: else whoever finds a browser signed in would put their own in its place.
    pub async fn set_second_factor(
        &self,
        master: &MasterKey,
        account: AccountId,
        proposal: &Proposal,
        code: &str,
    ) -> Result<Vec<String>, AccessError> {
        let now = self.clock.now();
        let step = check(&proposal.secret, code, now).ok_or(AccessError::WrongCode)?;
        let nonce = self.ids.secret::<12>();
        let sealed = master
            .seal(PURPOSE, account.0, nonce, &proposal.secret)
            .map_err(|_| AccessError::Hashing)?;
        let codes: Vec<String> = (0..RECOVERY_CODES)
            .map(|_| readable(self.ids.secret::<10>()))
            .collect();
        let hashes: Vec<String> = codes.iter().map(|code| hashed(code)).collect();
        self.store
            .write("set_second_factor", move |tx| {
                let (sealed, hashes) = (sealed.clone(), hashes.clone());
                Box::pin(async move {
                    let known = accounts::for_update(tx, account).await?;
                    if known.is_some_and(|account| account.second_factor.is_some()) {
                        return Err(AccessError::SecondFactorOn);
                    }
                    accounts::set_second_factor(tx, account, Some(&sealed), step, &hashes).await?;
                    Ok(())
                })
            })
            .await?;
        Ok(codes)
    }

    /// Turns the second factor off; who may ask for it has shown a code of it.
    pub async fn remove_second_factor(
        &self,
        master: &MasterKey,
        account: AccountId,
        code: &str,
    ) -> Result<(), AccessError> {
        if !self.take_code(master, account, code).await? {
            return Err(AccessError::WrongCode);
        }
        Ok(self
            .store
            .write("remove_second_factor", move |tx| {
                Box::pin(async move { accounts::set_second_factor(tx, account, None, 0, &[]).await })
            })
            .await?)
    }

    /// How many recovery codes are left; none where there is no second factor.
    pub async fn second_factor(&self, account: AccountId) -> Result<Option<i64>, AccessError> {
        Ok(self
            .store
            .read("second_factor", move |tx| {
                Box::pin(async move {
                    let found = accounts::account(tx, account).await?;
                    if found.is_none_or(|account| account.second_factor.is_none()) {
                        return Ok(None);
                    }
                    accounts::recovery_codes_left(tx, account).await.map(Some)
                })
            })
            .await?)
    }

    /// Takes a code of the account's app, or one of its recovery codes; false when it is neither, or was taken before.
    pub(super) async fn take_code(
        &self,
        master: &MasterKey,
        account: AccountId,
        code: &str,
    ) -> Result<bool, AccessError> {
        let now = self.clock.now();
        let (master, code) = (master.clone(), code.trim().to_owned());
        Ok(self
            .store
            .write("take_code", move |tx| {
                let (master, code) = (master.clone(), code.clone());
                Box::pin(async move {
                    let found = accounts::for_update(tx, account).await?;
                    let Some(sealed) = found.and_then(|account| account.second_factor) else {
                        return Ok(false);
                    };
                    let secret = master.unseal(PURPOSE, account.0, &sealed);
                    if let Some(step) = secret.and_then(|secret| check(&secret, &code, now)) {
                        return accounts::take_step(tx, account, step).await;
                    }
                    accounts::take_recovery_code(tx, account, &hashed(&code), now).await
                })
            })
            .await?)
    }
}

fn totp(secret: &[u8], email: &str) -> Option<Totp> {
    // A colon would end the issuer in the address.
    Builder::new()
        .with_secret(Secret::new(secret.into()))
        .with_account_name(email.replace(':', " "))
        .with_issuer(Some(ISSUER))
        .build()
        .ok()
}

/// The time step of which `code` is, within one step of now.
fn check(secret: &[u8], code: &str, now: Timestamp) -> Option<i64> {
    let digits: String = code.chars().filter(|letter| !letter.is_whitespace()).collect();
    if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds = u64::try_from(now.0.div_euclid(1000)).ok()?;
    let step = totp(secret, "")?.check(&digits, seconds)?;
    i64::try_from(step).ok()
}

/// Ten letters and digits with a hyphen in the middle: 50 bits.
fn readable(random: [u8; 10]) -> String {
    let letter = |byte: &u8| char::from(ALPHABET[usize::from(byte % 32)]);
    let (one, other) = random.split_at(5);
    let half = |bytes: &[u8]| bytes.iter().map(letter).collect::<String>();
    format!("{}-{}", half(one), half(other))
}

/// Recovery codes are compared without what people leave out or add when they type them.
fn hashed(code: &str) -> String {
    let plain: String = code
        .chars()
        .filter(|letter| letter.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    hex::encode(sha256(plain.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, the SHA-1 rows, cut to six digits.
    #[test]
    fn codes_are_those_of_the_standard() {
        let secret = b"12345678901234567890";
        for (seconds, code, step) in [
            (59, "287082", 1),
            (1_111_111_109, "081804", 37_037_036),
            (20_000_000_000, "353130", 666_666_666),
        ] {
            let at = Timestamp(seconds * 1000);
            assert_eq!(check(secret, code, at), Some(step));
            assert_eq!(
                check(secret, &format!(" {} {}", &code[..3], &code[3..]), at),
                Some(step)
            );
            assert_eq!(check(secret, code, Timestamp(at.0 + 90_000)), None, "too old");
        }
        for wrong in ["", "28708", "2870822", "abcdef", "２８７０８２"] {
            assert_eq!(check(secret, wrong, Timestamp(59_000)), None, "{wrong}");
        }
    }

    #[test]
    fn a_proposal_survives_its_page() {
        let proposal = Proposal {
            secret: *b"12345678901234567890",
            email: "ada:lovelace@example.com".into(),
        };
        let read = Proposal::parse(&proposal.secret(), &proposal.email).expect("its own");
        assert_eq!(read.secret, proposal.secret);
        let url = proposal.url().expect("an address");
        assert!(url.starts_with("otpauth://totp/passgate:ada"), "{url}");
        assert!(Proposal::parse("no base 32!", "a@b").is_none());
        assert!(Proposal::parse("AAAA", "a@b").is_none());
    }

    #[test]
    fn recovery_codes_are_compared_as_people_type_them() {
        let code = readable([0, 1, 2, 3, 4, 5, 250, 251, 254, 255]);
        assert_eq!(code.len(), 11);
        assert_eq!(hashed(&code), hashed(&code.to_uppercase().replace('-', " ")));
        assert_ne!(hashed(&code), hashed("23456-789ab"));
    }
}
