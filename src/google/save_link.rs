//! Save links: the address behind the "Add to Google Wallet" button.
//!
//! `<save_url>/<JWT>`, the JWT signed with the service account's key (RS256, RFC 7515) and holding nothing but
//! the id of an object that is already inserted. A link is a bearer secret: whoever opens it first gets the
//! card, so `Debug` does not show it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use crate::domain::time::Timestamp;
use crate::google::account::ServiceAccount;
use crate::google::error::Error;

/// Google: "the maximum safe length for the JWT is 1800 characters" (issuing passes for web, email and SMS).
const LONGEST: usize = 1800;

/// A link that saves one card to Google Wallet.
#[derive(Clone, PartialEq, Eq)]
pub struct SaveLink {
    url: String,
    jwt_at: usize,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'static str,
    typ: &'static str,
    /// Unix seconds.
    iat: i64,
    origins: &'a [String],
    payload: Payload<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Payload<'a> {
    loyalty_objects: [ObjectReference<'a>; 1],
}

#[derive(Serialize)]
struct ObjectReference<'a> {
    id: &'a str,
}

impl SaveLink {
    /// Signs a link to the object `object_id`. `origins` are the web origins that may show the button.
    pub(super) fn sign(
        account: &ServiceAccount,
        save_url: &str,
        object_id: &str,
        origins: &[String],
        now: Timestamp,
    ) -> Result<Self, Error> {
        let claims = Claims {
            iss: &account.email,
            aud: "google",
            typ: "savetowallet",
            iat: now.0.div_euclid(1000),
            origins,
            payload: Payload {
                loyalty_objects: [ObjectReference { id: object_id }],
            },
        };
        let body = serde_json::to_vec(&claims).map_err(|error| Error::Answer {
            call: "a save link".into(),
            problem: error.to_string(),
        })?;
        let mut jwt = URL_SAFE_NO_PAD.encode(br#"{"alg":"RS256","typ":"JWT"}"#);
        jwt.push('.');
        URL_SAFE_NO_PAD.encode_string(&body, &mut jwt);
        let signature = account.sign(jwt.as_bytes())?;
        jwt.push('.');
        URL_SAFE_NO_PAD.encode_string(&signature, &mut jwt);
        if jwt.len() > LONGEST {
            return Err(Error::LinkTooLong {
                got: jwt.len(),
                limit: LONGEST,
            });
        }
        let mut url = format!("{}/", save_url.trim_end_matches('/'));
        let jwt_at = url.len();
        url.push_str(&jwt);
        Ok(Self { url, jwt_at })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// The JWT alone, for Google's own button scripts.
    pub fn jwt(&self) -> &str {
        self.url.get(self.jwt_at..).unwrap_or_default()
    }
}

impl std::fmt::Debug for SaveLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SaveLink(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::google::account::tests::sample;
    use openssl::hash::MessageDigest;
    use openssl::sign::Verifier;

    const NOW: Timestamp = Timestamp(1_795_000_000_999);
    const OBJECT: &str = "3388000000012345678.card-0000000000009";

    fn link(account: &ServiceAccount, origins: &[String]) -> Result<SaveLink, Error> {
        SaveLink::sign(account, "https://pay.google.com/gp/v/save/", OBJECT, origins, NOW)
    }

    #[test]
    fn a_link_holds_exactly_these_claims_and_verifies() {
        let (account, public) = sample();
        let link = link(&account, &["https://cards.example".into()]).expect("short enough");
        assert!(link.url().starts_with("https://pay.google.com/gp/v/save/ey"));
        let parts: Vec<&str> = link.jwt().split('.').collect();
        let [header, claims, signature] = parts.as_slice() else {
            panic!("a JWT has three parts; got {}", parts.len());
        };
        let text =
            |part: &str| String::from_utf8(URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("UTF-8");
        assert_eq!(text(header), r#"{"alg":"RS256","typ":"JWT"}"#);
        assert_eq!(
            text(claims),
            concat!(
                r#"{"iss":"gateway@example.iam.gserviceaccount.com","aud":"google","typ":"savetowallet","#,
                r#""iat":1795000000,"origins":["https://cards.example"],"#,
                r#""payload":{"loyaltyObjects":[{"id":"3388000000012345678.card-0000000000009"}]}}"#
            )
        );
        let mut verifier = Verifier::new(MessageDigest::sha256(), &public).expect("a verifier");
        verifier
            .update(format!("{header}.{claims}").as_bytes())
            .expect("memory");
        assert!(
            verifier
                .verify(&URL_SAFE_NO_PAD.decode(signature).expect("base64url"))
                .expect("a signature")
        );
        assert!(link.jwt().len() < 800);
        assert!(!format!("{link:?}").contains("ey"));
    }

    #[test]
    fn signing_twice_gives_the_same_link() {
        let (account, _) = sample();
        assert_eq!(
            link(&account, &[]).expect("short"),
            link(&account, &[]).expect("short")
        );
    }

    #[test]
    fn a_link_that_google_would_cut_is_refused() {
        let (account, _) = sample();
        let origins: Vec<String> = (0..60).map(|n| format!("https://shop-{n}.example")).collect();
        let error = link(&account, &origins).expect_err("too long");
        assert!(matches!(error, Error::LinkTooLong { limit: 1800, .. }), "{error}");
    }
}
