//! Whom a message is for, chosen by name: programs, saved and built-in segments with how many each has, and what was
//! selected in the list. A rule is said in words; its text is for those who want it.

use maud::{Markup, html};

use super::ahead::of_program;
use super::typed::Typed;
use super::whom::Whom;
use crate::domain::chips::Chip;
use crate::domain::id::{ProgramId, SegmentId};
use crate::domain::segment::Rule;
use crate::domain::segment::order::Each;
use crate::domain::segment::saved::Viewer;
use crate::ops::segments::Target;
use crate::web::Web;
use crate::web::console::components::icon;
use crate::web::console::list::counts::Counts;
use crate::web::console::list::table::name;
use crate::web::console::screen::Screen;
use crate::web::console::words::list::chip;
use crate::web::error::ApiError;

/// Names of a selection that are shown.
const MOST_NAMED: usize = 8;

/// What the form offers.
pub(super) struct Offered {
    whom: Whom,
    /// With how many cards each has.
    programs: Vec<(ProgramId, String, i64)>,
    segments: Vec<(SegmentId, String, i64)>,
    counts: Counts,
    /// The selection that the form carries: how many, and the names of the first.
    selected: usize,
    named: Vec<String>,
}

impl Offered {
    pub(super) async fn of(web: &Web, screen: &Screen, typed: &Typed) -> Result<Self, ApiError> {
        let merchant = screen.member.merchant;
        let viewer = Viewer::Member(screen.member.id);
        let whom = Whom::of(web, screen).await?;
        let mut programs = Vec::new();
        for program in whom.programs.all() {
            if program.archived_at.is_some() {
                continue;
            }
            let members = match of_program(program.id) {
                Some(target) => web.rosters.reach(merchant, viewer, &target).await?.members,
                None => 0,
            };
            programs.push((program.id, program.name.clone(), members));
        }
        let mut segments = Vec::new();
        for segment in &whom.segments {
            let target = Target::Saved(segment.id);
            let reach = web.rosters.reach(merchant, viewer, &target).await?;
            segments.push((segment.id, segment.name.clone(), reach.members));
        }
        let cards = typed.cards().unwrap_or_default();
        let shown = cards.iter().copied().take(MOST_NAMED).collect();
        let lines = web.ops.lines(merchant, shown).await?;
        Ok(Self {
            counts: Counts::of_merchant(web, merchant).await?,
            named: lines.iter().map(|line| name(screen, line)).collect(),
            selected: cards.len(),
            whom,
            programs,
            segments,
        })
    }

    /// Whom a form is for that does not say so.
    pub(super) fn usual(&self, typed: &Typed) -> String {
        match self.programs.first() {
            _ if self.selected > 0 => "card".to_owned(),
            _ if !typed.rule.trim().is_empty() => "rule".to_owned(),
            Some((program, ..)) => format!("program:{program}"),
            None => format!("built_in:{}", Chip::All.as_str()),
        }
    }

    pub(super) fn draw(&self, screen: &Screen, typed: &Typed) -> Markup {
        let said = &screen.words.messages;
        let language = screen.words.language;
        let choice = |value: String, label: &str, count: Option<i64>| {
            html! {
                option value=(value) selected[value == typed.to] {
                    (label) @if let Some(count) = count { " (" (screen.number(count)) ")" }
                }
            }
        };
        let rule = Rule::parse(typed.rule.trim()).ok();
        let has_rule = !typed.rule.trim().is_empty();
        html! {
            div.field {
                label for="to" { (said.to) }
                select #to name="to" data-picks {
                    @if self.selected > 0 {
                        (choice("card".into(), said.selection, i64::try_from(self.selected).ok()))
                    }
                    @if has_rule { (choice("rule".into(), said.filtered_list, None)) }
                    optgroup label=(said.holders_of) {
                        @for (program, name, count) in &self.programs {
                            (choice(format!("program:{program}"), name, Some(*count)))
                        }
                    }
                    @if !self.segments.is_empty() {
                        optgroup label=(said.own_segments) {
                            @for (segment, name, count) in &self.segments {
                                (choice(format!("segment:{segment}"), name, Some(*count)))
                            }
                        }
                    }
                    optgroup label=(said.ready_segments) {
                        @for built_in in Chip::EACH {
                            @let count = self.counts.of(*built_in, Each::Card);
                            (choice(format!("built_in:{}", built_in.as_str()), chip(language, *built_in).0, Some(count)))
                        }
                    }
                    @if !has_rule { (choice("rule".into(), said.rule_typed, None)) }
                }
            }
            @if self.selected > 0 { (self.selection(screen, typed)) }
            div.field data-picked="rule" {
                @if let Some(rule) = &rule { p.rule { span.muted { (said.rule_field) ": " } (self.whom.rule(screen, rule)) } }
                details.advanced open[!has_rule && typed.to == "rule"] {
                    summary { (icon("chevron")) (said.advanced) }
                    label for="rule" { (said.rule_text) }
                    input #rule name="rule" type="text" placeholder="visits.over.9" value=(typed.rule) autocomplete="off"
                        spellcheck="false" aria-describedby="rule-hint";
                    p.hint #rule-hint { (screen.words.segments.rule_hint) }
                }
            }
        }
    }

    fn selection(&self, screen: &Screen, typed: &Typed) -> Markup {
        let said = &screen.words.messages;
        let more = self.selected.saturating_sub(self.named.len());
        html! {
            div.field data-picked="card" {
                input type="hidden" name="cards" value=(typed.cards);
                ul.sample aria-label=(said.selection) {
                    @for name in &self.named { li { (name) } }
                    @if more > 0 { li.muted { ((said.and_more)(i64::try_from(more).unwrap_or(i64::MAX))) } }
                }
            }
        }
    }
}
