//! Actions on many cards, on both engines: each card exactly once, whatever stops in the middle, and all of it back.

use std::collections::BTreeMap;

use passgate::domain::bulk::{Audience, BulkAction, Preview};
use passgate::domain::event::{Event, EventKind, Source};
use passgate::domain::id::{BatchId, CardId, MemberId, MerchantId};
use passgate::ops::Ops;
use passgate::ops::jobs::{Difference, JobError, NewJob};
use passgate::store::jobs::{Job, JobRow, JobState, RowState};
use passgate::store::{Error, Store, events};

use crate::engines::{for_each_engine, values};
use crate::ledger::{Shop, goal};
use crate::postgres;

pub(crate) mod crash;

const ADD: BulkAction = BulkAction::AddPunches { count: 2 };

fn new_job(action: BulkAction, audience: Audience, preview: Option<&Preview>) -> NewJob {
    NewJob {
        action,
        audience,
        reason: Some("Opening day".into()),
        member: Some(MemberId(5)),
        source: Source::Console,
        expected: preview.map(|preview| preview.seen),
    }
}

impl Shop {
    async fn preview(&self, action: BulkAction, audience: &Audience) -> Preview {
        let preview = self
            .ops
            .preview_job(self.merchant, action, audience, Some("Opening day"));
        preview.await.expect("previewed")
    }

    async fn start(&self, action: BulkAction, audience: Audience) -> BatchId {
        let job = new_job(action, audience, None);
        self.ops.start_job(self.merchant, job).await.expect("started")
    }

    async fn run(&self, action: BulkAction, audience: Audience) -> Job {
        let batch = self.start(action, audience).await;
        self.ops.do_chores().await.expect("chores");
        self.job(batch).await
    }

    async fn job(&self, batch: BatchId) -> Job {
        self.ops.job(self.merchant, batch).await.expect("there")
    }

    async fn rows(&self, batch: BatchId) -> BTreeMap<CardId, JobRow> {
        let rows = self.ops.job_rows(self.merchant, batch, CardId(0), 1000).await;
        let rows = rows.expect("read").into_iter();
        rows.map(|row| (row.card, row)).collect()
    }

    async fn history(&self, card: CardId) -> Vec<Event> {
        let newest = self.card(card).await.card.last_event.expect("issued");
        let merchant = self.merchant;
        let read = self.ops.store.read("history", move |tx| {
            Box::pin(async move { events::history(tx, merchant, newest, 1000).await })
        });
        let history: Result<_, Error> = read.await;
        history.expect("readable")
    }

    async fn cards(&self, count: usize) -> Vec<CardId> {
        let mut cards = Vec::new();
        for at in 0..count {
            cards.push(self.issue(&format!("Holder{at}")).await.card.id);
        }
        cards
    }
}

fn refusal(row: &JobRow) -> Option<&str> {
    row.refusal.as_ref().map(|(code, _)| code.as_str())
}

#[tokio::test(flavor = "multi_thread")]
async fn punches_for_many_as_previewed_and_back_again() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, goal(3)).await;
        let cards = shop.cards(5).await;
        // One is about to reach the goal, one has ended, one of the selection is nobody's.
        shop.tap(cards[0]).await;
        shop.ops
            .void(shop.merchant, cards[1], passgate::domain::event::Actor::Gateway)
            .await
            .expect("ended");
        let nobody = CardId(i64::MAX - 1);
        let mut selected = cards.clone();
        selected.extend([nobody, cards[0]]);
        let audience = Audience::Cards(selected);
        let preview = shop.preview(ADD, &audience).await;
        assert_eq!(preview.sentence(ADD), "4 of 6 can be given punches");
        assert_eq!((preview.crossing, preview.rewards), (1, 1));
        assert_eq!(
            preview.refused,
            BTreeMap::from([("card_void", 1), ("no_card", 1)])
        );

        let expected = new_job(ADD, audience, Some(&preview));
        let batch = shop
            .ops
            .start_job(shop.merchant, expected)
            .await
            .expect("started");
        shop.ops.do_chores().await.expect("chores");
        let job = shop.job(batch).await;
        assert_eq!(
            (job.state, job.cards, job.done, job.refused),
            (JobState::Done, 6, 4, 2)
        );
        let same = Difference {
            cards: 0,
            same_cards: true,
            able: Some(0),
        };
        assert_eq!(job.difference(), Some(same));
        let rows = shop.rows(batch).await;
        assert_eq!(refusal(&rows[&nobody]), Some("no_card"));
        assert_eq!(refusal(&rows[&cards[1]]), Some("card_void"));
        assert_eq!(rows[&cards[0]].events, 2, "the punches and the reward");

        let first = shop.card(cards[0]).await.card;
        assert_eq!((first.punches, first.rewards), (0, 1));
        let history = shop.history(cards[2]).await;
        let added = &history[0].event;
        assert_eq!(added.kind, EventKind::PointsAdded);
        assert_eq!(added.batch, Some(batch));
        assert_eq!(added.reason.as_deref(), Some("Opening day"));
        assert_eq!(added.source, Source::Console);
        assert_eq!(added.actor, passgate::domain::event::Actor::Member(MemberId(5)));
        assert_eq!(history.len(), 2);

        // The first one redeems what it earned; the others give everything back.
        let seen = shop.card(cards[0]).await.card;
        shop.ops
            .redeem(
                shop.merchant,
                seen.id,
                seen.version,
                passgate::domain::event::Actor::Gateway,
            )
            .await
            .expect("redeemed");
        let back = Audience::Batch(batch);
        let preview = shop.preview(BulkAction::TakeBack, &back).await;
        assert_eq!(preview.sentence(BulkAction::TakeBack), "3 of 4 can be taken back");
        let job = shop.run(BulkAction::TakeBack, back.clone()).await;
        assert_eq!((job.done, job.refused), (3, 1));
        assert_eq!(
            refusal(&shop.rows(job.batch).await[&cards[0]]),
            Some("reward_redeemed")
        );
        assert_eq!(shop.card(cards[2]).await.card.punches, 0);
        // Taking back twice changes nothing.
        let again = shop.run(BulkAction::TakeBack, back).await;
        assert_eq!((again.done, again.refused), (0, 4));
        assert_eq!(
            refusal(&shop.rows(again.batch).await[&cards[2]]),
            Some("already_taken_back")
        );
        let twice = shop
            .ops
            .start_job(
                shop.merchant,
                new_job(BulkAction::TakeBack, Audience::Batch(job.batch), None),
            )
            .await;
        assert!(matches!(twice, Err(JobError::TakesBack)));
        shop.seal().await;
        let report = shop.verify().await;
        assert!(report.is_sound(), "{:?}", report.faults);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redeeming_ending_and_restoring_many_and_back() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, goal(1)).await;
        let cards = shop.cards(4).await;
        for card in &cards[..3] {
            shop.tap(*card).await;
        }
        let all = || Audience::Program(shop.program);
        let preview = shop.preview(BulkAction::Redeem, &all()).await;
        assert_eq!(preview.sentence(BulkAction::Redeem), "3 of 4 can be redeemed");
        let redeemed = shop.run(BulkAction::Redeem, all()).await;
        assert_eq!((redeemed.done, redeemed.refused), (3, 1));
        assert_eq!(shop.card(cards[0]).await.card.rewards, 0);
        let back = shop
            .run(BulkAction::TakeBack, Audience::Batch(redeemed.batch))
            .await;
        assert_eq!((back.done, back.refused), (3, 0));
        assert_eq!(shop.card(cards[0]).await.card.rewards, 1);

        let ended = shop.run(BulkAction::Void, all()).await;
        assert_eq!((ended.done, ended.refused), (4, 0));
        let restored = shop
            .run(BulkAction::Restore, Audience::Cards(cards[..2].to_vec()))
            .await;
        assert_eq!(restored.done, 2);
        let back = shop.run(BulkAction::TakeBack, Audience::Batch(ended.batch)).await;
        assert_eq!((back.done, back.refused), (2, 2), "two were restored already");
        for card in &cards {
            assert_eq!(
                shop.card(*card).await.card.status,
                passgate::domain::card::CardStatus::Pending
            );
        }
        shop.seal().await;
        assert!(shop.verify().await.is_sound());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_since_the_preview_is_told() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, goal(3)).await;
        let cards = shop.cards(3).await;
        let audience = Audience::Program(shop.program);
        let preview = shop.preview(ADD, &audience).await;
        assert_eq!(preview.seen.able, 3);
        shop.issue("Latecomer").await;
        shop.ops
            .void(shop.merchant, cards[0], passgate::domain::event::Actor::Gateway)
            .await
            .expect("ended");
        let job = new_job(ADD, audience, Some(&preview));
        let batch = shop.ops.start_job(shop.merchant, job).await.expect("started");
        assert_eq!(shop.job(batch).await.difference(), None, "nobody has looked yet");
        shop.ops.do_chores().await.expect("chores");
        let told = Difference {
            cards: 1,
            same_cards: false,
            able: Some(0),
        };
        assert_eq!(shop.job(batch).await.difference(), Some(told));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_held_taken_up_and_ended() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, goal(9)).await;
        let cards = shop.cards(2).await;
        let batch = shop.start(ADD, Audience::Cards(cards.clone())).await;
        let ops = &shop.ops;
        ops.pause_job(shop.merchant, batch).await.expect("held");
        ops.do_chores().await.expect("chores");
        assert_eq!(shop.card(cards[0]).await.card.punches, 0);
        let early = new_job(BulkAction::TakeBack, Audience::Batch(batch), None);
        let refused = ops.start_job(shop.merchant, early).await;
        assert!(matches!(refused, Err(JobError::Open(JobState::Paused))));
        ops.resume_job(shop.merchant, batch).await.expect("taken up");
        ops.do_chores().await.expect("chores");
        assert_eq!(shop.card(cards[0]).await.card.punches, 2);
        let late = ops.cancel_job(shop.merchant, batch).await;
        assert!(matches!(late, Err(JobError::Over(JobState::Done))));

        let batch = shop.start(ADD, Audience::Cards(cards.clone())).await;
        ops.cancel_job(shop.merchant, batch).await.expect("ended");
        ops.do_chores().await.expect("chores");
        assert_eq!(shop.card(cards[0]).await.card.punches, 2);
        assert_eq!(shop.job(batch).await.state, JobState::Cancelled);
        let nothing = ops.job(shop.merchant, BatchId(1)).await;
        assert!(matches!(nothing, Err(JobError::NotFound)));
        let theirs = ops.job(MerchantId(1), batch).await;
        assert!(
            matches!(theirs, Err(JobError::NotFound)),
            "jobs are a merchant's own"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_met_twice_changes_nothing() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, goal(9)).await;
        let cards = shop.cards(3).await;
        let job = shop.run(ADD, Audience::Cards(cards.clone())).await;
        let again = "update jobs set state = 'running', finished_at = null, gathered_to = 0, worked_to = 0 \
             where merchant_id = $1 and batch_id = $2";
        shop.by_hand(again, values![shop.merchant, job.batch].to_vec())
            .await;
        shop.ops.do_chores().await.expect("chores");
        assert_eq!(shop.job(job.batch).await.state, JobState::Done);
        for card in cards {
            assert_eq!(shop.card(card).await.card.punches, 2);
            assert_eq!(shop.history(card).await.len(), 2);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_card_stops_no_other() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, goal(9)).await;
        let cards = shop.cards(5).await;
        let break_it = "update cards set status = 'nonsense' where merchant_id = $1 and card_id = $2";
        shop.by_hand(break_it, values![shop.merchant, cards[2]].to_vec())
            .await;
        let job = shop.run(ADD, Audience::Cards(cards.clone())).await;
        assert_eq!((job.state, job.done, job.refused), (JobState::Done, 4, 1));
        assert_eq!(refusal(&shop.rows(job.batch).await[&cards[2]]), Some("failed"));
        assert_eq!(shop.card(cards[4]).await.card.punches, 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_cannot_be_read_is_given_up_and_stops_no_other() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, goal(9)).await;
        let cards = shop.cards(2).await;
        // The first one that every turn comes to.
        let broken = shop.start(ADD, Audience::Cards(vec![cards[0]])).await;
        let break_it =
            "update jobs set audience = 'nonsense', changed_at = 0 where merchant_id = $1 and batch_id = $2";
        shop.by_hand(break_it, values![shop.merchant, broken].to_vec())
            .await;
        let job = shop.run(ADD, Audience::Cards(vec![cards[1]])).await;
        assert_eq!((job.state, job.done), (JobState::Done, 1));
        assert_eq!(shop.card(cards[0]).await.card.punches, 0);
        let open: Vec<(MerchantId, BatchId)> = {
            let read = shop.ops.store.read("open_jobs", |tx| {
                Box::pin(async move { passgate::store::jobs::open(tx).await })
            });
            let open: Result<_, Error> = read.await;
            open.expect("read")
        };
        assert_eq!(open, [], "nobody comes back to it");
    })
    .await;
}

/// What must hold after a job with [`ADD`] on all cards of the program, which were tapped `taps` times.
async fn check_once(ops: &Ops, merchant: MerchantId, batch: BatchId, cards: i64, taps: i64) {
    let job = ops.job(merchant, batch).await.expect("there");
    assert_eq!(
        (job.state, job.cards, job.done, job.refused),
        (JobState::Done, cards, cards, 0)
    );
    let rows = ops
        .job_rows(merchant, batch, CardId(0), 10_000)
        .await
        .expect("read");
    assert!(
        rows.iter()
            .all(|row| row.state == RowState::Done && row.events == 1)
    );
    let counted: Result<(i64, i64, i64), Error> = ops
        .store
        .read("counted", move |tx| {
            let sql = "select count(*), count(distinct card_id), \
                 (select cast(sum(c.punches + 1000 * c.rewards) as bigint) from cards c where c.merchant_id = $1) \
                 from events where merchant_id = $1 and batch_id = $2";
            Box::pin(async move { tx.one(sql, &values![merchant, batch]).await })
        })
        .await;
    assert_eq!(counted.expect("counted"), (cards, cards, 2 * cards + taps));
    let report = ops.verify(merchant).await.expect("readable");
    assert!(report.is_sound(), "{:?}", report.faults);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_share_a_job_while_tills_go_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut urls = vec![crate::engines::sqlite_url(&folder)];
    urls.extend(postgres::migrated_database().await);
    for url in urls {
        let store = Store::open(&url, 8).await.expect("the store opens");
        store.migrate().await.expect("the schema is made");
        let shop = Shop::open(store, goal(1000)).await;
        let cards = shop.cards(250).await;
        let other = Ops {
            store: Store::open(&url, 8).await.expect("the store opens"),
            ..shop.ops.clone()
        };
        let batch = shop.start(ADD, Audience::Program(shop.program)).await;
        let work = |ops: Ops| {
            let merchant = shop.merchant;
            tokio::spawn(async move {
                while ops.job(merchant, batch).await.expect("there").state == JobState::Running {
                    ops.do_chores().await.expect("chores");
                }
            })
        };
        let (one, two) = (work(shop.ops.clone()), work(other));
        for card in cards.iter().rev().take(40) {
            shop.tap(*card).await;
        }
        one.await.expect("no panic");
        two.await.expect("no panic");
        check_once(&shop.ops, shop.merchant, batch, 250, 40).await;
    }
}
