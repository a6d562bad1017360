//! A shop with a program and an owner, and short ways to its people.

use passgate::domain::event::{Actor, Event};
use passgate::domain::face::CardFace;
use passgate::domain::id::{CardId, CustomerId, MemberId, MerchantId, ProgramId};
use passgate::domain::member::Role;
use passgate::domain::profile::{Field, Profile};
use passgate::domain::program::Rules;
use passgate::ops::Ops;
use passgate::ops::customers::{Added, CustomerError, NewPerson};
use passgate::ops::setup::Newcomer;
use passgate::store::customers::Customer;
use passgate::store::{Error, Store, cards, customers, events};

use crate::business::{self, Business};

pub(crate) struct Shop {
    pub(crate) ops: Ops,
    pub(crate) merchant: MerchantId,
    pub(crate) program: ProgramId,
    pub(crate) owner: MemberId,
}

impl Shop {
    pub(crate) async fn open(store: Store) -> Self {
        Self::with_rules(store, Rules::punch(10).expect("rules")).await
    }

    pub(crate) async fn with_rules(store: Store, rules: Rules) -> Self {
        let Business {
            ops,
            merchant,
            program,
        } = business::open(store, "Europe/Berlin", rules).await;
        let owner = Newcomer {
            name: "Owner".into(),
            email: format!("owner-{merchant}@example.com"),
            password: "a long one for tests".to_owned().into(),
        };
        let owner = ops.admit(merchant, &owner, Role::Owner).await.expect("an owner");
        Self {
            ops,
            merchant,
            program,
            owner,
        }
    }

    pub(crate) async fn profile(&self, typed: &[(Field, &str)]) -> Profile {
        let typed: Vec<_> = typed
            .iter()
            .map(|(field, text)| (*field, (*text).to_owned()))
            .collect();
        self.ops
            .read_profile(self.merchant, &typed)
            .await
            .expect("a profile")
    }

    pub(crate) async fn try_add(&self, typed: &[(Field, &str)]) -> Result<Added, CustomerError> {
        let person = NewPerson {
            profile: self.profile(typed).await,
            program: Some(self.program),
            answers: Vec::new(),
        };
        self.ops.add_customer(self.merchant, person, Actor::Gateway).await
    }

    pub(crate) async fn add(&self, typed: &[(Field, &str)]) -> CustomerId {
        match self.try_add(typed).await.expect("added") {
            Added::New { customer, .. } => customer.id,
            Added::Known { customer, .. } => panic!("a twin of {}", customer.id),
        }
    }

    pub(crate) async fn customer(&self, id: CustomerId) -> Customer {
        let merchant = self.merchant;
        let found: Result<_, Error> = self
            .ops
            .store
            .read("customer", move |tx| {
                Box::pin(async move { customers::customer(tx, merchant, id).await })
            })
            .await;
        found.expect("readable").expect("there")
    }

    pub(crate) async fn card_of(&self, customer: CustomerId) -> CardId {
        let sheet = self
            .ops
            .customer_sheet(self.merchant, customer)
            .await
            .expect("a sheet");
        sheet.cards.first().expect("a card").card.id
    }

    pub(crate) async fn face(&self, card: CardId) -> CardFace {
        let merchant = self.merchant;
        let found: Result<_, Error> = self
            .ops
            .store
            .read("card", move |tx| {
                Box::pin(async move { cards::card(tx, merchant, card).await })
            })
            .await;
        found.expect("readable").expect("there").face()
    }

    pub(crate) async fn history_of(&self, customer: CustomerId) -> Vec<Event> {
        let Some(newest) = self.customer(customer).await.last_event else {
            return Vec::new();
        };
        let merchant = self.merchant;
        let history: Result<_, Error> = self
            .ops
            .store
            .read("history", move |tx| {
                Box::pin(async move { events::history(tx, merchant, newest, 100).await })
            })
            .await;
        history.expect("readable")
    }

    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        let counted: Result<(i64,), Error> = self
            .ops
            .store
            .read("count", |tx| Box::pin(tx.one(sql, &[])))
            .await;
        counted.expect("counted").0
    }

    pub(crate) async fn found(&self, text: &str) -> Vec<CustomerId> {
        let found = self.ops.find_customers(self.merchant, text, None, 1000).await;
        let found = found.expect("searched").expect("a query");
        found.into_iter().map(|found| found.id).collect()
    }
}
