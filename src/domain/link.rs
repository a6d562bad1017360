//! Links that count how often they are followed: where they may lead, and who is a person and who a program.
//!
//! A link is stored with its target and leads there by way of the gateway's own `/r/…` address, which names the link and
//! the card and carries a proof. The target is never part of that address, so that nobody can make the gateway send
//! people elsewhere.

use std::sync::Arc;

use crate::domain::id::{CardId, LinkId, MerchantId};
use crate::domain::secret::MasterKey;

/// The longest target, in bytes.
pub const LONGEST: usize = 2000;

/// An address that a link may lead to: `https`, with a host, without a user's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target(String);

/// Why an address is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("link: expected an address like https://example.com/menu of at most {LONGEST} bytes; got {got}")]
pub struct TargetError {
    got: &'static str,
}

impl Target {
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let refuse = |got| Err(TargetError { got });
        let text = text.trim();
        if text.len() > LONGEST {
            return refuse("a longer one");
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return refuse("one with spaces or letters that an address writes as %-codes");
        }
        let scheme = text.get(..8).unwrap_or_default();
        if !scheme.eq_ignore_ascii_case("https://") {
            return refuse("one that does not begin with https://");
        }
        // What browsers read as the end of the host; a backslash counts as a slash to them.
        let rest = text.get(8..).unwrap_or_default();
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let host = rest.get(..end).unwrap_or_default();
        let (name, port) = host.split_once(':').unwrap_or((host, ""));
        if host.contains('@') {
            return refuse("one with a user's name in it");
        }
        let named = name.split('.').all(|label| {
            !label.is_empty()
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        });
        if !named || !name.contains('.') {
            return refuse("one without the name of a host");
        }
        if host.contains(':') && port.parse::<u16>().is_err() {
            return refuse("one with a port that is no number");
        }
        if rest.contains('\\') || rest.contains(['"', '<', '>']) {
            return refuse("one with characters that have no place in an address");
        }
        Ok(Self(format!("https://{rest}")))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of its host, with the port where there is one: what people are shown of it.
    pub fn host(&self) -> &str {
        let rest = self.0.get(8..).unwrap_or_default();
        rest.split(['/', '?', '#']).next().unwrap_or_default()
    }
}

/// A link as it stands on a card: its address leads through the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountedLink {
    pub label: String,
    /// What people are shown of where it leads.
    pub shown: String,
    pub url: String,
}

/// Makes the addresses that lead through this gateway.
#[derive(Clone)]
pub struct Addresses {
    pub master: MasterKey,
    /// The gateway's own, without a slash at its end.
    pub public_url: Arc<str>,
}

impl Addresses {
    pub fn of(&self, merchant: MerchantId, link: LinkId, card: CardId) -> String {
        format!(
            "{}{}",
            self.public_url,
            self.master.link_path(merchant, link, card)
        )
    }

    /// A stored link as it stands on a card.
    pub fn counted(
        &self,
        (merchant, link, card): (MerchantId, LinkId, CardId),
        label: Option<&str>,
        target: &Target,
    ) -> CountedLink {
        CountedLink {
            label: label.unwrap_or("Link").to_owned(),
            shown: target.host().to_owned(),
            url: self.of(merchant, link, card),
        }
    }
}

impl MasterKey {
    /// The path that leads to a link's target and counts it for the card.
    pub fn link_path(&self, merchant: MerchantId, link: LinkId, card: CardId) -> String {
        let proof = self.link_proof(merchant, link, card);
        format!("/r/{merchant}/{link}/{card}/{proof}")
    }

    /// Whether `shown` is the proof of that path; compares in constant time.
    pub fn opens_link(&self, merchant: MerchantId, link: LinkId, card: CardId, shown: &str) -> bool {
        let expected = self.link_proof(merchant, link, card);
        expected.len() == shown.len() && openssl::memcmp::eq(expected.as_bytes(), shown.as_bytes())
    }

    /// 80 bits: enough that nobody finds one by asking, and short in an address.
    fn link_proof(&self, merchant: MerchantId, link: LinkId, card: CardId) -> String {
        let mut input = [0; 24];
        input[..8].copy_from_slice(&merchant.0.to_be_bytes());
        input[8..16].copy_from_slice(&link.0.to_be_bytes());
        input[16..].copy_from_slice(&card.0.to_be_bytes());
        let derived = self.derive("link", &input);
        hex::encode(derived.get(..10).unwrap_or(&derived))
    }
}

/// What a request says about who follows a link.
#[derive(Debug, Clone, Copy, Default)]
pub struct Follower<'a> {
    /// Whether it asks for the head alone.
    pub head_only: bool,
    pub user_agent: Option<&'a str>,
    /// The values of `Sec-Purpose`, `Purpose`, `X-Purpose` and `X-Moz`.
    pub purpose: [Option<&'a str>; 4],
}

/// Parts of the names that crawlers, previews and scanners of links give themselves.
const PROGRAMS: [&str; 23] = [
    "bot",
    "crawl",
    "spider",
    "preview",
    "slurp",
    "fetch",
    "monitor",
    "headless",
    "facebookexternalhit",
    "whatsapp",
    "telegram",
    "skype",
    "embedly",
    "curl/",
    "wget/",
    "python-",
    "go-http-client",
    "java/",
    "okhttp",
    "axios",
    "node",
    "libwww",
    "validator",
];

impl Follower<'_> {
    /// Whether it looks like a person who opened the link. Programs that say nothing about themselves cannot be told
    /// from people, but for those that send no name at all.
    pub fn is_person(&self) -> bool {
        let ahead = self.purpose.iter().flatten().any(|purpose| {
            let purpose = purpose.to_ascii_lowercase();
            purpose.contains("prefetch") || purpose.contains("prerender") || purpose.contains("preview")
        });
        let Some(agent) = self.user_agent else {
            return false;
        };
        let agent = agent.to_ascii_lowercase();
        let is_program = agent.trim().is_empty() || PROGRAMS.iter().any(|program| agent.contains(program));
        !self.head_only && !ahead && !is_program
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SAFARI: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 26_1 like Mac OS X) AppleWebKit/605.1.15 \
        (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1";

    #[test]
    fn only_https_with_a_host_is_a_target() {
        for good in [
            "https://example.com",
            " HTTPS://example.com:8443/a?b=c#d ",
            "https://xn--caf-dma.example/%20x",
        ] {
            let target = Target::parse(good).expect(good);
            assert!(target.as_str().starts_with("https://"), "{good}");
            assert!(target.host().contains("example"), "{good}");
            assert!(!target.host().contains(['/', '?', '#']), "{good}");
        }
        for bad in [
            "",
            "http://example.com",
            "//example.com",
            "javascript:alert(1)",
            "https:example.com",
            "https:///example.com",
            "https://shop@evil.example/",
            "https://example.com\\@evil.example/",
            "https://localhost/",
            "https://example.com:port/",
            "https://exa mple.com/",
            "https://example.com/\r\nset-cookie: a",
            "https://.example.com/",
            "https://example.com/\"onclick=",
        ] {
            assert!(Target::parse(bad).is_err(), "{bad}");
        }
        assert!(Target::parse(&format!("https://example.com/{}", "x".repeat(LONGEST))).is_err());
    }

    #[test]
    fn a_proof_opens_its_own_link_and_no_other() {
        let key = MasterKey::from_bytes([3; 32]);
        let (merchant, link, card) = (MerchantId(1), LinkId(2), CardId(3));
        let path = key.link_path(merchant, link, card);
        let proof = path.rsplit('/').next().expect("a proof");
        assert!(key.opens_link(merchant, link, card, proof));
        assert!(!key.opens_link(merchant, link, CardId(4), proof));
        assert!(!key.opens_link(merchant, LinkId(3), card, proof));
        assert!(!key.opens_link(MerchantId(2), link, card, proof));
        assert!(!key.opens_link(merchant, link, card, ""));
        assert!(!MasterKey::from_bytes([4; 32]).opens_link(merchant, link, card, proof));
    }

    #[test]
    fn programs_and_browsers_that_look_ahead_are_not_counted() {
        let person = Follower {
            user_agent: Some(SAFARI),
            ..Follower::default()
        };
        assert!(person.is_person());
        assert!(
            !Follower {
                head_only: true,
                ..person
            }
            .is_person()
        );
        assert!(
            !Follower {
                user_agent: None,
                ..person
            }
            .is_person()
        );
        for agent in [
            "Mozilla/5.0 (compatible; Googlebot/2.1)",
            "WhatsApp/2.23",
            "curl/8.5.0",
            " ",
        ] {
            let program = Follower {
                user_agent: Some(agent),
                ..person
            };
            assert!(!program.is_person(), "{agent}");
        }
        for purpose in ["prefetch;prerender", "prefetch", "preview"] {
            for at in 0..4 {
                let mut ahead = person;
                ahead.purpose[at] = Some(purpose);
                assert!(!ahead.is_person(), "{purpose} {at}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_is_taken_is_one_line_of_https(text in ".{0,80}|https://[a-z.:@\\\\/]{0,40}") {
            if let Ok(target) = Target::parse(&text) {
                prop_assert!(target.as_str().starts_with("https://"));
                prop_assert!(target.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
                prop_assert_eq!(Target::parse(target.as_str()), Ok(target));
            }
        }
    }
}
