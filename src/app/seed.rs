//! Fills a merchant with believable customers and two years of history, through the same decisions that real taps go
//! through, so that every sum, tier and reward is one that could have happened.
//!
//! No phone holds these cards, so nothing is pushed for them.

use std::collections::HashMap;
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::clock::Ids;
use crate::domain::capture::{Capture, CaptureKey, CaptureKind, Token};
use crate::domain::card::{Card, CardStatus, Identity};
use crate::domain::change::Cause;
use crate::domain::customer;
use crate::domain::event::{Actor, EventKind, NewEvent};
use crate::domain::id::{CardId, CustomerId, MerchantId, SerialNumber, StationId};
use crate::domain::money::Amount;
use crate::domain::presentation::{self, Decision, History, Moment};
use crate::domain::program::{
    CouponRules, Cycle, Ladder, Measure, PointsRules, PricedReward, ProgramKind, Rate, Rules, Scheme, Tier,
};
use crate::domain::time::Timestamp;
use crate::domain::{expiry, redemption};
use crate::ops::Ops;
use crate::ops::setup::{NewProgram, SetupError};
use crate::sim::people::{Person, Town};
use crate::store::cards::{self, NewCustomer, ProgramOfMerchant};
use crate::store::{Error, events};

/// People written in one transaction.
const TOGETHER: usize = 100;
/// Events that are older than any program's window for taking something back.
const SETTLED: Duration = Duration::from_secs(48 * 3600);
const MOST: usize = 1_000_000;

/// What to make.
#[derive(Debug, Clone, Copy)]
pub struct Seeding {
    pub merchant: MerchantId,
    pub customers: usize,
    /// The same seed makes the same people.
    pub seed: u64,
}

/// What was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seeded {
    pub customers: usize,
    pub events: usize,
}

/// Why nothing more was made. What was written before stays.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    #[error("there is no merchant {0} with a program; `passgate setup` makes one")]
    NoProgram(MerchantId),
    #[error("merchant {0} has no station; `passgate station add` makes one")]
    NoStation(MerchantId),
    #[error("expected 1 to {MOST} customers; got {0}")]
    Count(usize),
    #[error("this seed was used for this merchant already; name another with --seed")]
    Used,
    #[error(transparent)]
    Setup(#[from] SetupError),
    #[error(transparent)]
    Store(#[from] Error),
}

/// Makes the customers, and the points and coupon programs that the merchant lacks. `progress` hears how many there are.
pub async fn run(ops: &Ops, seeding: Seeding, mut progress: impl FnMut(usize)) -> Result<Seeded, SeedError> {
    if !(1..=MOST).contains(&seeding.customers) {
        return Err(SeedError::Count(seeding.customers));
    }
    let merchant = seeding.merchant;
    let programs = with_every_kind(ops, merchant).await?;
    let (stations, _) = ops.stations(merchant).await?;
    let stations: Vec<StationId> = stations.iter().map(|listed| listed.station.id).collect();
    if stations.is_empty() {
        return Err(SeedError::NoStation(merchant));
    }
    let zone = programs.first().map(|of| of.zone.clone()).unwrap_or_default();
    let zone = TimeZone::get(&zone).unwrap_or(TimeZone::UTC);
    let now = ops.clock.now();
    let town = Town {
        seed: seeding.seed,
        now,
        zone: zone.clone(),
    };
    // Names that the same seed draws again, so that a second run is noticed instead of doubling everybody.
    let ids = Ids::seeded(seeding.seed ^ merchant.0.cast_unsigned());
    let mut seeded = Seeded::default();
    for first in (0..seeding.customers).step_by(TOGETHER) {
        let last = (first + TOGETHER).min(seeding.customers);
        let lives: Vec<Life> = (first..last)
            .map(|index| {
                let of = &programs[share(index, programs.len())];
                let station = stations[index % stations.len()];
                Life::lived(&town.person(index), of, station, &zone, &ids)
            })
            .collect();
        seeded.events += lives.iter().map(|life| life.events.len()).sum::<usize>();
        seeded.customers = last;
        write(ops, lives, now).await?;
        progress(last);
    }
    Ok(seeded)
}

/// Two of three people hold a card of the first program, the others one of the rest.
fn share(index: usize, programs: usize) -> usize {
    match index % 3 {
        0 | 1 => 0,
        _ => (index / 3) % programs,
    }
}

/// The merchant's programs, with one of each kind.
async fn with_every_kind(ops: &Ops, merchant: MerchantId) -> Result<Vec<ProgramOfMerchant>, SeedError> {
    let of_merchant = async |ops: &Ops| -> Result<Vec<ProgramOfMerchant>, Error> {
        let mut all = ops.programs().await?;
        all.retain(|of| of.program.merchant == merchant && of.program.archived_at.is_none());
        Ok(all)
    };
    let programs = of_merchant(ops).await?;
    let Some(first) = programs.first() else {
        return Err(SeedError::NoProgram(merchant));
    };
    for kind in [ProgramKind::Points, ProgramKind::Coupon] {
        if programs.iter().any(|of| of.program.rules.kind() == kind) {
            continue;
        }
        let (name, reward_name, rules) = match kind {
            ProgramKind::Coupon => ("Welcome coupon", "A pastry of your choice", coupon()),
            ProgramKind::Punch | ProgramKind::Points => ("Bonus points", "Rewards from 50 points", points()),
        };
        let new = NewProgram {
            name: name.into(),
            template: first.program.template.clone(),
            pass_type_identifier: first.program.pass_type_identifier.clone(),
            reward_name: reward_name.into(),
            rules,
        };
        ops.add_program(merchant, new).await?;
    }
    Ok(of_merchant(ops).await?)
}

fn points() -> Rules {
    let reward = |code: &str, name: &str, points| PricedReward {
        code: code.into(),
        name: name.into(),
        points,
    };
    let tier = |name: &str, threshold| Tier {
        name: name.into(),
        threshold,
    };
    let rules = Rules::new(Scheme::Points(PointsRules {
        per_visit: 2,
        per_amount: Amount::new(100).ok().map(|per| Rate { points: 1, per }),
        overdraw: 0,
        rewards: vec![
            reward("pastry", "A pastry", 50),
            reward("breakfast", "Breakfast for two", 200),
        ],
    }));
    let ladder = Ladder {
        measure: Measure::Earned,
        cycle: Cycle::Never,
        tiers: vec![tier("Basic", 0), tier("Silver", 200), tier("Gold", 600)],
    };
    checked(rules.map(|rules| Rules {
        ladder: Some(ladder),
        ..rules
    }))
}

fn coupon() -> Rules {
    checked(Rules::new(Scheme::Coupon(CouponRules {
        redeem_at_till: true,
        linked: None,
    })))
}

/// Rules that are written down in this file.
fn checked(rules: Result<Rules, crate::domain::program::RulesError>) -> Rules {
    rules
        .and_then(Rules::checked)
        .or_else(|_| Rules::punch(10))
        .unwrap_or_else(|_| unreachable!("a goal of ten is within the range of goals"))
}

/// One customer with their card and everything that happened to it.
struct Life {
    customer: NewCustomer,
    fresh: Card,
    card: Card,
    events: Vec<NewEvent>,
    holder: String,
}

impl Life {
    fn lived(
        person: &Person,
        of: &ProgramOfMerchant,
        station: StationId,
        zone: &TimeZone,
        ids: &Ids,
    ) -> Self {
        let (merchant, joined) = (of.program.merchant, person.joined_at);
        let customer = NewCustomer {
            id: CustomerId(ids.next(joined)),
            merchant,
            first_name: person.first_name.clone(),
            last_name: person.last_name.clone(),
            email_key: person.email.as_deref().map(customer::email_key),
            search: customer::search_text(
                &person.first_name,
                &person.last_name,
                person.email.as_deref(),
                person.phone.as_deref(),
            ),
            email: person.email.clone(),
            phone: person.phone.clone(),
        };
        let id = CardId(ids.next(joined));
        let identity = Identity {
            id,
            merchant,
            program: of.program.id,
            customer: customer.id,
            serial_number: SerialNumber::parse(format!("card-{id}")).unwrap_or_else(|_| {
                unreachable!("an id is made of characters that a serial number may have")
            }),
            token: Token::from_random(ids.secret()),
        };
        let mut fresh = Card::new(identity, joined);
        fresh.expires_at = expiry::first_end(&of.program.rules.validity, joined, zone);
        let mut life = Self {
            holder: customer::full_name(&person.first_name, &person.last_name),
            customer,
            card: fresh.clone(),
            fresh,
            events: vec![NewEvent::of_card(
                id,
                EventKind::CardIssued,
                Actor::Gateway,
                joined,
            )],
        };
        life.live(person, &of.program.rules, station, zone);
        life
    }

    fn live(&mut self, person: &Person, rules: &Rules, station: StationId, zone: &TimeZone) {
        if person.installed {
            self.card.status = CardStatus::Installed;
            self.card.installed_at = Some(person.joined_at);
            self.note(EventKind::CardInstalled, Actor::Device, person.joined_at);
        }
        for (counter, visit) in person.visits.iter().enumerate() {
            let capture = Capture {
                key: CaptureKey {
                    station,
                    counter: i64::try_from(counter).unwrap_or(0),
                },
                kind: if visit.tapped {
                    CaptureKind::Ndef
                } else {
                    CaptureKind::Barcode
                },
                token: self.card.token.clone(),
                captured_at: visit.at,
                amount: visit.amount.and_then(|minor| Amount::new(minor).ok()),
            };
            let moment = Moment {
                at: visit.at,
                day: visit.at.day_in(zone),
                history: History::Latest,
            };
            if let Decision::Accepted(accepted) =
                presentation::decide(rules, &self.card, &capture, moment, visit.at)
            {
                self.card = accepted.card;
                // The captures themselves are not kept, so no event names one.
                self.events
                    .extend(accepted.events.into_iter().map(|event| NewEvent {
                        capture: None,
                        ..event
                    }));
            }
            // Every other reward waits for another day.
            if rules.kind() == ProgramKind::Punch && self.card.rewards > 0 && counter % 2 == 0 {
                let at = visit.at.plus(Duration::from_secs(90));
                let redeemed =
                    redemption::redeem(rules, &self.card, None, &Cause::of(Actor::Station(station)), at);
                if let Ok(change) = redeemed {
                    self.card = change.card;
                    self.events.extend(change.events);
                }
            }
        }
        if person.removed {
            self.card.status = CardStatus::Removed;
            let at = person.visits.last().map_or(person.joined_at, |visit| visit.at);
            self.note(EventKind::CardRemoved, Actor::Device, at);
        }
    }

    fn note(&mut self, kind: EventKind, actor: Actor, at: Timestamp) {
        self.events.push(NewEvent::of_card(self.card.id, kind, actor, at));
    }
}

async fn write(ops: &Ops, lives: Vec<Life>, now: Timestamp) -> Result<(), SeedError> {
    let lives = std::sync::Arc::new(lives);
    let written: Result<(), Error> = ops
        .store
        .write("seed", move |tx| {
            let lives = std::sync::Arc::clone(&lives);
            Box::pin(async move {
                let mut in_hand = HashMap::with_capacity(lives.len());
                let mut all = Vec::new();
                for life in lives.iter() {
                    cards::insert_customer(tx, &life.customer, life.fresh.created_at).await?;
                    cards::insert_card(tx, &life.fresh, Some(&life.holder)).await?;
                    in_hand.insert(life.card.id, life.card.clone());
                    all.extend(life.events.iter().cloned());
                }
                events::append(tx, &mut in_hand, &all, now.minus(SETTLED)).await?;
                let cards: Vec<Card> = in_hand.into_values().collect();
                cards::save(tx, &cards, now).await
            })
        })
        .await;
    match written {
        Err(error) if error.is_unique_violation() => Err(SeedError::Used),
        other => Ok(other?),
    }
}
