//! Promotions: something better for a time, on top of a program. Using one changes no balance and no rule of earning; it
//! is counted against the promotion's limits and stands in the ledger.

use crate::domain::card::{Card, CardStatus};
use crate::domain::change::{Cause, Change, Draft};
use crate::domain::detail::Detail;
use crate::domain::event::{Delta, Event, EventKind, NewEvent};
use crate::domain::id::{EventId, MerchantId, ProgramId, PromotionId};
use crate::domain::ledger;
use crate::domain::program::Rules;
use crate::domain::redemption::{self, ReverseRefusal};
use crate::domain::time::Timestamp;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promotion {
    pub id: PromotionId,
    pub merchant: MerchantId,
    pub program: ProgramId,
    pub terms: Terms,
    /// How often it was used, by everybody together; without what was taken back.
    pub uses: i64,
    /// The number of its newest use, taken back or not.
    pub numbered: i64,
    /// Grows by one with each edit.
    pub version: i64,
}

/// What staff say of a promotion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    pub name: String,
    /// What the holder has of it, in words.
    pub text: String,
    pub starts_at: Timestamp,
    /// The first moment at which it is over.
    pub ends_at: Timestamp,
    /// Most uses of one customer, whatever cards they hold.
    pub most_per_customer: Option<i64>,
    /// Most uses of everybody together.
    pub most: Option<i64>,
}

/// Why terms make no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TermsError {
    #[error("name has 1 to 60 characters; got {0}")]
    Name(usize),
    #[error("text has at most 500 characters; got {0}")]
    Text(usize),
    #[error("a promotion ends after it starts")]
    Order,
    #[error("{field} is at least 1, or left out for no limit; got {got}")]
    Limit { field: &'static str, got: i64 },
}

/// Why a promotion is not used. A value that staff can read aloud.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PromotionRefusal {
    #[error("This card has ended.")]
    CardVoid,
    #[error("This card has expired.")]
    CardExpired,
    #[error("This promotion belongs to another program.")]
    OtherProgram,
    #[error("This promotion has not begun.")]
    NotBegun { starts_at: Timestamp },
    #[error("This promotion is over.")]
    Over { ended_at: Timestamp },
    #[error("This promotion was used {most} times, as often as it could be.")]
    UsedUp { most: i64 },
    #[error("This customer has used this promotion {most} times, as often as one may.")]
    CustomerLimit { most: i64 },
}

impl Terms {
    /// The terms, if they make sense.
    pub fn checked(self) -> Result<Self, TermsError> {
        let length = self.name.trim().chars().count();
        if !(1..=60).contains(&length) || self.name.chars().any(char::is_control) {
            return Err(TermsError::Name(length));
        }
        let length = self.text.chars().count();
        if length > 500 {
            return Err(TermsError::Text(length));
        }
        if self.ends_at <= self.starts_at {
            return Err(TermsError::Order);
        }
        for (field, limit) in [("most_per_customer", self.most_per_customer), ("most", self.most)] {
            if let Some(got) = limit.filter(|limit| *limit < 1) {
                return Err(TermsError::Limit { field, got });
            }
        }
        Ok(self)
    }

    /// The terms of a promotion that is over from `now` on. One that had not begun is over without having run.
    #[must_use]
    pub fn ended(mut self, now: Timestamp) -> Self {
        self.ends_at = self.ends_at.min(now);
        self.starts_at = self.starts_at.min(Timestamp(self.ends_at.0 - 1));
        self
    }
}

impl Promotion {
    pub fn is_running(&self, now: Timestamp) -> bool {
        self.terms.starts_at <= now && now < self.terms.ends_at
    }

    /// How often a customer who has used it `used` times may use it still; none where nothing limits them.
    pub fn uses_left(&self, used: i64) -> Option<i64> {
        let own = self.terms.most_per_customer.map(|most| (most - used).max(0));
        let all = self.terms.most.map(|most| (most - self.uses).max(0));
        match (own, all) {
            (Some(own), Some(all)) => Some(own.min(all)),
            (own, all) => own.or(all),
        }
    }
}

/// One more use by the holder of `card`, who has used it `used` times. The caller keeps the number of the use,
/// `promotion.numbered + 1`. `earning` is the presentation with which it is used.
pub fn use_promotion(
    promotion: &Promotion,
    rules: &Rules,
    card: &Card,
    used: i64,
    earning: Option<EventId>,
    cause: &Cause,
    now: Timestamp,
) -> Result<Change, PromotionRefusal> {
    let terms = &promotion.terms;
    if card.status == CardStatus::Void {
        return Err(PromotionRefusal::CardVoid);
    }
    if card.is_expired(now) {
        return Err(PromotionRefusal::CardExpired);
    }
    if card.program != promotion.program {
        return Err(PromotionRefusal::OtherProgram);
    }
    if now < terms.starts_at {
        return Err(PromotionRefusal::NotBegun {
            starts_at: terms.starts_at,
        });
    }
    if now >= terms.ends_at {
        return Err(PromotionRefusal::Over {
            ended_at: terms.ends_at,
        });
    }
    if let Some(most) = terms.most.filter(|most| promotion.uses >= *most) {
        return Err(PromotionRefusal::UsedUp { most });
    }
    if let Some(most) = terms.most_per_customer.filter(|most| used >= *most) {
        return Err(PromotionRefusal::CustomerLimit { most });
    }
    let mut draft = Draft::new(rules, card, cause, now);
    draft.add(EventKind::PromotionUsed, Delta::default()).detail = Some(Detail::Promotion {
        promotion: promotion.id,
        name: terms.name.clone(),
        number: promotion.numbered + 1,
        earning: earning.map(|event| event.0),
    });
    Ok(draft.finish(now))
}

/// The presentation among `history`, newest first, with which a promotion is used `now`: the newest that stands, if it
/// was within the same visit.
pub fn earning_of_visit(rules: &Rules, history: &[Event], now: Timestamp) -> Option<EventId> {
    let newest = ledger::standing(history).max_by_key(|event| event.event.at)?;
    let is_same_visit = now.distance(newest.event.at) < rules.limits.visit_gap;
    is_same_visit.then_some(newest.id)
}

/// Takes back a use within the program's window.
pub fn take_back(
    rules: &Rules,
    card: &Card,
    original: &Event,
    already: bool,
    cause: &Cause,
    now: Timestamp,
) -> Result<Change, ReverseRefusal> {
    let window = Some(rules.limits.reversal_window);
    redemption::check_taking_back(original, already, window, now)?;
    let mut draft = Draft::new(rules, card, cause, now);
    *draft.add(EventKind::PromotionReversed, Delta::default()) = reversal(card, original, cause, now);
    Ok(draft.finish(now))
}

/// The uses among `newer`, the rows after a presentation, that were made with it and stand.
pub fn uses_with(newer: &[Event], earning: EventId) -> Vec<&Event> {
    let taken_back: Vec<_> = newer.iter().filter_map(|event| event.event.reverses).collect();
    let with_it = newer.iter().filter(|event| {
        let of = match event.event.detail {
            Some(Detail::Promotion { earning, .. }) => earning,
            _ => None,
        };
        event.event.kind == EventKind::PromotionUsed && of == Some(earning.0)
    });
    with_it.filter(|event| !taken_back.contains(&event.id)).collect()
}

/// The row that takes back the use `original`.
pub fn reversal(card: &Card, original: &Event, cause: &Cause, now: Timestamp) -> NewEvent {
    NewEvent {
        detail: original.event.detail.clone(),
        ..cause
            .event(card, EventKind::PromotionReversed, now)
            .taking_back(original.id)
    }
}

/// The promotion of a use, and the number of the use.
pub fn used_by(event: &Event) -> Option<(PromotionId, i64)> {
    match event.event.detail {
        Some(Detail::Promotion {
            promotion, number, ..
        }) => Some((promotion, number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::card::tests::sample;
    use crate::domain::event::Actor;
    use crate::domain::id::MemberId;
    use proptest::prelude::*;

    fn terms(most_per_customer: Option<i64>, most: Option<i64>) -> Terms {
        Terms {
            name: "Double shot week".into(),
            text: "A second shot for nothing.".into(),
            starts_at: Timestamp(100),
            ends_at: Timestamp(200),
            most_per_customer,
            most,
        }
    }

    fn promotion(terms: Terms) -> Promotion {
        Promotion {
            id: PromotionId(1),
            merchant: MerchantId(1),
            program: ProgramId(1),
            terms,
            uses: 0,
            numbered: 0,
            version: 1,
        }
    }

    #[test]
    fn terms_that_make_no_sense_are_refused() {
        assert!(terms(Some(1), None).checked().is_ok());
        let refused = |terms: Terms| terms.checked().expect_err("refused").to_string();
        assert!(refused(terms(Some(0), None)).contains("most_per_customer"));
        assert!(refused(terms(None, Some(-1))).contains("most is"));
        let backwards = Terms {
            ends_at: Timestamp(100),
            ..terms(None, None)
        };
        assert!(refused(backwards).contains("ends after"));
        let nameless = Terms {
            name: " ".into(),
            ..terms(None, None)
        };
        assert!(refused(nameless).contains("name"));
    }

    proptest! {
        #[test]
        fn what_was_ended_does_not_run_and_its_terms_make_sense(now in 0..300_i64, later in 0..300_i64) {
            let ended = promotion(terms(None, None).ended(Timestamp(now)).checked().expect("terms"));
            prop_assert!(!ended.is_running(Timestamp(now + later)));
            prop_assert!(ended.terms.ends_at <= Timestamp(200));
        }

        #[test]
        fn no_limit_is_passed_and_no_balance_moves(
            own in proptest::option::of(1..4_i64),
            all in proptest::option::of(1..8_i64),
            tries in proptest::collection::vec((0..3_usize, 50..250_i64), 0..40),
        ) {
            let rules = Rules::punch(5).expect("rules");
            let mut promotion = promotion(terms(own, all));
            let mut used = [0_i64; 3];
            let cause = Cause::of(Actor::Member(MemberId(1)));
            for (who, at) in tries {
                let now = Timestamp(at);
                let left = promotion.uses_left(used[who]);
                match use_promotion(&promotion, &rules, &sample(), used[who], None, &cause, now) {
                    Ok(change) => {
                        prop_assert!(promotion.is_running(now));
                        prop_assert!(left.is_none_or(|left| left > 0));
                        prop_assert_eq!(change.card.sums(), sample().sums());
                        prop_assert_eq!(change.events.len(), 1);
                        let detail = change.events[0].detail.clone();
                        let number = match detail {
                            Some(Detail::Promotion { number, .. }) => number,
                            other => panic!("{other:?}"),
                        };
                        prop_assert_eq!(number, promotion.numbered + 1, "no number is given twice");
                        promotion.numbered = number;
                        // Every third one is taken back and counts no more.
                        if number % 3 != 0 {
                            promotion.uses += 1;
                            used[who] += 1;
                        }
                    }
                    Err(_) => prop_assert!(left == Some(0) || !promotion.is_running(now)),
                }
            }
            prop_assert!(all.is_none_or(|most| promotion.uses <= most));
            prop_assert!(own.is_none_or(|most| used.iter().all(|used| *used <= most)));
        }
    }
}
