//! The customer's feedback, by period and with or without words, and its average.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::{Held, Tab, open, page};
use crate::domain::feedback::Period;
use crate::domain::id::EventId;
use crate::domain::time::{CivilDay, Timestamp};
use crate::ops::feedback::{FeedbackError, FeedbackFilter, FeedbackPage};
use crate::store::feedback::{Cursor, Given};
use crate::web::Web;
use crate::web::console::components::{Tone, alert, icon};
use crate::web::console::screen::Screen;
use crate::web::console::timeline::line_id;
use crate::web::console::way::Place;
use crate::web::error::ApiError;

const PAGE: i64 = 50;

/// The filter as it stands in the address.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    period: String,
    from: String,
    to: String,
    /// Whether only feedback with words is asked for.
    comments: String,
    /// Where the page begins: `<milliseconds>-<event>`.
    after: String,
}

/// `GET /console/cards/{card_id}/feedback`
pub async fn show(
    State(web): State<Web>,
    screen: Screen,
    Path(card): Path<String>,
    Query(place): Query<Place>,
    Query(asked): Query<Asked>,
) -> Result<Response, ApiError> {
    let held = open(&web, &screen, &card, &place).await?;
    let words = &screen.words.profile;
    let refused = |problem: &str| {
        let view = view(&screen, &held, &asked, None, Some(problem));
        let page = page(&screen, &held, Tab::Feedback, &view);
        (ApiError::BadRequest(problem.to_owned()).status(), page).into_response()
    };
    let Some(period) = asked.period() else {
        return Ok(refused(words.wrong_day));
    };
    let filter = FeedbackFilter {
        customer: Some(held.profile.person.customer.id),
        period,
        only_comments: !asked.comments.is_empty(),
    };
    let read = web
        .ops
        .feedback(screen.member.merchant, filter, asked.cursor(), PAGE)
        .await;
    let found = match read {
        Ok(found) => found,
        Err(FeedbackError::Period(_)) => return Ok(refused(words.wrong_range)),
        Err(FeedbackError::Store(error)) => return Err(error.into()),
        Err(_) => return Err(ApiError::NotFound),
    };
    let view = view(&screen, &held, &asked, Some(&found), None);
    Ok(page(&screen, &held, Tab::Feedback, &view).into_response())
}

impl Asked {
    /// None where a day is no day.
    fn period(&self) -> Option<Period> {
        let day = |text: &str| match text.trim() {
            "" => Some(None),
            text => text.parse().ok().map(|date| Some(CivilDay(date))),
        };
        match self.period.as_str() {
            "custom" => Some(Period::Between {
                from: day(&self.from)?,
                to: day(&self.to)?,
            }),
            other => Some(Period::parse(other).unwrap_or(Period::All)),
        }
    }

    fn cursor(&self) -> Option<Cursor> {
        let (at, event) = self.after.split_once('-')?;
        Some((Timestamp(at.parse().ok()?), EventId(event.parse().ok()?)))
    }

    fn address(&self, held: &Held, after: Cursor) -> String {
        let after = format!("{}-{}", after.0.0, after.1.0);
        let pairs = [
            ("period", self.period.as_str()),
            ("from", &self.from),
            ("to", &self.to),
            ("comments", &self.comments),
            ("after", &after),
        ];
        let said: Vec<_> = pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        held.way.with(Tab::Feedback.part(), &said)
    }
}

fn view(
    screen: &Screen,
    held: &Held,
    asked: &Asked,
    found: Option<&FeedbackPage>,
    problem: Option<&str>,
) -> Markup {
    let words = &screen.words.profile;
    html! {
        section #given .panel aria-labelledby="feedback-title" {
            div.panel-head {
                h2 #feedback-title { (words.feedback) }
                @if let Some(found) = found {
                    p.average {
                        @match found.rating.tenths() {
                            Some(tenths) => {
                                @let mean = screen.words.language.decimal(tenths);
                                ((words.average)(&(words.rating_of)(&mean, found.rating.count)))
                            }
                            None => span.muted { (words.no_feedback) },
                        }
                    }
                }
            }
            @if let Some(problem) = problem { div.panel-note { (alert(Tone::Bad, problem)) } }
            (filter(screen, held, asked))
            @if let Some(found) = found {
                @if found.given.is_empty() { p.muted.quiet { (words.nothing_given) } }
                ul.list.given { @for given in &found.given { (one(screen, held, given)) } }
                @if let Some(next) = found.next {
                    div.panel-foot { a.button.secondary href=(asked.address(held, next)) data-swap="given" { (screen.words.common.older) } }
                }
            }
        }
    }
}

fn filter(screen: &Screen, held: &Held, asked: &Asked) -> Markup {
    let words = &screen.words.profile;
    let periods = [
        ("all", words.all),
        ("day", words.day),
        ("week", words.week),
        ("month", words.month),
        ("year", words.year),
        ("custom", words.custom),
    ];
    html! {
        form.filter-row method="get" action=(held.way.with(Tab::Feedback.part(), &[])) data-swap="given" {
            @if let Some(within) = held.way.within() { input type="hidden" name="in" value=(within); }
            label for="period" { (words.period) }
            select #period name="period" {
                @for (word, title) in periods { option value=(word) selected[asked.period == word] { (title) } }
            }
            label for="from" { (words.rating_from) }
            input #from name="from" type="date" value=(asked.from);
            label for="to" { (words.rating_to) }
            input #to name="to" type="date" value=(asked.to);
            label.check { input type="checkbox" name="comments" value="1" checked[!asked.comments.is_empty()]; span { (words.only_comments) } }
            button.button.secondary type="submit" { (words.apply_filter) }
        }
    }
}

fn one(screen: &Screen, held: &Held, given: &Given) -> Markup {
    let words = &screen.words.profile;
    html! {
        li {
            (stars(screen, given.feedback.stars))
            @match &given.feedback.comment {
                Some(comment) => p.comment { (comment) },
                None => p.muted { (words.no_comment) },
            }
            span.push.muted {
                @if let Some(visit) = given.visit {
                    a href=(format!("{}#{}", held.way.to(Tab::Timeline.part()), line_id(visit))) { (words.about_visit) } ", "
                }
                (screen.time(given.at))
            }
        }
    }
}

fn stars(screen: &Screen, stars: i64) -> Markup {
    html! {
        span.stars role="img" aria-label=((screen.words.profile.stars)(stars)) {
            @for at in 1..=5_i64 { span.(if at <= stars { "full" } else { "open" }) { (icon("star")) } }
        }
    }
}
