//! Programs of every kind, on both engines: balances by hand, rewards for points, promotions, dates that come by
//! themselves, and rules that change. Whoever else is at it at the same time, each thing happens once.

mod balances;
mod dates;
mod editing;
mod promotions;

use std::time::Duration;

use passgate::clock::{Clock, Ids};
use passgate::domain::capture::{Capture, CaptureKey, CaptureKind, Token};
use passgate::domain::card::Card;
use passgate::domain::change::{Cause, Reason};
use passgate::domain::event::{Actor, Delta, Event, EventKind};
use passgate::domain::id::{CardId, MemberId, MerchantId, PassTypeIdentifier, ProgramId, StationId};
use passgate::domain::money::Amount;
use passgate::domain::program::Rules;
use passgate::domain::time::Timestamp;
use passgate::ops::Ops;
use passgate::ops::captures::{Answer, Recorder};
use passgate::ops::cards::{CardError, Holder};
use passgate::ops::setup::{NewBusiness, NewProgram};
use passgate::store::{Error, Store, cards, events};

/// A morning in September 2026.
const NOW: Timestamp = Timestamp(1_790_000_000_000);
const DAY: Duration = Duration::from_secs(86_400);

/// The chores that these tests are about.
const DATES: [&str; 3] = ["end_cards", "end_cycles", "settle_programs"];

/// A merchant with one program, a till, and a clock that the test moves.
struct Shop {
    ops: Ops,
    recorder: Recorder,
    merchant: MerchantId,
    program: ProgramId,
}

impl Shop {
    async fn open(store: Store, rules: &str) -> Self {
        let ops = Ops {
            store,
            clock: Clock::manual(NOW),
            ids: Ids::random(),
        };
        let business = NewBusiness {
            name: "Corner Café".into(),
            zone: "Europe/Berlin".into(),
        };
        let merchant = ops.create_merchant(business).await.expect("merchant");
        let program = ops
            .create_program(merchant, program(rules))
            .await
            .expect("program");
        let recorder = Recorder::start(&ops);
        Self {
            ops,
            recorder,
            merchant,
            program,
        }
    }

    async fn issue(&self) -> Card {
        self.try_issue().await.expect("card")
    }

    async fn try_issue(&self) -> Result<Card, CardError> {
        let holder = Holder {
            name: "Ada".into(),
            email: None,
            phone: None,
        };
        let issued = self.ops.issue(self.merchant, self.program, holder).await;
        issued.map(|issued| issued.card)
    }

    /// Presents the card at the till, at `at`.
    async fn present(&self, card: &Card, at: Timestamp, paid: Option<i64>) -> Answer {
        let capture = Capture {
            key: CaptureKey {
                station: StationId(77),
                counter: self.ops.ids.next(NOW),
            },
            kind: CaptureKind::Barcode,
            token: Token::parse(card.token.expose()).expect("a token"),
            captured_at: at,
            amount: paid.map(|minor| Amount::new(minor).expect("an amount")),
        };
        let answers = self.recorder.record(self.merchant, vec![capture]).await;
        answers.expect("recorded").remove(0)
    }

    async fn card(&self, card: CardId) -> Card {
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

    /// The card's rows, oldest first; its sums are theirs.
    async fn history(&self, card: CardId) -> Vec<Event> {
        let card = self.card(card).await;
        let (merchant, newest) = (self.merchant, card.last_event.expect("issued"));
        let history: Result<Vec<Event>, Error> = self
            .ops
            .store
            .read("history", move |tx| {
                Box::pin(async move { events::history(tx, merchant, newest, 2000).await })
            })
            .await;
        let mut history = history.expect("readable");
        history.reverse();
        let sum: Delta = history.iter().map(|event| event.event.delta).sum();
        assert_eq!(card.sums(), sum, "the card's numbers are the sums of its ledger");
        history
    }

    async fn count(&self, card: CardId, kind: EventKind) -> usize {
        let history = self.history(card).await;
        history.iter().filter(|event| event.event.kind == kind).count()
    }

    async fn do_chores(&self) -> usize {
        self.ops.do_chores_named(&DATES).await.expect("chores")
    }
}

fn program(rules: &str) -> NewProgram {
    NewProgram {
        name: "Card".into(),
        template: "points".into(),
        pass_type_identifier: PassTypeIdentifier::parse("pass.example.card").expect("valid"),
        reward_name: "Free coffee".into(),
        rules: Rules::parse(rules).expect("valid rules"),
    }
}

fn staff() -> Cause {
    Cause::of(Actor::Member(MemberId(1))).because(Reason::parse("the till was down").expect("a reason"))
}
