//! The list of cards by a segment, a rule or a search, in any order: all of it stands in the address, so that a list can
//! be kept and sent to somebody. Answered from the rosters.

use form_urlencoded::Serializer;
use maud::{Markup, html};
use serde::Deserialize;

use crate::domain::chips::Chip;
use crate::domain::segment::Rule;
use crate::domain::segment::order::{Direction, Edge, Order, Sort};
use crate::domain::segment::saved::{Refusal, Viewer};
use crate::domain::time::Timestamp;
use crate::domain::{customer, search};
use crate::ops::rosters::{List, PAGE, Query};
use crate::ops::segments::{SegmentError, Target};
use crate::store::segments::Line;
use crate::web::Web;
use crate::web::console::components::{day, empty, icon, platforms, status_badge, time};
use crate::web::console::layout::{Section, Theme, frame};
use crate::web::console::words::ENGLISH;
use crate::web::error::ApiError;
use crate::web::extract::Member;

/// What the address says of a list; what is left out is not asked for.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
pub struct Filter {
    /// The word of a built-in segment or the id of a saved one.
    segment: Option<String>,
    /// A rule in the language of segments.
    rule: Option<String>,
    /// Part of a name, an address or a number.
    find: Option<String>,
    /// `visits` or `-visits`.
    sort: Option<String>,
    /// Where the page begins or ends, as this list gave it out.
    at: Option<String>,
}

/// What a filter asks for.
struct Wish {
    target: Target,
    /// The segment or rule as a person reads it.
    title: String,
    search: Option<search::Query>,
    order: Order,
}

impl Filter {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn wish(&self) -> Result<Wish, ApiError> {
        let refuse = |error: &dyn std::fmt::Display| ApiError::BadRequest(error.to_string());
        let (target, title) = match (&self.rule, &self.segment) {
            (Some(_), Some(_)) => {
                return Err(refuse(&"segment and rule: expected one of them; got both"));
            }
            (Some(rule), None) => {
                let rule = Rule::parse(rule).map_err(|error| refuse(&error))?;
                let title = rule.describe();
                (Target::Rule(rule), title)
            }
            (None, Some(segment)) => match (Chip::parse(segment), segment.parse()) {
                (Some(chip), _) => (Target::BuiltIn(chip), chip.title().to_owned()),
                (None, Ok(id)) => (Target::Saved(id), String::new()),
                (None, Err(error)) => return Err(refuse(&format!("segment: {error}"))),
            },
            (None, None) => (Target::BuiltIn(Chip::All), Chip::All.title().to_owned()),
        };
        let search = self.find.as_deref().filter(|text| !text.trim().is_empty());
        let search = search.map(search::Query::parse).transpose();
        let order = self.sort.as_deref().unwrap_or("-joined");
        let known: Vec<_> = Sort::ALL.iter().map(|sort| sort.as_str()).collect();
        let expected = format!("sort: expected one of {}; got {order:?}", known.join(", "));
        Ok(Wish {
            target,
            title,
            search: search.map_err(|error| refuse(&error))?,
            order: Order::parse(order).ok_or_else(|| refuse(&expected))?,
        })
    }

    /// What a cursor is for: another segment, rule or search does not take it.
    fn list(&self) -> String {
        self.address(None, None)
    }

    /// The same list in another order, or at another place of it.
    fn address(&self, sort: Option<&str>, at: Option<&str>) -> String {
        let mut query = Serializer::new(String::new());
        let sort = sort.or(self.sort.as_deref());
        let parts = [
            ("segment", self.segment.as_deref()),
            ("rule", self.rule.as_deref()),
            ("find", self.find.as_deref()),
            ("sort", sort),
            ("at", at),
        ];
        for (name, value) in parts {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                query.append_pair(name, value);
            }
        }
        format!("/console/cards?{}", query.finish())
    }
}

/// One page of the list. The caller has asked whether the member may see cards.
pub async fn list(web: &Web, member: &Member, theme: Theme, filter: &Filter) -> Result<Markup, ApiError> {
    let viewer = Viewer::Member(member.id);
    let mut wish = filter.wish()?;
    if let Target::Saved(id) = wish.target {
        let segment = web
            .ops
            .segment(member.merchant, viewer, id)
            .await
            .map_err(answer)?;
        wish.title = segment.name;
    }
    let (key, list) = (&web.master, filter.list());
    let edge = match filter.at.as_deref() {
        None => Edge::First,
        Some(at) => Edge::open(at, key, member.merchant, &list, wish.order)
            .map_err(|error| ApiError::BadRequest(error.to_string()))?,
    };
    let query = Query {
        viewer,
        target: wish.target.clone(),
        among: None,
        search: wish.search.clone(),
        order: wish.order,
        edge,
        size: PAGE,
    };
    let found = web.rosters.list(member.merchant, &query).await.map_err(answer)?;
    let sealed = |edge: &Option<Edge>| {
        let at = edge.as_ref()?.seal(key, member.merchant, &list, wish.order)?;
        Some(filter.address(None, Some(&at)))
    };
    let pages = (sealed(&found.before), sealed(&found.after));
    Ok(view(
        member,
        theme,
        (filter, &wish),
        &found,
        pages,
        web.ops.clock.now(),
    ))
}

fn answer(error: SegmentError) -> ApiError {
    match error {
        SegmentError::Refused(Refusal::NotFound) | SegmentError::NoMerchant(_) => ApiError::NotFound,
        SegmentError::Refused(refusal) => ApiError::BadRequest(refusal.to_string()),
        SegmentError::Incomparable(refusal) => ApiError::BadRequest(refusal.to_string()),
        SegmentError::Store(error) => error.into(),
    }
}

fn view(
    member: &Member,
    theme: Theme,
    (filter, wish): (&Filter, &Wish),
    list: &List,
    (before, after): (Option<String>, Option<String>),
    now: Timestamp,
) -> Markup {
    let content = html! {
        div.page-head {
            h1 { "Cards" }
            p.muted { (list.total) @if list.total == 1 { " card: " } @else { " cards: " } (wish.title) }
            @if let Target::BuiltIn(chip) = wish.target { p.muted { (chip.rule()) } }
            @if let Some(find) = &filter.find { p.muted { "Found by " (find) } }
            @if list.is_cut { p.muted { "More people match than are listed. Type more to see all of them." } }
        }
        nav.filters aria-label="Segments" {
            @for chip in Chip::EACH {
                @let is_on = wish.target == Target::BuiltIn(*chip);
                a.chip href=(chip_address(*chip, is_on)) aria-current=[is_on.then_some("true")] { (chip.title()) }
            }
        }
        @if list.lines.is_empty() {
            (empty("No card matches", "Nobody is in this list right now.", Some(("/console/cards", "Show all cards"))))
        } @else {
            div.panel.table-panel {
                table.table {
                    caption.visually-hidden { "Cards" }
                    thead {
                        tr {
                            (heading(filter, wish.order, Sort::Name, "Customer"))
                            (heading(filter, wish.order, Sort::Status, "Status"))
                            (heading(filter, wish.order, Sort::Punches, "Punches"))
                            (heading(filter, wish.order, Sort::Points, "Points"))
                            (heading(filter, wish.order, Sort::Visits, "Visits"))
                            (heading(filter, wish.order, Sort::Activity, "Last visit"))
                            (heading(filter, wish.order, Sort::Joined, "Issued"))
                        }
                    }
                    tbody { @for found in &list.lines { (line(member, found, now)) } }
                }
            }
        }
        @if before.is_some() || after.is_some() {
            nav.pager aria-label="Pages" {
                @match before {
                    Some(address) => a.button.secondary rel="prev" href=(address) { (icon("left")) "Previous" },
                    None => span {},
                }
                @match after {
                    Some(address) => a.button.secondary rel="next" href=(address) { "Next" (icon("right")) },
                    None => span {},
                }
            }
        }
    };
    frame(member, theme, &ENGLISH, Section::Customers, "Cards", &content)
}

/// A second click clears the filter.
fn chip_address(chip: Chip, is_on: bool) -> String {
    if is_on {
        return "/console/cards".into();
    }
    format!("/console/cards?segment={}", chip.as_str())
}

fn heading(filter: &Filter, order: Order, sort: Sort, label: &str) -> Markup {
    let is_sorted = order.sort == sort;
    let direction = match order.direction {
        Direction::Descending if is_sorted => Direction::Ascending,
        _ => Direction::Descending,
    };
    let next = Order { sort, direction }.to_string();
    let said = match order.direction {
        Direction::Ascending => "ascending",
        Direction::Descending => "descending",
    };
    html! {
        th scope="col" aria-sort=[is_sorted.then_some(said)] { a href=(filter.address(Some(next.as_str()), None)) { (label) } }
    }
}

fn line(member: &Member, found: &Line, now: Timestamp) -> Markup {
    let name = match customer::full_name(&found.first_name, &found.last_name) {
        none if none.is_empty() => "No name".to_owned(),
        name => name,
    };
    html! {
        tr {
            th scope="row" data-label="Customer" {
                a.row-link href=(format!("/console/cards/{}", found.card)) { (name) }
                span.under { (platforms(found.channels)) }
            }
            td data-label="Status" { (status_badge(found.status)) }
            td data-label="Punches" { (found.punches) }
            td data-label="Points" { (found.points) }
            td data-label="Visits" { (found.visits) }
            td data-label="Last visit" {
                @if let Some(at) = found.last_visit_at { (time(at, &member.zone, now)) }
                @else { span.muted { "Never" } }
            }
            td data-label="Issued" { (day(found.joined_at, &member.zone, now)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::segment::builtin;

    fn filter(segment: Option<&str>, rule: Option<&str>, sort: Option<&str>) -> Filter {
        Filter {
            segment: segment.map(str::to_owned),
            rule: rule.map(str::to_owned),
            sort: sort.map(str::to_owned),
            ..Filter::default()
        }
    }

    #[test]
    fn an_address_says_what_the_list_is() {
        let filter = filter(
            None,
            Some("all(visits.over.9,name.has.'o''neil')"),
            Some("-spend"),
        );
        assert_eq!(
            filter.address(None, Some("x_-")),
            "/console/cards?rule=all%28visits.over.9%2Cname.has.%27o%27%27neil%27%29&sort=-spend&at=x_-"
        );
        let wish = filter.wish().expect("a list");
        assert_eq!(wish.title, "visits over 9 and name contains \"o'neil\"");
        assert_eq!(wish.order.to_string(), "-spend");
    }

    #[test]
    fn what_is_no_list_is_refused_with_what_was_expected() {
        for (wrong, said) in [
            (filter(Some("nobody"), None, None), "segment: "),
            (
                filter(None, Some("visits.over.many"), None),
                "expected a whole number",
            ),
            (filter(None, Some(""), None), "expected all("),
            (filter(None, None, Some("colour")), "sort: expected one of name"),
            (filter(Some("all"), Some("all()"), None), "got both"),
        ] {
            let refused = wrong.wish().err().expect("refused").to_string();
            assert!(refused.contains(said), "{refused}");
        }
    }

    #[test]
    fn every_chip_is_a_rule_too() {
        for chip in Chip::EACH {
            let by_rule = filter(None, Some(&builtin::rule(*chip).to_string()), None);
            assert!(by_rule.wish().is_ok(), "{chip:?}");
        }
    }
}
