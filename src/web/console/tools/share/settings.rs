//! What a program's join page asks and whom it lets in: for those who may edit programs.

use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

use super::{address, arrival, came, open, program};
use crate::domain::access::Action;
use crate::domain::consent::Purpose;
use crate::domain::join::{Admission, Ask, JoinForm, JoinPage};
use crate::domain::profile::Field;
use crate::ops::join_pages::{JoinPageError, JoinSheet};
use crate::web::Web;
use crate::web::console::components::{Tone, alert};
use crate::web::console::people::fields::{Typed, Wrong};
use crate::web::console::screen::Screen;
use crate::web::error::ApiError;

/// What stands in the form: the page as it is, or as somebody would have it.
pub(super) struct Chosen {
    admission: Admission,
    form: JoinForm,
    version: i64,
}

impl Chosen {
    pub(super) fn of(page: &JoinPage) -> Self {
        Self {
            admission: page.admission,
            form: page.form.clone(),
            version: page.version,
        }
    }

    /// Reads a sent form; none for one that no page of ours sends.
    fn read(typed: &Typed) -> Option<Self> {
        let mut form = JoinForm::default();
        for field in JoinForm::FIELDS {
            form.set(field, Ask::parse(typed.get(field.as_str()))?);
        }
        let ticked = |purpose: &Purpose| typed.has(&format!("purpose:{}", purpose.as_str()));
        form.purposes = Purpose::ALL.into_iter().filter(ticked).collect();
        form.by_mail = typed.has("by_mail");
        form.privacy = Some(typed.get("privacy").to_owned());
        Some(Self {
            admission: Admission::parse(typed.get("admission"))?,
            form,
            version: typed.get("version").parse().ok()?,
        })
    }
}

/// `POST /console/tools/share/{program_id}/page`
pub(super) async fn submit(
    State(web): State<Web>,
    screen: Screen,
    Path(program): Path<String>,
    Form(sent): Form<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    screen.require(Action::EditPrograms)?;
    let sheet = open(&web, &screen, &program).await?;
    let chosen = Chosen::read(&Typed(sent));
    let chosen = chosen.ok_or_else(|| ApiError::BadRequest("expected the form of this page".into()))?;
    let (merchant, id) = (screen.member.merchant, sheet.of.program.id);
    let wish = (chosen.admission, chosen.form.clone());
    let said = &screen.words.share;
    let (error, wrong) = match web.ops.set_join_page(merchant, id, chosen.version, wish).await {
        Ok(_) => return Ok(Redirect::to(&format!("{}?done=saved", address(id))).into_response()),
        Err(JoinPageError::NotFound) => return Err(ApiError::NotFound),
        Err(JoinPageError::Store(error)) => return Err(error.into()),
        Err(JoinPageError::Changed) => (ApiError::Conflict(String::new()), (String::new(), said.changed)),
        Err(JoinPageError::Field(error)) => {
            let text = match error.code {
                "no_contact" => said.no_contact,
                "needs_email" => said.needs_email,
                _ => said.bad_privacy,
            };
            (
                ApiError::BadRequest(String::new()),
                (error.field.to_string(), text),
            )
        }
    };
    // The head of the page shows what is so now; saved again, what was chosen here takes its place.
    let chosen = Chosen {
        version: sheet.page.version,
        ..chosen
    };
    let wrong = Wrong {
        field: wrong.0,
        text: wrong.1.to_owned(),
    };
    let shown = program::Shown {
        arrival: &arrival(None),
        joins: &came::joins(&web, &screen, &sheet).await?,
        chosen: &chosen,
        wrong: Some(&wrong),
        done: false,
    };
    let page = program::draw(&web, &screen, &sheet, &shown);
    Ok((error.status(), page).into_response())
}

pub(super) fn form(
    web: &Web,
    screen: &Screen,
    sheet: &JoinSheet,
    chosen: &Chosen,
    wrong: Option<&Wrong>,
) -> Markup {
    let said = &screen.words.share;
    let of = |name: &str| {
        wrong
            .filter(|wrong| wrong.field == name)
            .map(|wrong| wrong.text.as_str())
    };
    html! {
        form.panel.page-settings method="post" action=(format!("{}/page", address(sheet.of.program.id))) data-once data-guard {
            div.panel-head { h2 { (said.settings) } }
            @if let Some(wrong) = wrong { (alert(Tone::Bad, &wrong.text)) }
            input type="hidden" name="version" value=(chosen.version);
            fieldset.field {
                legend { (said.who) }
                @for admission in Admission::ALL {
                    label.check {
                        input type="radio" name="admission" value=(admission.as_str()) checked[admission == chosen.admission] required;
                        span { (said.admission(admission)) span.under.muted { (said.admission_means(admission)) } }
                    }
                }
            }
            fieldset.field {
                legend { (said.asks) }
                p.hint { (said.asks_hint) }
                div.fields {
                    @for field in JoinForm::FIELDS { (ask(screen, field, chosen.form.ask(field), of(field.as_str()))) }
                }
            }
            fieldset.field {
                legend { (said.consents) }
                p.hint {
                    (said.consents_hint)
                    @if screen.may(Action::EditOrganisation) { " " a href="/console/settings/consents" { (screen.words.consents.title) } }
                }
                @for purpose in Purpose::ALL {
                    label.check {
                        input type="checkbox" name=(format!("purpose:{}", purpose.as_str())) value="1" checked[chosen.form.purposes.contains(&purpose)];
                        span { (said.purpose(purpose)) }
                    }
                }
            }
            div.field {
                label.check {
                    // Without a mail server nobody would ever get their card.
                    input type="checkbox" name="by_mail" value="1" checked[chosen.form.by_mail] disabled[!web.sends_mail && !chosen.form.by_mail]
                        aria-describedby="by-mail-hint";
                    span { (said.by_mail) }
                }
                p.hint #by-mail-hint { (if web.sends_mail { said.by_mail_hint } else { said.no_mail }) }
            }
            div.field {
                label for="privacy" { (said.privacy) }
                input #privacy name="privacy" type="url" maxlength="300" autocomplete="off" placeholder="https://"
                    value=(chosen.form.privacy.as_deref().unwrap_or_default()) aria-invalid=[of("privacy").map(|_| "true")]
                    aria-describedby=[of("privacy").map(|_| "privacy-problem")];
                @if let Some(text) = of("privacy") { p.problem #privacy-problem { (text) } }
            }
            button.button.primary type="submit" { (said.save) }
        }
    }
}

fn ask(screen: &Screen, field: Field, chosen: Ask, problem: Option<&str>) -> Markup {
    let (name, said) = (field.as_str(), &screen.words.share);
    html! {
        div.field {
            label for=(name) { (screen.words.people.field(field)) }
            select id=(name) name=(name) aria-invalid=[problem.map(|_| "true")] aria-describedby=[problem.map(|_| format!("{name}-problem"))] {
                @for ask in Ask::ALL { option value=(ask.as_str()) selected[ask == chosen] { (said.ask(ask)) } }
            }
            @if let Some(text) = problem { p.problem id=(format!("{name}-problem")) { (text) } }
        }
    }
}
