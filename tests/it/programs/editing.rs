//! Programs that change: edits that do not overwrite each other, and rules that reach every card.

use passgate::domain::issue::IssueRefusal;
use passgate::ops::programs::{EditError, ProgramEdit};

use super::*;
use crate::engines::for_each_engine;

const POINTS: &str = r#"{"scheme": {"kind": "points", "per_visit": 10}}"#;

fn punch(goal: i64) -> String {
    format!(
        r#"{{"scheme": {{"kind": "punch", "goal": {goal}, "punches_per_visit": 1, "carry_over": true}}}}"#
    )
}

fn edit(name: &str, rules: &str) -> ProgramEdit {
    let new = program(rules);
    ProgramEdit {
        name: name.into(),
        template: new.template,
        reward_name: new.reward_name,
        rules: new.rules,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_edits_of_one_version_do_not_overwrite_each_other() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, &punch(9)).await;
        let names = ["one", "two", "three", "four"];
        let edits = names.map(|name| {
            let (ops, merchant, program) = (shop.ops.clone(), shop.merchant, shop.program);
            tokio::spawn(async move {
                ops.edit_program(merchant, program, 1, edit(name, &punch(5)))
                    .await
            })
        });
        let (mut winners, mut shown) = (Vec::new(), Vec::new());
        for edit in edits {
            match edit.await.expect("no panic") {
                Ok(program) => winners.push(program.name),
                Err(EditError::Changed(now)) => shown.push((now.name, now.version)),
                Err(other) => panic!("{other}"),
            }
        }
        let winner = winners.pop().expect("one was written");
        assert!(winners.is_empty(), "only one");
        assert_eq!(shown, [(winner.clone(), 2), (winner.clone(), 2), (winner, 2)]);
        let kind = shop
            .ops
            .edit_program(shop.merchant, shop.program, 2, edit("x", POINTS))
            .await;
        assert!(
            kind.expect_err("refused")
                .to_string()
                .starts_with("a punch program stays one")
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archived_program_gives_no_new_cards_and_keeps_the_old() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, &punch(9)).await;
        let card = shop.issue().await;
        let archive = async |seen, archived| {
            shop.ops
                .archive_program(shop.merchant, shop.program, seen, archived)
                .await
        };
        let archived = archive(1, true).await.expect("archived");
        assert_eq!(archived.archived_at, Some(NOW));
        assert!(matches!(archive(1, false).await, Err(EditError::Changed(now)) if now.version == 2));
        let refused = shop.try_issue().await;
        assert!(matches!(refused, Err(CardError::Issue(IssueRefusal::Archived))));
        assert_eq!(shop.present(&card, NOW, None).await.punches, 1);
        archive(archived.version, false).await.expect("taken back");
        shop.issue().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lowered_goal_reaches_every_card_once() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, &punch(9)).await;
        let mut cards = Vec::new();
        for index in 0..203_i64 {
            let card = shop.issue().await;
            if index % 50 == 0 {
                for _ in 0..7 {
                    shop.present(&card, NOW, None).await;
                }
            }
            cards.push((card, if index % 50 == 0 { 7 } else { 0 }));
        }
        let before = shop.history(cards[0].0.id).await;
        let lowered = edit("Card", &punch(3));
        shop.ops
            .edit_program(shop.merchant, shop.program, 1, lowered)
            .await
            .expect("edited");
        let untouched = shop.card(cards[0].0.id).await;
        assert_eq!(
            (untouched.punches, untouched.rewards),
            (7, 0),
            "history is not rewritten"
        );
        let nodes: Vec<_> = (0..3)
            .map(|_| {
                let ops = shop.ops.clone();
                tokio::spawn(async move { ops.do_chores_named(&DATES).await.expect("chores") })
            })
            .collect();
        for node in nodes {
            node.await.expect("no panic");
        }
        shop.do_chores().await;
        for (card, punches) in &cards {
            let now = shop.card(card.id).await;
            assert_eq!((now.punches, now.rewards), (punches % 3, punches / 3));
            assert_eq!(now.version, card.version + punches + 1, "drawn anew once");
        }
        let after = shop.history(cards[0].0.id).await;
        assert_eq!(after[..before.len()], before[..]);
        assert_eq!(shop.do_chores().await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ladder_that_comes_later_has_cycles_that_end() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, POINTS).await;
        let card = shop.issue().await;
        let ladder = r#"{"scheme": {"kind": "points", "per_visit": 10}, "ladder": {"measure": "earned",
            "cycle": "enrolment", "tiers": [{"name": "Basic", "threshold": 0}, {"name": "Gold", "threshold": 10}]}}"#;
        shop.ops.edit_program(shop.merchant, shop.program, 1, edit("Card", ladder)).await.expect("edited");
        shop.do_chores().await;
        shop.present(&card, NOW, None).await;
        let gold = shop.card(card.id).await;
        assert_eq!((gold.tier_points, gold.tier), (10, Some(1)));
        shop.ops.clock.advance(366 * DAY);
        shop.do_chores().await;
        let basic = shop.card(card.id).await;
        assert_eq!((basic.points, basic.tier_points, basic.tier), (10, 0, Some(0)));
        shop.history(card.id).await;
    })
    .await;
}
