//! The arguments that say what a message says and to whom.

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::domain::chips::Chip;
use crate::domain::id::{CardId, MemberId, MessageId, ProgramId};
use crate::domain::link::Target;
use crate::domain::message::audience::BuiltInName;
use crate::domain::message::when::When;
use crate::domain::message::{Audience, Content, RuleText};
use crate::domain::preference::Class;
use crate::domain::segment::Rule;
use crate::ops::messages::NewMessage;

#[derive(Args)]
pub(super) struct Compose {
    /// A message that is written already, instead of --text and an audience.
    #[arg(long, conflicts_with_all = ["text", "title", "link", "class", "cards", "program", "segment", "rule"])]
    pub(super) message: Option<MessageId>,
    #[command(flatten)]
    pub(super) said: Said,
}

#[derive(Args)]
pub(super) struct Said {
    /// What it says.
    #[arg(long)]
    text: Option<String>,
    /// Shown above the text where a platform has a place for it.
    #[arg(long)]
    title: Option<String>,
    /// Where its link leads: an https address.
    #[arg(long)]
    link: Option<String>,
    /// What it is about: marketing, balance, tier or reward.
    #[arg(long, value_parser = class)]
    class: Option<Class>,
    /// To this card; may be given several times.
    #[arg(long = "card")]
    cards: Vec<CardId>,
    /// To every card of this program.
    #[arg(long, conflicts_with = "cards")]
    program: Option<ProgramId>,
    /// To a segment: its id, or the word of a built-in one as `segment list` prints it.
    #[arg(long, conflicts_with_all = ["cards", "program"])]
    segment: Option<String>,
    /// To a rule such as all(status.is.installed,visits.over.9).
    #[arg(long, conflicts_with_all = ["cards", "program", "segment"])]
    rule: Option<String>,
}

fn class(text: &str) -> Result<Class> {
    Class::parse(text).with_context(|| format!("expected marketing, balance, tier or reward; got {text:?}"))
}

impl Said {
    pub(super) fn new_message(&self, when: When, author: Option<MemberId>) -> Result<NewMessage> {
        let text = self
            .text
            .as_deref()
            .context("--text: expected what the message says; got nothing")?;
        let content = Content::checked(
            self.title.as_deref(),
            text,
            self.link.as_deref(),
            self.class.unwrap_or(Class::Marketing),
        )?;
        let Some(audience) = self.audience()? else {
            bail!("expected --card, --program, --segment or --rule; got none of them");
        };
        Ok(NewMessage {
            content,
            audience,
            when,
            author,
        })
    }

    /// `content` with what was said instead; none where nothing was.
    pub(super) fn content_over(&self, content: &Content) -> Result<Option<Content>> {
        if self.text.is_none() && self.title.is_none() && self.link.is_none() && self.class.is_none() {
            return Ok(None);
        }
        let title = self.title.as_deref().or(content.title.as_deref());
        let text = self.text.as_deref().unwrap_or(&content.text);
        let link = self.link.as_deref().or(content.link.as_ref().map(Target::as_str));
        let class = self.class.unwrap_or(content.class);
        Ok(Some(Content {
            translations: content.translations.clone(),
            ..Content::checked(title, text, link, class)?
        }))
    }

    pub(super) fn audience(&self) -> Result<Option<Audience>> {
        if let Some(program) = self.program {
            return Ok(Some(Audience::Program(program)));
        }
        if let Some(rule) = &self.rule {
            return Ok(Some(Audience::Rule(RuleText(Rule::parse(rule)?))));
        }
        if let Some(segment) = &self.segment {
            if let Some(built_in) = Chip::parse(segment) {
                return Ok(Some(Audience::BuiltIn(BuiltInName(built_in))));
            }
            let id = segment
                .parse()
                .context("--segment: expected the word of a built-in segment or a segment's id")?;
            return Ok(Some(Audience::Segment(id)));
        }
        Ok((!self.cards.is_empty()).then(|| Audience::Cards(self.cards.clone())))
    }
}
