//! Segments as people use them: saving, changing, deleting; lists and counts that follow every tap.

mod answers;
mod built_in;

use std::time::Duration;

use passgate::domain::capture::{Capture, CaptureKey, CaptureKind};
use passgate::domain::chips::Chip;
use passgate::domain::event::Actor;
use passgate::domain::id::{CardId, MemberId, MerchantId, ProgramId, SegmentId, StationId};
use passgate::domain::money::Amount;
use passgate::domain::program::Rules;
use passgate::domain::secret::MasterKey;
use passgate::domain::segment::Rule;
use passgate::domain::segment::order::{Each, Edge, Order};
use passgate::domain::segment::saved::{Content, Refusal, Segment, Viewer};
use passgate::ops::Ops;
use passgate::ops::captures::Recorder;
use passgate::ops::cards::Holder;
use passgate::ops::rosters::{FRESH_FOR, List, Query, Rosters};
use passgate::ops::segments::{Drift, Edit, NewContent, NewSegment, Reach, SegmentError, Target};
use passgate::store::cards::CardWithProgram;
use passgate::store::{Error, Store};

use crate::business::{self, Business};
use crate::engines::{for_each_engine, values};

const ANNA: MemberId = MemberId(11);
const BEN: MemberId = MemberId(12);
/// Room for every roster of these tests.
const ROOM: usize = 1 << 24;

struct Shop {
    ops: Ops,
    merchant: MerchantId,
    program: ProgramId,
    recorder: Recorder,
}

impl Shop {
    async fn open(store: Store) -> Self {
        let Business {
            ops,
            merchant,
            program,
        } = business::open(store, "Europe/Berlin", Rules::punch(2).expect("rules")).await;
        Self {
            recorder: Recorder::start(&ops),
            ops,
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
        let issued = self.ops.issue(self.merchant, self.program, holder).await;
        issued.expect("card")
    }

    async fn tap(&self, card: &CardWithProgram, counter: i64) {
        self.present(card, counter, None).await;
    }

    async fn pay(&self, card: &CardWithProgram, counter: i64, amount: i64) {
        let amount = Amount::new(amount).expect("an amount");
        self.present(card, counter, Some(amount)).await;
    }

    async fn present(&self, card: &CardWithProgram, counter: i64, amount: Option<Amount>) {
        let capture = Capture {
            key: CaptureKey {
                station: StationId(7),
                counter,
            },
            kind: CaptureKind::Barcode,
            token: card.card.token.clone(),
            captured_at: self.ops.clock.now(),
            amount,
        };
        let answers = self.recorder.record(self.merchant, vec![capture]).await;
        let answers = answers.expect("recorded");
        assert_eq!(answers[0].refusal, None);
    }

    /// The segments that cards are on the list of.
    async fn lists(&self) -> Vec<SegmentId> {
        let merchant = self.merchant;
        let sql = "select distinct segment_id from segment_cards where merchant_id = $1 order by segment_id";
        let read = self.ops.store.read("lists_by_hand", move |tx| {
            Box::pin(async move { tx.all(sql, &values![merchant]).await })
        });
        let lists: Result<Vec<(SegmentId,)>, Error> = read.await;
        lists.expect("read").into_iter().map(|(id,)| id).collect()
    }

    async fn save(
        &self,
        name: &str,
        content: NewContent,
        owner: MemberId,
        shared: bool,
    ) -> Result<Segment, SegmentError> {
        let new = NewSegment {
            name: name.into(),
            content,
            owner: Some(owner),
            shared,
        };
        self.ops.add_segment(self.merchant, new).await
    }
}

fn rule(text: &str) -> Rule {
    Rule::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn query(target: Target, order: &str) -> Query {
    Query {
        viewer: Viewer::Operator,
        target,
        among: None,
        search: None,
        order: Order::parse(order).expect("an order"),
        edge: Edge::First,
        size: 50,
        each: Each::Card,
        only: None,
    }
}

fn names(list: &List) -> Vec<&str> {
    list.lines.iter().map(|line| line.first_name.as_str()).collect()
}

fn refusal<T>(result: Result<T, SegmentError>) -> Refusal {
    match result.err().expect("refused") {
        SegmentError::Refused(refusal) => refusal,
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn segments_are_saved_seen_changed_and_deleted() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let (ops, merchant) = (&shop.ops, shop.merchant);
        let anna = Viewer::Member(ANNA);
        let ben = Viewer::Member(BEN);
        let regulars = shop
            .save("Stammgäste", NewContent::Rule(rule("visits.over.9")), ANNA, false)
            .await
            .expect("saved");
        // The name is taken for everybody, although Ben does not see whose it is.
        let again = shop.save("STAMMGASTE ", NewContent::Rule(rule("all()")), BEN, false);
        assert_eq!(refusal(again.await), Refusal::NameTaken("STAMMGASTE".into()));
        assert_eq!(
            refusal(ops.segment(merchant, ben, regulars.id).await),
            Refusal::NotFound
        );
        assert_eq!(ops.segments(merchant, ben).await.expect("listed"), []);
        assert_eq!(
            ops.segments(merchant, anna).await.expect("listed"),
            std::slice::from_ref(&regulars)
        );
        assert!(ops.segments(MerchantId(5), anna).await.is_err());

        // Shared, it is everybody's to change; whoever looked at an older version is told.
        let edit = Edit {
            shared: Some(true),
            ..Edit::default()
        };
        let shared = ops
            .edit_segment(merchant, anna, regulars.id, 1, edit)
            .await
            .expect("edited");
        assert_eq!(
            (shared.version, shared.content.clone()),
            (2, regulars.content.clone())
        );
        let edit = Edit {
            name: Some("Regulars".into()),
            rule: Some(rule("visits.over.4")),
            shared: None,
        };
        let late = ops
            .edit_segment(merchant, ben, regulars.id, 1, edit.clone())
            .await;
        assert_eq!(refusal(late), Refusal::Stale { seen: 1, now: 2 });
        let edited = ops
            .edit_segment(merchant, ben, regulars.id, 2, edit)
            .await
            .expect("edited");
        assert_eq!(edited.content, Content::Rule(rule("visits.over.4")));
        assert!(edited.shared);

        let copy = ops
            .duplicate_segment(merchant, ben, regulars.id, "Mine")
            .await
            .expect("copied");
        assert_eq!(
            (copy.owner, copy.shared, copy.rule()),
            (Some(BEN), false, edited.rule())
        );
        let taken = ops.duplicate_segment(merchant, ben, regulars.id, "mine").await;
        assert_eq!(refusal(taken), Refusal::NameTaken("mine".into()));
        let list = NewContent::List(vec![
            shop.issue("Ada").await.card.id,
            shop.issue("Bo").await.card.id,
        ]);
        let list = shop.save("A list", list, ANNA, true).await.expect("saved");
        let taken = ops.duplicate_segment(merchant, ben, list.id, "mine").await;
        assert_eq!(refusal(taken), Refusal::NameTaken("mine".into()));
        let whole = ops.duplicate_segment(merchant, ben, list.id, "Ours").await;
        let whole = whole.expect("copied");
        assert_eq!(
            shop.lists().await,
            [list.id, whole.id],
            "no list without its segment"
        );
        for id in [list.id, whole.id] {
            ops.delete_segment(merchant, Viewer::Operator, id, 1)
                .await
                .expect("deleted");
        }
        assert_eq!(shop.lists().await, []);
        assert_eq!(
            refusal(
                ops.edit_segment(merchant, anna, copy.id, 1, Edit::default())
                    .await
            ),
            Refusal::NotFound
        );

        assert_eq!(
            refusal(ops.delete_segment(merchant, ben, regulars.id, 2).await),
            Refusal::Stale { seen: 2, now: 3 }
        );
        ops.delete_segment(merchant, ben, regulars.id, 3)
            .await
            .expect("deleted");
        assert_eq!(
            refusal(ops.segment(merchant, anna, regulars.id).await),
            Refusal::NotFound
        );
        // The name is free again.
        let anew = shop
            .save("Regulars", NewContent::Rule(rule("all()")), ANNA, true)
            .await;
        assert_eq!(anew.expect("saved").rule(), Some(&Rule::everything()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_holds_what_was_put_on_it() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let (ops, merchant) = (&shop.ops, shop.merchant);
        let (zoe, max, kim) = (
            shop.issue("Zoë").await,
            shop.issue("Max").await,
            shop.issue("Kim").await,
        );
        let ids =
            |cards: &[&CardWithProgram]| -> Vec<CardId> { cards.iter().map(|card| card.card.id).collect() };
        let unknown = CardId(99);
        let mut first = ids(&[&zoe, &max]);
        first.push(unknown);
        let list = shop
            .save("Tasting", NewContent::List(first), ANNA, true)
            .await
            .expect("saved");
        let target = Target::Saved(list.id);
        let rosters = Rosters::start(ops, ROOM);
        let members = async || {
            let list = rosters
                .list(merchant, &query(target.clone(), "name"))
                .await
                .expect("listed");
            let reach = ops
                .reach(merchant, Viewer::Operator, &target)
                .await
                .expect("counted");
            assert_eq!(usize::try_from(reach.members), Ok(list.total));
            names(&list).into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(members().await, ["Max", "Zoë"]);
        let (on, off) = (ids(&[&kim, &max]), ids(&[&zoe]));
        let changed = ops
            .change_list(merchant, Viewer::Member(BEN), list.id, &on, &off)
            .await;
        assert_eq!(changed.expect("changed"), 2);
        assert_eq!(members().await, ["Kim", "Max"]);
        let copy = ops
            .duplicate_segment(merchant, Viewer::Member(BEN), list.id, "Copy")
            .await;
        let resolved = ops
            .resolve(
                merchant,
                Viewer::Member(BEN),
                &Target::Saved(copy.expect("copied").id),
                None,
            )
            .await
            .expect("resolved");
        let walked = ops.members_after(merchant, &resolved, CardId(0), 10).await;
        assert_eq!(walked.expect("found"), ids(&[&max, &kim]));
        let no_rule = Edit {
            rule: Some(rule("all()")),
            ..Edit::default()
        };
        let refused = ops
            .edit_segment(merchant, Viewer::Member(ANNA), list.id, 2, no_rule)
            .await;
        assert_eq!(refusal(refused), Refusal::NoRule);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_follow_every_tap_and_every_new_card() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let (ops, merchant) = (&shop.ops, shop.merchant);
        let (zoe, max) = (shop.issue("Zoë").await, shop.issue("Max").await);
        let in_memory = Rosters::start(ops, ROOM);
        // One that has no memory asks the store every time, and must say the same.
        let from_store = Rosters::start(ops, 0);
        let list = async |target: &Target, order: &str| {
            let query = query(target.clone(), order);
            let list = in_memory.list(merchant, &query).await.expect("listed");
            let same = from_store.list(merchant, &query).await.expect("listed");
            assert_eq!((&list.lines, list.total), (&same.lines, same.total), "{target:?}");
            names(&list).into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        let ready = Target::BuiltIn(Chip::ReadyToRedeem);
        let visited = Target::Rule(rule("visits.over.0"));
        let everybody = Target::BuiltIn(Chip::All);
        assert_eq!(list(&everybody, "name").await, ["Max", "Zoë"]);
        assert_eq!(list(&everybody, "-name").await, ["Zoë", "Max"]);
        assert_eq!(list(&visited, "name").await, [""; 0]);
        shop.tap(&zoe, 1).await;
        assert_eq!(list(&visited, "name").await, ["Zoë"]);
        assert_eq!(list(&everybody, "-punches").await, ["Zoë", "Max"]);
        assert_eq!(list(&ready, "name").await, [""; 0]);
        shop.tap(&zoe, 2).await;
        assert_eq!(list(&ready, "name").await, ["Zoë"]);
        let kim = shop.issue("Kim").await;
        assert_eq!(list(&everybody, "name").await, ["Kim", "Max", "Zoë"]);
        ops.void(merchant, kim.card.id, Actor::Member(ANNA))
            .await
            .expect("ended");
        let inactive = Target::BuiltIn(Chip::Inactive7);
        assert_eq!(list(&inactive, "name").await, [""; 0]);
        // Time alone moves cards too.
        ops.clock
            .advance(Duration::from_hours(7 * 24) - Duration::from_millis(1));
        assert_eq!(list(&inactive, "name").await, [""; 0]);
        ops.clock.advance(Duration::from_millis(1));
        assert_eq!(list(&inactive, "name").await, ["Max", "Zoë"]);
        shop.tap(&max, 3).await;
        assert_eq!(list(&inactive, "name").await, ["Zoë"]);

        // A person who is erased without a word is gone when the roster is read anew, at the latest.
        let customer = zoe.card.customer;
        let erased: Result<u64, passgate::store::Error> = ops
            .store
            .write("erase", move |tx| {
                Box::pin(async move {
                    let sql = "update customers set erased_at = 1 where customer_id = $1";
                    tx.exec(sql, &values![customer]).await
                })
            })
            .await;
        erased.expect("erased");
        ops.clock.advance(FRESH_FOR + Duration::from_millis(1));
        let query = query(everybody.clone(), "name");
        loop {
            let list = in_memory.list(merchant, &query).await.expect("listed");
            if list.total == 2 {
                break;
            }
            assert_eq!(list.total, 3);
            tokio::task::yield_now().await;
        }
        assert_eq!(list(&everybody, "name").await, ["Kim", "Max"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_go_on_where_the_last_one_ended() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let (ops, merchant) = (&shop.ops, shop.merchant);
        for number in 0..7 {
            shop.issue(&format!("Holder {number}")).await;
        }
        let rosters = Rosters::start(ops, ROOM);
        let key = MasterKey::from_bytes([3; 32]);
        let everything = Rule::everything();
        let mut query = Query {
            size: 3,
            ..query(Target::Rule(everything.clone()), "-name")
        };
        let first = rosters.list(merchant, &query).await.expect("listed");
        assert_eq!((first.total, first.before.is_none()), (7, true));
        assert_eq!(names(&first), ["Holder 6", "Holder 5", "Holder 4"]);
        // Through an address and back.
        let edge = first.after.expect("more");
        let text = edge
            .seal(&key, merchant, &everything, query.order)
            .expect("not the first page");
        query.edge = Edge::open(&text, &key, merchant, &everything, query.order).expect("ours");
        // Who comes meanwhile is no trouble: this one belongs to the front.
        shop.issue("Zoë").await;
        let second = rosters.list(merchant, &query).await.expect("listed");
        assert_eq!(second.total, 8);
        assert_eq!(names(&second), ["Holder 3", "Holder 2", "Holder 1"]);
        query.edge = second.after.clone().expect("one more");
        let last = rosters.list(merchant, &query).await.expect("listed");
        assert_eq!((names(&last), last.after.is_none()), (vec!["Holder 0"], true));
        query.edge = last.before.expect("others");
        let back = rosters.list(merchant, &query).await.expect("listed");
        assert_eq!(back.lines, second.lines);
        query.edge = back.before.expect("others");
        let first = rosters.list(merchant, &query).await.expect("listed");
        assert_eq!(names(&first), ["Holder 6", "Holder 5", "Holder 4"]);
        query.edge = first.before.expect("Zoë came first");
        let front = rosters.list(merchant, &query).await.expect("listed");
        assert_eq!((names(&front), front.before.is_none()), (vec!["Zoë"], true));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reach_preview_and_drift_tell_before_anything_is_done() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let (ops, merchant) = (&shop.ops, shop.merchant);
        let mut cards = Vec::new();
        for number in 0..12 {
            cards.push(shop.issue(&format!("Holder {number:02}")).await);
        }
        for card in &cards[..5] {
            ops.link_google(merchant, card.card.id).await.expect("linked");
        }
        ops.void(merchant, cards[0].card.id, Actor::Gateway)
            .await
            .expect("ended");
        let rosters = Rosters::start(ops, ROOM);
        let target = Target::Rule(rule("joined.within.7d"));
        let reach = Reach {
            members: 12,
            reachable: 4,
        };
        assert_eq!(
            ops.reach(merchant, Viewer::Operator, &target)
                .await
                .expect("counted"),
            reach
        );
        let preview = rosters
            .preview(merchant, &query(target.clone(), "name"))
            .await
            .expect("preview");
        assert_eq!((preview.reach, preview.sample.len()), (reach, 10));
        let only = vec![cards[2].card.customer, cards[7].card.customer];
        let among = Query {
            among: Some(only),
            ..query(target.clone(), "name")
        };
        let found = rosters.list(merchant, &among).await.expect("listed");
        assert_eq!((names(&found), found.total), (vec!["Holder 02", "Holder 07"], 2));

        shop.issue("Late").await;
        let drift = ops
            .drift(merchant, Viewer::Operator, &target, preview.reach.members)
            .await;
        let drift = drift.expect("counted");
        assert_eq!((drift, drift.difference()), (Drift { seen: 12, now: 13 }, 1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_measured_now_and_then_and_stand_meanwhile() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let (ops, merchant) = (&shop.ops, shop.merchant);
        for spend in [100_i64, 500, 200, 400, 300] {
            let card = shop.issue(&format!("Spends {spend}")).await.card.id;
            let set: Result<u64, passgate::store::Error> = ops
                .store
                .write("spend", move |tx| {
                    Box::pin(async move {
                        let sql = "update cards set spend = $1 where card_id = $2";
                        tx.exec(sql, &values![spend, card]).await
                    })
                })
                .await;
            set.expect("set");
        }
        let target = Target::BuiltIn(Chip::HighValue);
        let members = async || {
            let reach = ops.reach(merchant, Viewer::Operator, &target).await;
            reach.expect("counted").members
        };
        assert_eq!(members().await, 0);
        ops.do_chores().await.expect("measured");
        assert_eq!(members().await, 1);
        // What stands for a day: nobody becomes of high value or stops being it because of others.
        let set: Result<u64, passgate::store::Error> = ops
            .store
            .write("spend", |tx| {
                Box::pin(tx.exec("update cards set spend = spend + 100", &[]))
            })
            .await;
        set.expect("set");
        ops.do_chores().await.expect("nothing is due");
        assert_eq!(members().await, 2);
        ops.clock
            .advance(Duration::from_hours(24) + Duration::from_millis(1));
        ops.do_chores().await.expect("measured");
        assert_eq!(members().await, 1);
    })
    .await;
}
