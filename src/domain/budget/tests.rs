//! The invariants of the budget, against a plain log that knows nothing of how decisions are made.

use std::time::Duration;

use proptest::prelude::*;

use super::replay::{Fate, run};
use super::*;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// A noon in the middle of summer.
const NOON: Timestamp = Timestamp(1_782_900_000_000 - 1_782_900_000_000 % 86_400_000 + 12 * 3_600_000);

fn agreed() -> Consents {
    Consents::NONE.with(consent::Purpose::Marketing, true)
}

fn zone() -> TimeZone {
    TimeZone::get("Europe/Berlin").expect("bundled")
}

struct Desk {
    limits: Limits,
    zone: TimeZone,
}

impl Desk {
    fn new(policy: &str, channel: Channel) -> Self {
        let policy = Policy::parse(policy, channel).expect("a policy");
        Self {
            limits: Limits::of(channel, Some(&policy), None),
            zone: zone(),
        }
    }

    fn standing<'s>(&'s self, alerts: &'s [Alert]) -> Standing<'s> {
        Standing {
            channel: Channel::Google,
            state: CardState::Installed,
            is_reachable: true,
            has_reward: true,
            preferences: Preferences::ALL_ACTIVE,
            consents: agreed(),
            clocks: Clocks {
                merchant: &self.zone,
                customer: None,
            },
            limits: &self.limits,
            alerts,
            exhausted_until: None,
            pace_from: None,
        }
    }
}

const OPEN: &str =
    r#"{"windows": [{"most": 3, "hours": 24}], "gap_minutes": 0, "quiet": null, "repeat_hours": 24}"#;

fn message(number: i64, class: Class, at: Timestamp) -> Intent {
    Intent::message(MessageId(number), class, TextDigest(number), at)
}

fn rang(at: Timestamp, class: Class) -> Alert {
    Alert {
        at,
        class,
        digest: None,
        is_open: false,
    }
}

fn only(rulings: Vec<Ruling>) -> Ruling {
    let [ruling] = <[Ruling; 1]>::try_from(rulings).expect("one ruling");
    ruling
}

#[test]
fn a_short_budget_goes_to_the_reward_first_and_one_place_is_kept_for_it() {
    let desk = Desk::new(OPEN, Channel::Google);
    let intents = [
        message(1, Class::Marketing, NOON),
        message(2, Class::Tier, NOON),
        message(3, Class::Balance, NOON),
        message(4, Class::Reward, NOON),
    ];
    let rulings = decide(&desk.standing(&[]), &intents, NOON);
    let sent: Vec<bool> = rulings
        .iter()
        .map(|ruling| ruling.decision == Decision::SendNow)
        .collect();
    assert_eq!(sent, [false, true, true, true]);
    let until = rulings[0].until().expect("deferred");
    assert_eq!(
        until.0,
        NOON.0 + DAY + 300_000,
        "a day and the margin of the platform's window"
    );
    assert_eq!(rulings[0].rule.as_str(), "platform_cap");

    // Two that are no reward are all that there may be; the third place stays free.
    let full = [rang(NOON, Class::Balance), rang(NOON, Class::Marketing)];
    let ruling = |class| only(decide(&desk.standing(&full), &[message(9, class, NOON)], NOON));
    assert!(ruling(Class::Balance).until().is_some());
    assert_eq!(ruling(Class::Reward).decision, Decision::SendNow);
    // A reward that rang took its own place and nobody else's.
    let one_each = [rang(NOON, Class::Reward), rang(NOON, Class::Marketing)];
    let ruling = only(decide(
        &desk.standing(&one_each),
        &[message(9, Class::Balance, NOON)],
        NOON,
    ));
    assert_eq!(ruling.decision, Decision::SendNow);
}

#[test]
fn one_alert_speaks_for_all_that_changed() {
    let desk = Desk::new(OPEN, Channel::Google);
    let intents = [
        Intent::change(Class::Balance, NOON),
        Intent::change(Class::Reward, NOON),
    ];
    let rulings = decide(&desk.standing(&[]), &intents, NOON);
    assert_eq!(rulings[1].decision, Decision::SendNow);
    assert_eq!(rulings[0].decision, Decision::Merge);
    assert_eq!(rulings[0].rule, Rule::Merged { into: Class::Reward });

    // A reward that is gone again is not told of, and the balance speaks for itself.
    let standing = Standing {
        has_reward: false,
        ..desk.standing(&[])
    };
    let rulings = decide(&standing, &intents, NOON);
    assert_eq!(rulings[1].rule, Rule::Outdated);
    assert_eq!(rulings[0].decision, Decision::SendNow);

    // What waits waits together.
    let full = [rang(NOON, Class::Reward); 3];
    let rulings = decide(&desk.standing(&full), &intents, NOON);
    assert_eq!(rulings[0].until(), rulings[1].until());
    assert!(rulings[0].until().is_some());
}

#[test]
fn every_reason_not_to_send_is_named() {
    let desk = Desk::new(OPEN, Channel::Google);
    let at_noon = |standing: Standing<'_>, intent: Intent| {
        let ruling = only(decide(&standing, &[intent], NOON));
        assert_eq!(Ruling::parse(&ruling.print()), Some(ruling.clone()));
        (ruling.decision, ruling.rule.as_str())
    };
    let plain = desk.standing(&[]);
    let marketing = message(1, Class::Marketing, NOON);
    let suppressed = |standing, intent, rule| {
        assert_eq!(at_noon(standing, intent), (Decision::Suppress, rule));
    };
    for (state, rule) in [
        (CardState::Pending, "not_installed"),
        (CardState::Removed, "removed"),
        (CardState::Expired, "expired"),
        (CardState::Void, "void"),
    ] {
        suppressed(Standing { state, ..plain }, marketing, rule);
    }
    suppressed(
        Standing {
            is_reachable: false,
            ..plain
        },
        marketing,
        "unreachable",
    );
    suppressed(
        Standing {
            preferences: Preferences::ALL_ACTIVE
                .with(Class::Marketing, crate::domain::preference::Preference::Paused),
            ..plain
        },
        marketing,
        "preference_paused",
    );
    suppressed(
        Standing {
            consents: Consents::NONE,
            ..plain
        },
        marketing,
        "no_consent",
    );
    let personalised = Intent {
        personalised: true,
        ..marketing
    };
    suppressed(plain, personalised, "no_consent");
    let stopped = |stop| Intent {
        stop: Some(stop),
        ..marketing
    };
    suppressed(plain, stopped(Stop::Cancelled), "cancelled");
    assert_eq!(at_noon(plain, stopped(Stop::Paused)), (Decision::Hold, "paused"));
    let ended = Intent {
        ends_at: Some(NOON),
        ..marketing
    };
    suppressed(plain, ended, "too_late");
    let said = [Alert {
        digest: Some(TextDigest(1)),
        ..rang(Timestamp(NOON.0 - HOUR), Class::Marketing)
    }];
    suppressed(desk.standing(&said), marketing, "duplicate");
    let long_ago = [Alert {
        at: Timestamp(NOON.0 - DAY),
        ..said[0]
    }];
    assert_eq!(
        at_noon(desk.standing(&long_ago), marketing),
        (Decision::SendNow, "free")
    );

    let later = Timestamp(NOON.0 + HOUR);
    let until = Decision::Defer { until: later };
    let exhausted = Standing {
        exhausted_until: Some(later),
        ..plain
    };
    assert_eq!(at_noon(exhausted, marketing), (until, "exhausted"));
    let slow = Standing {
        pace_from: Some(later),
        ..plain
    };
    assert_eq!(at_noon(slow, marketing), (until, "pace"));
    let scheduled = message(1, Class::Marketing, later);
    assert_eq!(at_noon(plain, scheduled), (until, "scheduled"));
}

#[test]
fn answers_are_plain_words_with_numbers() {
    let desk = Desk::new(r#"{"quiet": {"from": "11:00", "to": "15:30"}}"#, Channel::Google);
    let ruling = only(decide(
        &desk.standing(&[]),
        &[message(1, Class::Marketing, NOON)],
        NOON,
    ));
    let words = ruling.words(&desk.zone);
    assert!(
        words.starts_with("A marketing message waits until ")
            && words.ends_with("15:30: quiet hours are from 11:00 to 15:30 (Europe/Berlin)."),
        "{words}"
    );
    assert_eq!(ruling.counters.len(), 3, "{ruling:?}");
    let full = [rang(NOON, Class::Balance)];
    let open = Desk::new(
        r#"{"windows": [{"most": 2, "hours": 24}], "quiet": null, "gap_minutes": 0}"#,
        Channel::Google,
    );
    let ruling = only(decide(
        &open.standing(&full),
        &[Intent::change(Class::Balance, NOON)],
        NOON,
    ));
    let words = ruling.words(&open.zone);
    assert!(
        words.contains(
            "the merchant's policy lets a card ring twice in any 24 hours, one of them for rewards alone"
        ),
        "{words}"
    );
    assert_eq!(
        ruling.counters.iter().map(|count| count.used).collect::<Vec<_>>(),
        [1, 1]
    );
}

#[test]
fn texts_that_look_the_same_are_the_same() {
    let of = TextDigest::of;
    assert_eq!(of("Two  for one"), of("Two for\u{2060} one "));
    assert_ne!(of("Two for one"), of("Two for ones"));
    assert_ne!(of("ab c"), of("a bc"));
}

/// How a policy and traffic are made up.
#[derive(Debug, Clone)]
struct Scene {
    windows: Vec<(i64, i64)>,
    gap: i64,
    quiet: Option<(u8, u8)>,
    repeat: i64,
    /// Minutes after the beginning, class, text.
    wishes: Vec<(i64, usize, i64)>,
}

const CLASSES: [Class; 4] = [Class::Reward, Class::Balance, Class::Tier, Class::Marketing];

fn scene() -> impl Strategy<Value = Scene> {
    (
        prop::collection::vec((1..3_i64, 1..60_i64), 0..3),
        0..90_i64,
        prop::option::of((0..24_u8, 1..24_u8)),
        0..30_i64,
        prop::collection::vec((0..4000_i64, 0..CLASSES.len(), 0..40_i64), 1..25),
    )
        .prop_map(|(windows, gap, quiet, repeat, wishes)| Scene {
            windows,
            gap,
            quiet,
            repeat,
            wishes,
        })
}

impl Scene {
    fn desk(&self) -> Desk {
        let windows: Vec<_> = self
            .windows
            .iter()
            .map(|(most, hours)| format!(r#"{{"most": {most}, "hours": {hours}}}"#))
            .collect();
        let quiet = self.quiet.map_or("null".to_owned(), |(from, length)| {
            format!(
                r#"{{"from": "{from:02}:00", "to": "{:02}:00"}}"#,
                (from + length) % 24
            )
        });
        Desk::new(
            &format!(
                r#"{{"windows": [{}], "gap_minutes": {}, "quiet": {quiet}, "repeat_hours": {}}}"#,
                windows.join(","),
                self.gap,
                self.repeat
            ),
            Channel::Google,
        )
    }

    fn wishes(&self) -> Vec<Intent> {
        let wish = |(minute, class, text): &(i64, usize, i64)| {
            let at = Timestamp(NOON.0 + minute * 60_000);
            message(*text, CLASSES[*class], at)
        };
        self.wishes.iter().map(wish).collect()
    }
}

/// Whether alerts at these times break no window, looked at by counting.
fn within(desk: &Desk, log: &[(i64, Class)]) -> Result<(), String> {
    for limit in &desk.limits.windows {
        let length = limit.hours * HOUR;
        for (start, _) in log {
            let inside = |(at, _): &&(i64, Class)| (*start..start + length).contains(at);
            let all = log.iter().filter(inside).count();
            let others = log
                .iter()
                .filter(inside)
                .filter(|(_, class)| *class != Class::Reward)
                .count();
            let most = usize::try_from(limit.most).unwrap_or(0);
            let kept = usize::from(most > 1);
            if all > most || others > most - kept {
                return Err(format!("{all} alerts, {others} of them no rewards, in {limit:?}"));
            }
        }
    }
    let mut times: Vec<i64> = log.iter().map(|(at, _)| *at).collect();
    times.sort_unstable();
    let gap = i64::try_from(desk.limits.gap.as_millis()).unwrap_or(i64::MAX);
    if let Some(pair) = times.windows(2).find(|pair| pair[1] - pair[0] < gap) {
        return Err(format!("two alerts within the gap: {pair:?}"));
    }
    for at in times {
        for quiet in &desk.limits.quiets {
            if quiet.is_quiet(Timestamp(at), &desk.zone) {
                return Err("an alert in quiet hours".into());
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Invariant 1, and that everything wanted comes to an end: sent, or suppressed for a reason that is not the budget.
    #[test]
    fn no_window_is_ever_exceeded_and_nothing_starves(scene in scene()) {
        let (desk, wishes) = (scene.desk(), scene.wishes());
        let end = Timestamp(NOON.0 + 200 * DAY);
        let fates = run(&desk.standing(&[]), &wishes, end);
        prop_assert_eq!(fates.len(), wishes.len());
        let mut log = Vec::new();
        for (wish, fate) in wishes.iter().zip(&fates) {
            match fate {
                Fate::Sent(at) => {
                    prop_assert!(*at >= wish.due_at);
                    log.push((at.0, wish.class));
                }
                Fate::Suppressed(Rule::Duplicate { .. }) => {}
                other => prop_assert!(false, "{other:?} of {wish:?}"),
            }
        }
        prop_assert_eq!(within(&desk, &log), Ok(()));
    }

    /// Invariant 2 and that a forecast is what happens: whatever waits together goes exactly when it was said to go first.
    #[test]
    fn what_is_forecast_is_what_happens(scene in scene(), before in prop::collection::vec((1..3000_i64, 0..CLASSES.len()), 0..8)) {
        let desk = scene.desk();
        // What rang before, as decisions would have let it.
        let earlier: Vec<Intent> = before
            .iter()
            .enumerate()
            .map(|(number, (minutes, class))| {
                let number = 1000 + i64::try_from(number).expect("small");
                message(number, CLASSES[*class], Timestamp(NOON.0 - minutes * 60_000))
            })
            .collect();
        let fates = run(&desk.standing(&[]), &earlier, NOON);
        let log: Vec<Alert> = earlier
            .iter()
            .zip(&fates)
            .filter_map(|(wish, fate)| match fate {
                Fate::Sent(at) => Some(Alert { digest: wish.digest, ..rang(*at, wish.class) }),
                _ => None,
            })
            .collect();
        let wishes: Vec<Intent> = scene.wishes().into_iter().map(|wish| Intent { due_at: NOON, ..wish }).collect();
        let standing = desk.standing(&log);
        let forecast = decide(&standing, &wishes, NOON);
        let fates = run(&standing, &wishes, Timestamp(NOON.0 + 400 * DAY));
        for (ruling, fate) in forecast.iter().zip(&fates) {
            match ruling.decision {
                Decision::SendNow => prop_assert_eq!(fate, &Fate::Sent(NOON)),
                Decision::Defer { until } => prop_assert_eq!(fate, &Fate::Sent(until)),
                Decision::Suppress => prop_assert!(matches!(fate, Fate::Suppressed(_)), "{:?}", fate),
                other => prop_assert!(false, "{other:?}"),
            }
        }
    }

    /// One millisecond before the time that is named, the answer is still no, and then it is yes.
    #[test]
    fn a_deferral_is_exact(
        scene in scene(),
        rung in prop::collection::vec((0..4000_i64, 0..CLASSES.len()), 0..8),
        class in 0..CLASSES.len(),
        exhausted in prop::option::of(1..2000_i64),
        pace in prop::option::of(1..2000_i64),
    ) {
        let desk = scene.desk();
        let log: Vec<Alert> = rung
            .iter()
            .map(|(minutes, class)| rang(Timestamp(NOON.0 - minutes * 60_000), CLASSES[*class]))
            .collect();
        let later = |minutes: i64| Timestamp(NOON.0 + minutes * 60_000);
        let standing = Standing {
            exhausted_until: exhausted.map(later),
            pace_from: pace.map(later),
            ..desk.standing(&log)
        };
        let wish = message(1, CLASSES[class], NOON);
        if let Some(until) = only(decide(&standing, &[wish], NOON)).until() {
            prop_assert!(until > NOON);
            let before = only(decide(&standing, &[wish], Timestamp(until.0 - 1)));
            prop_assert_eq!(before.decision, Decision::Defer { until });
            prop_assert_eq!(only(decide(&standing, &[wish], until)).decision, Decision::SendNow);
        }
    }

    /// What is on its way counts as of now, however long ago it was let through: it may ring at any moment.
    #[test]
    fn what_is_on_its_way_counts_as_of_now(ago in 0..100_000_i64) {
        let desk = Desk::new(r#"{"windows": [{"most": 1, "hours": 24}], "quiet": null}"#, Channel::Google);
        let open = [Alert { is_open: true, ..rang(Timestamp(NOON.0 - ago * 60_000), Class::Balance) }];
        let ruling = only(decide(&desk.standing(&open), &[message(1, Class::Reward, NOON)], NOON));
        prop_assert_eq!(ruling.until(), Some(NOON.plus(Duration::from_secs(24 * 3600))));
    }
}

/// What the outbox and its claims make of changes: one bit for each class that waits, decided on with every change and
/// when what was deferred is due. When each alert left, and of which class.
fn claims(standing: &Standing<'_>, changes: &[Intent], end: Timestamp) -> Vec<(Timestamp, Class)> {
    let mut log: Vec<Alert> = standing.alerts.to_vec();
    let (mut wants, mut next) = (Classes::NONE, None);
    let mut coming: Vec<&Intent> = changes.iter().collect();
    coming.sort_by_key(|change| change.due_at);
    let mut coming = coming.into_iter().peekable();
    let mut rang = Vec::new();
    loop {
        let due = coming.peek().map(|change| change.due_at);
        let Some(now) = [due, next].into_iter().flatten().min().filter(|now| *now <= end) else {
            return rang;
        };
        while let Some(change) = coming.next_if(|change| change.due_at <= now) {
            wants = wants.with(change.class);
        }
        let intents: Vec<Intent> = Classes::OF_CHANGES
            .into_iter()
            .filter(|class| wants.contains(*class))
            .map(|class| Intent::change(class, now))
            .collect();
        let standing = Standing {
            alerts: &log,
            ..*standing
        };
        let rulings = decide(&standing, &intents, now);
        (wants, next) = (Classes::NONE, None);
        let mut sent = Vec::new();
        for (intent, ruling) in intents.iter().zip(rulings) {
            match ruling.decision {
                Decision::SendNow => sent.push(intent.class),
                Decision::Defer { until } => {
                    wants = wants.with(intent.class);
                    next = Some(next.map_or(until, |next: Timestamp| next.min(until)));
                }
                Decision::Suppress | Decision::Merge | Decision::Hold => {}
            }
        }
        for class in sent {
            log.push(Alert {
                at: now,
                class,
                digest: None,
                is_open: false,
            });
            rang.push((now, class));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// A preview is what would have happened: changes that merge in the outbox merge in a replay, each is accounted for,
    /// and alerts leave at the same moments.
    #[test]
    fn a_replay_merges_changes_as_the_outbox_does(
        scene in scene(),
        changes in prop::collection::vec((0..4000_i64, 0..Classes::OF_CHANGES.len()), 0..40),
    ) {
        let desk = scene.desk();
        let changes: Vec<Intent> = changes
            .iter()
            .map(|(minutes, class)| {
                let at = Timestamp(NOON.0 + minutes * 60_000);
                Intent::change(Classes::OF_CHANGES[*class], at)
            })
            .collect();
        let end = Timestamp(NOON.0 + 200 * DAY);
        let fates = run(&desk.standing(&[]), &changes, end);
        prop_assert_eq!(fates.len(), changes.len());
        let mut sent: Vec<(Timestamp, Class)> = changes
            .iter()
            .zip(&fates)
            .filter_map(|(change, fate)| match fate {
                Fate::Sent(at) => Some((*at, change.class)),
                _ => None,
            })
            .collect();
        sent.sort_by_key(|(at, _)| *at);
        prop_assert_eq!(sent, claims(&desk.standing(&[]), &changes, end));
        let merged = fates.iter().filter(|fate| **fate == Fate::Merged).count();
        let alerts = fates.iter().filter(|fate| matches!(fate, Fate::Sent(_))).count();
        prop_assert_eq!(merged + alerts, changes.len());
    }
}
