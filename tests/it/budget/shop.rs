//! A shop whose cards are on phones, with dispatchers that push to the fake APNs, and a clock that the test moves.

use std::time::Duration;

use passgate::clock::{Clock, Ids};
use passgate::domain::budget::TextDigest;
use passgate::domain::capture::{Capture, CaptureKey, CaptureKind};
use passgate::domain::card::Card;
use passgate::domain::consent::{self, Evidence, Purpose};
use passgate::domain::delivery::Channel;
use passgate::domain::event::{Actor, Source};
use passgate::domain::id::{CardId, DeviceLibraryIdentifier, MerchantId, MessageId, ProgramId, StationId};
use passgate::domain::preference::Class;
use passgate::domain::program::Rules;
use passgate::domain::time::Timestamp;
use passgate::ops::Ops;
use passgate::ops::captures::Recorder;
use passgate::ops::cards::Holder;
use passgate::ops::setup::{NewBusiness, NewProgram};
use passgate::store::cards::CardWithProgram;
use passgate::store::intents::{self, NewIntent, NewText};
use passgate::store::registrations::RegistrationKey;
use passgate::store::{Error, Store, cards, outbox};

use crate::push::support::{Apple, token, topic};
use crate::push::world::{World, until};

/// No quiet hours, and alerts may follow each other closely.
pub(super) const LOOSE: &str =
    r#"{"windows": [{"most": 2, "hours": 24}], "gap_minutes": 1, "quiet": null, "repeat_hours": 0}"#;

pub(super) struct Shop {
    pub(super) ops: Ops,
    pub(super) world: World,
    pub(super) merchant: MerchantId,
    pub(super) program: ProgramId,
    recorder: Recorder,
}

impl Shop {
    /// Opens at noon of a day in winter, in London.
    pub(super) async fn open(store: Store, policy: &str) -> Self {
        let noon: jiff::Timestamp = "2026-12-01T12:00:00Z".parse().expect("a time");
        let ops = Ops {
            store: store.clone(),
            clock: Clock::manual(Timestamp(noon.as_millisecond())),
            ids: Ids::random(),
        };
        let business = NewBusiness {
            name: "Corner Café".into(),
            zone: "Europe/London".into(),
        };
        let merchant = ops.create_merchant(business).await.expect("a merchant");
        let new = NewProgram {
            name: "Coffee card".into(),
            template: "coffee".into(),
            pass_type_identifier: topic(),
            reward_name: "Free coffee".into(),
            rules: Rules::punch(10).expect("rules"),
        };
        let program = ops.create_program(merchant, new).await.expect("a program");
        ops.set_push_policy(merchant, None, Channel::Apple, Some(policy))
            .await
            .expect("a policy");
        let world = World {
            apple: Apple::start().await,
            store,
            clock: ops.clock.clone(),
        };
        Self {
            recorder: Recorder::start(&ops),
            ops,
            world,
            merchant,
            program,
        }
    }

    /// A card on the phone with this number, whose holder wants to hear of offers.
    pub(super) async fn issue(&self, phone: usize) -> CardId {
        let holder = Holder {
            name: "Ada".into(),
            email: None,
            phone: None,
        };
        let issued = self.ops.issue(self.merchant, self.program, holder).await;
        let card = issued.expect("a card").card;
        let key = RegistrationKey {
            merchant: self.merchant,
            pass_type_identifier: topic(),
            device: DeviceLibraryIdentifier::parse(format!("device-{phone}")).expect("a device"),
            card: card.id,
        };
        let registered = self.ops.register_device(key, token(phone)).await;
        registered.expect("registered");
        self.agree(&card, true).await;
        card.id
    }

    pub(super) async fn agree(&self, card: &Card, given: bool) {
        let evidence = Evidence::new("v1", consent::Channel::WebCard, "en").expect("evidence");
        self.ops
            .set_consent(
                self.merchant,
                card.customer,
                (Purpose::Marketing, given),
                evidence,
                (Actor::Device, Source::Device),
            )
            .await
            .expect("noted");
    }

    pub(super) async fn read(&self, card: CardId) -> CardWithProgram {
        let merchant = self.merchant;
        let found: Result<_, Error> = self
            .ops
            .store
            .read("card", move |tx| {
                Box::pin(async move { cards::card(tx, merchant, card).await })
            })
            .await;
        found.expect("readable").expect("the card exists")
    }

    /// One punch, `number` of the station.
    pub(super) async fn tap(&self, card: CardId, number: i64) {
        let capture = Capture {
            key: CaptureKey {
                station: StationId(77),
                counter: number,
            },
            kind: CaptureKind::Barcode,
            token: self.read(card).await.card.token,
            captured_at: self.ops.clock.now(),
            amount: None,
        };
        let recorded = self.recorder.record(self.merchant, vec![capture]).await;
        assert_eq!(recorded.expect("recorded")[0].refusal, None);
    }

    /// Wants `cards` to be told a text now.
    pub(super) async fn message(&self, number: i64, text: &str, class: Class, cards: &[CardId]) {
        let (merchant, now) = (self.merchant, self.ops.clock.now());
        let (text, cards) = (text.to_owned(), cards.to_vec());
        let written: Result<(), Error> = self
            .ops
            .store
            .write("message", move |tx| {
                let new = NewText {
                    merchant,
                    id: MessageId(number),
                    class,
                    body: text.clone(),
                    title: None,
                    linked: false,
                    personalised: false,
                    digest: TextDigest::of(&text),
                    campaign: None,
                    ends_at: None,
                };
                let cards = cards.clone();
                Box::pin(async move {
                    intents::insert_text(tx, &new, now).await?;
                    let rows: Vec<_> = cards
                        .iter()
                        .map(|card| NewIntent {
                            key: (merchant, *card),
                            message: new.id,
                            channel: Channel::Apple,
                            due_at: now,
                        })
                        .collect();
                    intents::insert(tx, &rows, now).await?;
                    let wake: Vec<_> = rows
                        .iter()
                        .map(|row| (row.key, row.channel, row.due_at))
                        .collect();
                    outbox::wake(tx, &wake, now).await
                })
            })
            .await;
        written.expect("written");
    }

    /// Lets time pass and dispatchers do what is due.
    pub(super) async fn pass(&self, time: Duration) {
        self.ops.clock.advance(time);
        self.settle().await;
    }

    pub(super) async fn settle(&self) {
        until("nothing is due or on its way", async || {
            let now = self.ops.clock.now().0;
            let rows = self.world.pushes().await;
            rows.iter()
                .all(|(_, due, _, lease)| lease.is_none() && *due > now)
        })
        .await;
    }

    /// Card, class, when, and whether it has no answer yet, oldest first.
    pub(super) async fn alerts(&self) -> Vec<(CardId, String, Timestamp, bool)> {
        self.world
            .all("select card_id, class, at, open from push_alerts order by at, lease, position")
            .await
    }

    /// Message, state, rule, and until when it waits.
    pub(super) async fn messages(&self) -> Vec<(i64, String, Option<String>, Option<Timestamp>)> {
        self.world
            .all("select message_id, state, rule, until from push_messages order by message_id, card_id")
            .await
    }
}
