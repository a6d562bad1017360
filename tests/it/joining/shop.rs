//! A program that can be joined, and who joins it.

use passgate::domain::code::Gift;
use passgate::domain::event::{Actor, EventKind};
use passgate::domain::id::{CardId, MemberId, MerchantId, PassTypeIdentifier, ProgramId};
use passgate::domain::invitation::InvitationKind;
use passgate::domain::join::{Admission, Arrival, JoinForm, JoinPage};
use passgate::domain::profile::Field;
use passgate::domain::program::Rules;
use passgate::ops::Ops;
use passgate::ops::codes::NewBatch;
use passgate::ops::joining::{JoinError, Joined, Joining};
use passgate::ops::setup::NewProgram;
use passgate::store::cards::{self, CardWithProgram};
use passgate::store::{Error, Store, events};

use crate::business::{self, Business};

pub(super) const STAFF: Actor = Actor::Member(MemberId(9));
pub(super) const WORDS: &str = "Corner Café may tell me about offers.";

pub(super) struct Shop {
    pub(super) ops: Ops,
    pub(super) merchant: MerchantId,
    pub(super) program: ProgramId,
}

impl Shop {
    pub(super) async fn open(store: Store) -> Self {
        let Business {
            ops,
            merchant,
            program,
        } = business::open(store, "Europe/Berlin", Rules::punch(5).expect("rules")).await;
        let shop = Self {
            ops,
            merchant,
            program,
        };
        shop.set(Admission::Open, JoinForm::default()).await;
        shop
    }

    pub(super) async fn set(&self, admission: Admission, form: JoinForm) -> JoinPage {
        let seen = self.page().await.version;
        let set = self
            .ops
            .set_join_page(self.merchant, self.program, seen, (admission, form));
        set.await.expect("set")
    }

    pub(super) async fn page(&self) -> JoinPage {
        let sheet = self.ops.join_page(self.merchant, self.program, None).await;
        sheet.expect("read").expect("a program").page
    }

    /// A card's id as a page draws it.
    pub(super) fn draw(&self) -> CardId {
        CardId(self.ops.ids.next(self.ops.clock.now()))
    }

    pub(super) async fn join(&self, joining: Joining) -> Result<Joined, JoinError> {
        self.ops
            .join(self.merchant, self.program, self.draw(), joining)
            .await
    }

    pub(super) async fn card(&self, card: CardId) -> Option<CardWithProgram> {
        let merchant = self.merchant;
        let read: Result<_, Error> = self
            .ops
            .store
            .read("card", move |tx| {
                Box::pin(async move { cards::card(tx, merchant, card).await })
            })
            .await;
        read.expect("read")
    }

    pub(super) async fn kinds(&self, card: CardId) -> Vec<(EventKind, Actor)> {
        let (merchant, newest) = (
            self.merchant,
            self.card(card).await.and_then(|card| card.card.last_event),
        );
        let read: Result<_, Error> = self
            .ops
            .store
            .read("kinds", move |tx| {
                Box::pin(async move { events::history(tx, merchant, newest.expect("an event"), 50).await })
            })
            .await;
        let read = read.expect("read").into_iter();
        read.map(|event| (event.event.kind, event.event.actor)).collect()
    }

    pub(super) async fn count(&self, sql: &'static str) -> i64 {
        let counted: Result<(i64,), Error> = self
            .ops
            .store
            .read("count", move |tx| Box::pin(tx.one(sql, &[])))
            .await;
        counted.expect("counted").0
    }

    pub(super) async fn people(&self) -> (i64, i64) {
        (
            self.count("select count(*) from customers").await,
            self.count("select count(*) from cards").await,
        )
    }

    pub(super) async fn letters(&self) -> Vec<(CardId, InvitationKind, String)> {
        let letters = self.ops.invitations(self.merchant, None).await.expect("read");
        let letters = letters.into_iter();
        letters
            .map(|letter| (letter.card, letter.kind, letter.address))
            .collect()
    }

    pub(super) async fn codes(&self, program: ProgramId, max_uses: i64) -> String {
        let new = NewBatch {
            program,
            label: "Flyer".into(),
            gift: Gift::Join,
            count: 1,
            max_uses,
            expires_at: None,
        };
        let batch = self.ops.make_codes(self.merchant, new, None).await.expect("made");
        let codes = self.ops.codes(self.merchant, batch.id, "").await.expect("read");
        codes[0].code.clone()
    }

    pub(super) async fn another_program(&self) -> ProgramId {
        let new = NewProgram {
            name: "Lunch club".into(),
            template: "coffee".into(),
            pass_type_identifier: PassTypeIdentifier::parse("pass.example.lunch").expect("valid"),
            reward_name: "Free lunch".into(),
            rules: Rules::punch(6).expect("rules"),
        };
        self.ops
            .create_program(self.merchant, new)
            .await
            .expect("a program")
    }
}

pub(super) fn person(name: &str, email: &str, phone: &str) -> Joining {
    Joining {
        typed: vec![
            (Field::FirstName, name.into()),
            (Field::Email, email.into()),
            (Field::Phone, phone.into()),
        ],
        language: "de".into(),
        sends_mail: true,
        ..Joining::default()
    }
}

pub(super) fn with_code(joining: Joining, code: &str) -> Joining {
    let arrival = Arrival {
        code: Some(code.into()),
        ..joining.arrival
    };
    Joining { arrival, ..joining }
}

pub(super) fn shown(joined: Result<Joined, JoinError>) -> CardId {
    match joined {
        Ok(Joined::Card(card)) => card,
        other => panic!("a card; got {other:?}"),
    }
}
