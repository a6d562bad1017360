//! Long work, kept up to date by server-sent events: how much goes on beside the way to it on every page, the list of
//! what goes on, and the word to read a part of one page again because the work it shows has moved.
//!
//! A stream ends after ten minutes, or when the gateway stops, and the browser opens the next one, with its session
//! checked again. Pages that have a stream of their own carry the first of these on it.

use std::sync::Arc;

use axum::extract::{Extension, Query, State};
use axum::response::Response;
use axum::response::sse::Event;
use maud::{Markup, html};
use serde::Deserialize;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::open_part;
use super::watch::{Going, Picture, Works};
use crate::domain::access::Action;
use crate::ops::works::Running;
use crate::web::Web;
use crate::web::console::layout;
use crate::web::console::list::programs::Programs;
use crate::web::console::screen::Screen;
use crate::web::console::stream;
use crate::web::error::ApiError;

/// What a page shows besides how much goes on.
#[derive(Debug, Default, Deserialize)]
pub struct Shows {
    /// `all` for the list; otherwise the id of one piece of work, as a number.
    of: Option<String>,
    /// The part of the page to be read again when that work has moved.
    part: Option<String>,
}

/// The address of the stream of a page that shows one piece of work in the part with this id.
pub fn address(work: i64, part: &str) -> String {
    format!("/console/jobs/live?of={work}&part={part}")
}

/// `GET /console/jobs/live`
pub async fn events(
    State(web): State<Web>,
    Extension(works): Extension<Works>,
    screen: Screen,
    Query(shows): Query<Shows>,
) -> Result<Response, ApiError> {
    screen.require(Action::ViewCards)?;
    let merchant = screen.member.merchant;
    let programs = Programs::of(&web, merchant).await?;
    let pictures = works.watch(&web, merchant).await?;
    let (sender, answer) = stream::begin();
    let stopping = web.stopping.clone();
    let page = Page {
        web,
        screen,
        programs,
        shows: Part::of(&shows),
        known: None,
        sender,
    };
    tokio::spawn(async move {
        // Dropped wherever it is, also while a slow browser holds it up.
        let life = tokio::time::timeout(stream::LIFE, page.talk(pictures));
        let _ = stopping.run_until_cancelled_owned(life).await;
    });
    Ok(answer)
}

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Nothing,
    Everything,
    One(i64, String),
}

impl Part {
    fn of(shows: &Shows) -> Self {
        match (shows.of.as_deref(), shows.part.as_deref()) {
            (Some("all"), _) => Self::Everything,
            (Some(id), Some(part)) => match id.parse() {
                Ok(id) if is_name(part) => Self::One(id, part.to_owned()),
                _ => Self::Nothing,
            },
            _ => Self::Nothing,
        }
    }
}

fn is_name(part: &str) -> bool {
    (1..=20).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// One open page.
struct Page {
    web: Web,
    screen: Screen,
    programs: Programs,
    shows: Part,
    /// What it was sent last.
    known: Option<Arc<Picture>>,
    sender: stream::Sender,
}

impl Page {
    /// Ends when nobody listens any more.
    async fn talk(mut self, mut pictures: watch::Receiver<Arc<Picture>>) {
        loop {
            let picture = Arc::clone(&pictures.borrow_and_update());
            if self.is_news(&picture) {
                self.screen.now = self.web.ops.clock.now();
                let html = self.message(&picture);
                self.known = Some(picture);
                let event = Event::default().event("change").data(html.into_string());
                if self.sender.send(Ok(event)).await.is_err() {
                    return;
                }
            }
            tokio::select! {
                changed = pictures.changed() => if changed.is_err() { return },
                () = self.sender.closed() => return,
            }
        }
    }

    /// Whether a page has to hear of a look. Work that is in no picture may have begun and ended since its page was made.
    fn is_news(&self, picture: &Picture) -> bool {
        let is_gone = matches!(&self.shows, Part::One(id, _) if picture.of(*id).is_none());
        is_gone || self.known.as_deref() != Some(picture)
    }

    fn message(&self, picture: &Picture) -> Markup {
        html! {
            (running(&self.screen, picture.running()))
            @match &self.shows {
                Part::Nothing => {}
                Part::Everything => {
                    template data-swap="open-work" { (open_part(&self.screen, &self.programs, picture)) }
                    // What has ended, or has just begun, stands in the list of everything.
                    @if self.known.as_deref().is_some_and(|known| ids(known) != ids(picture)) {
                        template data-renew="all-work" {}
                    }
                }
                // A page may have been made just before the work moved, so that the first picture counts as well.
                Part::One(id, part) => {
                    @let now = picture.of(*id);
                    @if now.is_none() || self.known.as_deref().and_then(|known| known.of(*id)) != now {
                        template data-renew=(part) {}
                    }
                }
            }
        }
    }
}

fn ids(picture: &Picture) -> Vec<i64> {
    picture
        .works
        .iter()
        .map(|going: &Going| going.work.id())
        .collect()
}

/// How much goes on, for the page to put in its place.
fn running(screen: &Screen, running: Running) -> Markup {
    html! { template data-swap="running-work" { (layout::running(screen, screen.running_of(running))) } }
}

/// Tells a page on its own stream how much goes on, for as long as what is returned is kept.
pub fn beside(web: &Web, works: &Works, screen: &Screen, sender: stream::Sender) -> DropGuard {
    let over = CancellationToken::new();
    let (web, works, screen, ended) = (web.clone(), works.clone(), screen.clone(), over.clone());
    let talk = async move {
        let Ok(mut pictures) = works.watch(&web, screen.member.merchant).await else {
            return;
        };
        let mut known = None;
        loop {
            let now = pictures.borrow_and_update().running();
            if known != Some(now) {
                let html = running(&screen, now).into_string();
                let event = Event::default().event("work").data(html);
                if sender.send(Ok(event)).await.is_err() {
                    return;
                }
                known = Some(now);
            }
            tokio::select! {
                changed = pictures.changed() => if changed.is_err() { return },
                () = sender.closed() => return,
            }
        }
    };
    tokio::spawn(async move {
        let _ = ended.run_until_cancelled_owned(talk).await;
    });
    over.drop_guard()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_page_shows_is_read_and_tampering_shows_nothing() {
        let part = |of: &str, part: &str| {
            Part::of(&Shows {
                of: Some(of.to_owned()),
                part: Some(part.to_owned()),
            })
        };
        assert_eq!(part("all", ""), Part::Everything);
        assert_eq!(part("12", "job"), Part::One(12, "job".into()));
        for (of, name) in [("x", "job"), ("12", "<b>"), ("12", ""), ("", "job")] {
            assert_eq!(part(of, name), Part::Nothing, "{of} {name}");
        }
        assert_eq!(Part::of(&Shows::default()), Part::Nothing);
    }
}
