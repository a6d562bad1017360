//! What becomes due by time alone: cards that expire, rules that no event moves, jobs that go on after a restart.
//!
//! A chore does one small transaction's worth of what is due and says how much it did; it is asked again at once while
//! it did something. Every node runs all chores: each takes its rows with `for update skip locked` or finds, on its
//! second look, that there is nothing left to do, so that two nodes at once do nothing twice.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::domain::time::Timestamp;
use crate::ops::{Ops, addresses, customers, dues, jobs, messages, programs, seals};
use crate::store::Error;

/// Rows that one turn of a chore may change, so that a tap never waits long behind it.
pub const TURN: i64 = 200;

/// How often due rows are looked for.
pub const EVERY: Duration = Duration::from_millis(500);

type Turn<'o> = Pin<Box<dyn Future<Output = Result<usize, Error>> + Send + 'o>>;

/// One kind of work that becomes due.
struct Chore {
    name: &'static str,
    turn: fn(&Ops, Timestamp) -> Turn<'_>,
}

const CHORES: &[Chore] = &[
    Chore {
        name: "end_cards",
        turn: |ops, now| Box::pin(dues::end_cards(ops, now)),
    },
    Chore {
        name: "end_cycles",
        turn: |ops, now| Box::pin(dues::end_cycles(ops, now)),
    },
    Chore {
        name: "settle_programs",
        turn: |ops, now| Box::pin(programs::settle(ops, now)),
    },
    Chore {
        name: "make_codes",
        turn: |ops, _| Box::pin(ops.make_some_codes(None)),
    },
    Chore {
        name: "convert_coupons",
        turn: |ops, now| Box::pin(ops.convert_due(now)),
    },
    Chore {
        name: "erase_customers",
        turn: |ops, now| Box::pin(ops.erase_due(now)),
    },
    Chore {
        name: "recount_due_cards",
        turn: |ops, now| Box::pin(ops.recount_due(now)),
    },
    Chore {
        name: "measure_segments",
        turn: |ops, now| Box::pin(ops.measure_segments(now)),
    },
    Chore {
        name: "walk_cards",
        turn: |ops, now| Box::pin(ops.walk_cards(now)),
    },
    Chore {
        name: "fold_counts",
        turn: |ops, _| Box::pin(ops.fold_counts()),
    },
    Chore {
        name: "advance_referrals",
        turn: |ops, now| Box::pin(ops.advance_referrals(now)),
    },
    Chore {
        name: "look_for_campaigns",
        turn: |ops, now| Box::pin(ops.look_for_campaigns(now)),
    },
    Chore {
        name: "act_for_campaigns",
        turn: |ops, now| Box::pin(ops.act_for_campaigns(now)),
    },
    Chore {
        name: "take_campaign_messages",
        turn: |ops, now| Box::pin(ops.take_campaign_messages(now)),
    },
    Chore {
        name: "prune_pushes",
        turn: |ops, now| Box::pin(ops.prune_pushes(now)),
    },
    Chore {
        name: "send_messages",
        turn: |ops, now| Box::pin(messages::turn::turn(ops, now)),
    },
    Chore {
        name: "work_jobs",
        turn: |ops, now| Box::pin(jobs::turn(ops, now)),
    },
    Chore {
        name: "tell_silent_again",
        turn: |ops, now| Box::pin(ops.tell_silent_again(now)),
    },
    Chore {
        name: "collect_dead_registrations",
        turn: |ops, now| Box::pin(ops.collect_dead_registrations(now)),
    },
    Chore {
        name: "seal_ledger",
        turn: |ops, now| Box::pin(seals::turn(ops, now)),
    },
    Chore {
        name: "forget_expired_addresses",
        turn: |ops, now| Box::pin(addresses::forget_expired(ops, now)),
    },
    Chore {
        name: "forget_uploads",
        turn: |ops, now| Box::pin(ops.forget_uploads(now)),
    },
    Chore {
        name: "bring_customers_into_form",
        turn: |ops, now| Box::pin(customers::bring_into_form(ops, now)),
    },
];

impl Ops {
    /// Does everything that is due now; returns how much that was. For tests and for commands that want to wait for it.
    pub async fn do_chores(&self) -> Result<usize, Error> {
        self.do_those(|_| true).await
    }

    /// Does what is due now of the chores with these names, and leaves the others.
    pub async fn do_chores_named(&self, names: &[&str]) -> Result<usize, Error> {
        self.do_those(|chore| names.contains(&chore.name)).await
    }

    /// One turn of the chore with this name; returns how much it did. For tests that look in between.
    pub async fn do_one_chore(&self, name: &str) -> Result<usize, Error> {
        match CHORES.iter().find(|chore| chore.name == name) {
            Some(chore) => (chore.turn)(self, self.clock.now()).await,
            None => Ok(0),
        }
    }

    async fn do_those(&self, wanted: impl Fn(&Chore) -> bool) -> Result<usize, Error> {
        let mut done = 0;
        for chore in CHORES.iter().filter(|chore| wanted(chore)) {
            loop {
                let now = (chore.turn)(self, self.clock.now()).await?;
                done += now;
                if now == 0 {
                    break;
                }
            }
        }
        Ok(done)
    }
}

/// Does what becomes due until `stop`. A chore that fails is tried again at the next look; the others go on.
pub async fn run(ops: Ops, stop: CancellationToken) {
    let mut looks = tokio::time::interval(EVERY);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = looks.tick() => {}
        }
        // Turn by turn, so that one chore with much to do holds up no other.
        let mut busy: Vec<&Chore> = CHORES.iter().collect();
        while !busy.is_empty() && !stop.is_cancelled() {
            let mut still_busy = Vec::with_capacity(busy.len());
            for chore in busy {
                match (chore.turn)(&ops, ops.clock.now()).await {
                    Ok(0) => {}
                    Ok(_) => still_busy.push(chore),
                    Err(error) => {
                        tracing::warn!(chore = chore.name, %error, "a chore failed; it is tried again");
                    }
                }
            }
            busy = still_busy;
        }
    }
}
