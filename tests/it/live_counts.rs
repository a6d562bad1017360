//! Live counts against counting from scratch, on both engines: after anything that happens to cards, in any order, after
//! any time, from several hands and nodes at once.

mod shop;

use std::time::Duration;

use passgate::domain::chips::Chip;
use passgate::domain::rfm::{Cell, Limits};
use passgate::domain::window::Window;
use passgate::ops::counts::NewGrid;
use passgate::store::Store;

use crate::engines::for_each_engine;
use crate::postgres;
use shop::{COUPON, POINTS, PUNCH, Shop, points_rules};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A small generator: the same seed does the same things.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn index(&mut self, length: usize) -> usize {
        let length = u64::try_from(length).expect("small");
        usize::try_from(self.roll(length)).expect("small")
    }
}

/// One thing that happens; how it is called, and whether chores must run before counts are true again.
async fn happen(shop: &mut Shop, dice: &mut Dice) -> (&'static str, bool) {
    if shop.cards.len() < 3 {
        for program in [PUNCH, POINTS, COUPON] {
            shop.issue(program).await;
        }
    }
    let card = shop.cards[dice.index(shop.cards.len())];
    match dice.roll(24) {
        0 => {
            let program = dice.index(3);
            shop.issue(program).await;
            ("issue", false)
        }
        1..=7 => {
            let amount = (dice.roll(3) > 0).then(|| i64::try_from(dice.roll(5000)).expect("small"));
            shop.tap(card, Duration::ZERO, amount).await;
            ("tap", false)
        }
        8 | 9 => {
            let ago = HOUR * u32::try_from(dice.roll(24 * 40)).expect("small");
            shop.tap(card, ago, None).await;
            ("late tap", false)
        }
        10 => {
            shop.redeem(card).await;
            ("redeem", false)
        }
        11 | 12 => {
            let which = dice.index(4);
            shop.reverse(card, which).await;
            ("reverse", false)
        }
        13 => {
            shop.void(card).await;
            ("void", false)
        }
        14 => {
            shop.restore(card).await;
            ("restore", false)
        }
        15 | 16 => {
            shop.register(card).await;
            ("register", false)
        }
        17 => {
            shop.unregister(card).await;
            ("unregister", false)
        }
        18 => {
            let program = dice.index(3);
            shop.convert(card, program).await;
            ("convert", false)
        }
        19 if dice.roll(6) == 0 => {
            shop.erase(card).await;
            ("erase", false)
        }
        20 if dice.roll(4) == 0 => {
            let days = i64::try_from(dice.roll(20)).expect("small");
            let limits = Limits::new([days, days + 12], [1 + days % 4, 6]).expect("limits");
            let window = Window::new(10 + i64::try_from(dice.roll(80)).expect("small")).expect("days");
            let program = shop.programs[dice.index(3)];
            let set = shop
                .ops
                .set_grid(shop.merchant, program, NewGrid::Limits(limits), Some(window))
                .await;
            set.expect("set");
            ("another grid", true)
        }
        21 if dice.roll(8) == 0 => {
            let program = shop.programs[PUNCH];
            let set = shop.ops.set_grid(shop.merchant, program, NewGrid::Fifths, None);
            set.await.expect("set");
            ("fifths", true)
        }
        _ => {
            let by = match dice.roll(3) {
                0 => HOUR / 60 * u32::try_from(dice.roll(120)).expect("small"),
                1 => HOUR * u32::try_from(dice.roll(48)).expect("small"),
                _ => DAY * u32::try_from(dice.roll(40)).expect("small"),
            };
            shop.ops.clock.advance(by);
            ("time", true)
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_are_those_of_counting_after_anything_that_happens() {
    for_each_engine(async |store| {
        for seed in 1..=6 {
            let mut shop = Shop::open(store.clone()).await;
            let mut dice = Dice(seed);
            for step in 0..120 {
                let (what, needs_chores) = happen(&mut shop, &mut dice).await;
                if needs_chores {
                    shop.chores().await;
                }
                shop.check(&format!("step {step} of seed {seed}: {what}")).await;
            }
            let installed = shop.live().await.iter().map(|of| of.chip(Chip::All)).sum::<i64>();
            assert!(installed > 0, "something happened at all");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn time_alone_moves_cards_from_segment_to_segment() {
    for_each_engine(async |store| {
        let mut shop = Shop::open(store).await;
        let card = shop.issue(PUNCH).await;
        shop.register(card).await;
        assert!(shop.is_installed(card).await);
        shop.tap(card, Duration::ZERO, Some(500)).await;
        let told = async |shop: &Shop, chip| shop.live().await[PUNCH].chip(chip);
        assert_eq!(told(&shop, Chip::New).await, 1);
        assert_eq!(told(&shop, Chip::Active).await, 1);
        assert_eq!(told(&shop, Chip::Inactive7).await, 0);
        shop.ops.clock.advance(7 * DAY);
        assert_eq!(told(&shop, Chip::New).await, 1, "nobody has looked yet");
        shop.chores().await;
        assert_eq!(told(&shop, Chip::New).await, 0);
        assert_eq!(told(&shop, Chip::Inactive7).await, 1);
        assert_eq!(told(&shop, Chip::HighValue).await, 1, "the only one with money");
        shop.ops.clock.advance(23 * DAY);
        shop.chores().await;
        assert_eq!(told(&shop, Chip::Active).await, 0);
        assert_eq!(told(&shop, Chip::Inactive30).await, 1);
        assert_eq!(told(&shop, Chip::LowEngagement).await, 1);
        let row = async |shop: &Shop| {
            let of = &shop.live().await[PUNCH];
            of.rules.grid.cells().find(|cell| of.cell(of.version, *cell) == 1)
        };
        assert_eq!(row(&shop).await, Some(Cell(1)));
        shop.ops.clock.advance(DAY);
        shop.chores().await;
        assert_eq!(row(&shop).await, Some(Cell(4)));
        assert_eq!(
            shop.ops.do_chores().await.expect("done"),
            0,
            "and then there is nothing to do"
        );
        shop.check("all that").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_grid_is_a_version_and_was_previewed() {
    for_each_engine(async |store| {
        let mut shop = Shop::open(store).await;
        for visits in 0..6_u32 {
            let card = shop.issue(PUNCH).await;
            for _ in 0..visits {
                shop.ops.clock.advance(2 * HOUR);
                shop.tap(card, Duration::ZERO, None).await;
            }
        }
        shop.chores().await;
        let (merchant, program) = (shop.merchant, shop.programs[PUNCH]);
        let before = shop.live().await[PUNCH].clone();
        assert_eq!((before.version, before.cell(1, Cell::NO_VISIT)), (1, 1));
        assert_eq!((before.cell(1, Cell(1)), before.cell(1, Cell(2))), (3, 2));

        let new = NewGrid::Limits(Limits::new([10, 20], [1, 4]).expect("limits"));
        let preview = shop
            .ops
            .preview_grid(merchant, program, new, None)
            .await
            .expect("previewed");
        let version = shop
            .ops
            .set_grid(merchant, program, new, None)
            .await
            .expect("set");
        assert_eq!(version, Some(2));
        assert_eq!(
            shop.ops
                .set_grid(merchant, program, new, None)
                .await
                .expect("set"),
            None,
            "no change"
        );
        let meanwhile = shop.live().await[PUNCH].clone();
        assert_eq!(
            (meanwhile.version, meanwhile.behind()),
            (2, 6),
            "counted by version 1 still"
        );
        assert_eq!(meanwhile.cell(1, Cell(1)), 3);
        assert!(meanwhile.grids.contains_key(&1));
        shop.chores().await;
        let after = shop.live().await[PUNCH].clone();
        for cell in preview.grid.cells() {
            assert_eq!(
                after.cell(2, cell),
                preview.cells[&cell],
                "{}",
                preview.grid.name(cell)
            );
        }
        assert_eq!(
            (
                after.cell(2, Cell(1)),
                after.cell(2, Cell(2)),
                after.cell(2, Cell(3))
            ),
            (1, 3, 1)
        );
        let versions = shop.ops.count_rules(merchant, program).await.expect("read");
        let numbers: Vec<_> = versions.iter().map(|version| version.version).collect();
        assert_eq!(numbers, [2, 1]);
        shop.check("another grid").await;
    })
    .await;
}

/// Whoever came often and stays away moves down by time alone, visit by visit, and up again with the next one.
#[tokio::test(flavor = "multi_thread")]
async fn visits_age_out_of_the_window() {
    for_each_engine(async |store| {
        let mut shop = Shop::open(store).await;
        let card = shop.issue(PUNCH).await;
        for _ in 0..8 {
            shop.tap(card, Duration::ZERO, Some(100)).await;
            shop.ops.clock.advance(DAY);
        }
        let cell = async |shop: &Shop| {
            let of = &shop.live().await[PUNCH];
            of.rules.grid.cells().find(|cell| of.cell(of.version, *cell) == 1)
        };
        shop.chores().await;
        assert_eq!(cell(&shop).await, Some(Cell(3)), "8 visits");
        // 365 days after the first visit, to the day.
        shop.ops.clock.advance(356 * DAY);
        shop.chores().await;
        assert_eq!(cell(&shop).await, Some(Cell(9)), "8 visits still, long ago");
        shop.ops.clock.advance(DAY);
        shop.chores().await;
        assert_eq!(cell(&shop).await, Some(Cell(8)), "7 visits");
        shop.tap(card, Duration::ZERO, None).await;
        assert_eq!(cell(&shop).await, Some(Cell(3)), "8 visits, one of them now");
        shop.ops.clock.advance(4 * DAY);
        // No chore has looked since: the tap itself leaves out what has aged.
        shop.tap(card, Duration::ZERO, None).await;
        assert_eq!(cell(&shop).await, Some(Cell(2)), "3 of the first, and two since");
        shop.check("a year").await;
        shop.ops.clock.advance(400 * DAY);
        shop.chores().await;
        assert_eq!(cell(&shop).await, Some(Cell(7)), "none, and long ago");
        assert_eq!(
            shop.ops.do_chores().await.expect("done"),
            0,
            "nothing is left to do"
        );
        shop.check("two years").await;
    })
    .await;
}

/// Money tells apart who came equally often, as previewed; a shorter window is a version, previewed from the ledgers.
#[tokio::test(flavor = "multi_thread")]
async fn another_window_is_a_version_and_money_breaks_ties() {
    for_each_engine(async |store| {
        let mut shop = Shop::open(store).await;
        let (merchant, program) = (shop.merchant, shop.programs[PUNCH]);
        for number in 0..10_i64 {
            let card = shop.issue(PUNCH).await;
            for visit in 0..2 {
                shop.tap(card, Duration::ZERO, Some(100 * number + visit)).await;
                shop.ops.clock.advance(2 * HOUR);
            }
        }
        shop.chores().await;
        let set = shop.ops.set_grid(merchant, program, NewGrid::Fifths, None).await;
        assert!(set.expect("set").is_some());
        shop.chores().await;
        let columns = async |shop: &Shop| {
            let of = shop.live().await[PUNCH].clone();
            let mut columns = [0; 5];
            for cell in of.rules.grid.cells() {
                if let Some((_, column)) = of.rules.grid.place(cell) {
                    columns[usize::try_from(column).expect("small")] += of.cell(of.version, cell);
                }
            }
            columns
        };
        assert_eq!(columns(&shop).await, [2; 5], "all came twice");
        shop.check("fifths").await;

        // Five of them came within the last day.
        let short = Window::new(1).expect("a day");
        shop.ops.clock.advance(3 * HOUR);
        let limits = NewGrid::Limits(Limits::new([30, 60], [1, 4]).expect("limits"));
        let preview = shop
            .ops
            .preview_grid(merchant, program, limits, Some(short))
            .await;
        let preview = preview.expect("previewed");
        assert_eq!(
            (preview.window, preview.cells[&Cell(1)], preview.cells[&Cell(2)]),
            (short, 5, 5)
        );
        let set = shop.ops.set_grid(merchant, program, limits, Some(short)).await;
        let version = set.expect("set").expect("a version");
        shop.chores().await;
        let of = shop.live().await[PUNCH].clone();
        for cell in preview.grid.cells() {
            assert_eq!(
                of.cell(version, cell),
                preview.cells[&cell],
                "{}",
                preview.grid.name(cell)
            );
        }
        assert_eq!(of.rules.window, short);
        let versions = shop.ops.count_rules(merchant, program).await.expect("read");
        assert_eq!(versions[0].rules.window, short);
        assert!(
            versions[1..]
                .iter()
                .all(|older| older.rules.window == Window::YEAR)
        );
        shop.check("another window").await;
    })
    .await;
}

/// A gateway that kept no window before goes on with what its ledgers say.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_counted_by_a_window_is_counted_soon() {
    for_each_engine(async |store| {
        let mut shop = Shop::open(store).await;
        let card = shop.issue(PUNCH).await;
        for _ in 0..5 {
            shop.tap(card, Duration::ZERO, Some(100)).await;
            shop.ops.clock.advance(DAY);
        }
        // As the migration leaves it.
        let forget = "update cards set recent_days = 0, recent_visits = 0, recent_spend = 0, recent_from = null, \
                      counts_due_at = $3 where merchant_id = $1 and card_id = $2";
        shop.sql(forget, card, 0).await;
        shop.tap(card, Duration::ZERO, Some(100)).await;
        shop.check("a tap").await;
        shop.sql(forget, card, 0).await;
        shop.chores().await;
        shop.check("the chore").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_price_makes_others_ready_to_redeem() {
    for_each_engine(async |store| {
        let mut shop = Shop::open(store).await;
        let rich = shop.issue(POINTS).await;
        let poor = shop.issue(POINTS).await;
        for _ in 0..2 {
            shop.ops.clock.advance(2 * HOUR);
            shop.tap(rich, Duration::ZERO, None).await;
        }
        shop.chores().await;
        assert_eq!(shop.live().await[POINTS].chip(Chip::ReadyToRedeem), 0);
        let (merchant, program, rules) = (shop.merchant, shop.programs[POINTS], points_rules(20).print());
        let edited: Result<(), passgate::store::Error> = shop
            .ops
            .store
            .write("test_edit", move |tx| {
                let rules = rules.clone();
                Box::pin(async move {
                    let sql = "update programs set rules = $3, version = version + 1 \
                               where merchant_id = $1 and program_id = $2";
                    tx.exec(sql, &crate::engines::values![merchant, program, rules])
                        .await?;
                    Ok(())
                })
            })
            .await;
        edited.expect("edited");
        // Whoever comes next brings the others along.
        shop.tap(poor, Duration::ZERO, None).await;
        shop.chores().await;
        assert_eq!(shop.live().await[POINTS].chip(Chip::ReadyToRedeem), 1);
        shop.check("another price").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cards_that_were_written_by_other_means_are_counted_soon() {
    for_each_engine(async |store| {
        let mut shop = Shop::open(store).await;
        let card = shop.issue(PUNCH).await;
        let customer = shop.card(card).await.customer;
        shop.sql(
            "insert into cards (merchant_id, card_id, program_id, customer_id, serial_number, token, status, \
             channels, punches, rewards, visits, earned_on_day, created_at, version, changed_at) \
             select merchant_id, card_id + 1, program_id, $3, 'serial-of-another', 'TOKENOFANOTHER', status, channels, \
             0, 1, 0, 0, created_at, 1, changed_at from cards where merchant_id = $1 and card_id = $2",
            card,
            customer.0,
        )
        .await;
        shop.chores().await;
        let live = &shop.live().await[PUNCH];
        assert_eq!((live.chip(Chip::All), live.chip(Chip::ReadyToRedeem)), (2, 1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_customer_is_in_no_segment_however_it_is_said() {
    for_each_engine(async |store| {
        let mut shop = Shop::open(store).await;
        let ended_before = shop.issue(PUNCH).await;
        let ended_with = shop.issue(PUNCH).await;
        shop.void(ended_before).await;
        shop.chores().await;
        shop.erase(ended_before).await;
        shop.check("erased, ended before").await;
        // Nobody tells the counts: the card is looked at again because it has just ended.
        shop.void(ended_with).await;
        let sql = "update customers set erased_at = $3 where merchant_id = $1 and customer_id = \
                   (select customer_id from cards where merchant_id = $1 and card_id = $2)";
        shop.sql(sql, ended_with, shop.ops.clock.now().0).await;
        shop.chores().await;
        shop.check("erased, ended with it").await;
        assert_eq!(shop.live().await[PUNCH].chip(Chip::All), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lifetime_value_is_told_by_currency_and_follows_what_is_taken_back() {
    for_each_engine(async |store| {
        let mut shop = Shop::open(store).await;
        let euros = shop.issue(PUNCH).await;
        let coupon = shop.issue(COUPON).await;
        let yen = shop.issue(POINTS).await;
        let customer = shop.card(euros).await.customer;
        for card in [coupon, yen] {
            let sql = "update cards set customer_id = $3 where merchant_id = $1 and card_id = $2";
            shop.sql(sql, card, customer.0).await;
        }
        let sql = "update programs set rules = replace(rules, '\"currency\":\"EUR\"', '\"currency\":\"JPY\"') \
                   where merchant_id = $1 and $3 = 0 and program_id = \
                   (select program_id from cards where merchant_id = $1 and card_id = $2)";
        shop.sql(sql, yen, 0).await;
        let told = async |shop: &Shop| {
            let lifetime = shop.ops.lifetime(shop.merchant, customer).await;
            lifetime.expect("read").to_string()
        };
        assert_eq!(told(&shop).await, "nothing spent that is known of");
        shop.tap(euros, Duration::ZERO, Some(1000)).await;
        shop.tap(yen, Duration::ZERO, Some(700)).await;
        shop.tap(coupon, Duration::ZERO, Some(250)).await;
        assert_eq!(told(&shop).await, "12.50 EUR and 700 JPY");
        shop.ops.clock.advance(2 * HOUR);
        // Unknown is not zero, and a second purchase within the hour is no second visit.
        shop.tap(euros, Duration::ZERO, None).await;
        shop.tap(euros, Duration::ZERO, Some(5)).await;
        shop.tap(yen, Duration::ZERO, None).await;
        assert_eq!(told(&shop).await, "12.55 EUR and 700 JPY; 2 visits without amount");
        // The third punch earned a reward, whose row is the newest; taking it back withdraws that.
        shop.reverse(euros, 1).await;
        shop.reverse(euros, 4).await;
        assert_eq!(told(&shop).await, "12.50 EUR and 700 JPY; 1 visit without amount");
        assert_eq!(shop.card(euros).await.visits, 1);
        shop.convert(coupon, PUNCH).await;
        assert_eq!(told(&shop).await, "12.50 EUR and 700 JPY; 1 visit without amount", "converted");
        shop.chores().await;
        shop.check("all that").await;
    })
    .await;
}

/// Hands that tap and do other things at once, from as many nodes as there are shops; chores run meanwhile.
async fn crowd(shops: Vec<Shop>) {
    let mut hands = Vec::new();
    for (node, shop) in shops.iter().enumerate() {
        let chores = shop.clone();
        hands.push(tokio::spawn(async move {
            for _ in 0..10 {
                chores.chores().await;
            }
        }));
        for hand in 0..4 {
            let mut shop = shop.clone();
            // Hands of one node share a station, so their counters must differ.
            shop.skip(hand * 10_000);
            let mut dice = Dice(u64::try_from(node * 10 + hand).expect("small") + 100);
            hands.push(tokio::spawn(async move {
                for _ in 0..40 {
                    let card = shop.cards[dice.index(shop.cards.len())];
                    match dice.roll(10) {
                        0 => shop.redeem(card).await,
                        1 => shop.void(card).await,
                        2 => shop.restore(card).await,
                        3 => shop.register(card).await,
                        4 => shop.unregister(card).await,
                        5 => shop.reverse(card, dice.index(3)).await,
                        _ => shop.tap(card, Duration::ZERO, Some(250)).await,
                    }
                }
            }));
        }
    }
    for hand in hands {
        hand.await.expect("no hand fails");
    }
}

async fn crowded(first: &mut Shop, others: &[Store]) {
    for program in [PUNCH, POINTS, COUPON, PUNCH, PUNCH] {
        first.issue(program).await;
    }
    for _ in 0..3 {
        let mut shops = vec![first.clone()];
        shops.extend(others.iter().map(|store| first.on(store.clone())));
        crowd(shops).await;
        first.check("a crowd, before any chore").await;
        first.skip(100_000);
        first.ops.clock.advance(8 * DAY);
        first.chores().await;
        first.check("a crowd and some time").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_hands_at_once_keep_the_counts() {
    for_each_engine(async |store| crowded(&mut Shop::open(store).await, &[]).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_keep_the_counts_together() {
    let Some(url) = postgres::migrated_database().await else {
        return;
    };
    let store = async || Store::open(&url, 8).await.expect("the store opens");
    let mut first = Shop::open(store().await).await;
    crowded(&mut first, &[store().await]).await;
}
