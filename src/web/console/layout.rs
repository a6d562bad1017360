//! The shell around every page of the console: head, navigation, the member's menu, and the theme.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum_extra::extract::CookieJar;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::convert::Infallible;

use crate::web::console::assets::{SCRIPT, STYLE};
use crate::web::console::components::{icon, initials};
use crate::web::extract::Member;

pub const THEME_COOKIE: &str = "theme";

/// Light or dark, by the cookie that the switch sets; otherwise what the system prefers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    pub const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.as_str() == text)
    }

    pub fn of(jar: &CookieJar) -> Self {
        jar.get(THEME_COOKIE)
            .and_then(|cookie| Self::parse(cookie.value()))
            .unwrap_or_default()
    }

    fn label(self) -> &'static str {
        match self {
            Self::System => "System",
            Self::Light => "Light",
            Self::Dark => "Dark",
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Theme {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&CookieJar::from_headers(&parts.headers)))
    }
}

/// Parts of the console that the navigation leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Cards,
    Messages,
}

/// A page for a member who is signed in.
pub fn page(member: &Member, theme: Theme, section: Section, title: &str, content: &Markup) -> Markup {
    let body = html! {
        a.skip href="#content" { "Skip to content" }
        div.shell {
            header.side {
                a.brand href="/console/cards" aria-label="passgate, all cards" { (logo()) span { "passgate" } }
                p.merchant { (member.merchant_name) }
                nav aria-label="Main" {
                    a href="/console/cards" aria-current=[(section == Section::Cards).then_some("page")] {
                        (icon("cards")) span { "Cards" }
                    }
                    a href="/console/messages" aria-current=[(section == Section::Messages).then_some("page")] {
                        (icon("push")) span { "Messages" }
                    }
                }
                (member_menu(member, theme))
            }
            main #content tabindex="-1" { (content) }
        }
        div #announcer .visually-hidden aria-live="polite" {}
    };
    document(theme, title, &body)
}

/// A page for someone who is not (yet) signed in, or whom we cannot ask.
pub fn plain_page(theme: Theme, title: &str, content: &Markup) -> Markup {
    let body = html! {
        main #content .alone {
            div.alone-brand { (logo()) span { "passgate" } }
            (content)
        }
    };
    document(theme, title, &body)
}

fn document(theme: Theme, title: &str, body: &Markup) -> Markup {
    let chosen = (theme != Theme::System).then(|| theme.as_str());
    html! {
        (DOCTYPE)
        html lang="en" data-theme=[chosen] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · passgate" }
                link rel="icon" href=(ICON);
                link rel="stylesheet" href=(STYLE.url());
                script src=(SCRIPT.url()) defer {}
            }
            body { (body) }
        }
    }
}

fn member_menu(member: &Member, theme: Theme) -> Markup {
    html! {
        div.member {
            button.member-button type="button" popovertarget="member-menu" {
                span.avatar aria-hidden="true" { (initials(&member.name)) }
                span.member-name { (member.name) small { (member.role.as_str()) } }
                (icon("chevron"))
            }
            div #member-menu .menu popover {
                p.menu-head { (member.email) }
                form.themes method="post" action="/console/theme" data-themes {
                    fieldset {
                        legend { "Appearance" }
                        div.segments {
                            @for choice in Theme::ALL {
                                button type="submit" name="theme" value=(choice.as_str())
                                    aria-pressed=(if choice == theme { "true" } else { "false" }) {
                                    (choice.label())
                                }
                            }
                        }
                    }
                }
                form method="post" action="/console/sign-out" {
                    button.menu-item type="submit" { (icon("leave")) "Sign out" }
                }
            }
        }
    }
}

/// A card with one corner punched out.
pub fn logo() -> Markup {
    html! {
        svg.logo viewBox="0 0 32 32" width="32" height="32" aria-hidden="true" {
            path.logo-card fill-rule="evenodd"
                d="M6 6h20a4 4 0 0 1 4 4v12a4 4 0 0 1-4 4H6a4 4 0 0 1-4-4V10a4 4 0 0 1 4-4Zm17 5.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9Z" {}
            path.logo-line d="M7 13h7M7 19h5" {}
        }
    }
}

/// The logo as an address, for the browser's tab.
const ICON: PreEscaped<&str> = PreEscaped(
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Cpath fill='%23176b57' \
     fill-rule='evenodd' d='M6 6h20a4 4 0 0 1 4 4v12a4 4 0 0 1-4 4H6a4 4 0 0 1-4-4V10a4 4 0 0 1 4-4Zm17 5.5a4.5 4.5 \
     0 1 0 0 9 4.5 4.5 0 0 0 0-9Z'/%3E%3C/svg%3E",
);
