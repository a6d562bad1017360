//! A shop with a member, two places, a till in each and programs as a test wants them.

use std::time::Duration;

use passgate::clock::{Clock, Ids};
use passgate::domain::capture::{Capture, CaptureKey, CaptureKind, Token};
use passgate::domain::card::Card;
use passgate::domain::coupon::Redeem;
use passgate::domain::event::{Actor, Delta, Event, EventKind, Source};
use passgate::domain::id::{
    CardId, DeviceLibraryIdentifier, LocationId, MemberId, MerchantId, PassTypeIdentifier, ProgramId,
    PushToken, StationId,
};
use passgate::domain::member::Role;
use passgate::domain::money::Amount;
use passgate::domain::program::{CouponRules, LinkedProgram, Rules, Scheme};
use passgate::domain::time::Timestamp;
use passgate::ops::Ops;
use passgate::ops::captures::{Answer, Recorder};
use passgate::ops::cards::Holder;
use passgate::ops::setup::{NewBusiness, NewProgram, Newcomer, SetupError};
use passgate::store::cards::CardWithProgram;
use passgate::store::registrations::RegistrationKey;
use passgate::store::{Error, Store, cards, events};
use secrecy::SecretString;

use crate::engines::values;

pub(crate) const NOON: Timestamp = Timestamp(1_790_000_000_000);
pub(crate) const PASS_TYPE: &str = "pass.example.coffee";

pub(crate) struct Shop {
    pub(crate) ops: Ops,
    pub(crate) recorder: Recorder,
    pub(crate) merchant: MerchantId,
    pub(crate) member: MemberId,
    pub(crate) counter: LocationId,
    /// Stands in "Harbour".
    pub(crate) till: StationId,
}

impl Shop {
    pub(crate) async fn open(store: Store) -> Self {
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
        let olga = Newcomer {
            name: "Olga".into(),
            email: format!("olga-{merchant}@example.com"),
            password: SecretString::from("a long one for tests"),
        };
        let member = ops.admit(merchant, &olga, Role::Owner).await.expect("member");
        let counter = ops
            .create_location(merchant, "Counter".into())
            .await
            .expect("place");
        let harbour = ops
            .create_location(merchant, "Harbour".into())
            .await
            .expect("place");
        let till = ops.create_station(merchant, harbour, "Till 1".into()).await;
        Self {
            recorder: Recorder::start(&ops),
            merchant,
            member,
            counter,
            till: till.expect("station").station.id,
            ops,
        }
    }

    /// The same shop as another node sees it.
    pub(crate) fn on(&self, store: Store) -> Self {
        let ops = Ops {
            store,
            ..self.ops.clone()
        };
        Self {
            recorder: Recorder::start(&ops),
            ops,
            ..*self
        }
    }

    pub(crate) async fn try_program(&self, rules: Rules, pass_type: &str) -> Result<ProgramId, SetupError> {
        let new = NewProgram {
            name: "Card".into(),
            template: "coffee".into(),
            pass_type_identifier: PassTypeIdentifier::parse(pass_type).expect("valid"),
            reward_name: "Free coffee".into(),
            rules,
        };
        self.ops.create_program(self.merchant, new).await
    }

    pub(crate) async fn program(&self, rules: Rules) -> ProgramId {
        self.try_program(rules, PASS_TYPE).await.expect("program")
    }

    /// Gives Ada a card; coupons she is given again and again, of any other program one card.
    pub(crate) async fn issue(&self, program: ProgramId) -> Card {
        let ada = Holder {
            name: "Ada Lovelace".into(),
            email: Some("ada@example.com".into()),
            phone: Some("+491701234567".into()),
        };
        let issued = self.ops.issue(self.merchant, program, ada).await;
        issued.expect("card").card
    }

    /// Gives a card to somebody of whom only the name is known.
    pub(crate) async fn issue_to(&self, program: ProgramId, name: &str) -> Card {
        let holder = Holder {
            name: name.into(),
            email: None,
            phone: None,
        };
        let issued = self.ops.issue(self.merchant, program, holder).await;
        issued.expect("card").card
    }

    pub(crate) fn staff(&self) -> Actor {
        Actor::Member(self.member)
    }

    /// Olga's wish, at the counter.
    pub(crate) fn wish(&self, amount: Option<i64>) -> Redeem {
        Redeem {
            amount: amount.map(|minor| Amount::new(minor).expect("an amount")),
            actor: self.staff(),
            source: Source::Console,
            location: Some(self.counter),
            batch: None,
        }
    }

    pub(crate) fn capture(&self, counter: i64, token: &Token, at: Timestamp) -> Capture {
        Capture {
            key: CaptureKey {
                station: self.till,
                counter,
            },
            kind: CaptureKind::Barcode,
            token: token.clone(),
            captured_at: at,
            amount: None,
        }
    }

    pub(crate) async fn record(&self, capture: Capture) -> Answer {
        let answers = self.recorder.record(self.merchant, vec![capture]).await;
        answers.expect("recorded").remove(0)
    }

    pub(crate) async fn card(&self, card: CardId) -> CardWithProgram {
        let merchant = self.merchant;
        let read = self.ops.store.read("card", move |tx| {
            Box::pin(async move { cards::card(tx, merchant, card).await })
        });
        let found: Result<_, Error> = read.await;
        found.expect("read").expect("the card exists")
    }

    pub(crate) async fn history(&self, card: CardId) -> Vec<Event> {
        let newest = self.card(card).await.card.last_event.expect("issued");
        let merchant = self.merchant;
        let read = self.ops.store.read("history", move |tx| {
            Box::pin(async move { events::history(tx, merchant, newest, 1000).await })
        });
        let history: Result<_, Error> = read.await;
        history.expect("read")
    }

    pub(crate) async fn kinds(&self, card: CardId) -> Vec<EventKind> {
        let history = self.history(card).await;
        history.iter().rev().map(|event| event.event.kind).collect()
    }

    /// The card's numbers are the sums of its ledger, which has no gap.
    pub(crate) async fn check(&self, id: CardId) {
        let card = self.card(id).await.card;
        let history = self.history(id).await;
        let sum: Delta = history.iter().map(|event| event.event.delta).sum();
        assert_eq!(card.sums(), sum);
        for pair in history.windows(2) {
            assert_eq!(pair[0].previous, Some(pair[1].id));
        }
        assert_eq!(history.last().and_then(|first| first.previous), None);
    }

    pub(crate) fn phone(&self, card: CardId) -> RegistrationKey {
        RegistrationKey {
            merchant: self.merchant,
            pass_type_identifier: PassTypeIdentifier::parse(PASS_TYPE).expect("valid"),
            device: DeviceLibraryIdentifier::parse("device-1").expect("valid"),
            card,
        }
    }

    pub(crate) async fn install(&self, card: CardId) {
        let token = PushToken::parse("aabbccdd").expect("valid");
        let registered = self.ops.register_device(self.phone(card), token).await;
        registered.expect("registered").expect("there is the card");
    }

    pub(crate) async fn uninstall(&self, card: CardId) {
        assert!(
            self.ops
                .unregister_device(self.phone(card))
                .await
                .expect("unregistered")
        );
    }

    /// How many pushes wait for a card, and forgets them: as if the dispatcher had sent them.
    pub(crate) async fn pushes(&self, card: CardId) -> u64 {
        let sql = "delete from pushes where merchant_id = $1 and card_id = $2";
        self.change(sql, values![self.merchant, card].to_vec()).await
    }

    /// Runs a statement of a test's own.
    pub(crate) async fn change(&self, sql: &'static str, values: Vec<passgate::store::Value>) -> u64 {
        let done: Result<u64, Error> = self
            .ops
            .store
            .write("test", move |tx| {
                let values = values.clone();
                Box::pin(async move { tx.exec(sql, &values).await })
            })
            .await;
        done.expect("done")
    }

    /// A number about the merchant that a statement of a test's own counts.
    pub(crate) async fn number(&self, sql: &'static str) -> i64 {
        let merchant = self.merchant;
        let read: Result<(i64,), Error> = self
            .ops
            .store
            .read("test", move |tx| {
                Box::pin(async move { tx.one(sql, &values![merchant]).await })
            })
            .await;
        read.expect("read").0
    }

    pub(crate) async fn archive(&self, program: ProgramId, at: Option<Timestamp>) {
        let sql = "update programs set archived_at = $3 where merchant_id = $1 and program_id = $2";
        let changed = self
            .change(sql, values![self.merchant, program, at].to_vec())
            .await;
        assert_eq!(changed, 1);
    }

    pub(crate) fn wait(&self, seconds: u64) {
        self.ops.clock.advance(Duration::from_secs(seconds));
    }
}

/// Rules of a coupon that tills redeem.
pub(crate) fn coupon(linked: Option<(ProgramId, bool)>) -> Rules {
    let linked = linked.map(|(program, first_punch)| LinkedProgram { program, first_punch });
    Rules::new(Scheme::Coupon(CouponRules {
        redeem_at_till: true,
        linked,
    }))
    .expect("rules")
}

pub(crate) fn punch(goal: i64) -> Rules {
    Rules::punch(goal).expect("rules")
}
