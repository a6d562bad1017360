//! Some rows in one transaction: who is there, what becomes of each row, and writing it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use jiff::tz::TimeZone;

use crate::domain::adjustment::Adjustment;
use crate::domain::capture::Token;
use crate::domain::card::Card;
use crate::domain::change::{Cause, Change};
use crate::domain::consent::Purpose;
use crate::domain::customer;
use crate::domain::detail::Detail;
use crate::domain::event::{Actor, Delta, EventKind, NewEvent, Source, Subject};
use crate::domain::id::{BatchId, CardId, CustomerId};
use crate::domain::import::{Counts, Decision, ImportRow, Known, Problem, Seen, Verdict, decide};
use crate::domain::issue::IssueRefusal;
use crate::domain::money::Amount;
use crate::domain::profile::ContactKind;
use crate::domain::program::Program;
use crate::domain::time::Timestamp;
use crate::domain::utm::Utm;
use crate::domain::{adjustment, issue};
use crate::ops::cards::{CardError, new_card, write_changes};
use crate::ops::customers::CustomerError;
use crate::ops::import::{ImportError, Setting, consent};
use crate::store::custom_fields::{self, Answer};
use crate::store::customers::{self, Contact, Customer};
use crate::store::imports::{self, Failure};
use crate::store::utms::{self, Landing};
use crate::store::{self, Error, Tx, cards, consents, events, notes};

/// A row of the file, with the ids that it needs if it makes somebody new.
pub(super) struct PlannedRow {
    pub(super) record: i64,
    pub(super) line: u64,
    pub(super) row: Result<ImportRow, Vec<Problem>>,
    pub(super) cells: Vec<String>,
    pub(super) customer: CustomerId,
    pub(super) card: CardId,
    pub(super) token: Token,
}

/// Rows that are done together.
pub(super) struct Chunk {
    pub(super) setting: Arc<Setting>,
    /// What the rows before have touched.
    pub(super) seen: Arc<RwLock<Seen>>,
    pub(super) rows: Vec<PlannedRow>,
    /// Rows of the file before these.
    pub(super) from: i64,
    /// None in a dry run.
    pub(super) batch: Option<BatchId>,
    pub(super) actor: Actor,
    pub(super) now: Timestamp,
}

/// What became of them.
#[derive(Default)]
pub(super) struct Done {
    pub(super) counts: Counts,
    pub(super) failures: Vec<Failure>,
    pub(super) seen: Seen,
    pub(super) balances_kept: i64,
    pub(super) consents_left: i64,
}

/// Everybody whom the rows may mean.
#[derive(Default)]
struct People {
    owners: HashMap<Contact, CustomerId>,
    serials: HashMap<String, CustomerId>,
    customers: HashMap<CustomerId, Customer>,
    known: HashMap<CustomerId, Known>,
    cards: HashMap<CustomerId, CardId>,
}

impl Chunk {
    /// Plans the rows and writes nothing.
    pub(super) async fn plan_only(&self, tx: &mut Tx<'_>) -> Result<Done, ImportError> {
        let people = self.gather(tx, false).await?;
        Ok(self.decide(&people).1)
    }

    /// Plans the rows, writes what they ask for, and moves the job on.
    pub(super) async fn plan_and_write(&self, tx: &mut Tx<'_>) -> Result<Done, ImportError> {
        let batch = self
            .batch
            .ok_or(Error::Body("only a run writes, and it has a batch"))?;
        let people = self.gather(tx, true).await?;
        let (decisions, done) = self.decide(&people);
        let merchant = self.setting.merchant;
        if !imports::advance(tx, merchant, batch, self.from, done.counts).await? {
            return Err(ImportError::Busy);
        }
        self.write_people(tx, &people, &decisions, batch).await?;
        self.write_cards(tx, &decisions, batch).await?;
        self.write_beside(tx, &people, &decisions).await?;
        let noted = decisions.iter().flat_map(|(row, decision)| {
            let customer = decision.customer.unwrap_or(row.customer);
            decision
                .consents
                .iter()
                .map(move |noted| (customer, noted.clone()))
        });
        consent::note(tx, merchant, (self.actor, batch), noted.collect(), self.now).await?;
        imports::add_failures(tx, merchant, batch, &done.failures).await?;
        imports::add_marks(tx, merchant, batch, self.from, done.seen.print()).await?;
        Ok(done)
    }

    /// Who is there already. For a run they are locked, in the order of their ids.
    async fn gather(&self, tx: &mut Tx<'_>, lock: bool) -> Result<People, Error> {
        let merchant = self.setting.merchant;
        let rows: Vec<&ImportRow> = self
            .rows
            .iter()
            .filter_map(|planned| planned.row.as_ref().ok())
            .collect();
        let contacts: Vec<Contact> = rows.iter().flat_map(|row| row.profile().contacts()).collect();
        let serials: Vec<&str> = rows.iter().filter_map(|row| row.serial_number()).collect();
        let mut people = People {
            owners: customers::owners(tx, merchant, &contacts)
                .await?
                .into_iter()
                .collect(),
            serials: imports::holders(tx, merchant, &serials)
                .await?
                .into_iter()
                .collect(),
            ..People::default()
        };
        let ids: BTreeSet<CustomerId> = people
            .owners
            .values()
            .chain(people.serials.values())
            .copied()
            .collect();
        let ids: Vec<CustomerId> = ids.into_iter().collect();
        let found = if lock {
            customers::customers_for_update(tx, merchant, &ids).await?
        } else {
            customers::customers(tx, merchant, &ids).await?
        };
        let mut tags: HashMap<CustomerId, Vec<String>> = HashMap::new();
        for (id, tag) in notes::tags(tx, merchant, &ids).await? {
            tags.entry(id).or_default().push(customer::fold(&tag));
        }
        if let Some(of) = &self.setting.of {
            for (id, card, _) in customers::cards_in_program(tx, merchant, of.program.id, &ids).await? {
                people.cards.entry(id).or_insert(card);
            }
        }
        let cards: Vec<CardId> = people.cards.values().copied().collect();
        let mut answers: HashMap<CardId, Vec<_>> = HashMap::new();
        for answer in custom_fields::values(tx, merchant, &cards).await? {
            if let Some(value) = answer.value {
                answers.entry(answer.card).or_default().push((answer.code, value));
            }
        }
        let mut balances: HashMap<CardId, Delta> = HashMap::new();
        for (card, punches, points, spend) in imports::balances(tx, merchant, &cards).await? {
            let sums = Delta {
                punches,
                points,
                spend,
                ..Delta::default()
            };
            balances.insert(card, sums);
        }
        let mut consents: HashMap<CustomerId, BTreeMap<Purpose, bool>> = HashMap::new();
        if self.setting.mapping.has_consent() {
            for said in consents::answers(tx, merchant, &ids).await? {
                consents
                    .entry(said.customer)
                    .or_default()
                    .insert(said.purpose, said.given);
            }
        }
        let mut landings: HashMap<CustomerId, Vec<Utm>> = HashMap::new();
        if self.setting.mapping.has_landing() {
            for (id, landing) in utms::of_people(tx, merchant, &ids).await? {
                landings.entry(id).or_default().push(landing.utm);
            }
        }
        // An erased person's cards keep their serial numbers, and no file brings back who that was.
        for customer in found.into_iter().filter(|person| person.erased_at.is_none()) {
            let card = people.cards.get(&customer.id);
            let known = Known {
                id: customer.id,
                profile: customer.profile.clone(),
                tags: tags.remove(&customer.id).unwrap_or_default(),
                has_card: card.is_some(),
                answers: card.and_then(|card| answers.remove(card)).unwrap_or_default(),
                balance: card
                    .and_then(|card| balances.get(card).copied())
                    .unwrap_or_default(),
                landings: landings.remove(&customer.id).unwrap_or_default(),
                consents: consents.remove(&customer.id).unwrap_or_default(),
            };
            people.known.insert(customer.id, known);
            people.customers.insert(customer.id, customer);
        }
        Ok(people)
    }

    /// What becomes of each row; those that are taken, with what is to be done.
    fn decide(&self, people: &People) -> (Vec<(&PlannedRow, Decision)>, Done) {
        let mut done = Done::default();
        let mut taken = Vec::with_capacity(self.rows.len());
        let before = self.seen.read().unwrap_or_else(PoisonError::into_inner);
        let owner = |kind: ContactKind, key: &str| -> Option<Known> {
            people
                .known
                .get(people.owners.get(&(kind, key.to_owned()))?)
                .cloned()
        };
        for planned in &self.rows {
            let verdict = match &planned.row {
                Err(problems) => Verdict::Failed(problems.clone()),
                Ok(row) => {
                    let holder = row.serial_number().and_then(|serial| people.serials.get(serial));
                    let of_serial = holder.and_then(|id| people.known.get(id));
                    let (mapping, context) = (&self.setting.mapping, &self.setting.context);
                    let seen = [&*before, &done.seen];
                    let decision = decide(row, mapping, context, of_serial, owner, &seen);
                    done.seen.add(&decision, planned.line);
                    done.balances_kept += i64::from(decision.keeps_balance);
                    done.consents_left += i64::from(decision.leaves_consent);
                    let verdict = decision.verdict.clone();
                    if !matches!(verdict, Verdict::Failed(_)) {
                        taken.push((planned, decision));
                    }
                    verdict
                }
            };
            done.counts.count(&verdict);
            if let Verdict::Failed(problems) = verdict {
                done.failures.push(Failure {
                    record: planned.record,
                    line: i64::try_from(planned.line).unwrap_or(i64::MAX),
                    problems,
                    cells: planned.cells.clone(),
                });
            }
        }
        (taken, done)
    }

    async fn write_people(
        &self,
        tx: &mut Tx<'_>,
        people: &People,
        decisions: &[(&PlannedRow, Decision)],
        batch: BatchId,
    ) -> Result<(), ImportError> {
        let merchant = self.setting.merchant;
        let (mut new, mut edited, mut claims, mut rows) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (planned, decision) in decisions {
            let Some(id) = decision.customer else {
                let customer = Customer::new(planned.customer, merchant, decision.profile.clone(), self.now);
                claims.extend(
                    customer
                        .profile
                        .contacts()
                        .into_iter()
                        .map(|key| (key, customer.id)),
                );
                new.push((
                    customer,
                    decision.new_card.map(|_| format!("card-{}", planned.card)),
                ));
                continue;
            };
            let Some(before) = people.customers.get(&id) else {
                continue;
            };
            let mut names: Vec<String> = decision.changed.iter().map(ToString::to_string).collect();
            if decision.new_card.is_none() {
                names.extend(
                    decision
                        .new_answers
                        .iter()
                        .map(|(code, _)| format!("custom.{code}")),
                );
            }
            let is_edit = !names.is_empty();
            if !decision.new_tags.is_empty() {
                names.push("tags".into());
            }
            if names.is_empty() {
                continue;
            }
            let mut customer = before.clone();
            customer.profile = decision.profile.clone();
            let (old, now) = (before.profile.contacts(), customer.profile.contacts());
            for gone in old.iter().filter(|key| !now.contains(key)) {
                customers::release(tx, merchant, gone, id).await?;
            }
            // A twin from before keys were claimed has contacts that are another's: those it keeps as they are.
            let added = now
                .into_iter()
                .filter(|key| !old.contains(key) && !people.owners.contains_key(key));
            claims.extend(added.map(|key| (key, id)));
            if decision.changed.contains(&crate::domain::profile::Field::Email) {
                customer.verified_at = None;
            }
            let event = NewEvent::new(
                Subject::Customer(id),
                EventKind::ProfileEdited,
                self.actor,
                self.now,
            )
            .with_detail(Detail::Fields { names });
            rows.push((customer.last_event, self.of_import(event, batch)));
            edited.push((customer, is_edit));
        }
        if !customers::claim(tx, merchant, claims).await? {
            return Err(CustomerError::Raced.into());
        }
        let inserted: Vec<_> = new
            .iter()
            .map(|(customer, serial)| (customer, serial.as_deref()))
            .collect();
        customers::insert(tx, &inserted).await?;
        let newest = events::append_of_customers(tx, merchant, &rows, self.now).await?;
        let saved: Vec<Customer> = edited
            .into_iter()
            .map(|(mut customer, is_edit)| {
                let event = newest.get(&customer.id).copied();
                customer.last_event = event;
                if is_edit {
                    customer.edited = event;
                    customer.version += 1;
                    customer.changed_at = self.now;
                }
                customer
            })
            .collect();
        Ok(customers::save(tx, merchant, &saved).await?)
    }

    async fn write_cards(
        &self,
        tx: &mut Tx<'_>,
        decisions: &[(&PlannedRow, Decision)],
        batch: BatchId,
    ) -> Result<(), ImportError> {
        let Some(of) = &self.setting.of else {
            return Ok(());
        };
        let merchant = self.setting.merchant;
        let zone = TimeZone::get(&self.setting.zone).unwrap_or(TimeZone::UTC);
        let cause = Cause::of(self.actor).in_batch(batch, Source::Import);
        // What a card begins with takes the place of the program's welcome.
        let mut unwelcoming = of.program.clone();
        unwelcoming.rules.welcome = 0;
        let (mut issued, mut changes) = (Vec::new(), Vec::new());
        for (planned, decision) in decisions {
            let Some(opening) = decision.new_card else {
                continue;
            };
            let holder = decision.customer.unwrap_or(planned.customer);
            let token = planned.token.clone();
            let card = new_card(planned.card, merchant, of.program.id, holder, token, self.now)
                .map_err(CustomerError::from)?;
            let name = decision.profile.full_name();
            issued.push((card.clone(), (!name.is_empty()).then_some(name)));
            let program = match opening == Delta::default() && self.setting.welcome {
                true => &of.program,
                false => &unwelcoming,
            };
            let first = opened(program, &card, opening, &zone, &cause, self.now)?;
            if decision.customer.is_some() {
                customers::add_serial(tx, merchant, holder, card.serial_number.as_str()).await?;
            }
            changes.push(first);
        }
        cards::insert_cards(tx, &issued).await?;
        let landings: Vec<_> = decisions
            .iter()
            .filter(|(_, decision)| decision.new_card.is_some())
            .filter_map(|(planned, decision)| {
                let utm = decision.landing.clone()?;
                Some((planned.card, Landing { utm, at: self.now }))
            })
            .collect();
        utms::insert_all(tx, merchant, &landings).await?;
        write_changes(tx, changes, self.now).await?;
        Ok(())
    }

    /// Tags and answers.
    async fn write_beside(
        &self,
        tx: &mut Tx<'_>,
        people: &People,
        decisions: &[(&PlannedRow, Decision)],
    ) -> Result<(), Error> {
        let merchant = self.setting.merchant;
        let (mut tags, mut answers) = (Vec::new(), Vec::new());
        for (planned, decision) in decisions {
            let id = decision.customer.unwrap_or(planned.customer);
            tags.extend(decision.new_tags.iter().map(|tag| (id, tag.clone())));
            let card = match decision.new_card {
                Some(_) => planned.card,
                None => match people.cards.get(&id) {
                    Some(card) => *card,
                    None => continue,
                },
            };
            // Lists show the person beside the card.
            let is_seen = !decision.changed.is_empty()
                || !decision.new_tags.is_empty()
                || !decision.new_answers.is_empty();
            if is_seen {
                tx.announce(store::Change::Card(merchant, card));
            }
            answers.extend(decision.new_answers.iter().map(|(code, value)| Answer {
                card,
                code: code.clone(),
                value: Some(value.clone()),
            }));
        }
        notes::add_tags(tx, merchant, &tags, self.now).await?;
        custom_fields::set(tx, merchant, &answers).await
    }

    fn of_import(&self, mut event: NewEvent, batch: BatchId) -> NewEvent {
        event.source = Source::Import;
        event.batch = Some(batch);
        event
    }
}

/// An imported card's first moment under the rules of `program`, and what it begins with.
fn opened(
    program: &Program,
    card: &Card,
    opening: Delta,
    zone: &TimeZone,
    cause: &Cause,
    now: Timestamp,
) -> Result<Change, ImportError> {
    let mut first = issue::issue(program, card, zone, cause, now).map_err(of_card)?;
    if opening == Delta::default() {
        return Ok(first);
    }
    let paid = Amount::new(opening.spend)
        .map_err(|error| Error::inconsistent("an amount that the row was checked for", error))?;
    let adjustment = Adjustment::Add {
        amount: opening.punches + opening.points,
        paid: (opening.spend != 0).then_some(paid),
    };
    let begun = adjustment::adjust(&program.rules, &first.card, adjustment, cause, now);
    let begun =
        begun.map_err(|refusal| Error::inconsistent("a balance that the row was checked for", refusal))?;
    first
        .events
        .extend(begun.events.into_iter().map(|row| match row.kind {
            EventKind::PointsAdded => row.with_reason("opening balance"),
            _ => row,
        }));
    let (version, changed_at) = (first.card.version, first.card.changed_at);
    first.card = begun.card;
    // Nobody has seen the card before.
    (first.card.version, first.card.changed_at) = (version, changed_at);
    Ok(first)
}

fn of_card(refusal: IssueRefusal) -> CustomerError {
    CustomerError::from(CardError::from(refusal))
}
