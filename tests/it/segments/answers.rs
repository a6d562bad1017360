//! Answers are compared as what was asked for: a number with numbers, a day with days, and nothing else.

use passgate::domain::custom_field::{CustomField, FieldCode, FieldKind};
use passgate::domain::id::{CardId, PassTypeIdentifier, ProgramId};
use passgate::ops::campaigns::CampaignError;
use passgate::ops::rosters::Rosters;
use passgate::ops::segments::{NewContent, SegmentError, Target};
use passgate::ops::setup::NewProgram;
use passgate::store::Error;
use passgate::store::custom_fields::{self, Answer};

use super::*;

impl Shop {
    async fn ask(&self, program: ProgramId, code: &str, kind: FieldKind) -> CustomField {
        let field = CustomField {
            code: FieldCode::parse(code).expect("a code"),
            label: code.into(),
            kind,
            required: false,
            position: 0,
        };
        let added = self.ops.add_field(self.merchant, program, field.clone()).await;
        added.expect("added");
        field
    }

    async fn answer(&self, card: CardId, field: &CustomField, text: &str) {
        let answer = Answer {
            card,
            code: field.code.clone(),
            value: field.read(text).expect("it fits"),
        };
        let merchant = self.merchant;
        let set: Result<(), Error> = self
            .ops
            .store
            .write("answer", move |tx| {
                let answer = answer.clone();
                Box::pin(async move { custom_fields::set(tx, merchant, &[answer]).await })
            })
            .await;
        set.expect("set");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_compared_with_numbers_and_days_with_days() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let (ops, merchant) = (&shop.ops, shop.merchant);
        let other = NewProgram {
            name: "Tea card".into(),
            template: "coffee".into(),
            pass_type_identifier: PassTypeIdentifier::parse("pass.example.coffee").expect("valid"),
            reward_name: "Free tea".into(),
            rules: Rules::punch(2).expect("rules"),
        };
        let other = ops.create_program(merchant, other).await.expect("a program");
        // One code, asked for as a number here and as a day there; as it happens, 2026.1125 is kept as the day is.
        let number = shop.ask(shop.program, "since", FieldKind::Number).await;
        let day = shop.ask(other, "since", FieldKind::Date).await;
        let text = shop.ask(shop.program, "hat", FieldKind::Text).await;
        let zoe = shop.issue("Zoë").await.card.id;
        let holder = Holder {
            name: "Max".into(),
            email: None,
            phone: None,
        };
        let max = ops.issue(merchant, other, holder).await.expect("issued").card.id;
        shop.answer(zoe, &number, "2026.1125").await;
        shop.answer(max, &day, "2026-11-25").await;
        shop.answer(zoe, &text, "42").await;

        let rosters = Rosters::start(ops, ROOM);
        for (rule_text, expected) in [
            ("custom.since.over.2026", Some(zoe)),
            ("custom.since.under.2026", None),
            ("custom.since.over.2026-11-24", Some(max)),
            ("custom.since.between.2026-11-25..2026-11-25", Some(max)),
            ("custom.since.between.1..2027", Some(zoe)),
            ("custom.hat.is.42", Some(zoe)),
        ] {
            let target = Target::Rule(rule(rule_text));
            let resolved = ops.resolve(merchant, Viewer::Operator, &target, None).await;
            let by_store = ops.members_after(merchant, &resolved.expect("resolved"), CardId(0), 10).await;
            let expected: Vec<_> = expected.into_iter().collect();
            assert_eq!(by_store.expect("asked"), expected, "{rule_text}");
            let in_memory = rosters.list(merchant, &query(target, "name")).await.expect("listed");
            let in_memory: Vec<_> = in_memory.lines.iter().map(|line| line.card).collect();
            assert_eq!(in_memory, expected, "{rule_text}");
        }

        let wrong = rule("all(visits.over.2,custom.hat.over.4)");
        let says = "custom.hat: expected is, not, in, has or empty, because the answers are texts; got 4";
        let asked = ops.resolve(merchant, Viewer::Operator, &Target::Rule(wrong.clone()), None).await;
        assert_eq!(asked.expect_err("refused").to_string(), says);
        let saved = shop.save("Hats", NewContent::Rule(wrong.clone()), ANNA, true).await;
        assert!(matches!(saved, Err(SegmentError::Incomparable(_))), "{saved:?}");
        let sound = NewContent::Rule(rule("custom.hat.has.4"));
        let saved = shop.save("Hats", sound, ANNA, true).await.expect("saved");
        let edit = Edit {
            rule: Some(wrong),
            ..Edit::default()
        };
        let edited = ops.edit_segment(merchant, Viewer::Member(ANNA), saved.id, saved.version, edit).await;
        assert!(matches!(edited, Err(SegmentError::Incomparable(_))), "{edited:?}");

        let rules = passgate::domain::campaign::CampaignRules::parse(
            r#"{"trigger": {"on": "visit"}, "eligible": "custom.hat.over.4", "action": {"do": "bonus", "amount": 1}}"#,
        );
        let rules = rules.expect("rules of a campaign");
        let created = ops.create_campaign(merchant, "Hats", rules, Actor::Member(ANNA)).await;
        let refused = created.expect_err("refused");
        assert!(matches!(refused, CampaignError::Incomparable(_)));
        assert_eq!(refused.to_string(), format!("eligible: {says}"));
    })
    .await;
}
