//! People: add, find, edit. Nobody becomes two people unnoticed, and no edit overwrites another unseen.
//!
//! A profile is what staff know; the text printed on a card is the card's own. Only [`Ops::update_holder`] carries the
//! one over to the other.

mod definitions;
mod edit;
mod fields;
mod notes;
pub mod zone;

use jiff::tz::TimeZone;

pub(crate) use edit::bring_into_form;
use edit::{apply, note_edit};
pub use fields::{CardSheet, CustomerSheet};
pub(crate) use fields::{read as read_answers, sheet};
pub use notes::NoteError;

use crate::domain::capture::Token;
use crate::domain::detail::Detail;
use crate::domain::event::{Actor, EventKind, NewEvent};
use crate::domain::id::{CardId, CustomerId, MerchantId, ProgramId};
use crate::domain::profile::{ContactKind, Field, FieldError, Profile, Region};
use crate::domain::search::{Query, QueryError};
use crate::domain::time::Timestamp;
use crate::ops::Ops;
use crate::ops::cards::{self as card_ops, CardError};
use crate::store::cards::CardWithProgram;
use crate::store::custom_fields::Answer;
use crate::store::customers::{Customer, Habits, LastEdit};
use crate::store::search::Found;
use crate::store::{Error, Tx, cards, custom_fields, customers, search};

/// How often a creation is tried again that lost a race for a key: each loss means that somebody else won.
const RACES: usize = 5;

/// Why a person was not added or changed.
#[derive(Debug, thiserror::Error)]
pub enum CustomerError {
    #[error("there is no such merchant")]
    NoMerchant,
    #[error("there is no such customer")]
    NotFound,
    #[error("this merchant has no such program, or it takes no new cards")]
    NoProgram,
    #[error("this customer has been erased")]
    Erased,
    /// Somebody else edited the profile since the caller looked at it. Nothing was written.
    #[error("this profile has changed meanwhile{}; look again and decide anew", by(.0.last.as_ref()))]
    Changed(Box<Conflict>),
    #[error("another customer has this {} already: {customer}", kind.as_str())]
    Taken { kind: ContactKind, customer: CustomerId },
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error("this program has no field {0:?}; its fields are named in `passgate field list`")]
    NoField(String),
    /// Only between tries.
    #[error("somebody else took the same address or number at this moment; try again")]
    Raced,
    #[error(transparent)]
    Card(#[from] CardError),
    #[error(transparent)]
    Store(#[from] Error),
}

/// What there is instead of what the caller saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    pub current: Customer,
    /// Who and when.
    pub last: Option<LastEdit>,
}

fn by(last: Option<&LastEdit>) -> String {
    use crate::store::listing::ActorName;
    let Some(last) = last else {
        return String::new();
    };
    let who = match &last.by {
        ActorName::Member(name) | ActorName::Station { name, .. } => name.as_str(),
        ActorName::Device => "the holder",
        ActorName::Gateway => "the command line or an import",
    };
    format!(" (by {who}, {})", last.at.to_jiff())
}

/// Somebody to add.
#[derive(Debug, Clone)]
pub struct NewPerson {
    pub profile: Profile,
    /// The program to issue a card of, and what it is answered.
    pub program: Option<ProgramId>,
    pub answers: Vec<(String, String)>,
}

/// What became of adding somebody.
#[derive(Debug)]
pub enum Added {
    New {
        customer: Box<Customer>,
        card: Option<Box<CardWithProgram>>,
    },
    /// Somebody with the same address, number or id is there already. Nothing was written.
    Known {
        by: ContactKind,
        customer: Box<Customer>,
    },
}

/// What to change of a person; fields that are not named stay.
#[derive(Debug, Clone, Default)]
pub struct Edit {
    /// Empty text clears a field.
    pub fields: Vec<(Field, String)>,
    /// Answers to the fields of a card's program, by their codes.
    pub answers: Option<(CardId, Vec<(String, String)>)>,
}

/// What somebody saw who agreed to print a name on a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HolderSeen {
    /// The card's.
    pub version: i64,
    /// The name in the profile, which was to be printed.
    pub name: String,
}

impl Ops {
    /// Says where a merchant's phone numbers are from when they have no country code.
    pub async fn set_country(&self, merchant: MerchantId, region: Region) -> Result<(), CustomerError> {
        let known = self
            .store
            .write("set_country", move |tx| {
                Box::pin(async move { customers::set_country(tx, merchant, region.code()).await })
            })
            .await?;
        known.then_some(()).ok_or(CustomerError::NoMerchant)
    }

    /// Reads what somebody typed about a person, by the merchant's country.
    pub async fn read_profile(
        &self,
        merchant: MerchantId,
        typed: &[(Field, String)],
    ) -> Result<Profile, CustomerError> {
        let habits = self
            .store
            .read("habits", move |tx| {
                Box::pin(async move { customers::habits(tx, merchant).await })
            })
            .await?
            .ok_or(CustomerError::NoMerchant)?;
        let mut profile = Profile::default();
        for (field, text) in typed {
            profile.set(*field, text, Region::parse(&habits.country))?;
        }
        Ok(profile)
    }

    /// Adds a person with a card, or says who has their address, number or id already.
    pub async fn add_customer(
        &self,
        merchant: MerchantId,
        person: NewPerson,
        actor: Actor,
    ) -> Result<Added, CustomerError> {
        for _ in 0..RACES {
            match self.try_add(merchant, person.clone(), actor).await {
                Err(CustomerError::Raced) => {}
                other => return other,
            }
        }
        Err(CustomerError::Raced)
    }

    async fn try_add(
        &self,
        merchant: MerchantId,
        person: NewPerson,
        actor: Actor,
    ) -> Result<Added, CustomerError> {
        let now = self.clock.now();
        let id = CustomerId(self.ids.next(now));
        let card = CardId(self.ids.next(now));
        let token = Token::from_random(self.ids.secret());
        self.store
            .write("add_customer", move |tx| {
                let (person, token) = (person.clone(), token.clone());
                Box::pin(async move {
                    let habits = habits(tx, merchant).await?;
                    let profile = person.profile.checked(today(&habits, now))?;
                    if let Some((by, customer)) = known(tx, merchant, &profile).await? {
                        return Ok(Added::Known {
                            by,
                            customer: Box::new(customer),
                        });
                    }
                    let customer = Customer::new(id, merchant, profile, now);
                    insert(tx, &customer).await?;
                    let card = match person.program {
                        None => None,
                        Some(program) => {
                            let answers =
                                fields::read(tx, merchant, program, card, &person.answers, true).await?;
                            let name = customer.profile.full_name();
                            let holder = (!name.is_empty()).then_some(name);
                            let new = card_ops::NewCard {
                                id: card,
                                program,
                                customer: id,
                                holder,
                                token,
                            };
                            let issued = card_ops::issue_card(tx, merchant, new, actor, now).await;
                            let issued = issued.map_err(|error| match error {
                                CardError::NotFound => CustomerError::NoProgram,
                                other => other.into(),
                            })?;
                            custom_fields::set(tx, merchant, &answers).await?;
                            Some(Box::new(issued))
                        }
                    };
                    Ok(Added::New {
                        customer: Box::new(customer),
                        card,
                    })
                })
            })
            .await
    }

    /// Changes a profile that the caller saw in version `seen`. Cards keep the text that is printed on them.
    pub async fn edit_customer(
        &self,
        merchant: MerchantId,
        id: CustomerId,
        seen: i64,
        edit: Edit,
        actor: Actor,
    ) -> Result<Customer, CustomerError> {
        let now = self.clock.now();
        self.store
            .write("edit_customer", move |tx| {
                let edit = edit.clone();
                Box::pin(async move {
                    let habits = habits(tx, merchant).await?;
                    let customer = locked(tx, merchant, id).await?;
                    if customer.version != seen {
                        let last = match customer.edited {
                            Some(event) => customers::last_edit(tx, merchant, event).await?,
                            None => None,
                        };
                        let current = customer;
                        return Err(CustomerError::Changed(Box::new(Conflict { current, last })));
                    }
                    apply(tx, &habits, customer, edit, actor, now).await
                })
            })
            .await
    }

    /// Prints the name in the profile on a card: the one way in which a profile reaches a pass. Refused when the card or
    /// the name is not what somebody saw who agreed to it.
    pub async fn update_holder(
        &self,
        merchant: MerchantId,
        card: CardId,
        seen: Option<HolderSeen>,
        actor: Actor,
    ) -> Result<CardWithProgram, CustomerError> {
        let now = self.clock.now();
        self.store
            .write("update_holder", move |tx| {
                let seen = seen.clone();
                Box::pin(async move {
                    let of = cards::card(tx, merchant, card).await?;
                    let holder = of.ok_or(CardError::NotFound)?.card.customer;
                    // The person before the card: who is being erased gets no name printed any more.
                    let customer = locked(tx, merchant, holder).await?;
                    let version = seen.as_ref().map(|seen| seen.version);
                    let (mut card, mut of) = card_ops::locked(tx, merchant, card, version).await?;
                    let name = customer.profile.full_name();
                    if seen.is_some_and(|seen| seen.name != name) {
                        return Err(CardError::Stale.into());
                    }
                    let holder = (!name.is_empty()).then_some(name);
                    if holder == of.holder {
                        return Ok(of);
                    }
                    cards::set_holder(tx, merchant, card.id, holder.as_deref()).await?;
                    card.touch(now);
                    let event = NewEvent::of_card(card.id, EventKind::ProfileEdited, actor, now).with_detail(
                        Detail::Fields {
                            names: vec!["holder".into()],
                        },
                    );
                    of.card = card_ops::write_change(tx, card, &[event], now).await?;
                    of.holder = holder;
                    Ok(of)
                })
            })
            .await
    }

    /// People of whom something contains every word of `text`, newest first, at most `limit`, older than `before`.
    pub async fn find_customers(
        &self,
        merchant: MerchantId,
        text: &str,
        before: Option<CustomerId>,
        limit: i64,
    ) -> Result<Result<Vec<Found>, QueryError>, Error> {
        let query = match Query::parse(text) {
            Ok(query) => query,
            Err(error) => return Ok(Err(error)),
        };
        let found = self.store.read("find_customers", move |tx| {
            let query = query.clone();
            Box::pin(async move { search::find(tx, merchant, &query, before, limit).await })
        });
        found.await.map(Ok)
    }
}

/// Who has one of these contacts already.
pub(crate) async fn known(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    profile: &Profile,
) -> Result<Option<(ContactKind, Customer)>, Error> {
    let contacts = profile.contacts();
    let owners = customers::owners(tx, merchant, &contacts).await?;
    // What another system calls them is the surest, an address the next.
    let first = [ContactKind::ExternalId, ContactKind::Email, ContactKind::Phone]
        .into_iter()
        .find_map(|kind| owners.iter().find(|((of, _), _)| *of == kind));
    let Some(((kind, _), owner)) = first else {
        return Ok(None);
    };
    let customer = customers::customer(tx, merchant, *owner).await?;
    let customer =
        customer.ok_or_else(|| Error::inconsistent("the person whose contact is claimed", "nobody"))?;
    Ok(Some((*kind, customer)))
}

/// Claims a new person's contacts and adds them.
pub(crate) async fn insert(tx: &mut Tx<'_>, customer: &Customer) -> Result<(), CustomerError> {
    let contacts = customer
        .profile
        .contacts()
        .into_iter()
        .map(|key| (key, customer.id));
    if !customers::claim(tx, customer.merchant, contacts.collect()).await? {
        return Err(CustomerError::Raced);
    }
    Ok(customers::insert(tx, &[(customer, None)]).await?)
}

pub(crate) async fn habits(tx: &mut Tx<'_>, merchant: MerchantId) -> Result<Habits, CustomerError> {
    customers::habits(tx, merchant)
        .await?
        .ok_or(CustomerError::NoMerchant)
}

/// The merchant's day.
pub(crate) fn today(habits: &Habits, now: Timestamp) -> jiff::civil::Date {
    let zone = TimeZone::get(&habits.zone).unwrap_or(TimeZone::UTC);
    now.to_jiff().to_zoned(zone).date()
}

async fn locked(tx: &mut Tx<'_>, merchant: MerchantId, id: CustomerId) -> Result<Customer, CustomerError> {
    let customer = customers::customers_for_update(tx, merchant, &[id]).await?.pop();
    let customer = customer.ok_or(CustomerError::NotFound)?;
    match customer.erased_at {
        None => Ok(customer),
        Some(_) => Err(CustomerError::Erased),
    }
}

/// Answers that were read against the fields of a program.
pub(crate) type Answers = Vec<Answer>;
