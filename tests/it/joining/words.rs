//! What a merchant says where people agree, on both engines: versions that never change, and who agreed to each.

use passgate::domain::consent::{self, Purpose};
use passgate::domain::consent_words::InLanguage;
use passgate::domain::id::{CustomerId, MemberId, MerchantId};
use passgate::ops::consent_words::{ConsentEvidence, VERSIONS, WordsChange, WordsError};
use passgate::ops::joining::Joining;
use passgate::store::{Error, consent_words};

use super::shop::{Shop, WORDS, person, shown};
use crate::engines::for_each_engine;

const BY: Option<MemberId> = Some(MemberId(9));

fn german(marketing: &str) -> WordsChange {
    let sentence = |purpose| {
        if purpose == Purpose::Marketing {
            marketing
        } else {
            ""
        }
    };
    let said = InLanguage::read(sentence, "https://cafe.example/datenschutz");
    WordsChange::Language("de".into(), said.expect("plain text"))
}

impl Shop {
    async fn change(&self, seen: i64, change: WordsChange) -> Result<i64, WordsError> {
        let changed = self
            .ops
            .change_consent_words(self.merchant, seen, change, BY)
            .await;
        changed.map(|now| now.version)
    }

    async fn agree(&self, email: &str, version: i64, words: &str) -> CustomerId {
        let ada = Joining {
            agreed: vec![(Purpose::Marketing, words.into())],
            words_version: version,
            ..person("Ada", email, "")
        };
        let card = shown(self.join(ada).await);
        self.card(card).await.expect("the card").card.customer
    }

    async fn evidence(&self, customer: CustomerId) -> Vec<ConsentEvidence> {
        self.ops
            .consent_evidence(self.merchant, customer)
            .await
            .expect("read")
    }

    /// Version, purpose and people of each line.
    async fn agreed(&self, before: Option<i64>) -> Vec<(i64, Purpose, i64)> {
        let history = self.ops.consent_words_history(self.merchant, before).await;
        let agreed = history.expect("read").agreed;
        agreed
            .iter()
            .map(|agreed| (agreed.version, agreed.purpose, agreed.people))
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_is_a_version_and_what_somebody_agreed_to_stays() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let before = shop.agree("ada@words.example", 0, WORDS).await;
        assert_eq!(
            shop.change(0, german("Ja, bitte schreibt mir."))
                .await
                .expect("changed"),
            1
        );
        let first = shop
            .agree("bob@words.example", 1, "Ja, bitte schreibt mir.")
            .await;
        assert_eq!(
            shop.change(1, german("Ja, bitte schreibt mir."))
                .await
                .expect("nothing to do"),
            1,
            "what changes nothing makes no version"
        );
        let about = WordsChange::About(Some("Café GmbH".into()), Some("Hauptstr. 1\n10115 Berlin".into()));
        assert_eq!(shop.change(1, about).await.expect("changed"), 2);
        assert_eq!(
            shop.change(2, WordsChange::Standard("de".into()))
                .await
                .expect("changed"),
            3
        );
        // Back to the very words of version 1: another version all the same.
        assert_eq!(
            shop.change(3, german("Ja, bitte schreibt mir."))
                .await
                .expect("changed"),
            4
        );
        let last = shop
            .agree("eve@words.example", 4, "Ja, bitte schreibt mir.")
            .await;

        let of = async |customer| {
            let one = shop.evidence(customer).await.remove(0);
            let shown = one.shown.expect("kept");
            assert_eq!(
                one.recorded.evidence.text,
                consent::text_name(shown.version, &shown.body)
            );
            let name = one.words.and_then(|words| words.legal_name);
            (shown.version, shown.body, name)
        };
        assert_eq!(of(before).await, (0, WORDS.into(), None));
        assert_eq!(of(first).await, (1, "Ja, bitte schreibt mir.".into(), None));
        let (version, body, name) = of(last).await;
        assert_eq!((version, body.as_str()), (4, "Ja, bitte schreibt mir."));
        assert_eq!(name.as_deref(), Some("Café GmbH"), "who asked then");

        let counts = [(0, 1), (1, 1), (4, 1)].map(|(version, people)| (version, Purpose::Marketing, people));
        assert_eq!(shop.agreed(None).await, counts);
        let history = shop
            .ops
            .consent_words_history(shop.merchant, None)
            .await
            .expect("read");
        let versions: Vec<_> = history
            .versions
            .iter()
            .map(|one| (one.made.of.version, one.made.by))
            .collect();
        assert_eq!(versions, [(4, BY), (3, BY), (2, BY), (1, BY)]);
        let second = shop
            .ops
            .consent_words_of(shop.merchant, 2)
            .await
            .expect("read")
            .expect("a version");
        assert_eq!(
            second.words.sentence("de", Purpose::Marketing),
            Some("Ja, bitte schreibt mir.")
        );
        assert_eq!(
            shop.ops.consent_words_of(shop.merchant, 5).await.expect("read"),
            None
        );

        let other = MerchantId(shop.merchant.0 + 1);
        assert_eq!(shop.ops.consent_words(other).await.expect("read").version, 0);
        let kept = shop.ops.store.read("text", move |tx| {
            Box::pin(async move { consent_words::text(tx, other, &consent::text_name(0, WORDS)).await })
        });
        let kept: Result<_, Error> = kept.await;
        assert_eq!(kept.expect("read"), None, "another merchant has no such text");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_change_at_once_one_is_told() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let tries = (0..8).map(|at| {
            let (ops, merchant) = (shop.ops.clone(), shop.merchant);
            let change = german(&format!("Ja, Nummer {at} schreibt mir."));
            tokio::spawn(async move { ops.change_consent_words(merchant, 0, change, BY).await })
        });
        let (mut done, mut told) = (0, 0);
        for one in tries.collect::<Vec<_>>() {
            match one.await.expect("no panic") {
                Ok(now) => {
                    assert_eq!(now.version, 1);
                    done += 1;
                }
                Err(WordsError::Changed) => told += 1,
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!((done, told), (1, 7));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_history_is_read_in_pages() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        for seen in 0..VERSIONS + 2 {
            shop.change(seen, german(&format!("Ja, Nummer {seen} schreibt mir.")))
                .await
                .expect("changed");
        }
        shop.agree("ada@words.example", 0, WORDS).await;
        shop.agree("bob@words.example", 1, "Ja, Nummer 0 schreibt mir.")
            .await;
        let newest = shop
            .ops
            .consent_words_history(shop.merchant, None)
            .await
            .expect("read");
        assert!(newest.has_more && newest.agreed.is_empty());
        let last = newest.versions.last().expect("versions").made.of.version;
        assert_eq!(last, 3);
        let older = shop
            .ops
            .consent_words_history(shop.merchant, Some(last))
            .await
            .expect("read");
        assert!(!older.has_more);
        assert_eq!(older.versions.len(), 2);
        let agreed = shop.agreed(Some(last)).await;
        assert_eq!(agreed, [(0, Purpose::Marketing, 1), (1, Purpose::Marketing, 1)]);
    })
    .await;
}
