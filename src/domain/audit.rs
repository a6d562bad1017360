//! Checking a ledger from its first row to its last: against its seals, against itself, and against the cards and people
//! that it belongs to.
//!
//! The caller feeds rows in the order of their ids, seal by seal, then the rows that no seal covers yet, then every card
//! and customer. What does not fit is named: the event, the seal, the card or the customer. Nothing that a row may hold
//! makes it panic.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use crate::domain::event::Delta;
use crate::domain::id::{CardId, CustomerId, EventId, MerchantId};
use crate::domain::seal::{self, Digest, LedgerRow, NOTHING, Seal, SealedReason};

/// More faults than this are counted and not named.
const MOST_NAMED: usize = 20;

/// Something that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// A row is not what it was when it was sealed.
    EventChanged {
        event: EventId,
        seal: i64,
    },
    /// A row that was sealed is gone.
    EventMissing {
        event: EventId,
        seal: i64,
    },
    /// A row stands where the ledger was sealed without it.
    EventInserted {
        event: EventId,
        seal: i64,
    },
    /// The reason of a row is gone, though its salt is still there: it was not forgotten in the proper way.
    ReasonRemoved {
        event: EventId,
    },
    /// A row does not name the one before it of its card or person.
    EventUnlinked {
        event: EventId,
        expected: Option<EventId>,
        got: Option<i64>,
    },
    /// A row belongs to no card and no person, or to both.
    EventOfNobody {
        event: EventId,
    },
    SealMissing {
        number: i64,
    },
    /// A seal's own numbers or hash do not fit.
    SealChanged {
        number: i64,
    },
    /// A card's number is not the sum of its rows.
    CardSum {
        card: CardId,
        number: &'static str,
        card_says: i64,
        ledger_says: i128,
    },
    CardNewest {
        card: CardId,
        card_says: Option<EventId>,
        ledger_says: Option<EventId>,
    },
    CustomerNewest {
        customer: CustomerId,
        customer_says: Option<EventId>,
        ledger_says: Option<EventId>,
    },
    /// Rows of a card that is not there.
    NoCard {
        card: CardId,
    },
    NoCustomer {
        customer: CustomerId,
    },
}

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub merchant: MerchantId,
    pub events: u64,
    pub seals: u64,
    /// Rows that no seal covers yet.
    pub unsealed: u64,
    /// Sealed reasons that were forgotten since.
    pub forgotten: u64,
    pub cards: u64,
    /// The newest seal and its hash, to be kept elsewhere.
    pub head: Option<(i64, Digest)>,
    /// In the order in which they were found; the first is the one to look at first.
    pub faults: Vec<Fault>,
    /// More of them than are named.
    pub more_faults: u64,
}

impl Report {
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }
}

/// The sums of one card's rows, and its newest row; for a person only the latter.
#[derive(Default)]
struct Running {
    sums: [i128; 8],
    newest: Option<EventId>,
}

const SUMS: [&str; 8] = [
    "punches",
    "points",
    "tier points",
    "rewards",
    "visits",
    "spend",
    "unpriced",
    "redemptions",
];

/// An audit under way. Holds some hundred bytes for each card.
pub struct Audit {
    report: Report,
    previous_hash: Digest,
    cards: HashMap<i64, Running>,
    customers: HashMap<i64, Running>,
}

impl Audit {
    pub fn new(merchant: MerchantId) -> Self {
        Self {
            report: Report {
                merchant,
                events: 0,
                seals: 0,
                unsealed: 0,
                forgotten: 0,
                cards: 0,
                head: None,
                faults: Vec::new(),
                more_faults: 0,
            },
            previous_hash: NOTHING,
            cards: HashMap::new(),
            customers: HashMap::new(),
        }
    }

    /// The next seal, with every row above the last event of the seal before it up to its own last event.
    pub fn seal(&mut self, seal: &Seal, rows: &[(LedgerRow, Option<SealedReason>)]) {
        let due = self.report.head.map_or(1, |(number, _)| number + 1);
        for number in (due..seal.number).take(MOST_NAMED) {
            self.fault(Fault::SealMissing { number });
        }
        let merchant = self.report.merchant;
        let sealed: BTreeSet<EventId> = seal.ids().collect();
        let mut digests = Vec::with_capacity(rows.len());
        let mut found = BTreeSet::new();
        let before = self.faults();
        for (row, reason) in rows {
            let (event, number) = (row.id, seal.number);
            self.reason(row, reason.as_ref());
            let digest = seal::event_digest(merchant, row, reason_in_seal(row, reason.as_ref()).as_deref());
            match seal.knows(event, &digest) {
                Some(true) => {}
                Some(false) => self.fault(Fault::EventChanged { event, seal: number }),
                None => self.fault(Fault::EventInserted { event, seal: number }),
            }
            found.insert(event);
            digests.push((event, digest));
        }
        for event in sealed.difference(&found) {
            self.fault(Fault::EventMissing {
                event: *event,
                seal: seal.number,
            });
        }
        let fits =
            seal.previous_hash == self.previous_hash && seal.hash_over(merchant, &digests) == seal.hash;
        if !fits && self.faults() == before {
            self.fault(Fault::SealChanged { number: seal.number });
        }
        for (row, _) in rows {
            self.link(row);
        }
        self.previous_hash = seal.hash;
        self.report.seals += 1;
        self.report.head = Some((seal.number, seal.hash));
    }

    /// What the store says is its newest seal and how far it reaches.
    pub fn head(&mut self, number: i64, hash: &Digest) {
        let (found, chain) = self.report.head.unwrap_or((0, NOTHING));
        for missing in (found + 1..=number).take(MOST_NAMED) {
            self.fault(Fault::SealMissing { number: missing });
        }
        let changed = Fault::SealChanged { number: found };
        if found >= number && (found, &chain) != (number, hash) && !self.report.faults.contains(&changed) {
            self.fault(changed);
        }
    }

    /// Rows above the last event of the last seal. One that is not above `through`, up to where the ledger has been
    /// sealed, was slipped in.
    pub fn unsealed(&mut self, through: EventId, rows: &[(LedgerRow, Option<SealedReason>)]) {
        for (row, _) in rows {
            if row.id <= through {
                let seal = self.report.head.map_or(0, |(number, _)| number);
                self.fault(Fault::EventInserted { event: row.id, seal });
            } else {
                self.report.unsealed += 1;
            }
            self.link(row);
        }
    }

    /// A card as it stands, read on the same snapshot as the rows.
    pub fn card(&mut self, card: CardId, sums: Delta, newest: Option<EventId>) {
        self.report.cards += 1;
        let running = self.cards.remove(&card.0).unwrap_or_default();
        for (at, (card_says, ledger_says)) in numbers(sums).into_iter().zip(running.sums).enumerate() {
            if i128::from(card_says) != ledger_says {
                self.fault(Fault::CardSum {
                    card,
                    number: SUMS[at],
                    card_says,
                    ledger_says,
                });
            }
        }
        if newest != running.newest {
            self.fault(Fault::CardNewest {
                card,
                card_says: newest,
                ledger_says: running.newest,
            });
        }
    }

    pub fn customer(&mut self, customer: CustomerId, newest: Option<EventId>) {
        let running = self.customers.remove(&customer.0).unwrap_or_default();
        if newest != running.newest {
            self.fault(Fault::CustomerNewest {
                customer,
                customer_says: newest,
                ledger_says: running.newest,
            });
        }
    }

    /// After the last card and customer: what is left over belongs to nobody.
    pub fn finish(mut self) -> Report {
        let mut cards: Vec<_> = self.cards.keys().copied().collect();
        cards.sort_unstable();
        for card in cards {
            self.fault(Fault::NoCard { card: CardId(card) });
        }
        let mut customers: Vec<_> = self.customers.keys().copied().collect();
        customers.sort_unstable();
        for customer in customers {
            let customer = CustomerId(customer);
            self.fault(Fault::NoCustomer { customer });
        }
        self.report
    }

    fn reason(&mut self, row: &LedgerRow, sealed: Option<&SealedReason>) {
        match (&row.reason, sealed) {
            (None, Some(SealedReason { salt: None, .. })) => self.report.forgotten += 1,
            (None, Some(SealedReason { salt: Some(_), .. })) => {
                self.fault(Fault::ReasonRemoved { event: row.id });
            }
            _ => {}
        }
    }

    fn link(&mut self, row: &LedgerRow) {
        self.report.events += 1;
        let running = match (row.card, row.customer) {
            (Some(card), None) => self.cards.entry(card).or_default(),
            (None, Some(customer)) => self.customers.entry(customer).or_default(),
            _ => return self.fault(Fault::EventOfNobody { event: row.id }),
        };
        for (sum, number) in running.sums.iter_mut().zip(numbers(row.delta)) {
            *sum += i128::from(number);
        }
        let expected = running.newest.replace(row.id);
        if row.previous != expected.map(|event| event.0) {
            self.fault(Fault::EventUnlinked {
                event: row.id,
                expected,
                got: row.previous,
            });
        }
    }

    fn faults(&self) -> u64 {
        self.report.more_faults + self.report.faults.len() as u64
    }

    fn fault(&mut self, fault: Fault) {
        if self.report.faults.len() < MOST_NAMED {
            self.report.faults.push(fault);
        } else {
            self.report.more_faults += 1;
        }
    }
}

/// The digest of a row's reason as the seal has it: from the text while it is there, else from what is kept of it.
fn reason_in_seal(row: &LedgerRow, sealed: Option<&SealedReason>) -> Option<Vec<u8>> {
    match (&row.reason, sealed) {
        (Some(reason), Some(SealedReason { salt: Some(salt), .. })) => {
            Some(seal::reason_digest(salt, reason).to_vec())
        }
        // A text that no seal knows: whatever stands here does not fit.
        (Some(reason), _) => Some(seal::reason_digest(&[], reason).to_vec()),
        (None, Some(sealed)) => Some(sealed.digest.clone()),
        (None, None) => None,
    }
}

fn numbers(delta: Delta) -> [i64; 8] {
    [
        delta.punches,
        delta.points,
        delta.tier_points,
        delta.rewards,
        delta.visits,
        delta.spend,
        delta.unpriced,
        delta.redemptions,
    ]
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let event = |event: Option<EventId>| event.map_or("none".into(), |event| event.0.to_string());
        match self {
            Self::EventChanged { event, seal } => {
                write!(f, "event {}: is not what seal {seal} was made over", event.0)
            }
            Self::EventMissing { event, seal } => write!(f, "event {}: is in seal {seal} and gone", event.0),
            Self::EventInserted { event, seal } => {
                write!(f, "event {}: was not there when seal {seal} was made", event.0)
            }
            Self::ReasonRemoved { event } => {
                write!(
                    f,
                    "event {}: its reason was removed and not forgotten properly",
                    event.0
                )
            }
            Self::EventUnlinked {
                event: at,
                expected,
                got,
            } => write!(
                f,
                "event {}: must name event {} as the one before it; names {}",
                at.0,
                event(*expected),
                event(got.map(EventId))
            ),
            Self::EventOfNobody { event } => {
                write!(f, "event {}: must belong to a card or to a customer", event.0)
            }
            Self::SealMissing { number } => write!(f, "seal {number}: is gone"),
            Self::SealChanged { number } => write!(f, "seal {number}: its hash does not fit what it covers"),
            Self::CardSum {
                card,
                number,
                card_says,
                ledger_says,
            } => write!(
                f,
                "card {card}: says {card_says} {number}; its ledger says {ledger_says}"
            ),
            Self::CardNewest {
                card,
                card_says,
                ledger_says,
            } => write!(
                f,
                "card {card}: names event {} as its newest; its ledger ends with {}",
                event(*card_says),
                event(*ledger_says)
            ),
            Self::CustomerNewest {
                customer,
                customer_says,
                ledger_says,
            } => write!(
                f,
                "customer {customer}: names event {} as the newest; the ledger ends with {}",
                event(*customer_says),
                event(*ledger_says)
            ),
            Self::NoCard { card } => write!(f, "card {card}: has events and is not there"),
            Self::NoCustomer { customer } => write!(f, "customer {customer}: has events and is not there"),
        }
    }
}

#[cfg(test)]
mod tests;
