//! Whom a message is for, by names: programs and segments by theirs, rules in words, and never an id to read.

use crate::domain::id::{ProgramId, SegmentId};
use crate::domain::message::Audience;
use crate::domain::segment::Rule;
use crate::domain::segment::saved::{Segment, Viewer};
use crate::web::Web;
use crate::web::console::list::programs::Programs;
use crate::web::console::list::saying::Saying;
use crate::web::console::screen::Screen;
use crate::web::console::words::list::chip;
use crate::web::error::ApiError;

/// What audiences are named with.
pub(super) struct Whom {
    pub(super) programs: Programs,
    /// Those that the member sees.
    pub(super) segments: Vec<Segment>,
}

impl Whom {
    pub(super) async fn of(web: &Web, screen: &Screen) -> Result<Self, ApiError> {
        let merchant = screen.member.merchant;
        let viewer = Viewer::Member(screen.member.id);
        Ok(Self {
            programs: Programs::of(web, merchant).await?,
            segments: web.ops.segments(merchant, viewer).await?,
        })
    }

    pub(super) fn said(&self, screen: &Screen, audience: &Audience) -> String {
        let said = &screen.words.messages;
        match audience {
            Audience::Cards(cards) if cards.len() == 1 => said.one_card.to_owned(),
            Audience::Cards(cards) => (said.cards)(i64::try_from(cards.len()).unwrap_or(i64::MAX)),
            Audience::Program(program) => self.program(screen, *program),
            Audience::Rule(rule) => self.rule(screen, &rule.0),
            Audience::Segment(segment) => self.segment(screen, *segment),
            Audience::BuiltIn(built_in) => chip(screen.words.language, built_in.0).0.to_owned(),
        }
    }

    pub(super) fn rule(&self, screen: &Screen, rule: &Rule) -> String {
        Saying::new(screen, &self.programs).rule(rule)
    }

    fn program(&self, screen: &Screen, program: ProgramId) -> String {
        let said = &screen.words.messages;
        match self.programs.name(program) {
            "" => said.all_of_program.to_owned(),
            name => (said.all_holders)(name),
        }
    }

    fn segment(&self, screen: &Screen, segment: SegmentId) -> String {
        let found = self.segments.iter().find(|known| known.id == segment);
        found.map_or_else(
            || screen.words.messages.saved_segment.to_owned(),
            |segment| segment.name.clone(),
        )
    }
}
