//! A message in the timelines of the cards it is for: created, put off, not sent and why, sent, failed.

use passgate::domain::detail::Detail;
use passgate::domain::event::{EventKind, Subject};
use passgate::domain::id::CardId;
use passgate::domain::message::Audience;
use passgate::domain::preference::Class;
use passgate::domain::secret::MasterKey;
use passgate::domain::timeline::{EntryType, Filter};
use passgate::store::timeline::Entry;

use super::shop::{Person, Shop};
use crate::engines::for_each_engine;

const PUSHES: [EntryType; 5] = [
    EntryType::PushCreated,
    EntryType::PushSent,
    EntryType::PushFailed,
    EntryType::PushSuppressed,
    EntryType::PushDeferred,
];

/// What the timeline of a card says about pushes, oldest first, read in pages of two lines.
async fn pushes(shop: &Shop, card: CardId) -> Vec<Entry> {
    let (key, filter) = (MasterKey::from_bytes([5; 32]), Filter::types(PUSHES));
    let (mut entries, mut cursor) = (Vec::new(), None);
    loop {
        let of = Subject::Card(card);
        let page = shop
            .ops
            .timeline(&key, shop.merchant, of, &filter, cursor.as_deref(), 2);
        let page = page.await.expect("a page");
        entries.extend(page.rows);
        if page.start_of_history {
            break;
        }
        cursor = Some(page.cursor);
    }
    entries.reverse();
    entries
}

/// Kind, reason, and the word of the rule of each.
fn told(entries: &[Entry]) -> Vec<(EventKind, &str, Option<&str>)> {
    entries
        .iter()
        .map(|entry| {
            let event = &entry.event.event;
            let rule = match &event.detail {
                Some(Detail::Push { rule, .. }) => rule.as_deref(),
                _ => None,
            };
            (event.kind, event.reason.as_deref().unwrap_or_default(), rule)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_card_says_what_became_of_a_message_and_why() {
    use EventKind::{PushCreated, PushDeferred, PushFailed, PushSent, PushSuppressed};
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let free = shop.add(&Person::default()).await;
        let unwilling = shop
            .add(&Person {
                consents: 0,
                ..Person::default()
            })
            .await;
        let nowhere = shop
            .add(&Person {
                channels: 0,
                status: "pending",
                ..Person::default()
            })
            .await;
        let just_rung = shop
            .add(&Person {
                alerts: vec![(1, "balance")],
                ..Person::default()
            })
            .await;
        // Nobody is registered for Google's copy, and the account takes it all the same.
        let twice = shop
            .add(&Person {
                channels: 3,
                ..Person::default()
            })
            .await;
        let message = shop.send(Audience::Program(shop.program)).await;
        for _ in 0..4 {
            shop.chores().await;
        }
        let running = shop.dispatch();
        shop.settled().await;

        let entries = pushes(&shop, free).await;
        assert_eq!(
            told(&entries),
            [(PushCreated, "apple", None), (PushSent, "apple", None)]
        );
        for entry in &entries {
            let Some(Detail::Push {
                classes, messages, ..
            }) = &entry.event.event.detail
            else {
                panic!("a push without particulars: {entry:?}");
            };
            assert_eq!(
                (&classes[..], &messages[..]),
                (&[Class::Marketing][..], &[message.id][..])
            );
            assert_eq!(entry.messages, ["Two for one until Friday"]);
        }
        assert_eq!(
            told(&pushes(&shop, unwilling).await),
            [
                (PushCreated, "apple", None),
                (
                    PushSuppressed,
                    "apple: the holder has not agreed to this",
                    Some("no_consent")
                )
            ]
        );
        assert_eq!(
            told(&pushes(&shop, nowhere).await),
            [
                (PushCreated, "apple", None),
                (
                    PushSuppressed,
                    "apple: the card is in no wallet yet",
                    Some("not_installed")
                )
            ]
        );
        let of_two: Vec<_> = pushes(&shop, twice).await;
        let mut of_two: Vec<_> = told(&of_two)
            .into_iter()
            .map(|(kind, reason, _)| (reason.to_owned(), kind.as_str()))
            .collect();
        of_two.sort_unstable();
        let expected = [
            ("apple", PushCreated),
            ("apple", PushSent),
            ("google", PushCreated),
            ("google", PushSent),
        ]
        .map(|(channel, kind)| (channel.to_owned(), kind.as_str()));
        assert_eq!(of_two, expected);

        // Put off once, however often it is asked about, and then sent.
        let later = pushes(&shop, just_rung).await;
        assert_eq!(told(&later)[1].0, PushDeferred, "{later:?}");
        assert!(
            told(&later)[1]
                .1
                .starts_with("apple: until Mon 21 Sep 2026, 16:4")
        );
        assert_eq!(told(&later)[1].2, Some("gap"));
        running.refuse(true);
        shop.ops.clock.advance(std::time::Duration::from_secs(1800));
        shop.settled().await;
        let later = pushes(&shop, just_rung).await;
        let kinds: Vec<_> = told(&later).iter().map(|(kind, ..)| *kind).collect();
        assert_eq!(kinds, [PushCreated, PushDeferred, PushFailed]);
        assert_eq!(told(&later)[2].1, "apple: BadMessage");
        running.stop().await;

        let report = shop.ops.verify(shop.merchant).await.expect("verified");
        assert!(report.faults.is_empty(), "every chain is whole: {report:?}");
    })
    .await;
}
