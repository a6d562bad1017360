//! The shell around every page of the console: head, navigation, the member's menu, and the theme.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum_extra::extract::CookieJar;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::convert::Infallible;

use crate::web::console::assets::{SCRIPT, STYLE};
use crate::web::console::components::{icon, initials};
use crate::web::console::screen::Screen;
use crate::web::console::words::shell::Shell;
use crate::web::console::words::{Language, Words};
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

    pub fn of_headers(headers: &HeaderMap) -> Self {
        Self::of(&CookieJar::from_headers(headers))
    }

    fn label(self, words: &Shell) -> &'static str {
        match self {
            Self::System => words.system,
            Self::Light => words.light,
            Self::Dark => words.dark,
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Theme {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self::of_headers(&parts.headers))
    }
}

/// Parts of the console that the navigation leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Customers,
    Segments,
    Messages,
    Jobs,
    Tools,
    Settings,
}

impl Section {
    pub const ALL: [Self; 6] = [
        Self::Customers,
        Self::Segments,
        Self::Messages,
        Self::Jobs,
        Self::Tools,
        Self::Settings,
    ];

    pub fn address(self) -> &'static str {
        match self {
            Self::Customers => "/console/cards",
            Self::Segments => "/console/segments",
            Self::Messages => "/console/messages",
            Self::Jobs => "/console/jobs",
            Self::Tools => "/console/tools",
            Self::Settings => "/console/settings",
        }
    }

    fn icon(self) -> &'static str {
        match self {
            Self::Customers => "people",
            Self::Segments => "segments",
            Self::Messages => "push",
            Self::Jobs => "jobs",
            Self::Tools => "tools",
            Self::Settings => "settings",
        }
    }

    fn title(self, words: &Shell) -> &'static str {
        match self {
            Self::Customers => words.customers,
            Self::Segments => words.segments,
            Self::Messages => words.messages,
            Self::Jobs => words.jobs,
            Self::Tools => words.tools,
            Self::Settings => words.settings,
        }
    }
}

/// A page for a member who is signed in. Beside its content stand the parts that the script fills: the panel that a row
/// opens in, the dialog for forms, and the regions that are read out.
pub fn page(screen: &Screen, section: Section, title: &str, content: &Markup) -> Markup {
    let (member, theme, words) = (&screen.member, screen.theme, screen.words);
    let shell = &words.shell;
    let body = html! {
        a.skip href="#content" { (shell.skip) }
        div.shell {
            header.side data-live-alone="/console/jobs/live" {
                a.brand href="/console/cards" aria-label=(shell.home) { (logo()) span { "passgate" } }
                p.merchant { (member.merchant_name) }
                nav aria-label=(shell.main) {
                    @for each in Section::ALL {
                        a href=(each.address()) aria-current=[(section == each).then_some("page")] {
                            (icon(each.icon())) span { (each.title(shell)) }
                            @if each == Section::Jobs { (running(screen, screen.running())) }
                        }
                    }
                }
                (member_menu(member, theme, words))
            }
            main #content tabindex="-1" { (content) }
        }
        aside #panel .side-panel tabindex="-1" aria-live="off" hidden {}
        dialog #modal .dialog {}
        div #announcer .visually-hidden aria-live="polite" {}
        div #alarms .alarms aria-live="assertive" {}
        (said_by_script(words))
    };
    document(theme, words, title, &body)
}

/// How much long work goes on, beside the way to it; live pages replace it.
pub fn running(screen: &Screen, count: i64) -> Markup {
    let said = (screen.words.shell.running_jobs)(count);
    html! {
        span #running-work .open-jobs[count > 0] title=[(count > 0).then_some(&said)] {
            @if count > 0 { (screen.number(count)) span.visually-hidden { " " (said) } }
        }
    }
}

/// The content of a page without what stands around it, for a page that has all of that.
pub fn part(title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        title { (title) " · passgate" }
        main #content { (content) }
    }
}

/// A page for someone who is not (yet) signed in, or whom we cannot ask.
pub fn plain_page(theme: Theme, words: &Words, title: &str, content: &Markup) -> Markup {
    let body = html! {
        main #content .alone {
            div.alone-brand { (logo()) span { "passgate" } }
            (content)
        }
    };
    document(theme, words, title, &body)
}

fn document(theme: Theme, words: &Words, title: &str, body: &Markup) -> Markup {
    let chosen = (theme != Theme::System).then(|| theme.as_str());
    html! {
        (DOCTYPE)
        html lang=(words.language.as_str()) data-theme=[chosen] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · passgate" }
                link rel="icon" href=(ICON);
                link rel="stylesheet" href=(STYLE.url());
                // Painted once all of it is there: the columns of a table move while rows are still coming.
                link rel="expect" href="#end" blocking="render";
                script src=(SCRIPT.url()) defer {}
            }
            body { (body) div #end hidden {} }
        }
    }
}

/// The texts that only the script shows, where it finds them.
fn said_by_script(words: &Words) -> Markup {
    let (shell, common) = (&words.shell, &words.common);
    let keys = [
        ("/", shell.key_find),
        ("j k", shell.key_rows),
        ("x", shell.key_select),
        ("Enter", shell.key_open),
        ("e", shell.key_edit),
        ("a", shell.key_actions),
        ("Esc", shell.key_close),
        ("Ctrl K", shell.palette),
        ("?", shell.key_help),
    ];
    html! {
        template #help {
            div.dialog-head { h2 { (shell.shortcuts) } }
            dl.keys { @for (key, meaning) in keys { div { dt { kbd { (key) } } dd { (meaning) } } } }
            label.check { input type="checkbox" data-single-keys; span { (shell.single_keys) } }
            div.dialog-foot { button.button.secondary type="button" data-close { (common.close) } }
        }
        template #palette {
            label.visually-hidden for="palette-find" { (shell.palette) }
            input #palette-find type="text" role="combobox" aria-expanded="true" aria-controls="palette-list"
                aria-autocomplete="list" autocomplete="off" spellcheck="false" placeholder=(shell.palette_hint);
            ul #palette-list role="listbox" aria-label=(shell.palette) {}
            p.muted hidden { (shell.nothing_found) }
        }
        template #said data-copied=(common.copied) data-is-live=(shell.live) data-reconnecting=(shell.reconnecting)
            data-no-copying=(shell.copying_not_allowed) data-not-saved=(shell.not_saved) data-lost=(shell.lost)
            data-close=(common.close) data-session-ended=(shell.session_ended) data-sign-in=(words.sign_in.title) {}
    }
}

fn member_menu(member: &Member, theme: Theme, words: &Words) -> Markup {
    let shell = &words.shell;
    html! {
        div.member {
            button.member-button type="button" popovertarget="member-menu" {
                span.avatar aria-hidden="true" { (initials(&member.name)) }
                span.member-name { (member.name) small { (words.common.role(member.role)) } }
                (icon("chevron"))
            }
            div #member-menu .menu popover {
                p.menu-head { (member.email) }
                form.themes method="post" action="/console/theme" data-themes {
                    fieldset {
                        legend { (shell.appearance) }
                        div.segments {
                            @for choice in Theme::ALL {
                                button type="submit" name="theme" value=(choice.as_str())
                                    aria-pressed=(if choice == theme { "true" } else { "false" }) {
                                    (choice.label(shell))
                                }
                            }
                        }
                    }
                }
                form.themes method="post" action="/console/language" {
                    fieldset {
                        legend { (shell.language) }
                        div.segments {
                            @for choice in Language::ALL {
                                button type="submit" name="language" value=(choice.as_str()) lang=(choice.as_str())
                                    aria-pressed=(if choice == words.language { "true" } else { "false" }) {
                                    (choice.title())
                                }
                            }
                        }
                    }
                }
                @if member.merchants > 1 {
                    a.menu-item href="/console/settings/account#merchants" { (icon("cards")) (shell.switch_merchant) }
                }
                a.menu-item href="/console/settings/account" { (icon("settings")) (shell.your_account) }
                form method="post" action="/console/sign-out" {
                    button.menu-item type="submit" { (icon("leave")) (shell.sign_out) }
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
