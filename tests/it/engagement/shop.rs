//! A shop with one program, a clock that the test moves, and holders who visit.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use passgate::clock::{Clock, Ids};
use passgate::domain::capture::{Capture, CaptureKey, CaptureKind};
use passgate::domain::card::Card;
use passgate::domain::event::{Actor, Delta, Event, EventKind};
use passgate::domain::id::{CardId, EventId, MemberId, MerchantId, PassTypeIdentifier, ProgramId, StationId};
use passgate::domain::program::Rules;
use passgate::domain::time::Timestamp;
use passgate::ops::Ops;
use passgate::ops::captures::Recorder;
use passgate::ops::cards::{CardError, Holder};
use passgate::ops::setup::{NewBusiness, NewProgram};
use passgate::store::{Error, Store, cards, events};

/// 2026-09-21, 16:13 in Berlin.
pub(super) const NOON: Timestamp = Timestamp(1_790_000_000_000);
pub(super) const STAFF: Actor = Actor::Member(MemberId(1));
pub(super) const DAY: Duration = Duration::from_secs(86_400);

#[derive(Clone)]
pub(super) struct Shop {
    pub ops: Ops,
    pub merchant: MerchantId,
    pub program: ProgramId,
    pub recorder: Recorder,
    pub counter: Arc<AtomicI64>,
}

impl Shop {
    pub(super) async fn open(store: Store) -> Self {
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
        let mut shop = Self {
            recorder: Recorder::start(&ops),
            ops,
            merchant,
            program: ProgramId(0),
            counter: Arc::default(),
        };
        shop.program = shop.add_program(Rules::punch(5).expect("valid")).await;
        shop
    }

    pub(super) async fn add_program(&self, rules: Rules) -> ProgramId {
        let new = NewProgram {
            name: "Coffee card".into(),
            template: "coffee".into(),
            pass_type_identifier: PassTypeIdentifier::parse("pass.example.coffee").expect("valid"),
            reward_name: "Free coffee".into(),
            rules,
        };
        self.ops
            .create_program(self.merchant, new)
            .await
            .expect("program")
    }

    pub(super) async fn issue(&self, name: &str) -> Card {
        self.issue_to(name, None).await
    }

    pub(super) async fn issue_to(&self, name: &str, email: Option<&str>) -> Card {
        self.issue_of(self.program, name, email).await
    }

    /// A card of a program of the test's own.
    pub(super) async fn issue_of(&self, program: ProgramId, name: &str, email: Option<&str>) -> Card {
        let holder = Holder {
            name: name.into(),
            email: email.map(str::to_owned),
            phone: None,
        };
        let issued = self.ops.issue(self.merchant, program, holder).await;
        issued.expect("issued").card
    }

    /// Whether somebody with this address holds a card already, and so gets no second one.
    pub(super) async fn holds_already(&self, name: &str, email: &str) -> bool {
        let holder = Holder {
            name: name.into(),
            email: Some(email.into()),
            phone: None,
        };
        let issued = self.ops.issue(self.merchant, self.program, holder).await;
        matches!(issued, Err(CardError::AlreadyHolds(_)))
    }

    /// The card is put into Google's wallet.
    pub(super) async fn install(&self, card: CardId) {
        self.ops
            .link_google(self.merchant, card)
            .await
            .expect("installed");
    }

    /// The card is scanned at the till now.
    pub(super) async fn visit(&self, card: &Card) {
        let capture = Capture {
            key: CaptureKey {
                station: StationId(77),
                counter: self.counter.fetch_add(1, Ordering::SeqCst),
            },
            kind: CaptureKind::Barcode,
            token: card.token.clone(),
            captured_at: self.ops.clock.now(),
            amount: None,
        };
        let answers = self
            .recorder
            .record(self.merchant, vec![capture])
            .await
            .expect("recorded");
        assert_eq!(answers[0].refusal, None);
    }

    pub(super) async fn chores(&self) {
        self.ops.do_chores().await.expect("the chores are done");
    }

    /// Time passes, and then the chores are done.
    pub(super) async fn pass(&self, time: Duration) {
        self.ops.clock.advance(time);
        self.chores().await;
    }

    pub(super) async fn card(&self, card: CardId) -> Card {
        let merchant = self.merchant;
        let found: Result<_, Error> = self
            .ops
            .store
            .read("card", move |tx| {
                Box::pin(async move { cards::card(tx, merchant, card).await })
            })
            .await;
        found.expect("readable").expect("the card exists").card
    }

    /// The card's ledger, oldest first; its sums are checked against the card, and that no row is out of the chain.
    pub(super) async fn ledger(&self, card: CardId) -> Vec<Event> {
        let card = self.card(card).await;
        let mut history = self.chain(card.last_event).await;
        history.reverse();
        let sum: Delta = history.iter().map(|event| event.event.delta).sum();
        assert_eq!(card.sums(), sum, "a card's sums are those of its ledger");
        history
    }

    pub(super) async fn chain(&self, newest: Option<EventId>) -> Vec<Event> {
        let merchant = self.merchant;
        let Some(newest) = newest else { return Vec::new() };
        let history: Result<_, Error> = self
            .ops
            .store
            .read("history", move |tx| {
                Box::pin(async move { events::history(tx, merchant, newest, 1000).await })
            })
            .await;
        history.expect("readable")
    }

    /// How many rows of a kind the card's ledger has.
    pub(super) async fn count(&self, card: CardId, kind: EventKind) -> usize {
        let ledger = self.ledger(card).await;
        ledger.iter().filter(|event| event.event.kind == kind).count()
    }
}

/// Changes a row that no use case changes yet.
pub(super) async fn exec(store: &Store, sql: &'static str, params: Vec<passgate::store::Value>) {
    let done: Result<u64, Error> = store
        .write("prepare", move |tx| {
            let params = params.clone();
            Box::pin(async move { tx.exec(sql, &params).await })
        })
        .await;
    assert_eq!(done.expect("changed"), 1);
}
