//! What whoever joins sees: the form, and the pages that take its place.

use axum::response::Response;
use maud::{Markup, html};

use super::agree::Agreeing;
use super::{AGREE, FIELD, arrival};
use crate::domain::consent;
use crate::domain::custom_field::{CustomField, FieldKind, LONGEST_TEXT};
use crate::domain::join::{Admission, Ask, JoinForm};
use crate::domain::profile::{Field, LONGEST_NAME};
use crate::domain::program::{Rules, Scheme};
use crate::ops::join_pages::JoinSheet;
use crate::web::Web;
use crate::web::console::people::fields::{Typed, Wrong};
use crate::web::public::seen::Seen;

/// A form as it is shown.
pub(super) struct Shown<'a> {
    pub(super) typed: &'a Typed,
    /// Why it was not taken; without a field it is about the whole.
    pub(super) wrong: Option<&'a Wrong>,
    pub(super) ticket: &'a str,
}

impl Shown<'_> {
    fn wrong(&self, name: &str) -> Option<&str> {
        let wrong = self.wrong.filter(|wrong| wrong.field == name);
        wrong.map(|wrong| wrong.text.as_str())
    }
}

pub(super) fn form(web: &Web, seen: &Seen, sheet: &JoinSheet, shown: &Shown<'_>) -> Response {
    let said = seen.said;
    let program = &sheet.of.program;
    let arrival = arrival(shown.typed);
    let form = &sheet.page.form;
    let asks_code = sheet.page.admission == Admission::WithCode || !shown.typed.get("code").is_empty();
    let general = shown.wrong.map(|wrong| {
        if wrong.field.is_empty() {
            wrong.text.as_str()
        } else {
            said.not_taken
        }
    });
    let asks = Agreeing {
        language: seen.language,
        words: &sheet.words.words,
        merchant_name: &sheet.of.merchant_name,
    };
    let content = html! {
        (head(web, seen, sheet))
        @if sheet.is_referred && sheet.terms.is_some_and(|terms| terms.referred > 0) { p.welcome { (said.invited) } }
        @if let Some(text) = general { p.alert role="alert" { (text) } }
        form.join method="post" action=(format!("/join/{}/{}", program.merchant, program.id)) {
            input type="hidden" name="ticket" value=(shown.ticket);
            @for (name, value) in arrival.pairs() {
                @if name != "code" { input type="hidden" name=(name) value=(value); }
            }
            @if asks_code { (code(seen, shown, sheet.page.admission == Admission::WithCode)) }
            @for field in JoinForm::FIELDS {
                @if form.ask(field) != Ask::No { (profile(seen, field, form.ask(field), shown)) }
            }
            @if form.email == Ask::Optional && form.phone == Ask::Optional { p.hint { (said.one_of_both) } }
            @for field in &sheet.fields { (custom(seen, field, shown)) }
            @if !form.purposes.is_empty() {
                fieldset {
                    legend { (said.agree) }
                    p.hint { (said.agree_hint) }
                    @for purpose in &form.purposes {
                        @let name = format!("{AGREE}{}", purpose.as_str());
                        @let words = asks.sentence(*purpose);
                        @let text = consent::text_name(sheet.words.version, &words);
                        label.check {
                            // Ticked only by whoever ticked it, beside these very words.
                            input type="checkbox" name=(name) value=(text) checked[shown.typed.get(&name) == text];
                            span { (words) }
                        }
                    }
                }
            }
            button.button type="submit" { (said.get_card) }
            (asks.note(form.privacy.as_deref()))
        }
    };
    let title = (said.join_at)(&program.name, &sheet.of.merchant_name);
    seen.plain(&title, &content)
}

/// Whose program it is and what it gives.
fn head(web: &Web, seen: &Seen, sheet: &JoinSheet) -> Markup {
    let (said, program) = (seen.said, &sheet.of.program);
    html! {
        @if web.passes.logo(&program.template).is_some() {
            img.logo src=(format!("/templates/{}/logo.png", program.template)) alt="";
        }
        p.merchant { (sheet.of.merchant_name) }
        h1 { (program.name) }
        p.promise { (said.promise(&program.rules, &program.reward_name)) }
        (prices(seen, &program.rules))
        @if let Some(welcome) = said.welcome(&program.rules) { p.welcome { (welcome) } }
        p.note { (said.no_app) }
    }
}

/// What points are exchanged for.
fn prices(seen: &Seen, rules: &Rules) -> Markup {
    const MOST: usize = 5;
    let rewards = match &rules.scheme {
        Scheme::Points(points) => points.rewards.as_slice(),
        Scheme::Punch(_) | Scheme::Coupon(_) => &[],
    };
    html! {
        @if !rewards.is_empty() {
            ul.prices {
                @for reward in rewards.iter().take(MOST) {
                    li { span { (reward.name) } " " span.price { ((seen.said.points)(reward.points)) } }
                }
            }
        }
    }
}

fn code(seen: &Seen, shown: &Shown<'_>, is_required: bool) -> Markup {
    let problem = shown.wrong("code");
    html! {
        div.field {
            label for="code" { (seen.said.code) }
            input #code name="code" type="text" value=(shown.typed.get("code")) maxlength="40" autocomplete="off" autocapitalize="characters"
                spellcheck="false" required[is_required] aria-invalid=[problem.map(|_| "true")]
                aria-describedby=(if problem.is_some() { "code-problem" } else { "code-hint" });
            @match problem {
                Some(text) => p.problem #code-problem { (text) },
                None => p.hint #code-hint { (seen.said.code_hint) },
            }
        }
    }
}

fn profile(seen: &Seen, field: Field, ask: Ask, shown: &Shown<'_>) -> Markup {
    let name = field.as_str();
    let (kind, complete, most) = match field {
        Field::FirstName => ("text", "given-name", LONGEST_NAME),
        Field::LastName => ("text", "family-name", LONGEST_NAME),
        Field::Email => ("email", "email", 254),
        Field::Phone => ("tel", "tel", 40),
        Field::Birthday => ("date", "bday", 10),
        Field::ExternalId | Field::Language => ("text", "off", LONGEST_NAME),
    };
    let problem = shown.wrong(name);
    let problem_id = format!("{name}-problem");
    html! {
        div.field {
            (label(seen, name, seen.said.field(field), ask == Ask::Required))
            // Names are written in either direction.
            input id=(name) name=(name) type=(kind) value=(shown.typed.get(name)) maxlength=[(kind != "date").then_some(most)] autocomplete=(complete)
                dir="auto" required[ask == Ask::Required] aria-invalid=[problem.map(|_| "true")]
                aria-describedby=[problem.map(|_| problem_id.as_str())];
            @if let Some(text) = problem { p.problem id=(problem_id) { (text) } }
        }
    }
}

fn label(seen: &Seen, name: &str, text: &str, is_required: bool) -> Markup {
    html! { label for=(name) { (text) @if !is_required { " " span.optional { (seen.said.optional) } } } }
}

fn custom(seen: &Seen, field: &CustomField, shown: &Shown<'_>) -> Markup {
    let name = format!("{FIELD}{}", field.code);
    let value = shown.typed.get(&name);
    let problem = shown.wrong(&name);
    let problem_id = format!("{name}-problem");
    let invalid = problem.map(|_| "true");
    let described = problem.map(|_| problem_id.as_str());
    html! {
        div.field {
            (label(seen, &name, &field.label, field.required))
            @match &field.kind {
                FieldKind::Choice(choices) => select id=(name) name=(name) required[field.required] aria-invalid=[invalid] aria-describedby=[described] {
                    option value="" { (seen.said.choose) }
                    @for choice in choices { option value=(choice) selected[choice == value] { (choice) } }
                },
                FieldKind::Date => input id=(name) name=(name) type="date" value=(value) required[field.required] aria-invalid=[invalid]
                    aria-describedby=[described];,
                FieldKind::Number => input id=(name) name=(name) type="text" inputmode="decimal" autocomplete="off" maxlength="30" value=(value)
                    required[field.required] aria-invalid=[invalid] aria-describedby=[described];,
                FieldKind::Text => input id=(name) name=(name) type="text" autocomplete="off" dir="auto" maxlength=(LONGEST_TEXT) value=(value)
                    required[field.required] aria-invalid=[invalid] aria-describedby=[described];,
            }
            @if let Some(text) = problem { p.problem id=(problem_id) { (text) } }
        }
    }
}

/// The one answer to everybody whose card is not shown, whoever they are.
pub(super) fn letter(web: &Web, seen: &Seen, sheet: &JoinSheet) -> Response {
    let said = seen.said;
    let (title, text, then) = if sheet.page.form.by_mail {
        (said.look_title, said.look_text, said.ask_staff)
    } else if web.sends_mail {
        (said.known_title, said.known_text, said.ask_staff)
    } else {
        (said.known_title, said.known_no_mail, said.ask_staff_now)
    };
    let content = html! {
        p.merchant { (sheet.of.merchant_name) }
        h1 { (title) }
        p { (text) }
        p { (then) }
    };
    seen.plain(title, &content)
}

pub(super) fn closed(web: &Web, seen: &Seen, sheet: &JoinSheet) -> Response {
    let said = seen.said;
    let program = &sheet.of.program;
    let content = html! {
        @if web.passes.logo(&program.template).is_some() {
            img.logo src=(format!("/templates/{}/logo.png", program.template)) alt="";
        }
        p.merchant { (sheet.of.merchant_name) " · " (program.name) }
        h1 { (said.closed_title) }
        p { (said.closed_text) }
    };
    seen.plain(said.closed_title, &content)
}

pub(super) fn unknown(seen: &Seen) -> Response {
    let said = seen.said;
    seen.plain(
        said.unknown_title,
        &html! { h1 { (said.unknown_title) } p { (said.unknown_text) } },
    )
}
