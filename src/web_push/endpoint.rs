//! Where pushes may go: an endpoint is an address that a stranger gave us, and must not lead into our own network.
//!
//! Invariant: with [`Guard::Public`] no connection is made but by https, and none to an address that is not a public one,
//! whatever a name says today and said yesterday: what names stand for is checked where they are looked up to connect.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::LazyLock;

use ipnet::{Ipv4Net, Ipv6Net};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// What may be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    Public,
    /// For stand-ins on this machine.
    Anything,
}

/// Why nothing is sent to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    #[error("endpoint: expected https:// and the name of a push service")]
    Form,
    #[error("endpoint: expected a push service on the Internet; got an address of a private network")]
    Private,
}

/// A name that stands for no public address.
#[derive(Debug, thiserror::Error)]
#[error("the push service's name stands for no public address")]
pub(super) struct NotPublic;

/// An endpoint that may be asked.
#[derive(Debug)]
pub struct Endpoint {
    pub(super) url: reqwest::Url,
    /// Scheme, name and, unless it is the usual one, port.
    pub(super) origin: String,
}

impl Endpoint {
    pub fn parse(text: &str, guard: Guard) -> Result<Self, EndpointError> {
        let url = reqwest::Url::parse(text).map_err(|_| EndpointError::Form)?;
        let host = url.host_str().unwrap_or_default();
        if url.scheme() != "https"
            || host.is_empty()
            || !url.username().is_empty()
            || url.password().is_some()
            || url.fragment().is_some()
        {
            return Err(EndpointError::Form);
        }
        let literal = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<IpAddr>();
        let is_private = match literal {
            Ok(address) => !is_public(address),
            // What has no dot is a name of the own network.
            Err(_) => !host.trim_end_matches('.').contains('.'),
        };
        if guard == Guard::Public && is_private {
            return Err(EndpointError::Private);
        }
        let origin = url.origin().ascii_serialization();
        Ok(Self { url, origin })
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = *self;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found
                .filter(|address| guard == Self::Anything || is_public(address.ip()))
                .collect();
            if allowed.is_empty() {
                return Err(NotPublic.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// The special-purpose registries of IANA (RFC 6890 and what came after), and multicast.
static NOT_PUBLIC_V4: LazyLock<Vec<Ipv4Net>> = LazyLock::new(|| {
    [
        ([0, 0, 0, 0], 8),
        ([10, 0, 0, 0], 8),
        ([100, 64, 0, 0], 10),
        ([127, 0, 0, 0], 8),
        ([169, 254, 0, 0], 16),
        ([172, 16, 0, 0], 12),
        ([192, 0, 0, 0], 24),
        ([192, 0, 2, 0], 24),
        ([192, 88, 99, 0], 24),
        ([192, 168, 0, 0], 16),
        ([198, 18, 0, 0], 15),
        ([198, 51, 100, 0], 24),
        ([203, 0, 113, 0], 24),
        ([224, 0, 0, 0], 3),
    ]
    .into_iter()
    .filter_map(|(address, length)| Ipv4Net::new(Ipv4Addr::from(address), length).ok())
    .collect()
});
static NOT_PUBLIC_V6: LazyLock<Vec<Ipv6Net>> = LazyLock::new(|| {
    [
        // Teredo, benchmarks, ORCHID and other protocols' own.
        ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
        ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32),
        // Holds an IPv4 address that its router would go to.
        ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16),
        ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),
    ]
    .into_iter()
    .filter_map(|(address, length)| Ipv6Net::new(Ipv6Addr::from(address), length).ok())
    .collect()
});

/// Whether the address is one of the Internet at large.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => !NOT_PUBLIC_V4.iter().any(|network| network.contains(&address)),
        IpAddr::V6(address) => match address.segments() {
            // RFC 6052: how a network without IPv4 reaches it.
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
                let [a, b] = high.to_be_bytes();
                let [c, d] = low.to_be_bytes();
                is_public(IpAddr::V4(Ipv4Addr::new(a, b, c, d)))
            }
            // Global unicast is 2000::/3 (RFC 4291 §2.4); nothing else is given out.
            [first, ..] => {
                first >> 13 == 1 && !NOT_PUBLIC_V6.iter().any(|network| network.contains(&address))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn public(text: &str) -> bool {
        is_public(text.parse().expect("an address"))
    }

    #[test]
    fn private_addresses_are_told_from_public_ones() {
        for private in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.31.255.255",
            "192.168.0.1",
            "198.19.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "ff02::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2001::1",
        ] {
            assert!(!public(private), "{private}");
        }
        for address in [
            "1.1.1.1",
            "17.57.144.20",
            "172.32.0.1",
            "2606:4700::1111",
            "2a00:1450:4001::200a",
            "64:ff9b::101:101",
            "::ffff:1.1.1.1",
        ] {
            assert!(public(address), "{address}");
        }
    }

    #[test]
    fn the_audience_keeps_a_port_that_is_not_the_usual_one() {
        for (text, origin) in [
            (
                "https://fcm.googleapis.com/fcm/send/a:b",
                "https://fcm.googleapis.com",
            ),
            (
                "https://push.example.net:8443/p/x",
                "https://push.example.net:8443",
            ),
            ("https://push.example.net:443/p/x", "https://push.example.net"),
            ("https://WEB.push.apple.com/Q", "https://web.push.apple.com"),
        ] {
            let endpoint = Endpoint::parse(text, Guard::Public).expect("taken");
            assert_eq!(endpoint.origin, origin);
        }
    }

    #[test]
    fn endpoints_that_lead_to_us_are_refused() {
        for text in [
            "https://127.0.0.1/push",
            "https://[::1]/push",
            "https://[::ffff:10.0.0.1]/push",
            "https://2130706433/push",
            "https://0x7f.1/push",
            "https://localhost/push",
            "https://gateway/push",
            "https://169.254.169.254/latest/meta-data",
        ] {
            let refused = Endpoint::parse(text, Guard::Public);
            assert!(
                matches!(refused, Err(EndpointError::Private)),
                "{text}: {refused:?}"
            );
            assert!(Endpoint::parse(text, Guard::Anything).is_ok(), "{text}");
        }
        for text in [
            "http://push.example.net/p",
            "https://user@push.example.net/p",
            "https://user:word@push.example.net/p",
            "https://push.example.net/p#there",
            "ftp://push.example.net",
            "https://",
        ] {
            let refused = Endpoint::parse(text, Guard::Anything);
            assert!(matches!(refused, Err(EndpointError::Form)), "{text}");
        }
    }

    #[tokio::test]
    async fn a_name_that_stands_for_this_machine_is_not_connected_to() {
        let name = || "localhost".parse::<Name>().expect("a name");
        let refused = Guard::Public.resolve(name()).await;
        assert!(refused.is_err_and(|error| error.is::<NotPublic>()));
        assert!(Guard::Anything.resolve(name()).await.is_ok());
    }

    proptest! {
        #[test]
        fn no_endpoint_makes_parsing_panic(text in ".{0,80}") {
            let _ = Endpoint::parse(&text, Guard::Public);
            let _ = Endpoint::parse(&format!("https://{text}"), Guard::Public);
        }
    }
}
