//! A form that was sent after its sender's session had ended. What it says is kept on the sign-in page that answers it,
//! goes along through signing in, and is shown once more before it is sent: nothing typed is lost, and nothing is done
//! without a press by somebody who may do it.
//!
//! It is kept in the page alone, as fields, and only so much of it as fits into one form. Forms that carry passwords,
//! codes or files are not kept, and neither are those of a script, whose page is still there. A form of another site
//! never comes so far.

use axum::body::Body;
use axum::extract::{OriginalUri, Request};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use super::layout::{Theme, plain_page};
use super::sign_in;
use super::words::{Language, Words};
use crate::web::console::LARGEST_FORM;
use crate::web::error::ApiError;
use crate::web::extract::SignedOut;

const FORM: &str = "application/x-www-form-urlencoded";
/// Where a kept form is sent to, as a field of the sign-in form.
const TO: &str = "kept-to";
/// What its own fields are called there begins so.
const FIELD: &str = "kept:";
/// More is not kept: with what signing in takes it would be too long a form.
const MOST: usize = LARGEST_FORM - 8 * 1024;
const MOST_FIELDS: usize = 1000;
/// Pages whose forms are about getting in, with passwords and codes.
const SECRET: [&str; 4] = [
    "/console/settings",
    "/console/sign-",
    "/console/join",
    "/console/first-run",
];

/// A form that waits for its sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    to: String,
    fields: Vec<(String, String)>,
}

impl Kept {
    /// What was sent to `to`, if it may be kept.
    fn of_request(to: &str, form: &[u8]) -> Option<Self> {
        let fields = form_urlencoded::parse(form).into_owned().collect();
        Self {
            to: to.to_owned(),
            fields,
        }
        .checked()
    }

    /// What a sign-in form carries along; whatever it says, it leads to a page of the console.
    pub fn of_form(form: &[u8]) -> Option<Self> {
        let (mut to, mut fields) = (String::new(), Vec::new());
        for (name, value) in form_urlencoded::parse(form) {
            if name == TO {
                to = value.into_owned();
            } else if let Some(name) = name.strip_prefix(FIELD) {
                fields.push((name.to_owned(), value.into_owned()));
            }
        }
        Self { to, fields }.checked()
    }

    fn checked(self) -> Option<Self> {
        let is_ours = sign_in::is_inside(&self.to) && !SECRET.iter().any(|path| self.to.starts_with(path));
        let is_secret = |name: &str| name.to_ascii_lowercase().contains("password");
        // As long as it is when it is sent once more.
        let mut length = form_urlencoded::Serializer::new(String::new());
        for (name, value) in self.parts() {
            length.append_pair(&name, value);
        }
        let fits = length.finish().len() <= MOST && self.fields.len() <= MOST_FIELDS;
        let is_plain = !self.fields.iter().any(|(name, _)| is_secret(name));
        (is_ours && fits && is_plain && !self.fields.is_empty()).then_some(self)
    }

    fn parts(&self) -> Vec<(String, &str)> {
        let own = self
            .fields
            .iter()
            .map(|(name, value)| (format!("{FIELD}{name}"), value.as_str()));
        std::iter::once((TO.to_owned(), self.to.as_str()))
            .chain(own)
            .collect()
    }

    /// The hidden fields with which it goes along.
    pub fn hidden(&self) -> Markup {
        html! { @for (name, value) in self.parts() { input type="hidden" name=(name) value=(value); } }
    }

    /// The page after signing in: what is about to be sent, and the button that does it.
    pub fn question(&self, theme: Theme, words: &Words) -> Markup {
        let said = &words.sign_in;
        // What somebody typed is read by people; what forms carry along for themselves is not.
        let typed = self
            .fields
            .iter()
            .filter(|(_, value)| value.chars().any(char::is_whitespace));
        let typed: Vec<_> = typed.collect();
        let content = html! {
            section.panel.sign-in.kept {
                h1 { (said.kept_title) }
                p { (said.kept_text) }
                @for (_, value) in typed { pre.kept-text { (value) } }
                form method="post" action=(self.to) data-once {
                    @for (name, value) in &self.fields { input type="hidden" name=(name) value=(value); }
                    div.dialog-foot.ordered {
                        button.button.primary type="submit" autofocus { (said.kept_send) }
                        a.button.secondary href="/console/cards" { (said.kept_drop) }
                    }
                }
            }
        };
        plain_page(theme, words, said.kept_title, &content)
    }
}

/// Answers a form from a session that has ended with the sign-in page, and what the form says on it.
pub async fn keep(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let is_form = text(headers, header::CONTENT_TYPE).is_some_and(|kind| kind.starts_with(FORM));
    let is_of_script = headers.contains_key(super::screen::PART);
    let to = request.extensions().get::<OriginalUri>();
    let to = to.and_then(|uri| uri.path_and_query().map(ToString::to_string));
    let Some(to) = to.filter(|_| is_form && !is_of_script && request.method() == Method::POST) else {
        return next.run(request).await;
    };
    let length = text(headers, header::CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok());
    if length.is_none_or(|length| length > MOST) {
        return next.run(request).await;
    }
    let (theme, words) = (Theme::of_headers(headers), Language::of(headers).words());
    let (parts, body) = request.into_parts();
    let Ok(form) = axum::body::to_bytes(body, MOST).await else {
        return ApiError::BadRequest(words.shell.did_not_work_text.to_owned()).into_response();
    };
    let answer = next
        .run(Request::from_parts(parts, Body::from(form.clone())))
        .await;
    if answer.extensions().get::<SignedOut>().is_none() {
        return answer;
    }
    match Kept::of_request(&to, &form) {
        None => answer,
        Some(kept) => {
            let page = sign_in::page_after(theme, words, &kept);
            (ApiError::Unauthorized.status(), page).into_response()
        }
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_form_goes_along_as_it_was() {
        let kept = Kept::of_request("/console/cards/1/notes", b"key=7&text=Likes+oat+milk&tag=a&tag=b");
        let kept = kept.expect("kept");
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("email", "ada@example.com");
        for (name, value) in kept.parts() {
            form.append_pair(&name, value);
        }
        assert_eq!(Kept::of_form(form.finish().as_bytes()), Some(kept.clone()));
        let page = kept
            .question(Theme::System, Language::English.words())
            .into_string();
        assert!(page.contains(r#"action="/console/cards/1/notes""#) && page.contains("Likes oat milk"));
    }

    #[test]
    fn secrets_and_what_is_too_long_or_leads_elsewhere_are_not_kept() {
        let long = format!("text={}", "x".repeat(MOST));
        for (to, form) in [
            ("/console/settings/account", "name=Ada"),
            ("/console/sign-in", "email=a"),
            ("/console/customers/new", "new_Password=x"),
            ("https://evil.example/", "a=b"),
            ("//evil.example/console/", "a=b"),
            ("/console/cards", ""),
            ("/console/cards", long.as_str()),
        ] {
            assert_eq!(Kept::of_request(to, form.as_bytes()), None, "{to}");
        }
    }

    proptest! {
        #[test]
        fn whatever_a_form_says_it_leads_into_the_console(to in ".{0,60}", name in ".{0,20}", value in ".{0,60}") {
            let form = form_urlencoded::Serializer::new(String::new())
                .append_pair(TO, &to).append_pair(&format!("{FIELD}{name}"), &value).finish();
            if let Some(kept) = Kept::of_form(form.as_bytes()) {
                prop_assert!(kept.to.starts_with("/console/"));
                prop_assert_eq!(kept.fields, vec![(name, value)]);
            }
        }
    }
}
