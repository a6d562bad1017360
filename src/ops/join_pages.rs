//! The pages by which people join: who is let in, what is asked, and what a visitor is shown.

use crate::domain::consent_words::WordsVersion;
use crate::domain::custom_field::CustomField;
use crate::domain::id::{CardId, MerchantId, ProgramId};
use crate::domain::join::{Admission, JoinForm, JoinPage};
use crate::domain::profile::FieldError;
use crate::domain::referral::{LinkToken, Terms};
use crate::ops::Ops;
use crate::store::cards::ProgramOfMerchant;
use crate::store::{Error, cards, consent_words, custom_fields, join_pages, referrals};

/// Why a page was not changed. Nothing was written then.
#[derive(Debug, thiserror::Error)]
pub enum JoinPageError {
    #[error("there is no such program")]
    NotFound,
    /// Somebody else changed it since the caller looked.
    #[error("this page was changed meanwhile; look again and decide anew")]
    Changed,
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error(transparent)]
    Store(#[from] Error),
}

/// A page with all that it shows.
#[derive(Debug, Clone)]
pub struct JoinSheet {
    pub of: ProgramOfMerchant,
    pub page: JoinPage,
    /// What the merchant says where people agree.
    pub words: WordsVersion,
    /// What the program asks, in order.
    pub fields: Vec<CustomField>,
    /// What a referral gives, where it gives something.
    pub terms: Option<Terms>,
    /// Whether the link that was followed is one of a holder of this program.
    pub is_referred: bool,
}

/// What a holder can bring others in by.
#[derive(Debug, Clone)]
pub struct Referring {
    /// The token of their link, once they asked for it.
    pub token: Option<LinkToken>,
    pub terms: Option<Terms>,
    pub admission: Admission,
}

impl Referring {
    /// Whether somebody who follows the link gets in and counts.
    pub fn works(&self) -> bool {
        self.terms.is_some() && self.admission == Admission::Open
    }
}

impl JoinSheet {
    /// Who is let in now: nobody into a program that is archived.
    pub fn admission(&self) -> Admission {
        match self.of.program.archived_at {
            Some(_) => Admission::Closed,
            None => self.page.admission,
        }
    }
}

impl Ops {
    /// The page of a program for somebody who came by `referral`, if by any; none for a program that is not there.
    pub async fn join_page(
        &self,
        merchant: MerchantId,
        program: ProgramId,
        referral: Option<LinkToken>,
    ) -> Result<Option<JoinSheet>, Error> {
        self.store
            .read("join_page", move |tx| {
                let referral = referral.clone();
                Box::pin(async move {
                    let Some(of) = cards::program(tx, merchant, program).await? else {
                        return Ok(None);
                    };
                    let by = match &referral {
                        Some(token) => referrals::card_of_link(tx, merchant, token).await?,
                        None => None,
                    };
                    let by = match by {
                        Some(card) => cards::card(tx, merchant, card).await?,
                        None => None,
                    };
                    Ok(Some(JoinSheet {
                        of,
                        page: join_pages::page(tx, merchant, program).await?,
                        words: consent_words::newest(tx, merchant).await?,
                        fields: custom_fields::fields(tx, merchant, program).await?,
                        terms: referrals::terms(tx, merchant, program).await?,
                        is_referred: by.is_some_and(|by| by.card.program == program),
                    }))
                })
            })
            .await
    }

    /// By what the holder of a card brings others in.
    pub async fn referring(&self, merchant: MerchantId, card: CardId) -> Result<Option<Referring>, Error> {
        self.store
            .read("referring", move |tx| {
                Box::pin(async move {
                    let Some(of) = cards::card(tx, merchant, card).await? else {
                        return Ok(None);
                    };
                    let program = &of.of.program;
                    let admission = match program.archived_at {
                        Some(_) => Admission::Closed,
                        None => join_pages::page(tx, merchant, program.id).await?.admission,
                    };
                    Ok(Some(Referring {
                        token: referrals::token_of(tx, merchant, card).await?,
                        terms: referrals::terms(tx, merchant, program.id).await?,
                        admission,
                    }))
                })
            })
            .await
    }

    /// The pages that a merchant has set; programs that are not among them have the page that nobody has set.
    pub async fn join_pages(&self, merchant: MerchantId) -> Result<Vec<(ProgramId, JoinPage)>, Error> {
        self.store
            .read("join_pages", move |tx| Box::pin(join_pages::pages(tx, merchant)))
            .await
    }

    /// Changes the page that the caller saw in version `seen`.
    pub async fn set_join_page(
        &self,
        merchant: MerchantId,
        program: ProgramId,
        seen: i64,
        (admission, form): (Admission, JoinForm),
    ) -> Result<JoinPage, JoinPageError> {
        let now = self.clock.now();
        let page = JoinPage {
            admission,
            form: form.checked()?,
            version: seen,
        };
        self.store
            .write("set_join_page", move |tx| {
                let page = page.clone();
                Box::pin(async move {
                    let known = cards::program(tx, merchant, program).await?;
                    known.ok_or(JoinPageError::NotFound)?;
                    if !join_pages::save(tx, merchant, program, &page, now).await? {
                        return Err(JoinPageError::Changed);
                    }
                    Ok(JoinPage {
                        version: page.version + 1,
                        ..page
                    })
                })
            })
            .await
    }
}
