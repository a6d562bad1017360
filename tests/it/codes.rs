//! Codes on paper, on both engines: as many as were asked for, each used as often as it may be, by whoever comes first.

use std::collections::BTreeSet;
use std::time::Duration;

use passgate::domain::code::{Code, CodeRefusal, Gift};
use passgate::domain::event::Actor;
use passgate::domain::id::{CodeBatchId, MemberId, MerchantId, ProgramId};
use passgate::domain::program::Rules;
use passgate::ops::Ops;
use passgate::ops::cards::Holder;
use passgate::ops::codes::{CodesError, NewBatch};
use passgate::store::codes::{self, CodeBatch};
use passgate::store::{Error, Store};

use crate::business::{self, Business, NOON};
use crate::engines::for_each_engine;

const STAFF: Actor = Actor::Member(MemberId(9));

struct Shop {
    ops: Ops,
    merchant: MerchantId,
    program: ProgramId,
}

impl Shop {
    async fn open(store: Store) -> Self {
        let Business {
            ops,
            merchant,
            program,
        } = business::open(store, "Europe/Berlin", Rules::punch(5).expect("rules")).await;
        Self {
            ops,
            merchant,
            program,
        }
    }

    fn batch(&self, gift: Gift, count: i64, max_uses: i64) -> NewBatch {
        NewBatch {
            program: self.program,
            label: "Flyer".into(),
            gift,
            count,
            max_uses,
            expires_at: Some(NOON.plus(Duration::from_secs(3600))),
        }
    }

    async fn make(&self, gift: Gift, count: i64, max_uses: i64) -> (CodeBatch, Vec<String>) {
        let new = self.batch(gift, count, max_uses);
        let batch = self.ops.make_codes(self.merchant, new, None).await.expect("made");
        let codes = self.all(batch.id).await;
        (batch, codes)
    }

    async fn all(&self, batch: CodeBatchId) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        loop {
            let after = all.last().cloned().unwrap_or_default();
            let page = self.ops.codes(self.merchant, batch, &after).await.expect("read");
            if page.is_empty() {
                return all;
            }
            all.extend(page.into_iter().map(|listed| listed.code));
        }
    }

    async fn card(&self) -> passgate::domain::id::CardId {
        let issued = self.ops.issue(self.merchant, self.program, holder("Ada")).await;
        issued.expect("a card").card.id
    }
}

fn holder(name: &str) -> Holder {
    Holder {
        name: name.into(),
        email: None,
        phone: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_has_as_many_different_codes_as_were_asked_for() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let (batch, codes) = shop.make(Gift::Join, 450, 1).await;
        assert_eq!((batch.wanted, batch.made), (450, 450));
        let different: BTreeSet<_> = codes.iter().collect();
        assert_eq!(different.len(), 450);
        assert!(codes.iter().all(|code| Code::parse(code).is_ok()));
        let too_many = shop.batch(Gift::Join, 100_001, 1);
        let refused = shop.ops.make_codes(shop.merchant, too_many, None).await;
        assert_eq!(
            refused.expect_err("too many").to_string(),
            "count: expected 1 to 100000; got 100001"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stopped_gateway_left_unmade_is_made_later() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let (batch, _) = shop.make(Gift::Join, 10, 1).await;
        // As if the process had died after the row of the batch and before its codes.
        let half = CodeBatch {
            id: CodeBatchId(batch.id.0 + 1),
            wanted: 250,
            made: 0,
            ..batch
        };
        let id = half.id;
        let stored: Result<(), Error> = shop
            .ops
            .store
            .write("half", move |tx| {
                let half = half.clone();
                Box::pin(async move { codes::insert_batch(tx, &half).await })
            })
            .await;
        stored.expect("stored");
        shop.ops.do_chores().await.expect("done");
        assert_eq!(shop.all(id).await.len(), 250);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_use_code_is_used_once_by_whoever_comes_first() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let (_, codes) = shop.make(Gift::Earn { amount: 2 }, 1, 1).await;
        let mut cards = Vec::new();
        for _ in 0..40 {
            cards.push(shop.card().await);
        }
        let tries = cards.iter().map(|card| {
            let (ops, merchant, code, card) = (shop.ops.clone(), shop.merchant, codes[0].clone(), *card);
            tokio::spawn(async move { ops.use_code_on(merchant, &code, card, STAFF).await })
        });
        let mut used = Vec::new();
        for one in tries.collect::<Vec<_>>() {
            match one.await.expect("no panic") {
                Ok(card) => used.push(card.card),
                Err(CodesError::Refused(refusal)) => assert_eq!(
                    refusal.to_string(),
                    "This code was already used, first on 21 September 2026 at 16:13."
                ),
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(used.iter().map(|card| card.punches).collect::<Vec<_>>(), [2]);
        assert_eq!(used[0].visits, 0, "a code is no visit");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_for_many_is_used_once_by_each_card_until_it_is_used_up() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let (_, codes) = shop.make(Gift::Earn { amount: 7 }, 1, 2).await;
        let (first, second, third) = (shop.card().await, shop.card().await, shop.card().await);
        let used = shop.ops.use_code_on(shop.merchant, &codes[0], first, STAFF).await;
        let card = used.expect("used").card;
        assert_eq!(
            (card.punches, card.rewards),
            (2, 1),
            "the goal of five is passed once"
        );
        let again = shop.ops.use_code_on(shop.merchant, &codes[0], first, STAFF).await;
        assert!(matches!(
            again,
            Err(CodesError::Refused(CodeRefusal::UsedByCard { .. }))
        ));
        let other = shop
            .ops
            .use_code_on(shop.merchant, &codes[0], second, STAFF)
            .await;
        assert!(other.is_ok());
        let late = shop.ops.use_code_on(shop.merchant, &codes[0], third, STAFF).await;
        assert!(matches!(
            late,
            Err(CodesError::Refused(CodeRefusal::UsedUp { .. }))
        ));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn withdrawn_and_expired_codes_give_nothing_and_joining_makes_a_card() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let (batch, codes) = shop.make(Gift::Join, 3, 1).await;
        let joined = shop
            .ops
            .join_with_code(shop.merchant, &codes[0], holder("Grace"))
            .await;
        assert_eq!(joined.expect("a card").holder.as_deref(), Some("Grace"));
        let card = shop.card().await;
        let wrong = shop.ops.use_code_on(shop.merchant, &codes[1], card, STAFF).await;
        assert!(matches!(
            wrong,
            Err(CodesError::Refused(CodeRefusal::OtherProgram))
        ));
        shop.ops.clock.advance(Duration::from_secs(3600));
        let late = shop
            .ops
            .join_with_code(shop.merchant, &codes[1], holder("Late"))
            .await;
        assert!(matches!(late, Err(CodesError::Refused(CodeRefusal::Expired))));
        shop.ops
            .revoke_codes(shop.merchant, batch.id)
            .await
            .expect("withdrawn");
        let revoked = shop
            .ops
            .join_with_code(shop.merchant, &codes[2], holder("Eve"))
            .await;
        assert!(matches!(revoked, Err(CodesError::Refused(CodeRefusal::Revoked))));
        let twice = shop.ops.revoke_codes(shop.merchant, batch.id).await;
        assert!(matches!(twice, Err(CodesError::AlreadyRevoked)));
        let foreign = shop
            .ops
            .join_with_code(MerchantId(1), &codes[2], holder("Eve"))
            .await;
        assert!(matches!(foreign, Err(CodesError::Refused(CodeRefusal::Unknown))));
    })
    .await;
}
