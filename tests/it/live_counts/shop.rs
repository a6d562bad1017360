//! A shop with a program of each kind, somebody who does anything at all in it, and a count of its cards from scratch:
//! from their ledgers, not from what the gateway keeps for counting.

use std::collections::BTreeMap;
use std::time::Duration;

use passgate::clock::{Clock, Ids};
use passgate::domain::capture::{Capture, CaptureKey, CaptureKind};
use passgate::domain::card::{Card, CardStatus};
use passgate::domain::chips::{self, Chip, Counter, Facts, Ready};
use passgate::domain::event::{Actor, Event, EventKind};
use passgate::domain::id::{
    CardId, DeviceLibraryIdentifier, MemberId, MerchantId, PassTypeIdentifier, ProgramId, PushToken,
    StationId,
};
use passgate::domain::ledger;
use passgate::domain::money::Amount;
use passgate::domain::program::Rules;
use passgate::domain::time::{DAY, Timestamp};
use passgate::domain::window::{Recent, Window};
use passgate::ops::Ops;
use passgate::ops::captures::Recorder;
use passgate::ops::cards::Holder;
use passgate::ops::counts::ProgramCounts;
use passgate::ops::setup::{NewBusiness, NewProgram};
use passgate::store::registrations::RegistrationKey;
use passgate::store::{Error, Store, cards, counts, events};

use crate::engines::values;

pub(super) const NOON: Timestamp = Timestamp(1_790_000_000_000);
const ACTOR: Actor = Actor::Member(MemberId(1));
const PASS_TYPE: &str = "pass.example.counts";

pub(super) const PUNCH: usize = 0;
pub(super) const POINTS: usize = 1;
pub(super) const COUPON: usize = 2;

#[derive(Clone)]
pub(super) struct Shop {
    pub(super) ops: Ops,
    pub(super) recorder: Recorder,
    pub(super) merchant: MerchantId,
    pub(super) programs: [ProgramId; 3],
    pub(super) cards: Vec<CardId>,
    counter: i64,
}

pub(super) fn points_rules(price: i64) -> Rules {
    Rules::parse(&format!(
        r#"{{"scheme":{{"kind":"points","per_visit":10,
            "rewards":[{{"code":"tea","name":"Tea","points":{price}}}]}},
            "validity":{{"ends":"rolling","days":20}}}}"#
    ))
    .expect("rules")
}

fn all_rules() -> [Rules; 3] {
    [
        Rules::punch(3).expect("rules"),
        points_rules(30),
        Rules::parse(
            r#"{"scheme":{"kind":"coupon","redeem_at_till":true},"validity":{"ends":"after_issue","days":9}}"#,
        )
        .expect("rules"),
    ]
}

/// Cards by what is counted of them.
pub(super) type Counted = BTreeMap<(ProgramId, Counter), i64>;

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
        let mut programs = Vec::new();
        for rules in all_rules() {
            let new = NewProgram {
                name: rules.kind().as_str().into(),
                template: "coffee".into(),
                pass_type_identifier: PassTypeIdentifier::parse(PASS_TYPE).expect("valid"),
                reward_name: "Free coffee".into(),
                rules,
            };
            programs.push(ops.create_program(merchant, new).await.expect("program"));
        }
        Self {
            recorder: Recorder::start(&ops),
            ops,
            merchant,
            programs: programs.try_into().expect("three"),
            cards: Vec::new(),
            counter: 0,
        }
    }

    /// The same shop seen from another node.
    pub(super) fn on(&self, store: Store) -> Self {
        let ops = Ops {
            store,
            ..self.ops.clone()
        };
        Self {
            recorder: Recorder::start(&ops),
            ops,
            counter: 1_000_000,
            ..self.clone()
        }
    }

    /// Leaves out so many numbers of the station.
    pub(super) fn skip(&mut self, numbers: usize) {
        self.counter += i64::try_from(numbers).expect("small");
    }

    pub(super) async fn issue(&mut self, program: usize) -> CardId {
        let holder = Holder {
            name: "Ada".into(),
            email: None,
            phone: None,
        };
        let issued = self.ops.issue(self.merchant, self.programs[program], holder);
        let card = issued.await.expect("card").card.id;
        self.cards.push(card);
        card
    }

    pub(super) async fn card(&self, card: CardId) -> Card {
        let merchant = self.merchant;
        let found: Result<_, Error> = self
            .ops
            .store
            .read("card", move |tx| Box::pin(cards::card(tx, merchant, card)))
            .await;
        found.expect("readable").expect("the card exists").card
    }

    /// A presentation so long ago, with this amount.
    pub(super) async fn tap(&mut self, card: CardId, ago: Duration, amount: Option<i64>) {
        let token = self.card(card).await.token;
        self.counter += 1;
        let capture = Capture {
            key: CaptureKey {
                station: StationId(77),
                counter: self.counter,
            },
            kind: CaptureKind::Barcode,
            token,
            captured_at: self.ops.clock.now().minus(ago),
            amount: amount.map(|minor| Amount::new(minor).expect("an amount")),
        };
        let recorded = self.recorder.record(self.merchant, vec![capture]).await;
        recorded.expect("recorded");
    }

    pub(super) async fn register(&self, card: CardId) {
        let token = PushToken::parse("ab").expect("valid");
        let registered = self.ops.register_device(self.registration(card), token).await;
        registered.expect("registered");
    }

    pub(super) async fn unregister(&self, card: CardId) {
        let ended = self.ops.unregister_device(self.registration(card)).await;
        ended.expect("answered");
    }

    fn registration(&self, card: CardId) -> RegistrationKey {
        RegistrationKey {
            merchant: self.merchant,
            pass_type_identifier: PassTypeIdentifier::parse(PASS_TYPE).expect("valid"),
            device: DeviceLibraryIdentifier::parse("device").expect("valid"),
            card,
        }
    }

    /// Whatever is refused is not done.
    pub(super) async fn redeem(&self, card: CardId) {
        let seen = self.card(card).await.version;
        let _ = self.ops.redeem(self.merchant, card, seen, ACTOR).await;
    }

    pub(super) async fn void(&self, card: CardId) {
        let _ = self.ops.void(self.merchant, card, ACTOR).await;
    }

    pub(super) async fn restore(&self, card: CardId) {
        let _ = self.ops.restore(self.merchant, card, ACTOR).await;
    }

    /// Takes back one of the card's newest events, if it can be taken back.
    pub(super) async fn reverse(&self, card: CardId, which: usize) {
        let history = self.history(&self.card(card).await).await;
        let Some(event) = history.get(which) else { return };
        let _ = self.ops.reverse(self.merchant, card, event.id, ACTOR).await;
    }

    /// Writes that no use case of its own makes yet.
    pub(super) async fn sql(&self, sql: &'static str, card: CardId, value: i64) {
        let merchant = self.merchant;
        let done: Result<(), Error> = self
            .ops
            .store
            .write("test_sql", move |tx| {
                Box::pin(async move {
                    tx.exec(sql, &values![merchant, card, value]).await?;
                    Ok(())
                })
            })
            .await;
        done.expect("done");
    }

    /// Erases the holder: the card is ended first, and who the holder was is gone afterwards.
    pub(super) async fn erase(&self, card: CardId) {
        self.void(card).await;
        let customer = self.card(card).await.customer;
        let (merchant, now) = (self.merchant, self.ops.clock.now());
        let erased: Result<(), Error> = self
            .ops
            .store
            .write("test_erase", move |tx| {
                Box::pin(async move {
                    let sql = "update customers set first_name = '', erased_at = $3 \
                               where merchant_id = $1 and customer_id = $2";
                    tx.exec(sql, &values![merchant, customer, now]).await?;
                    counts::recount_customer(tx, merchant, customer, now).await
                })
            })
            .await;
        erased.expect("erased");
    }

    /// Turns a card into one of another program, as a coupon turns into its linked program.
    pub(super) async fn convert(&self, card: CardId, program: usize) {
        let (merchant, now, program) = (self.merchant, self.ops.clock.now(), self.programs[program]);
        let converted: Result<(), Error> = self
            .ops
            .store
            .write("test_convert", move |tx| {
                Box::pin(async move {
                    let mut card = cards::card_for_update(tx, merchant, card)
                        .await?
                        .expect("the card");
                    card.program = program;
                    card.touch(now);
                    let sql = "update cards set program_id = $3 where merchant_id = $1 and card_id = $2";
                    tx.exec(sql, &values![merchant, card.id, program]).await?;
                    cards::save(tx, &[card], now).await
                })
            })
            .await;
        converted.expect("converted");
    }

    pub(super) async fn chores(&self) {
        self.ops.do_chores().await.expect("chores are done");
    }

    pub(super) async fn live(&self) -> Vec<ProgramCounts> {
        let counts = self.ops.segment_counts(self.merchant, None).await;
        counts.expect("counts are read")
    }

    async fn history(&self, card: &Card) -> Vec<Event> {
        let (merchant, newest) = (card.merchant, card.last_event.expect("issued"));
        let history: Result<_, Error> = self
            .ops
            .store
            .read("history", move |tx| {
                Box::pin(events::history(tx, merchant, newest, 1000))
            })
            .await;
        history.expect("readable")
    }

    /// Every card as its ledger and the rules in force say that it stands now.
    async fn recounted(&self, live: &[ProgramCounts]) -> Counted {
        let mut counted = Counted::new();
        for card in &self.cards {
            let card = self.card(*card).await;
            let history = self.history(&card).await;
            let mut visits: Vec<_> = ledger::standing_visits(&history).collect();
            visits.sort_unstable();
            assert_eq!(card.visits, i64::try_from(visits.len()).expect("few"));
            assert_eq!(
                card.last_visit_at,
                visits.last().copied(),
                "the newest visit that stands"
            );
            let installs = history
                .iter()
                .filter(|event| event.event.kind == EventKind::CardInstalled);
            let rules = live
                .iter()
                .find(|of| of.program == card.program)
                .expect("of a program")
                .rules;
            let facts = Facts {
                rules,
                ready: self.ready(card.program).await,
                installed_at: installs.map(|event| event.event.at).min(),
                visit_before_at: visits.iter().rev().nth(1).copied(),
                recent: self.recent(&card, &history, rules.window).await,
                is_erased: self.is_erased(&card).await,
            };
            let standing = chips::standing(&card, &facts, self.ops.clock.now());
            for counter in standing.counters() {
                *counted.entry((card.program, counter)).or_default() += 1;
            }
        }
        counted
    }

    /// What of a ledger lies within a window, said once more; and that the card is kept with just that.
    async fn recent(&self, card: &Card, history: &[Event], window: Window) -> Recent {
        let begin = self
            .ops
            .clock
            .now()
            .minus(DAY * u32::try_from(window.days()).expect("few"));
        let taken_back: Vec<_> = history.iter().filter_map(|event| event.event.reverses).collect();
        let mut recent = Recent::default();
        for event in history {
            let (row, delta) = (&event.event, event.event.delta);
            let stands = row.reverses.is_none() && !taken_back.contains(&event.id);
            if stands && row.at > begin && (delta.visits != 0 || delta.spend != 0) {
                recent.visits += delta.visits;
                recent.spend += delta.spend;
                recent.oldest = Some(recent.oldest.map_or(row.at, |oldest| oldest.min(row.at)));
            }
        }
        let (merchant, id) = (card.merchant, card.id);
        let kept: Result<(i64, i64, Option<Timestamp>), Error> = self
            .ops
            .store
            .read("recent", move |tx| {
                Box::pin(async move {
                    let sql = "select recent_visits, recent_spend, recent_from from cards \
                               where merchant_id = $1 and card_id = $2";
                    tx.one(sql, &values![merchant, id]).await
                })
            })
            .await;
        let kept = kept.expect("readable");
        assert_eq!(
            kept,
            (recent.visits, recent.spend, recent.oldest),
            "kept with card {id}"
        );
        recent
    }

    async fn ready(&self, program: ProgramId) -> Ready {
        let merchant = self.merchant;
        let of: Result<_, Error> = self
            .ops
            .store
            .read("program", move |tx| {
                Box::pin(cards::program(tx, merchant, program))
            })
            .await;
        match of.expect("readable").expect("a program").program.rules.scheme {
            passgate::domain::program::Scheme::Punch(_) => Ready::Reward,
            passgate::domain::program::Scheme::Points(points) => {
                Ready::Balance(points.rewards.first().map(|reward| reward.points))
            }
            passgate::domain::program::Scheme::Coupon(_) => Ready::Coupon,
        }
    }

    async fn is_erased(&self, card: &Card) -> bool {
        let (merchant, customer) = (card.merchant, card.customer);
        let erased: Result<(i64,), Error> = self
            .ops
            .store
            .read("erased", move |tx| {
                Box::pin(async move {
                    let sql = "select count(*) from customers where merchant_id = $1 and customer_id = $2 \
                               and erased_at is not null";
                    tx.one(sql, &values![merchant, customer]).await
                })
            })
            .await;
        erased.expect("readable").0 > 0
    }

    /// The live counts are what counting all cards gives.
    pub(super) async fn check(&self, after: &str) {
        let live = self.live().await;
        let mut kept = Counted::new();
        for of in &live {
            assert_eq!(of.behind(), 0, "after {after}");
            for (counter, cards) in of.counters.values().flatten() {
                assert!(*cards > 0, "after {after}: {counter:?}");
                *kept.entry((of.program, *counter)).or_default() += cards;
            }
        }
        let counted = self.recounted(&live).await;
        assert_eq!(kept, counted, "after {after}");
        for of in &live {
            let cells = of.rules.grid.cells().map(|cell| of.cell(of.version, cell));
            assert_eq!(cells.sum::<i64>(), of.chip(Chip::All), "each card is in one cell");
        }
    }

    pub(super) async fn is_installed(&self, card: CardId) -> bool {
        self.card(card).await.status == CardStatus::Installed
    }
}
