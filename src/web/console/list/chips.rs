//! What narrows a list down, as chips: the built-in segments with their counts, the saved ones, and each condition of the
//! rule beside them with the way to take it off.

use maud::{Markup, html};

use super::counts::Counts;
use super::saying::Saying;
use super::wanted::Wanted;
use crate::domain::access::Action;
use crate::domain::chips::Chip;
use crate::domain::segment::Rule;
use crate::domain::segment::groups::Groups;
use crate::domain::segment::order::Each;
use crate::domain::segment::saved::Segment;
use crate::web::console::components::icon;
use crate::web::console::screen::Screen;
use crate::web::console::words::list::chip as chip_words;

/// The built-in segments. A second click on the chosen one clears it.
pub fn segments(screen: &Screen, wanted: &Wanted, counts: &Counts) -> Markup {
    let chosen = wanted.chip().or(wanted.segment.is_none().then_some(Chip::All));
    html! {
        nav #chips .filters.chips aria-label=(screen.words.list.segments) {
            @for chip in Chip::EACH {
                @let is_on = chosen == Some(*chip);
                @let (title, rule) = chip_words(screen.words.language, *chip);
                a.chip href=(address(wanted, *chip, is_on)) title=(rule) data-swap="list" aria-current=[is_on.then_some("true")] {
                    (title) " " (count(screen, *chip, counts, wanted.each))
                }
            }
        }
    }
}

fn address(wanted: &Wanted, chip: Chip, is_on: bool) -> String {
    let segment = (!is_on && chip != Chip::All).then(|| chip.as_str().to_owned());
    wanted.with(|wanted| wanted.segment = segment).address()
}

/// The id of a chip's count, by which live pages replace it.
fn count(screen: &Screen, chip: Chip, counts: &Counts, each: Each) -> Markup {
    html! {
        span.chip-count id=(format!("count-{}", chip.as_str())) { (screen.number(counts.of(chip, each))) }
    }
}

/// The counts alone, as live pages replace them.
pub fn live(screen: &Screen, counts: &Counts, each: Each) -> Markup {
    html! {
        @for chip in Chip::EACH {
            template data-swap=(format!("count-{}", chip.as_str())) { (count(screen, *chip, counts, each)) }
        }
    }
}

/// The rule of the chosen segment in words, and every filter beside it.
pub fn filters(screen: &Screen, wanted: &Wanted, saved: Option<&Segment>, saying: &Saying<'_>) -> Markup {
    let words = &screen.words.list;
    let groups = wanted.rule().map(Groups::of).unwrap_or_default();
    let rule = match (wanted.chip(), saved) {
        (Some(chip), _) => Some(chip_words(screen.words.language, chip).1.to_owned()),
        (None, Some(segment)) => Some(segment.rule().map_or_else(
            || screen.words.filter.static_list.to_owned(),
            |rule| saying.rule(rule),
        )),
        (None, None) => None,
    };
    html! {
        @if let Some(rule) = rule { p.rule { span.muted { (words.rule) ": " } (rule) } }
        div.filters.applied role="group" aria-label=(words.filters) {
            @if let Some(segment) = saved {
                (removable(&segment.name, &(words.remove_filter)(&segment.name), &wanted.with(|wanted| wanted.segment = None)))
            }
            @if !wanted.find.is_empty() {
                (removable(&(words.found_by)(&wanted.find), &(words.remove_search)(&wanted.find), &wanted.with(|wanted| wanted.find.clear())))
            }
            @for (place, group) in groups.0.iter().enumerate() {
                @if place > 0 || wanted.segment.is_some() || !wanted.find.is_empty() { span.joint { (words.and) } }
                @for (at, rule) in group.iter().enumerate() {
                    @if at > 0 { span.joint { (words.or) } }
                    @let said = saying.rule(rule);
                    (removable(&said, &(words.remove_filter)(&said), &without(wanted, &groups, place, at)))
                }
                a.chip.alternative href=(form_address(wanted, Some(place))) data-modal { (words.add_alternative) }
            }
            a.chip.add href=(form_address(wanted, None)) data-modal data-command=(words.add_filter) { (icon("plus")) (words.add_filter) }
            @if wanted.is_filtered() && screen.may(Action::EditSegments) {
                a.chip.save href=(save_address(wanted)) data-command=(screen.words.segments.save_as) { (icon("segments")) (screen.words.segments.save_as) }
            }
            @if wanted.is_filtered() {
                a.chip.clear href=(wanted.cleared().address()) data-swap="list" data-clear { (words.clear) }
            }
        }
    }
}

fn save_address(wanted: &Wanted) -> String {
    let query: String = form_urlencoded::byte_serialize(wanted.query().as_bytes()).collect();
    format!("/console/segments/new?in={query}")
}

/// A chip whose click takes it off.
fn removable(text: &str, label: &str, without: &Wanted) -> Markup {
    html! {
        a.chip.removable href=(without.address()) data-swap="list" aria-label=(label) title=(label) { (text) (icon("close")) }
    }
}

fn without(wanted: &Wanted, groups: &Groups, group: usize, at: usize) -> Wanted {
    let rule = groups.clone().without(group, at).rule();
    wanted.with(|wanted| wanted.rule = rule.as_ref().map(Rule::to_string))
}

/// The page that adds a condition: a new one, or an alternative to those of a group.
fn form_address(wanted: &Wanted, group: Option<usize>) -> String {
    let query: String = form_urlencoded::byte_serialize(wanted.query().as_bytes()).collect();
    match group {
        None => format!("/console/cards/filter?in={query}"),
        Some(group) => format!("/console/cards/filter?in={query}&group={group}"),
    }
}
