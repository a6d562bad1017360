//! Beside the form, before anything is saved: how many are meant, how many of them a push reaches now, and what would
//! become of the message. The very decisions that send it answer; nothing is written.
//!
//! How many there are is always told. What becomes of each is looked up at once only for an audience that is walked in a
//! moment; for a larger one the saved message has it.

use maud::{Markup, html};

use super::copies::{bar, reasons, time_line_of};
use crate::domain::id::ProgramId;
use crate::domain::message::readers::Readers;
use crate::domain::message::{Audience, Forecast};
use crate::domain::profile::Language;
use crate::domain::segment::Rule;
use crate::domain::segment::saved::Viewer;
use crate::ops::messages::{MessageError, NewMessage};
use crate::ops::segments::{Reach, SegmentError, Target};
use crate::web::Web;
use crate::web::console::screen::Screen;
use crate::web::console::segments::reach_words;
use crate::web::error::ApiError;

/// Cards of an audience that is looked through while somebody types.
const MOST_AT_ONCE: i64 = 2_000;

/// What can be said of a message that is being written.
pub(super) struct Ahead {
    /// None for cards that were named one by one.
    reach: Option<Reach>,
    forecast: Option<Forecast>,
    problem: Option<String>,
}

/// The cards of a program, as lists count them.
pub(super) fn of_program(program: ProgramId) -> Option<Target> {
    Rule::parse(&format!("program.is.{program}"))
        .ok()
        .map(Target::Rule)
}

fn target(audience: &Audience) -> Option<Target> {
    match audience {
        Audience::Cards(_) => None,
        Audience::Program(program) => of_program(*program),
        Audience::Rule(rule) => Some(Target::Rule(rule.0.clone())),
        Audience::Segment(segment) => Some(Target::Saved(*segment)),
        Audience::BuiltIn(built_in) => Some(Target::BuiltIn(built_in.0)),
    }
}

impl Ahead {
    /// A form that does not say yet whom it is for, or when.
    pub(super) fn unclear(problem: Option<String>) -> Self {
        Self {
            reach: None,
            forecast: None,
            problem,
        }
    }

    pub(super) async fn of(web: &Web, screen: &Screen, new: NewMessage) -> Result<Self, ApiError> {
        let merchant = screen.member.merchant;
        let reach = match target(&new.audience) {
            None => None,
            Some(target) => {
                let viewer = Viewer::Member(screen.member.id);
                match web.rosters.reach(merchant, viewer, &target).await {
                    Ok(reach) => Some(reach),
                    Err(SegmentError::Store(error)) => return Err(error.into()),
                    Err(refused) => {
                        return Ok(Self::unclear(Some(screen.words.language.segment_error(&refused))));
                    }
                }
            }
        };
        if reach.is_some_and(|reach| reach.members > MOST_AT_ONCE) {
            return Ok(Self {
                reach,
                forecast: None,
                problem: None,
            });
        }
        let (forecast, problem) = match web.ops.look_ahead(merchant, new).await {
            Ok(forecast) => (Some(forecast), None),
            Err(MessageError::Store(error)) => return Err(error.into()),
            Err(refused) => (None, Some(screen.words.language.message_error(&refused))),
        };
        Ok(Self {
            reach,
            forecast,
            problem,
        })
    }

    /// The part that is swapped while the form is filled in.
    pub(super) fn draw(&self, screen: &Screen) -> Markup {
        let said = &screen.words.messages;
        html! {
            section #ahead .panel.sheet aria-labelledby="ahead-title" aria-live="polite" {
                h2 #ahead-title { (said.ahead) }
                @if let Some(reach) = self.reach { p { strong { (reach_words(screen, reach)) } } }
                @if let Some(problem) = &self.problem { p.problem { (problem) } }
                @match &self.forecast {
                    Some(forecast) => (looked(screen, forecast, self.reach.is_none())),
                    None => @if self.reach.is_some() && self.problem.is_none() { p.muted { (said.ahead_later) } },
                }
                @if self.reach.is_none() && self.forecast.is_none() && self.problem.is_none() {
                    p.muted { (said.ahead_nothing) }
                }
            }
        }
    }
}

fn looked(screen: &Screen, forecast: &Forecast, tells_members: bool) -> Markup {
    let said = &screen.words.messages;
    let tally = &forecast.tally;
    html! {
        @if tells_members { p { strong { ((screen.words.segments.members)(tally.recipients)) } } }
        (bar(screen, tally))
        @if tally.suppressed() > 0 { (reasons(screen, tally)) }
        p.muted { (said.copies) }
        @if !forecast.readers.is_empty() { (read(screen, &forecast.readers)) }
        @if tally.deferred > 0 || tally.line.len() > 1 { (time_line_of(screen, tally)) }
    }
}

/// Which text is read by how many of the copies that are told.
pub(super) fn read(screen: &Screen, readers: &Readers) -> Markup {
    let said = &screen.words.messages;
    let named = readers.languages.iter().filter_map(|(tag, count)| {
        let language = Language::parse(tag).ok()?;
        Some((screen.words.language.language_name(&language), *count))
    });
    let others = [
        (said.first_text, readers.first),
        (said.phone_chooses, readers.phones),
    ];
    let others = others.map(|(name, count)| (name.to_owned(), count));
    html! {
        h3 { (said.readers) }
        dl.readers {
            @for (name, count) in named.chain(others).filter(|(_, count)| *count > 0) {
                div { dt { (name) } dd { (screen.number(count)) } }
            }
        }
    }
}
