//! The audience of a message, page by page: forecast and start walk the same pages.

use std::sync::Arc;

use crate::domain::id::{CardId, MerchantId, SegmentId};
use crate::domain::message::{Audience as Meant, Message, RuleText};
use crate::domain::segment::plan::Context;
use crate::domain::segment::saved::{Content, Refusal as SegmentRefusal, Viewer};
use crate::domain::segment::{Plan, Rule};
use crate::domain::time::Timestamp;
use crate::ops::audience::Audience;
use crate::ops::segments::SegmentError;
use crate::store::{Error, Tx, TxFuture, jobs, segments};

/// Cards of one page.
pub(super) const PAGE: i64 = 200;

/// An audience at one moment.
#[derive(Debug, Clone)]
pub(super) enum Fixed {
    Cards(Vec<CardId>),
    Program(crate::domain::id::ProgramId),
    List(SegmentId),
    Rule {
        plan: Arc<Plan>,
        context: Arc<Context>,
        text: RuleText,
    },
}

impl Fixed {
    /// The audience of `message` as it is at `now`. A rule that was fixed at the start is taken as it was.
    pub(super) async fn of(
        tx: &mut Tx<'_>,
        message: &Message,
        viewer: Viewer,
        now: Timestamp,
    ) -> Result<Self, SegmentError> {
        let merchant = message.merchant;
        let rule = match (&message.rule, &message.audience) {
            (Some(rule), _) | (None, Meant::Rule(rule)) => rule.0.clone(),
            (None, Meant::Cards(cards)) => return Ok(Self::Cards(cards.clone())),
            (None, Meant::Program(program)) => return Ok(Self::Program(*program)),
            (None, Meant::BuiltIn(built_in)) => crate::domain::segment::builtin::rule(built_in.0),
            (None, Meant::Segment(id)) => {
                let found = segments::segment(tx, merchant, *id).await?;
                let segment = found.ok_or(SegmentRefusal::NotFound)?.seen_by(viewer)?;
                match segment.content {
                    Content::Rule(rule) => rule,
                    Content::List => return Ok(Self::List(*id)),
                }
            }
        };
        let fixed = Self::rule(tx, merchant, rule, now).await?;
        if let (Self::Rule { text, context, .. }, None, Meant::Rule(_)) =
            (&fixed, &message.rule, &message.audience)
        {
            text.0.checked_for(context)?;
        }
        Ok(fixed)
    }

    async fn rule(
        tx: &mut Tx<'_>,
        merchant: MerchantId,
        rule: Rule,
        now: Timestamp,
    ) -> Result<Self, SegmentError> {
        let context = segments::context(tx, merchant, now).await?;
        let context = context.ok_or(SegmentError::NoMerchant(merchant))?;
        Ok(Self::Rule {
            plan: Arc::new(Plan::of(&rule, &context)),
            context: Arc::new(context),
            text: RuleText(rule),
        })
    }

    /// The rule by which it chooses.
    pub(super) fn text(&self) -> Option<RuleText> {
        match self {
            Self::Rule { text, .. } => Some(text.clone()),
            Self::Cards(_) | Self::Program(_) | Self::List(_) => None,
        }
    }
}

impl Audience for Fixed {
    fn page<'t>(
        &'t self,
        tx: &'t mut Tx<'_>,
        merchant: MerchantId,
        after: CardId,
        limit: i64,
    ) -> TxFuture<'t, Vec<CardId>, Error> {
        match self {
            Self::Cards(cards) => {
                let most = usize::try_from(limit).unwrap_or(usize::MAX);
                let rest = cards.iter().copied().filter(|card| *card > after).take(most);
                let rest: Vec<_> = rest.collect();
                Box::pin(async move { Ok(rest) })
            }
            Self::Program(program) => Box::pin(jobs::cards_of_program(tx, merchant, *program, after, limit)),
            Self::List(list) => Box::pin(segments::listed(tx, merchant, *list, after, limit)),
            Self::Rule { plan, context, .. } => {
                let most = usize::try_from(limit).unwrap_or(usize::MAX);
                Box::pin(async move { segments::cards(tx, merchant, plan, context, after, most).await })
            }
        }
    }
}
