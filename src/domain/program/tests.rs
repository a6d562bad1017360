//! Rules as text: read back as written, bounded, and refused by name.

use super::*;
use proptest::prelude::*;

#[test]
fn rules_survive_printing_and_parsing() {
    let rules = Rules::punch(10)
        .and_then(|rules| rules.with_max_per_day(Some(2)))
        .expect("rules")
        .with_minimum_gap(Duration::from_secs(30));
    assert_eq!(Rules::parse(&rules.print()), Ok(rules));
    let text = r#"{"scheme": {"kind": "points", "per_visit": 5, "per_amount": {"points": 1, "per": 100},
        "rewards": [{"code": "mug", "name": "A mug", "points": 50}]},
        "validity": {"ends": "rolling", "days": 365}, "welcome": 10,
        "ladder": {"measure": "spend", "cycle": "calendar", "tiers": [{"name": "Basic", "threshold": 0},
        {"name": "Gold", "threshold": 50000}]}}"#;
    let rules = Rules::parse(text).expect("rules");
    assert_eq!(rules.kind(), ProgramKind::Points);
    assert_eq!(Rules::parse(&rules.print()), Ok(rules));
}

#[test]
fn rules_that_make_no_sense_are_refused_by_name() {
    let refused = |json: &str| Rules::parse(json).expect_err(json).to_string();
    assert!(
        refused(r#"{"scheme": {"kind": "punch", "goal": 0, "punches_per_visit": 1, "carry_over": true}}"#)
            .contains("between 1 and 1000")
    );
    assert!(refused(r#"{"scheme": {"kind": "coupon", "gaol": 3}}"#).contains("gaol"));
    assert!(
        refused(r#"{"scheme": {"kind": "coupon"}, "validity": {"ends": "rolling", "days": 0}}"#)
            .contains("validity.days")
    );
    let ladder = r#"{"scheme": {"kind": "coupon"}, "ladder": {"measure": "earned", "tiers": [{"name": "A", "threshold": 5}]}}"#;
    assert!(refused(ladder).contains("everybody"));
    assert!(
        Rules::new(Scheme::Coupon(CouponRules {
            redeem_at_till: true,
            linked: None
        }))
        .and_then(|rules| rules.with_carry_over(true))
        .is_err()
    );
}

/// The examples of the manual, one for each kind of program.
#[test]
fn the_manual_shows_rules_that_are_read() {
    let manual = include_str!("../../../docs/program-rules.md");
    let examples: Vec<_> = manual
        .split("```json\n")
        .skip(1)
        .filter_map(|rest| rest.split_once("```"))
        .map(|(example, _)| Rules::parse(example).expect(example))
        .collect();
    let kinds: Vec<_> = examples.iter().map(Rules::kind).collect();
    assert_eq!(kinds, ProgramKind::ALL);
    for rules in examples {
        assert_eq!(Rules::parse(&rules.print()), Ok(rules));
    }
}

#[test]
fn every_number_of_the_rules_is_bounded() {
    let refused = |json: &str| Rules::parse(json).expect_err(json).to_string();
    let with = |rest: &str| format!(r#"{{"scheme": {{"kind": "points"}}, {rest}}}"#);
    assert!(refused(&with(r#""welcome": -1"#)).contains("welcome"));
    assert!(refused(&with(r#""purchase": {"minimum": -5}"#)).contains("0 to"));
    assert!(refused(&with(r#""purchase": {"currency": "EURO"}"#)).contains("ISO 4217"));
    assert!(refused(&with(r#""validity": {"ends": "fixed", "day": "2026-02-30"}"#)).contains("JSON"));
    let high = format!(
        r#""ladder": {{"measure": "spend", "tiers": [{{"name": "A", "threshold": 0}}, {{"name": "B", "threshold": {}}}]}}"#,
        i64::MAX
    );
    assert!(refused(&with(&high)).contains("ladder.tiers.threshold"));
    let many: Vec<_> = (0..101)
        .map(|at| format!(r#"{{"code": "r{at}", "name": "R", "points": 5}}"#))
        .collect();
    let many = format!(
        r#"{{"scheme": {{"kind": "points", "rewards": [{}]}}}}"#,
        many.join(",")
    );
    assert!(refused(&many).contains("scheme.rewards"));
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(refused(&deep).contains("JSON"));
}

proptest! {
    #[test]
    fn no_text_makes_parsing_panic(text in ".{0,200}") {
        let _ = Rules::parse(&text);
    }
}
