//! Where a request comes from: the connection's address or, when a trusted proxy holds the connection, what the
//! proxies say in `X-Forwarded-For`.
//!
//! Each proxy appends the address that it sees to the right, and everything left of what a trusted one wrote may be
//! made up by the client. So the list is read from the right, and the first address that is not a trusted proxy's is
//! the client's.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use ipnet::IpNet;

use crate::web::Web;

/// The client's address, when the server keeps it.
pub struct ClientAddress(pub Option<IpAddr>);

impl FromRequestParts<Web> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map(|ConnectInfo(peer)| peer.ip());
        Ok(Self(
            peer.map(|peer| client(peer, &parts.headers, &web.trusted_proxies)),
        ))
    }
}

fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut nearest = peer.to_canonical();
    // Several headers of one name are one list (RFC 9110 §5.3).
    let values = headers.get_all("x-forwarded-for").iter().rev();
    let entries = values.flat_map(|value| value.to_str().unwrap_or("").rsplit(','));
    for entry in entries {
        if !is_trusted(&nearest) {
            break;
        }
        match address(entry) {
            Some(address) => nearest = address,
            // Nobody knows what is left of it: the proxy that passed it on answers for it.
            None => break,
        }
    }
    nearest
}

/// An address as proxies write it: by itself, in brackets, or with a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let address = bare.unwrap_or(text).parse::<IpAddr>().ok();
    let address = address.or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    fn of(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_str(value).unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        client(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let proxies = ["127.0.0.1/32", "10.0.0.0/8"];
        assert_eq!(of("198.51.100.7", &["203.0.113.1"], &[]), "198.51.100.7");
        assert_eq!(of("198.51.100.7", &["203.0.113.1"], &proxies), "198.51.100.7");
        assert_eq!(of("127.0.0.1", &[], &proxies), "127.0.0.1");
        assert_eq!(of("127.0.0.1", &["203.0.113.1"], &proxies), "203.0.113.1");
        // A socket that serves both families shows IPv4 peers as IPv6.
        assert_eq!(of("::ffff:127.0.0.1", &["203.0.113.1"], &proxies), "203.0.113.1");
    }

    #[test]
    fn what_the_client_made_up_is_left_of_its_address() {
        let proxies = ["127.0.0.1/32", "10.0.0.0/8"];
        let made_up = "192.0.2.66, 203.0.113.1, 10.0.0.2";
        assert_eq!(of("127.0.0.1", &[made_up], &proxies), "203.0.113.1");
        let in_two = ["192.0.2.66", "203.0.113.1,10.0.0.2"];
        assert_eq!(of("127.0.0.1", &in_two, &proxies), "203.0.113.1");
        assert_eq!(of("127.0.0.1", &["10.0.0.3, 10.0.0.2"], &proxies), "10.0.0.3");
        assert_eq!(
            of("127.0.0.1", &["203.0.113.1, unknown, 10.0.0.2"], &proxies),
            "10.0.0.2"
        );
    }

    #[test]
    fn addresses_are_read_in_every_form_that_proxies_write() {
        let trusted = ["127.0.0.1/32"];
        for (written, meant) in [
            ("203.0.113.1:5555", "203.0.113.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:5555", "2001:db8::1"),
            ("", "127.0.0.1"),
        ] {
            assert_eq!(of("127.0.0.1", &[written], &trusted), meant, "{written}");
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_reading_panic(text in "[ -~]{0,60}") {
            of("127.0.0.1", &[&text], &["127.0.0.1/32"]);
        }
    }
}
