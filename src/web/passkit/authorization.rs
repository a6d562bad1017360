//! `Authorization: ApplePass <token>`: who may ask for a pass.
//!
//! A wrong token and a serial number that does not exist get the same answer after the same work, so that the
//! answer tells nobody which cards there are. `AndroidPass` is what wallet apps on Android send.

use axum::http::{HeaderMap, header};

use crate::domain::id::{CardId, MerchantId, PassTypeIdentifier};
use crate::domain::secret::MasterKey;
use crate::store::registrations::CardStamp;

const SCHEMES: [&str; 2] = ["ApplePass", "AndroidPass"];

/// The token that the request shows; empty, which is no card's token, when it shows none.
///
/// Apple's devices write the scheme exactly like this; anything else is somebody else.
pub(super) fn shown_token(headers: &HeaderMap) -> &str {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return "";
    };
    let Ok(text) = value.to_str() else {
        return "";
    };
    match text.split_once(' ') {
        Some((scheme, token)) if SCHEMES.contains(&scheme) => token,
        _ => "",
    }
}

/// The card, if `token` is its token and it is of the type that was asked for.
pub(super) fn authorise(
    master: &MasterKey,
    merchant: MerchantId,
    asked: &PassTypeIdentifier,
    found: Option<CardStamp>,
    token: &str,
) -> Option<CardStamp> {
    // No card has the number 0: for an unknown serial number the same work is done and refused.
    let card = found.as_ref().map_or(CardId(0), |stamp| stamp.card);
    let matches = master.authentication_token(merchant, card).matches(token);
    found.filter(|stamp| matches && stamp.pass_type_identifier == *asked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;
    use axum::http::HeaderValue;

    fn shown(value: &'static str) -> String {
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static(value))]);
        shown_token(&headers).to_owned()
    }

    #[test]
    fn only_the_two_schemes_count_and_only_as_written() {
        assert_eq!(shown("ApplePass abc"), "abc");
        assert_eq!(shown("AndroidPass abc"), "abc");
        for value in [
            "Bearer abc",
            "applepass abc",
            "ApplePassabc",
            "abc",
            "",
            "ApplePass",
        ] {
            assert_eq!(shown(value), "", "{value}");
        }
    }

    #[test]
    fn two_headers_are_none() {
        let mut headers = HeaderMap::new();
        headers.append(header::AUTHORIZATION, HeaderValue::from_static("ApplePass a"));
        headers.append(header::AUTHORIZATION, HeaderValue::from_static("ApplePass b"));
        assert_eq!(shown_token(&headers), "");
    }

    #[test]
    fn a_token_opens_its_own_card_of_its_own_type_only() {
        let master = MasterKey::from_bytes([1; 32]);
        let merchant = MerchantId(5);
        let ours = PassTypeIdentifier::parse("pass.example.ours").expect("a pass type");
        let other = PassTypeIdentifier::parse("pass.example.other").expect("a pass type");
        let stamp = CardStamp {
            card: CardId(9),
            pass_type_identifier: ours.clone(),
            version: 1,
            changed_at: Timestamp(0),
        };
        let token = master.authentication_token(merchant, CardId(9));
        let of_nobody = master.authentication_token(merchant, CardId(0));
        let open = |asked, found, token| authorise(&master, merchant, asked, found, token).is_some();
        assert!(open(&ours, Some(stamp.clone()), token.expose()));
        assert!(!open(&other, Some(stamp.clone()), token.expose()));
        assert!(!open(&ours, Some(stamp), of_nobody.expose()));
        assert!(!open(&ours, None, of_nobody.expose()));
        assert!(!open(&ours, None, ""));
    }
}
