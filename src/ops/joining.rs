//! Joining by oneself: a stranger becomes a customer with a card, and nobody gets somebody else's.
//!
//! Whoever has the address or number of a customer is told no more than that a letter may be on its way: their card is
//! shown to nobody who only knows these, a letter goes to the address that was known before, and what was sent changes
//! nothing about them. All that joining writes is one transaction, and a form that is sent again finds the card that it
//! made.

use crate::domain::capture::Token;
use crate::domain::card::CardStatus;
use crate::domain::code::{Code, CodeRefusal, Gift};
use crate::domain::consent::Purpose;
use crate::domain::event::Actor;
use crate::domain::id::{CardId, CustomerId, InvitationId, MerchantId, ProgramId};
use crate::domain::invitation::InvitationKind;
use crate::domain::join::{Admission, Arrival};
use crate::domain::profile::{Field, Profile, Region};
use crate::domain::time::Timestamp;
use crate::ops::Ops;
use crate::ops::cards::{CardError, NewCard, issue_card};
use crate::ops::codes::{CodesError, usable};
use crate::ops::consents::{self, WishError};
use crate::ops::customers::{self as people, CustomerError, read_answers};
use crate::ops::invitations::{InviteError, queue};
use crate::ops::referrals::{ReferralError, accept};
use crate::store::customers::Customer;
use crate::store::utms::Landing;
use crate::store::{Error, Tx, cards, codes, custom_fields, customers, join_pages, utms};

/// How often joining is tried again that lost a race for an address or a number.
const RACES: usize = 5;

/// Why nobody joined. Nothing was written then.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    #[error("this program takes no new members")]
    Closed,
    #[error("this program is joined with a code")]
    CodeNeeded,
    #[error(transparent)]
    Code(#[from] CodesError),
    #[error(transparent)]
    Customer(#[from] CustomerError),
    #[error(transparent)]
    Store(#[from] Error),
}

/// What somebody sent.
#[derive(Debug, Clone, Default)]
pub struct Joining {
    /// What was typed for the fields that the page asks for, as `domain::join` read it.
    pub typed: Vec<(Field, String)>,
    /// Answers to the program's fields, by their codes.
    pub answers: Vec<(String, String)>,
    /// What was agreed to, with the words that stood beside it.
    pub agreed: Vec<(Purpose, String)>,
    /// The version of what the merchant says that these words are of.
    pub words_version: i64,
    pub arrival: Arrival,
    /// The language of the page, as a tag.
    pub language: String,
    /// Whether letters can be sent.
    pub sends_mail: bool,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joined {
    /// The card is there and may be shown.
    Card(CardId),
    /// Nothing is shown: a letter goes to whoever may have the card, where there is an address.
    Letter,
}

/// The names that a new customer and their card will have.
#[derive(Clone)]
struct Names {
    customer: CustomerId,
    card: CardId,
    /// For somebody who sends a form again that has made a card for another person.
    other_card: CardId,
    token: Token,
    letter: InvitationId,
}

impl Ops {
    /// Joins a program. `card` is what the form was made for: sent again with the same address and number, it leads to
    /// the card that it made.
    pub async fn join(
        &self,
        merchant: MerchantId,
        program: ProgramId,
        card: CardId,
        joining: Joining,
    ) -> Result<Joined, JoinError> {
        for _ in 0..RACES {
            match self.try_join(merchant, program, card, joining.clone()).await {
                Err(JoinError::Customer(CustomerError::Raced)) => {}
                other => return other,
            }
        }
        Err(CustomerError::Raced.into())
    }

    async fn try_join(
        &self,
        merchant: MerchantId,
        program: ProgramId,
        card: CardId,
        joining: Joining,
    ) -> Result<Joined, JoinError> {
        let now = self.clock.now();
        let names = Names {
            customer: CustomerId(self.ids.next(now)),
            card,
            other_card: CardId(self.ids.next(now)),
            token: Token::from_random(self.ids.secret()),
            letter: InvitationId(self.ids.next(now)),
        };
        self.store
            .write("join", move |tx| {
                let (joining, names) = (joining.clone(), names.clone());
                Box::pin(async move { join(tx, merchant, program, names, &joining, now).await })
            })
            .await
    }
}

async fn join(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    program: ProgramId,
    mut names: Names,
    joining: &Joining,
    now: Timestamp,
) -> Result<Joined, JoinError> {
    let of = cards::program(tx, merchant, program).await?;
    let of = of.filter(|of| of.program.archived_at.is_none());
    let page = join_pages::page(tx, merchant, program).await?;
    if of.is_none() || page.admission == Admission::Closed {
        return Err(JoinError::Closed);
    }
    let habits = people::habits(tx, merchant).await?;
    let mut profile = Profile::default();
    for (field, text) in &joining.typed {
        profile
            .set(*field, text, Region::parse(&habits.country))
            .map_err(CustomerError::from)?;
    }
    profile
        .set(Field::Language, &joining.language, None)
        .map_err(CustomerError::from)?;
    let today = people::today(&habits, now);
    let profile = profile.checked(today).map_err(CustomerError::from)?;
    // Before it is asked whether this form has made its card: the lock on a code waits for whoever is just using it.
    let code = code(tx, merchant, program, page.admission, &joining.arrival, now).await;
    if let Err(JoinError::Code(CodesError::Store(error)) | JoinError::Store(error)) = code {
        return Err(error.into());
    }
    match made_before(tx, merchant, names.card).await? {
        Some(before) if before == profile.contacts() && page.form.by_mail => return Ok(Joined::Letter),
        Some(before) if before == profile.contacts() => return Ok(Joined::Card(names.card)),
        // Somebody else at the same browser, who went back to the form.
        Some(_) => names.card = names.other_card,
        None => {}
    }
    let code = code?;
    let answers = read_answers(tx, merchant, program, names.card, &joining.answers, true).await?;
    let issued = NewCard {
        id: names.card,
        program,
        customer: names.customer,
        holder: Some(profile.full_name()).filter(|name| !name.is_empty()),
        token: names.token,
    };
    if let Some((_, known)) = people::known(tx, merchant, &profile).await? {
        if joining.sends_mail {
            remind(tx, &known, (issued, &answers), code, names.letter, now).await?;
        }
        return Ok(Joined::Letter);
    }
    let customer = Customer::new(names.customer, merchant, profile, now);
    people::insert(tx, &customer).await?;
    issue(tx, merchant, issued, &answers, now).await?;
    if let Some(code) = code {
        codes::note_use(tx, merchant, &code, names.card, now).await?;
    }
    let agreed = &joining.agreed;
    let of = (joining.words_version, joining.language.as_str());
    consents::agree(tx, merchant, names.customer, agreed, of, now)
        .await
        .map_err(of_wishes)?;
    if !joining.arrival.utm.is_empty() {
        let utm = joining.arrival.utm.clone();
        utms::insert(tx, merchant, names.card, &Landing { utm, at: now }).await?;
    }
    if let Some(token) = &joining.arrival.referral {
        // A link that does not count keeps nobody away; the reason is kept with the referral.
        if let Err(ReferralError::Store(error)) = accept(tx, merchant, token, names.card, now).await {
            return Err(error.into());
        }
    }
    if !page.form.by_mail {
        return Ok(Joined::Card(names.card));
    }
    let kind = InvitationKind::Invitation;
    letter(queue(tx, merchant, names.card, kind, names.letter, None, now).await)?;
    Ok(Joined::Letter)
}

/// By what the holder of `card` is found, where a form was sent that makes it.
async fn made_before(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    card: CardId,
) -> Result<Option<Vec<customers::Contact>>, Error> {
    let Some(found) = cards::card(tx, merchant, card).await? else {
        return Ok(None);
    };
    let holder = customers::customer(tx, merchant, found.card.customer).await?;
    Ok(Some(
        holder.map(|holder| holder.profile.contacts()).unwrap_or_default(),
    ))
}

/// The code that lets somebody in, checked and locked.
async fn code(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    program: ProgramId,
    admission: Admission,
    arrival: &Arrival,
    now: Timestamp,
) -> Result<Option<Code>, JoinError> {
    let Some(typed) = &arrival.code else {
        return match admission {
            Admission::Open => Ok(None),
            Admission::WithCode | Admission::Closed => Err(JoinError::CodeNeeded),
        };
    };
    let code = Code::parse(typed).map_err(CodesError::from)?;
    let batch = usable(tx, merchant, &code, now).await?;
    if batch.gift != Gift::Join || batch.program != program {
        return Err(CodesError::from(CodeRefusal::OtherProgram).into());
    }
    Ok(Some(code))
}

async fn issue(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    new: NewCard,
    answers: &people::Answers,
    now: Timestamp,
) -> Result<(), JoinError> {
    let issued = issue_card(tx, merchant, new, Actor::Device, now).await;
    issued.map_err(|error| match error {
        CardError::NotFound | CardError::Issue(_) => JoinError::Closed,
        CardError::Store(error) => error.into(),
        other => CustomerError::from(other).into(),
    })?;
    Ok(custom_fields::set(tx, merchant, answers).await?)
}

/// Sends somebody who is known the link of their card, which is issued where they have none of the program. Not to
/// whom staff have ended one: that is for staff to undo.
async fn remind(
    tx: &mut Tx<'_>,
    known: &Customer,
    (mut new, answers): (NewCard, &people::Answers),
    code: Option<Code>,
    id: InvitationId,
    now: Timestamp,
) -> Result<(), JoinError> {
    if known.profile.email.is_none() {
        return Ok(());
    }
    let (merchant, program) = (known.merchant, new.program);
    let mut held = customers::cards_in_program(tx, merchant, program, &[known.id]).await?;
    if held.is_empty() {
        // Locked, so that two cards for one person are not issued side by side.
        let locked = customers::customers_for_update(tx, merchant, &[known.id]).await?;
        if locked.iter().all(|person| person.erased_at.is_some()) {
            return Err(CustomerError::Raced.into());
        }
        held = customers::cards_in_program(tx, merchant, program, &[known.id]).await?;
    }
    let (card, kind) = match held.iter().find(|(_, _, status)| *status != CardStatus::Void) {
        Some((_, card, _)) => (*card, InvitationKind::CardAgain),
        None if !held.is_empty() => return Ok(()),
        None => {
            // What is printed is the name that is known, not the one that somebody typed.
            new.holder = Some(known.profile.full_name()).filter(|name| !name.is_empty());
            new.customer = known.id;
            let card = new.id;
            issue(tx, merchant, new, answers, now).await?;
            if let Some(code) = code {
                codes::note_use(tx, merchant, &code, card, now).await?;
            }
            (card, InvitationKind::Invitation)
        }
    };
    letter(queue(tx, merchant, card, kind, id, None, now).await)
}

/// A letter that does not go, because one went a short time ago or there is no address, changes nothing of the answer.
fn letter(queued: Result<(), InviteError>) -> Result<(), JoinError> {
    match queued {
        Err(InviteError::Store(error)) => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn of_wishes(error: WishError) -> JoinError {
    match error {
        WishError::Store(error) => error.into(),
        other => Error::inconsistent("a consent of somebody new", other).into(),
    }
}
