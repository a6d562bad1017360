//! Whatever happens in whatever order: caps and repeats hold, delays are respected, leaving cancels.

use proptest::prelude::*;

use super::*;
use crate::domain::campaign::{Action, Cap};

/// What may happen to one card.
#[derive(Debug, Clone, Copy)]
enum Happening {
    Triggered,
    LeftByHand,
    JoinedByHand,
    LeavingSignal,
    /// The chore looks at what is due.
    Look,
}

#[derive(Debug, Clone, Copy)]
struct Pending {
    stage: Stage,
    at: Timestamp,
    due: Timestamp,
    leaves: bool,
}

/// A campaign and one card, as the store and the use cases keep them.
struct World {
    rules: CampaignRules,
    standing: Standing,
    pending: Vec<Pending>,
    /// When each action was done, and when its trigger was pulled.
    done: Vec<(Timestamp, Timestamp)>,
    /// When the card last stopped being a member.
    left: Option<Timestamp>,
}

impl World {
    fn happen(&mut self, what: Happening, now: Timestamp) {
        match what {
            Happening::Triggered => self.pend(now, false),
            Happening::LeavingSignal => self.pend(now, true),
            Happening::JoinedByHand => self.standing.membership = Membership::Joined,
            Happening::LeftByHand => self.leave(Membership::LeftByHand, now),
            Happening::Look => self.look(now),
        }
    }

    fn pend(&mut self, at: Timestamp, leaves: bool) {
        self.pending.push(Pending {
            stage: Stage::Fired,
            at,
            due: at,
            leaves,
        });
    }

    fn leave(&mut self, to: Membership, now: Timestamp) {
        self.standing.membership = to;
        self.pending.clear();
        self.left = Some(now);
    }

    fn look(&mut self, now: Timestamp) {
        self.pending.sort_by_key(|pending| pending.due);
        let due: Vec<_> = self
            .pending
            .extract_if(.., |pending| pending.due <= now)
            .collect();
        for pending in due {
            let occurrence = Occurrence {
                stage: pending.stage,
                at: pending.at,
                leaves: pending.leaves,
                holds: true,
                has_ended: false,
            };
            match decide(&self.rules, occurrence, &self.standing, now) {
                Verdict::Skip(_) => {}
                Verdict::Leave => {
                    self.leave(Membership::Left, now);
                    break;
                }
                Verdict::Wait { joins, until } => {
                    self.join(joins);
                    self.pending.push(Pending {
                        stage: Stage::Waiting,
                        due: until,
                        ..pending
                    });
                }
                Verdict::Run { joins } => {
                    self.join(joins);
                    note_run(&mut self.standing, now);
                    self.done.push((now, pending.at));
                }
            }
        }
    }

    fn join(&mut self, joins: bool) {
        if joins {
            self.standing.membership = Membership::Joined;
        }
    }
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => Just(Happening::Triggered),
        4 => Just(Happening::Look),
        1 => Just(Happening::LeftByHand),
        1 => Just(Happening::JoinedByHand),
        1 => Just(Happening::LeavingSignal),
    ]
}

fn rules(repeat: Repeat, delay_minutes: i64, cap: Option<Cap>) -> CampaignRules {
    CampaignRules {
        trigger: Trigger::Visit,
        audience: Audience::Everybody,
        eligible: None,
        program: None,
        repeat,
        delay_minutes,
        cap,
        leave_on: None,
        action: Action::Bonus { amount: 1 },
    }
}

const HOUR: i64 = 3_600_000;

proptest! {
    #[test]
    fn every_promise_holds(
        repeat in prop_oneof![
            Just(Repeat::Always), Just(Repeat::Never), (1..4_i64).prop_map(|days| Repeat::AfterDays { days })
        ],
        delay_minutes in prop_oneof![Just(0), 1..4000_i64],
        cap in proptest::option::of((1..4_i64, 1..5_i64).prop_map(|(times, days)| Cap { times, days })),
        story in proptest::collection::vec((happening(), 0..20_i64), 0..120),
    ) {
        let rules = rules(repeat, delay_minutes, cap);
        let mut world = World {
            rules, standing: Standing::default(), pending: Vec::new(), done: Vec::new(), left: None,
        };
        let mut now = Timestamp(0);
        for (what, hours) in story {
            now = Timestamp(now.0 + hours * HOUR);
            let before = world.done.len();
            let left = world.left;
            world.happen(what, now);
            for (done, at) in &world.done[before..] {
                prop_assert!(done.0 - at.0 >= delay_minutes * 60_000, "done before its delay was over");
                prop_assert!(left.is_none_or(|left| left <= *at), "done though the card had left after the trigger");
            }
        }
        let times: Vec<i64> = world.done.iter().map(|(done, _)| done.0).collect();
        if let Some(cap) = cap {
            for first in &times {
                let window = times.iter().filter(|at| (*first..*first + cap.days * 24 * HOUR).contains(at)).count();
                prop_assert!(i64::try_from(window).expect("few") <= cap.times, "{times:?}");
            }
        }
        match repeat {
            Repeat::Never => prop_assert!(times.len() <= 1),
            Repeat::AfterDays { days } => {
                prop_assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= days * 24 * HOUR), "{times:?}");
            }
            Repeat::Always => {}
        }
    }
}

#[test]
fn who_left_by_hand_is_not_brought_back_by_a_trigger() {
    let occurrence = Occurrence {
        stage: Stage::Fired,
        at: Timestamp(0),
        leaves: false,
        holds: true,
        has_ended: false,
    };
    let standing = |membership| Standing {
        membership,
        ..Standing::default()
    };
    let rules = rules(Repeat::Always, 0, None);
    let decide =
        |rules: &CampaignRules, membership| decide(rules, occurrence, &standing(membership), Timestamp(0));
    assert_eq!(
        decide(&rules, Membership::LeftByHand),
        Verdict::Skip(Skip::NotAMember)
    );
    assert_eq!(decide(&rules, Membership::Left), Verdict::Run { joins: true });
    let members = CampaignRules {
        audience: Audience::Members,
        ..rules
    };
    assert_eq!(
        decide(&members, Membership::Never),
        Verdict::Skip(Skip::NotAMember)
    );
    assert_eq!(
        decide(&members, Membership::Joined),
        Verdict::Run { joins: false }
    );
}
