//! Recording captures, on both engines: once in effect however often they are sent, in any order, from anywhere.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::TimeZone;
use passgate::clock::{Clock, Ids};
use passgate::domain::capture::{Capture, CaptureKey, CaptureKind, Token};
use passgate::domain::event::Actor;
use passgate::domain::id::{CardId, EventId, MemberId, MerchantId, PassTypeIdentifier, StationId};
use passgate::domain::lifecycle::LifecycleRefusal;
use passgate::domain::presentation::Refusal;
use passgate::domain::program::Rules;
use passgate::domain::time::Timestamp;
use passgate::ops::Ops;
use passgate::ops::captures::{Answer, Recorder};
use passgate::ops::cards::{CardError, Holder};
use passgate::ops::setup::{NewBusiness, NewProgram};
use passgate::store::cards::CardWithProgram;
use passgate::store::{Error, Store, cards, events};

use crate::engines::for_each_engine;

const NOON: Timestamp = Timestamp(1_790_000_000_000);
const STATION: StationId = StationId(77);

/// A shop with one program, a clock that the test moves, and cards.
struct Shop {
    ops: Ops,
    recorder: Recorder,
    merchant: MerchantId,
    program: passgate::domain::id::ProgramId,
}

impl Shop {
    async fn open(store: Store, rules: Rules) -> Self {
        let ops = Ops {
            store,
            clock: Clock::manual(NOON),
            ids: Ids::random(),
        };
        let business = NewBusiness {
            name: "Corner Café".into(),
            zone: "Europe/Berlin".into(),
        };
        let merchant = ops.create_merchant(business).await.expect("merchant");
        let new = NewProgram {
            name: "Coffee card".into(),
            template: "coffee".into(),
            pass_type_identifier: PassTypeIdentifier::parse("pass.example.coffee").expect("valid"),
            reward_name: "Free coffee".into(),
            rules,
        };
        let program = ops.create_program(merchant, new).await.expect("program");
        let recorder = Recorder::start(&ops);
        Self {
            ops,
            recorder,
            merchant,
            program,
        }
    }

    async fn issue(&self, name: &str) -> CardWithProgram {
        let holder = Holder {
            name: name.into(),
            email: None,
            phone: None,
        };
        self.ops
            .issue(self.merchant, self.program, holder)
            .await
            .expect("card")
    }

    async fn record(&self, captures: Vec<Capture>) -> Vec<Answer> {
        self.recorder
            .record(self.merchant, captures)
            .await
            .expect("recorded")
    }

    async fn card(&self, card: CardId) -> CardWithProgram {
        let merchant = self.merchant;
        let found = self
            .ops
            .store
            .read("card", move |tx| {
                Box::pin(async move { cards::card(tx, merchant, card).await })
            })
            .await;
        let found: Option<CardWithProgram> = found.unwrap_or_else(|error: Error| panic!("{error}"));
        found.expect("the card exists")
    }

    async fn history(&self, card: CardId) -> Vec<passgate::domain::event::Event> {
        let newest = self.card(card).await.card.last_event.expect("issued");
        let merchant = self.merchant;
        let history: Result<_, Error> = self
            .ops
            .store
            .read("history", move |tx| {
                Box::pin(async move { events::history(tx, merchant, newest, 1000).await })
            })
            .await;
        history.expect("readable")
    }

    /// The card's numbers are the sums of its ledger.
    async fn check_sums(&self, id: CardId) {
        let card = self.card(id).await.card;
        let history = self.history(id).await;
        let sum = |part: fn(&passgate::domain::event::Delta) -> i64| {
            history.iter().map(|event| part(&event.event.delta)).sum::<i64>()
        };
        assert_eq!(card.punches, sum(|delta| delta.punches));
        assert_eq!(card.rewards, sum(|delta| delta.rewards));
        assert_eq!(card.visits, sum(|delta| delta.visits));
        for pair in history.windows(2) {
            assert_eq!(pair[0].previous, Some(pair[1].id), "the chain has no gap");
        }
        assert_eq!(history.last().and_then(|first| first.previous), None);
    }
}

fn rules(goal: i64) -> Rules {
    Rules::punch(goal).expect("valid goal")
}

fn capture(counter: i64, token: &Token, at: Timestamp) -> Capture {
    Capture {
        key: CaptureKey {
            station: STATION,
            counter,
        },
        kind: CaptureKind::Barcode,
        token: token.clone(),
        captured_at: at,
        amount: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_gets_the_first_answer_and_counts_once() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, rules(10)).await;
        let card = shop.issue("Ada").await.card;
        let once = capture(1, &card.token, NOON);
        let first = shop.record(vec![once.clone()]).await;
        assert_eq!((first[0].punches, first[0].refusal.clone()), (1, None));
        shop.record(vec![capture(2, &card.token, NOON.plus(Duration::from_secs(1)))])
            .await;
        let again = shop.record(vec![once.clone(), once]).await;
        let repeated = Answer {
            repeated: true,
            ..first[0].clone()
        };
        assert!(!first[0].repeated);
        assert_eq!(again, [repeated.clone(), repeated]);
        assert_eq!(shop.card(card.id).await.card.punches, 2);
        shop.check_sums(card.id).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_with_two_contents_is_refused_and_not_taken_for_a_repeat() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, rules(10)).await;
        let ada = shop.issue("Ada").await.card;
        let bob = shop.issue("Bob").await.card;
        shop.record(vec![capture(1, &ada.token, NOON)]).await;
        let answers = shop.record(vec![capture(1, &bob.token, NOON)]).await;
        assert_eq!(answers[0].refusal, Some(Refusal::CounterReused));
        assert_eq!(shop.card(bob.id).await.card.punches, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_nobody_is_refused_for_good() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, rules(10)).await;
        let stranger = Token::parse("NOBODY").expect("a token");
        for _ in 0..2 {
            let answers = shop.record(vec![capture(1, &stranger, NOON)]).await;
            assert_eq!(answers[0].refusal, Some(Refusal::UnknownToken));
            assert_eq!(answers[0].card, None);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_senders_of_the_same_captures_count_each_once() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, rules(7)).await;
        let mut cards = Vec::new();
        for index in 0..20 {
            cards.push(shop.issue(&format!("Holder {index}")).await.card);
        }
        let captures: Vec<_> = (0..100_i64)
            .map(|counter| {
                let card = &cards[usize::try_from(counter).expect("small") % cards.len()];
                capture(
                    counter,
                    &card.token,
                    NOON.plus(Duration::from_secs(counter.unsigned_abs())),
                )
            })
            .collect();
        // Every capture is sent by three senders, in different batches and orders.
        let forwards = captures.chunks(7).map(<[_]>::to_vec);
        let backwards = captures.rchunks(11).map(<[_]>::to_vec);
        let whole = [captures.clone()].into_iter();
        let sends = forwards.chain(backwards).chain(whole).map(|batch| {
            let (recorder, merchant) = (shop.recorder.clone(), shop.merchant);
            tokio::spawn(async move { recorder.record(merchant, batch).await.expect("recorded") })
        });
        let sends: Vec<_> = sends.collect();
        let mut answers: BTreeMap<i64, Answer> = BTreeMap::new();
        let mut repeats = 0;
        for send in sends {
            for mut answer in send.await.expect("no panic") {
                repeats += usize::from(std::mem::take(&mut answer.repeated));
                let first = answers
                    .entry(answer.key.counter)
                    .or_insert_with(|| answer.clone());
                assert_eq!(*first, answer, "every sender hears the same");
            }
        }
        assert_eq!(answers.len(), captures.len());
        assert_eq!(repeats, 2 * captures.len(), "all but the first");
        for card in &cards {
            shop.check_sums(card.id).await;
            let now = shop.card(card.id).await.card;
            assert_eq!(now.punches + 7 * now.rewards, 5);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capture_from_yesterday_is_judged_by_yesterdays_limit() {
    for_each_engine(async |store| {
        let one_a_day = rules(10).with_max_per_day(Some(1)).expect("valid");
        let shop = Shop::open(store, one_a_day).await;
        let card = shop.issue("Ada").await.card;
        let day = Duration::from_secs(86_400);
        let berlin = TimeZone::get("Europe/Berlin").expect("zone");
        shop.ops.clock.advance(3 * day);
        let (monday, tuesday) = (NOON.plus(day), NOON.plus(2 * day));
        assert_ne!(monday.day_in(&berlin), tuesday.day_in(&berlin));
        let refused = |answers: Vec<Answer>| answers[0].refusal.clone();
        assert_eq!(
            refused(shop.record(vec![capture(1, &card.token, tuesday)]).await),
            None
        );
        // The other till was offline on Monday and sends now.
        assert_eq!(
            refused(shop.record(vec![capture(2, &card.token, monday)]).await),
            None
        );
        let later = monday.plus(Duration::from_secs(60));
        assert_eq!(
            refused(shop.record(vec![capture(3, &card.token, later)]).await),
            Some(Refusal::DailyLimit { limit: 1 })
        );
        shop.check_sums(card.id).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reward_is_redeemed_once_by_a_hundred_hands() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, rules(1)).await;
        let card = shop.issue("Ada").await.card;
        shop.record(vec![capture(1, &card.token, NOON)]).await;
        let seen = shop.card(card.id).await.card;
        assert_eq!(seen.rewards, 1);
        let tries: Vec<_> = (0..100)
            .map(|_| {
                let (ops, merchant) = (shop.ops.clone(), shop.merchant);
                let actor = Actor::Member(MemberId(1));
                tokio::spawn(async move { ops.redeem(merchant, seen.id, seen.version, actor).await })
            })
            .collect();
        let mut redeemed = 0;
        for attempt in tries {
            match attempt.await.expect("no panic") {
                Ok(_) => redeemed += 1,
                Err(CardError::Stale) => {}
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(redeemed, 1);
        assert_eq!(shop.card(card.id).await.card.rewards, 0);
        shop.check_sums(card.id).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn taking_back_leaves_a_trace_and_works_once() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, rules(3)).await;
        let card = shop.issue("Ada").await.card;
        let actor = Actor::Member(MemberId(1));
        for counter in 0..3_i64 {
            let at = NOON.plus(Duration::from_secs(counter.unsigned_abs()));
            shop.record(vec![capture(counter, &card.token, at)]).await;
        }
        assert_eq!(shop.card(card.id).await.card.rewards, 1);
        let history = shop.history(card.id).await;
        let punch: EventId = history
            .iter()
            .find(|event| event.event.capture.is_some() && event.event.delta.punches > 0)
            .expect("a punch")
            .id;
        shop.ops
            .reverse(shop.merchant, card.id, punch, actor)
            .await
            .expect("reversed");
        let now = shop.card(card.id).await.card;
        assert_eq!(
            (now.punches, now.rewards),
            (2, 0),
            "the reward it earned is withdrawn"
        );
        let again = shop.ops.reverse(shop.merchant, card.id, punch, actor).await;
        assert!(again.is_err_and(|error| error.to_string() == "This was already taken back."));
        shop.check_sums(card.id).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_card_gives_nothing_until_it_is_restored() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, rules(3)).await;
        let card = shop.issue("Ada").await.card;
        let actor = Actor::Member(MemberId(1));
        shop.ops.void(shop.merchant, card.id, actor).await.expect("ended");
        let answers = shop.record(vec![capture(1, &card.token, NOON)]).await;
        assert_eq!(answers[0].refusal, Some(Refusal::CardVoid));
        shop.ops
            .restore(shop.merchant, card.id, actor)
            .await
            .expect("restored");
        let answers = shop.record(vec![capture(2, &card.token, NOON)]).await;
        assert_eq!((answers[0].refusal.clone(), answers[0].punches), (None, 1));
        let twice = shop.ops.restore(shop.merchant, card.id, actor).await;
        assert!(matches!(
            twice,
            Err(CardError::Lifecycle(LifecycleRefusal::NotVoid))
        ));
    })
    .await;
}
