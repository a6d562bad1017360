//! What a browser or an app is shown of a card: a few words, encrypted on their way or not, as the channel has it.
//!
//! A refresh says what the card looks like now, without a sound. What a message or campaign says has the same form, with
//! words of its own. One tag a card: a newer notice takes the place of an older one, at the push service and on the
//! screen.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use crate::domain::face::{CardFace, under_title};
use crate::domain::id::{CardId, MerchantId};
use crate::domain::message::Words;
use crate::domain::preference::Class;

/// Characters of a tag; a push service takes no more in a topic (RFC 8030 §5.4).
pub const TAG: usize = 32;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// [`TAG`] url-safe characters that tell this card from others and nothing else about it.
    pub tag: String,
    pub title: String,
    pub body: String,
    /// Where a click leads, on the gateway's own address; without one, to the card's page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    pub class: Class,
    /// Whether it may ring.
    pub alert: bool,
    /// Of the card: the greater one is newer, whatever order they arrive in.
    pub version: i64,
}

/// One thing that rings: the words of a message, or none where the card itself says it.
#[derive(Debug, Clone, Copy)]
pub struct Rings<'w> {
    pub class: Class,
    pub words: Option<&'w Words>,
    pub link: Option<&'w str>,
}

/// How soon a device must be woken (RFC 8030 §5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    Low,
    Normal,
    High,
}

impl Urgency {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        }
    }
}

impl Class {
    pub fn urgency(self) -> Urgency {
        match self {
            Self::Reward => Urgency::High,
            Self::Balance | Self::Tier => Urgency::Normal,
            Self::Location | Self::Marketing => Urgency::Low,
        }
    }
}

impl Notice {
    /// "This is what your card says now", silently.
    pub fn refresh(face: &CardFace) -> Self {
        Self {
            tag: tag(face.merchant, face.card),
            title: format!("{} · {}", face.program_name, face.merchant_name),
            body: format!("{}\n{}", face.balance(), face.status_line()),
            url: None,
            class: Class::Balance,
            alert: false,
            version: face.version,
        }
    }

    /// What rings, each with its own words, or none to say what the card says now; in the order in which they were let
    /// through. One notice for all of them: a second one would take the place of the first on the screen. None where
    /// nothing rings.
    ///
    /// A message that rings alone has its own title; of several, each title leads into its text. A tap leads to the first
    /// link that there is.
    pub fn ringing<'w>(face: &CardFace, alerts: impl Iterator<Item = Rings<'w>>) -> Option<Self> {
        let alerts: Vec<_> = alerts.collect();
        let class = alerts
            .iter()
            .map(|alert| alert.class)
            .max_by_key(|class| class.urgency())?;
        let refresh = Self::refresh(face);
        let words: Vec<&Words> = alerts.iter().filter_map(|alert| alert.words).collect();
        let mut bodies: Vec<String> = match words[..] {
            [alone] => vec![alone.text.clone()],
            _ => {
                let told = |words: &&Words| under_title(words.title.as_deref(), &words.text);
                words.iter().map(told).collect()
            }
        };
        if words.len() < alerts.len() {
            bodies.push(refresh.body.clone());
        }
        let title = match words[..] {
            [alone] => alone.title.clone(),
            _ => None,
        };
        let title = title.unwrap_or_else(|| refresh.title.clone());
        let url = alerts.iter().find_map(|alert| alert.link);
        Some(Self {
            title,
            body: bodies.join("\n"),
            url: url.map(str::to_owned),
            class,
            alert: true,
            ..refresh
        })
    }

    /// The notice in at most `limit` bytes as `size` counts them: its words are cut short where they do not fit, first
    /// the body and then the title. `None` when not even that helps.
    pub fn within(&self, limit: usize, size: impl Fn(&Self) -> usize) -> Option<Self> {
        let mut fitting = self.clone();
        if size(&fitting) <= limit {
            return Some(fitting);
        }
        let parts: [fn(&mut Self) -> &mut String; 2] =
            [|notice| &mut notice.body, |notice| &mut notice.title];
        for part in parts {
            let whole: Vec<char> = part(&mut fitting).chars().collect();
            let cut_at = |place: usize| {
                let mut notice = fitting.clone();
                *part(&mut notice) = whole.iter().take(place).chain(&['…']).collect();
                notice
            };
            // The longest beginning that fits, found by halves.
            let (mut fits, mut too_long) = (0, whole.len());
            while too_long.saturating_sub(fits) > 1 {
                let middle = fits + (too_long - fits) / 2;
                if size(&cut_at(middle)) <= limit {
                    fits = middle;
                } else {
                    too_long = middle;
                }
            }
            fitting = cut_at(fits);
            if size(&fitting) <= limit {
                return Some(fitting);
            }
        }
        None
    }

    /// As the page's own worker reads it.
    pub fn to_json(&self) -> String {
        // A struct of texts, numbers and truths cannot fail to be written.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What all notices of one card are tagged with.
pub fn tag(merchant: MerchantId, card: CardId) -> String {
    let mut input = b"notice tag\0".to_vec();
    input.extend(merchant.0.to_be_bytes());
    input.extend(card.0.to_be_bytes());
    let hash = openssl::sha::sha256(&input);
    let mut tag = URL_SAFE_NO_PAD.encode(hash);
    tag.truncate(TAG);
    tag
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::message::Translations;
    use proptest::prelude::*;

    fn notice(title: &str, body: &str) -> Notice {
        Notice {
            tag: tag(MerchantId(1), CardId(2)),
            title: title.into(),
            body: body.into(),
            url: None,
            class: Class::Marketing,
            alert: true,
            version: 3,
        }
    }

    #[test]
    fn a_tag_is_a_topic_and_each_card_has_its_own() {
        let one = tag(MerchantId(1), CardId(2));
        assert_eq!(one.len(), TAG);
        assert!(
            one.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        );
        assert_eq!(one, tag(MerchantId(1), CardId(2)));
        assert_ne!(one, tag(MerchantId(2), CardId(1)));
    }

    #[test]
    fn a_title_stands_above_its_message_and_a_tap_leads_to_its_link() {
        let face = crate::domain::face::tests::face();
        let words = |title: Option<&str>, text: &str| Words {
            title: title.map(str::to_owned),
            text: text.to_owned(),
            linked: true,
            translations: Translations::default(),
        };
        let (friday, plain) = (words(Some("Friday"), "Two for one"), words(None, "Hello"));
        let rings = |words, link| Rings {
            class: Class::Marketing,
            words,
            link,
        };
        let own = Notice::refresh(&face).title;
        let said = |alerts: Vec<Rings<'_>>| {
            let notice = Notice::ringing(&face, alerts.into_iter()).expect("it rings");
            (notice.title, notice.body, notice.url)
        };
        assert_eq!(
            said(vec![rings(Some(&friday), Some("https://a.example/r"))]),
            (
                "Friday".into(),
                "Two for one".into(),
                Some("https://a.example/r".into())
            )
        );
        assert_eq!(
            said(vec![rings(Some(&plain), None)]),
            (own.clone(), "Hello".into(), None)
        );
        let both = vec![
            rings(Some(&plain), None),
            rings(Some(&friday), Some("https://a.example/r")),
        ];
        assert_eq!(
            said(both),
            (
                own,
                "Hello\nFriday: Two for one".into(),
                Some("https://a.example/r".into())
            )
        );
    }

    #[test]
    fn the_worker_finds_what_it_looks_for() {
        let text = notice("Coffee card", "Two for one").to_json();
        let read: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(
            (&read["title"], &read["class"], &read["alert"]),
            (&"Coffee card".into(), &"marketing".into(), &true.into())
        );
        assert!(read.get("url").is_none());
    }

    proptest! {
        #[test]
        fn what_is_cut_short_fits_and_what_fits_stays(
            title in ".{0,80}", body in ".{0,400}", limit in 0..900_usize
        ) {
            let whole = notice(&title, &body);
            let size = |notice: &Notice| notice.to_json().len();
            match whole.within(limit, size) {
                Some(fitting) => {
                    prop_assert!(size(&fitting) <= limit);
                    prop_assert_eq!(size(&whole) <= limit, fitting == whole);
                }
                None => prop_assert!(limit < 250),
            }
        }
    }
}
