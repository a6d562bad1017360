//! Long work of any kind as a line of a list, and how far it is in words.

use std::time::Duration;

use maud::{Markup, html};

use super::watch::Going;
use super::{address, progress_words, state, title, whom};
use crate::domain::access::Action;
use crate::domain::upload::UploadState;
use crate::ops::works::Work;
use crate::web::console::components::{Tone, badge};
use crate::web::console::list::programs::Programs;
use crate::web::console::messages;
use crate::web::console::screen::Screen;
use crate::web::console::tools::{codes, import};

/// What a member must be allowed to, to see such work.
pub(super) fn takes(work: &Work) -> Action {
    match work {
        Work::Job(_) => Action::ViewCards,
        Work::Import(_) => Action::Import,
        Work::Message(_) => Action::ViewMessages,
        Work::Codes(_) => Action::MakeCodes,
    }
}

/// One line: what it is, how far, how fast, and the way to it.
pub(super) fn line(screen: &Screen, programs: &Programs, going: &Going) -> Markup {
    let work = &going.work;
    let (place, name, about) = named(screen, programs, work);
    html! {
        li.work {
            div.work-name {
                a href=(place) { (name) }
                p.muted { (about) }
            }
            div.work-state {
                (badge_of(screen, work))
                span.muted { (screen.time(began(work))) }
            }
            div.work-progress {
                @if work.is_open() { (meter(screen, work)) }
                p.muted { (said(screen, going)) }
            }
        }
    }
}

fn named(screen: &Screen, programs: &Programs, work: &Work) -> (String, String, String) {
    let words = &screen.words.jobs;
    match work {
        Work::Job(job) => (
            address(job.batch),
            title(screen, job.action),
            whom(screen, &job.audience, programs),
        ),
        Work::Import(upload) => {
            let is_trial = matches!(upload.state, UploadState::Trying | UploadState::Tried);
            let name = if is_trial { words.check_file } else { words.import };
            (import::address(upload.id), name.to_owned(), upload.name.clone())
        }
        Work::Message(sending) => (
            messages::address(sending.message.id),
            words.sending.to_owned(),
            messages::begin(&sending.message.content.text),
        ),
        Work::Codes(batch) => (
            codes::address(batch.id),
            words.making_codes.to_owned(),
            batch.label.clone(),
        ),
    }
}

fn began(work: &Work) -> crate::domain::time::Timestamp {
    match work {
        Work::Job(job) => job.created_at,
        Work::Import(upload) => upload.created_at,
        Work::Message(sending) => sending.message.started_at.unwrap_or(sending.message.created_at),
        Work::Codes(batch) => batch.created_at,
    }
}

fn badge_of(screen: &Screen, work: &Work) -> Markup {
    let words = &screen.words.jobs;
    match work {
        Work::Job(job) => state(words, job.state),
        Work::Import(upload) => {
            let label = match upload.state {
                UploadState::Trying | UploadState::Running => words.running,
                UploadState::Done => words.done,
                UploadState::Cancelled => words.cancelled,
                UploadState::Failed => words.failed,
                UploadState::Receiving | UploadState::Received | UploadState::Tried => words.waits_for_you,
            };
            badge(import::tone(upload.state), label)
        }
        Work::Message(sending) => messages::state_badge(screen, sending.message.state),
        Work::Codes(batch) if batch.made < batch.wanted => badge(Tone::Notice, words.running),
        Work::Codes(_) => badge(Tone::Good, words.done),
    }
}

fn meter(screen: &Screen, work: &Work) -> Markup {
    html! {
        @if let Some(progress) = work.progress() {
            progress.meter max=(progress.whole.max(1)) value=(progress.part) aria-label=(screen.words.jobs.meter) {}
        }
    }
}

/// How far, how fast and how long, as far as each is known.
pub(super) fn said(screen: &Screen, going: &Going) -> String {
    let mut said = vec![far(screen, &going.work)];
    if going.work.is_running() {
        said.extend(pace(screen, going));
    }
    said.retain(|part| !part.is_empty());
    said.join(" · ")
}

/// How fast it goes and how long the rest takes; nothing while neither is known.
pub(in crate::web::console) fn pace(screen: &Screen, going: &Going) -> Vec<String> {
    let words = &screen.words.jobs;
    let rate = going.per_minute.map(|rate| match going.work {
        Work::Job(_) => (words.cards_a_minute)(rate),
        Work::Import(_) => (words.rows_a_minute)(rate),
        Work::Message(_) => (words.copies_a_minute)(rate),
        Work::Codes(_) => (words.codes_a_minute)(rate),
    });
    rate.into_iter()
        .chain(going.left.map(|left| time_left(screen, left)))
        .collect()
}

fn time_left(screen: &Screen, left: Duration) -> String {
    let words = &screen.words.jobs;
    let minutes = i64::try_from(left.as_secs().div_ceil(60)).unwrap_or(i64::MAX);
    match left.as_secs() {
        0..10 => words.seconds_left.to_owned(),
        10..60 => words.a_minute_left.to_owned(),
        60..5400 => (words.minutes_left)(minutes),
        _ => (words.hours_left)((minutes + 30) / 60),
    }
}

fn far(screen: &Screen, work: &Work) -> String {
    let words = &screen.words.jobs;
    match work {
        Work::Job(job) => progress_words(screen, job),
        Work::Import(upload) => {
            let rows = (words.rows)(upload.counts.rows());
            match work.progress().filter(|_| work.is_running()) {
                Some(progress) => {
                    let percent = progress.part.saturating_mul(100) / progress.whole.max(1);
                    format!("{rows} · {percent} %")
                }
                None if upload.counts.rows() == 0 => String::new(),
                None => rows,
            }
        }
        Work::Message(sending) => match work.progress() {
            Some(progress) => (words.copies)(progress.part, progress.whole),
            None if work.is_open() => words.gathering.to_owned(),
            None => (words.sent_to)(sending.message.recipients),
        },
        Work::Codes(batch) => (words.codes)(batch.made, batch.wanted),
    }
}
