//! What every page is drawn for: who looks at it, in which theme and language, and when.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::Method;
use axum::http::request::Parts;
use maud::{Markup, html};

use crate::domain::access::Action;
use crate::domain::time::Timestamp;
use crate::ops::works::Running;
use crate::web::Web;
use crate::web::console::layout::{self, Section, Theme};
use crate::web::console::words::apart::apart;
use crate::web::console::words::{Language, Words};
use crate::web::error::ApiError;
use crate::web::extract::{Member, NotSignedIn, wants_page};

/// The header with which the script asks for the content of a page without the frame around it.
pub const PART: &str = "x-part";

/// A signed-in member before a page. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Screen {
    pub member: Arc<Member>,
    pub theme: Theme,
    pub words: &'static Words,
    /// When the page was asked for; every "today" on it is this day.
    pub now: Timestamp,
    /// Long work of the merchant that goes on; counted for whole pages that people look at.
    pub running: Running,
    /// Whether a script asks for the content alone, which it puts into the page that is there.
    pub is_part: bool,
}

impl Screen {
    pub fn may(&self, action: Action) -> bool {
        self.member.may(action)
    }

    /// Refuses what the member's role may not do.
    pub fn require(&self, action: Action) -> Result<(), ApiError> {
        self.member.require(action)
    }

    /// The whole page around `content`.
    pub fn page(&self, section: Section, title: &str, content: &Markup) -> Markup {
        match self.is_part {
            true => layout::part(title, content),
            false => layout::page(self, section, title, content),
        }
    }

    /// How much long work goes on, of that which the member may look at.
    pub fn running(&self) -> i64 {
        self.running_of(self.running)
    }

    pub fn running_of(&self, running: Running) -> i64 {
        let counts = [
            (Action::ViewCards, running.jobs),
            (Action::Import, running.imports),
            (Action::ViewMessages, running.messages),
            (Action::MakeCodes, running.codes),
        ];
        let seen = counts.into_iter().filter(|(action, _)| self.may(*action));
        seen.map(|(_, count)| count).sum()
    }

    pub fn number(&self, number: i64) -> String {
        self.words.language.number(number)
    }

    /// A point in time as people say it in the merchant's zone: the hour today, the day this year, the year before.
    pub fn time(&self, at: Timestamp) -> Markup {
        let (zone, language) = (&self.member.zone, self.words.language);
        let there = at.to_jiff().to_zoned(zone.clone());
        let hour = there.strftime("%H:%M");
        let text = if self.is_today(at) {
            format!("{}, {hour}", self.words.common.today)
        } else if self.is_this_year(at) {
            format!("{}, {hour}", language.date(there.date(), true))
        } else {
            language.date(there.date(), false)
        };
        html! { time datetime=(at.to_jiff()) title=(language.exact(at, zone)) { (text) } }
    }

    /// A person's name as pages show it: that there is none, or set apart where it runs from right to left.
    pub fn name(&self, name: String) -> String {
        if name.is_empty() {
            return self.words.common.no_name.to_owned();
        }
        apart(name)
    }

    /// A day as people say it in the merchant's zone.
    pub fn day(&self, at: Timestamp) -> Markup {
        let (zone, language) = (&self.member.zone, self.words.language);
        let there = at.to_jiff().to_zoned(zone.clone());
        let text = if self.is_today(at) {
            self.words.common.today.to_owned()
        } else {
            language.date(there.date(), self.is_this_year(at))
        };
        html! { time datetime=(at.to_jiff()) title=(language.exact(at, zone)) { (text) } }
    }

    fn is_today(&self, at: Timestamp) -> bool {
        at.day_in(&self.member.zone) == self.now.day_in(&self.member.zone)
    }

    fn is_this_year(&self, at: Timestamp) -> bool {
        let year = |at: Timestamp| at.to_jiff().to_zoned(self.member.zone.clone()).year();
        year(at) == year(self.now)
    }
}

impl FromRequestParts<Web> for Screen {
    type Rejection = NotSignedIn;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, NotSignedIn> {
        let member = Member::from_request_parts(parts, web).await?;
        let is_part = parts.headers.contains_key(PART);
        let running = match parts.method == Method::GET && wants_page(&parts.headers) && !is_part {
            true => web.ops.running_works(member.merchant).await,
            false => Ok(Running::default()),
        };
        Ok(Self {
            member: Arc::new(member),
            theme: Theme::of_headers(&parts.headers),
            words: Language::of(&parts.headers).words(),
            now: web.ops.clock.now(),
            running: running.map_err(|error| NotSignedIn::Call(error.into()))?,
            is_part,
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::id::{AccountId, MemberId, MerchantId};
    use crate::domain::member::Role;
    use jiff::tz::TimeZone;

    /// Somebody before a page, in UTC.
    pub(in crate::web::console) fn screen(language: Language, now: Timestamp) -> Screen {
        let member = Member {
            merchant: MerchantId(1),
            id: MemberId(1),
            account: AccountId(1),
            email: String::new(),
            name: String::new(),
            role: Role::Viewer,
            merchant_name: String::new(),
            zone: TimeZone::UTC,
            merchants: 1,
        };
        Screen {
            member: Arc::new(member),
            theme: Theme::System,
            words: language.words(),
            now,
            running: Running::default(),
            is_part: false,
        }
    }

    #[test]
    fn a_time_of_today_is_an_hour() {
        let at = Timestamp(1_782_941_400_000);
        let later = |days: u64| at.plus(std::time::Duration::from_secs(86_400 * days));
        let said = |language: Language, now| {
            let screen = screen(language, now);
            format!(
                "{} {}",
                screen.time(at).into_string(),
                screen.day(at).into_string()
            )
        };
        assert!(said(Language::English, at).contains(">Today, 21:30<"));
        assert!(said(Language::German, at).contains(">Heute, 21:30<"));
        assert!(said(Language::English, later(1)).contains(">1 Jul, 21:30<"));
        assert!(said(Language::German, later(300)).contains(">1. Juli 2026<"));
    }
}
