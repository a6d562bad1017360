//! The service account: the JSON key file that Google's console hands out, read and checked once at start.
//!
//! The same key does two jobs: it asks for access tokens (in `token`) and signs save links (in `save_link`).
//! Nothing of the private key ever reaches an error, a log or `Debug`.

use std::path::{Path, PathBuf};

use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::sign::Signer;
use serde::Deserialize;

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    #[error("cannot read the service account key {path}: {source}")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error(
        "{path} is not a service account key: expected JSON with client_email, private_key and token_uri; {problem} \
         (download a key of type JSON from the Google Cloud console)"
    )]
    Json { path: PathBuf, problem: String },
    #[error("{path} holds a credential of type {got:?}; expected \"service_account\"")]
    Type { path: PathBuf, got: String },
    #[error("{path}: private_key must be an RSA key in PEM; it could not be read as one")]
    PrivateKey { path: PathBuf },
    #[error("{path}: token_uri must be an http or https address; got {got:?}")]
    TokenUri { path: PathBuf, got: String },
}

/// A service account with its private key. Not printable.
pub struct ServiceAccount {
    pub(crate) email: String,
    pub(crate) token_uri: String,
    private_key_pem: String,
    private_key: PKey<Private>,
}

#[derive(Deserialize)]
struct KeyFile {
    #[serde(rename = "type")]
    kind: Option<String>,
    client_email: String,
    private_key: String,
    token_uri: String,
}

impl ServiceAccount {
    pub fn load(path: &Path) -> Result<Self, AccountError> {
        let text = std::fs::read(path).map_err(|source| AccountError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(path, &text)
    }

    fn parse(path: &Path, text: &[u8]) -> Result<Self, AccountError> {
        let path = || path.to_owned();
        let file: KeyFile = serde_json::from_slice(text).map_err(|error| AccountError::Json {
            path: path(),
            problem: describe(&error),
        })?;
        if let Some(got) = file.kind.filter(|kind| kind != "service_account") {
            return Err(AccountError::Type { path: path(), got });
        }
        let private_key = PKey::private_key_from_pem(file.private_key.as_bytes())
            .ok()
            .filter(|key| key.rsa().is_ok())
            .ok_or_else(|| AccountError::PrivateKey { path: path() })?;
        let address = file.token_uri.parse::<http::Uri>().ok();
        if !address
            .is_some_and(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some())
        {
            return Err(AccountError::TokenUri {
                path: path(),
                got: file.token_uri,
            });
        }
        Ok(Self {
            email: file.client_email,
            token_uri: file.token_uri,
            private_key_pem: file.private_key,
            private_key,
        })
    }

    /// Signs `text` with RSASSA-PKCS1-v1_5 and SHA-256, the `RS256` of RFC 7518 §3.3.
    pub(crate) fn sign(&self, text: &[u8]) -> Result<Vec<u8>, openssl::error::ErrorStack> {
        Signer::new(MessageDigest::sha256(), &self.private_key)?.sign_oneshot_to_vec(text)
    }

    /// The same key in the form that `yup-oauth2` takes.
    pub(super) fn to_yup(&self) -> yup_oauth2::ServiceAccountKey {
        yup_oauth2::ServiceAccountKey {
            key_type: Some("service_account".into()),
            project_id: None,
            private_key_id: None,
            private_key: self.private_key_pem.clone(),
            client_email: self.email.clone(),
            client_id: None,
            auth_uri: None,
            token_uri: self.token_uri.clone(),
            auth_provider_x509_cert_url: None,
            client_x509_cert_url: None,
        }
    }
}

impl std::fmt::Debug for ServiceAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceAccount")
            .field("email", &self.email)
            .field("token_uri", &self.token_uri)
            .finish_non_exhaustive()
    }
}

/// What is wrong with a key file. A wrong type is told by its place alone: serde would quote the value, and the
/// value may be the key.
fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if text.starts_with("missing field") {
        text
    } else {
        format!("unreadable at line {} column {}", error.line(), error.column())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use openssl::rsa::Rsa;

    /// A key file made for one test.
    pub(in crate::google) fn sample() -> (ServiceAccount, PKey<openssl::pkey::Public>) {
        let rsa = Rsa::generate(2048).expect("a key");
        let public = PKey::public_key_from_pem(&rsa.public_key_to_pem().expect("pem")).expect("public key");
        let pem = String::from_utf8(rsa.private_key_to_pem().expect("pem")).expect("ascii");
        let account = ServiceAccount::parse(
            Path::new("key.json"),
            file(&pem, "http://127.0.0.1/token").as_bytes(),
        )
        .expect("a good key file");
        (account, public)
    }

    fn file(pem: &str, token_uri: &str) -> String {
        serde_json::json!({
            "type": "service_account",
            "client_email": "gateway@example.iam.gserviceaccount.com",
            "private_key": pem,
            "token_uri": token_uri,
        })
        .to_string()
    }

    fn refuse(text: &str) -> String {
        ServiceAccount::parse(Path::new("key.json"), text.as_bytes())
            .expect_err("not a key file")
            .to_string()
    }

    #[test]
    fn a_bad_key_file_is_named_and_its_key_is_not_shown() {
        assert!(refuse("{}").contains("missing field `client_email`"));
        assert!(refuse("SECRET").contains("line 1"));
        assert!(
            refuse(r#"{"client_email":"a","token_uri":"b","private_key":["SECRET"]}"#).contains("unreadable")
        );
        assert!(refuse(&file("SECRET", "https://x/token")).contains("RSA key in PEM"));
        for text in [
            "SECRET",
            r#"{"private_key":7,"SECRET":1}"#,
            &file("SECRET", "https://x/token"),
        ] {
            assert!(!refuse(text).contains("SECRET"));
        }
        let missing = ServiceAccount::load(Path::new("/nowhere/key.json")).expect_err("no file");
        assert!(missing.to_string().contains("/nowhere/key.json"));
        let wrong = r#"{"type":"authorized_user","client_email":"a","token_uri":"b","private_key":"c"}"#;
        assert!(refuse(wrong).contains("authorized_user"));
    }

    #[test]
    fn a_token_address_must_be_one() {
        let pem = Rsa::generate(1024)
            .and_then(|rsa| rsa.private_key_to_pem())
            .expect("a key");
        let pem = String::from_utf8(pem).expect("ascii");
        for address in ["", "oauth2", "ftp://host/token", "http://a b/token"] {
            assert!(refuse(&file(&pem, address)).contains("token_uri"), "{address}");
        }
    }

    #[test]
    fn debug_output_holds_no_key() {
        let (account, _) = sample();
        assert!(!format!("{account:?}").contains("PRIVATE"));
    }
}
