//! What is known of the customer, what the program asked them, their links, and whom they brought.

use axum::extract::{Path, Query, State};
use maud::{Markup, html};

use super::{Held, Tab, evidence, open, page};
use crate::domain::access::Action;
use crate::domain::custom_field::CustomField;
use crate::domain::join::{Admission, Arrival};
use crate::domain::profile::Field;
use crate::ops::join_pages::Referring;
use crate::ops::referrals::ReferralSheet;
use crate::store::listing::ActorName;
use crate::web::Web;
use crate::web::console::components::{Tone, badge, icon};
use crate::web::console::screen::Screen;
use crate::web::console::timeline::{day_text, time_text};
use crate::web::console::way::Place;
use crate::web::console::words::apart::apart;
use crate::web::error::ApiError;
use crate::web::public::card_link;
use crate::web::public::join::join_link;

/// `GET /console/cards/{card_id}/information`
pub async fn show(
    State(web): State<Web>,
    screen: Screen,
    Path(card): Path<String>,
    Query(place): Query<Place>,
) -> Result<Markup, ApiError> {
    let held = open(&web, &screen, &card, &place).await?;
    let customer = held.profile.person.customer.id;
    let referrals = web.ops.referrals_of(screen.member.merchant, customer).await?;
    let link = card_link(&web.public_url, &web.master, screen.member.merchant, held.card());
    let referring = web.ops.referring(screen.member.merchant, held.card()).await?;
    let referral = Referral::of(&web, &held, referring);
    let kept = web.ops.consent_evidence(screen.member.merchant, customer).await?;
    let now = web.ops.consent_words(screen.member.merchant).await?;
    let content = html! {
        div.stack {
            (person(&screen, &held))
            (answers(&screen, &held))
            (evidence::agreed(&screen, &held, &kept, &now))
            @if screen.may(Action::ShareLinks) { (links(&screen, &held, &link, &referral)) }
            (referred(&screen, &referrals))
            (about_card(&screen, &held))
        }
    };
    Ok(page(&screen, &held, Tab::Information, &content))
}

/// The holder's link for friends, and what stands in its way.
struct Referral {
    link: Option<String>,
    counts: bool,
    admission: Admission,
}

impl Referral {
    fn of(web: &Web, held: &Held, referring: Option<Referring>) -> Self {
        let card = &held.profile.card.card;
        let link = referring.as_ref().and_then(|referring| referring.token.clone());
        let link = link.map(|token| {
            let arrival = Arrival {
                referral: Some(token),
                ..Arrival::default()
            };
            join_link(&web.public_url, card.merchant, card.program, &arrival)
        });
        Self {
            link,
            counts: referring
                .as_ref()
                .is_some_and(|referring| referring.terms.is_some()),
            admission: referring.map_or(Admission::Closed, |referring| referring.admission),
        }
    }

    /// Why nothing comes of the link now.
    fn problem(&self, screen: &Screen) -> Option<&'static str> {
        let words = &screen.words.profile;
        match (self.admission, self.counts) {
            (Admission::Closed, _) => Some(words.referral_closed),
            (Admission::WithCode, _) => Some(words.referral_with_code),
            (Admission::Open, false) => Some(words.referral_no_terms),
            (Admission::Open, true) => None,
        }
    }
}

fn person(screen: &Screen, held: &Held) -> Markup {
    let words = &screen.words.profile;
    let sheet = &held.profile.person;
    let (customer, profile) = (&sheet.customer, &sheet.customer.profile);
    let way = super::Way::of_customer(customer.id, held.way.within());
    html! {
        section.panel aria-labelledby="person-title" {
            div.panel-head {
                h2 #person-title { (words.personal) }
                @if screen.may(Action::EditCustomers) && !held.is_erased() {
                    a.button.secondary href=(way.to("/edit")) data-modal data-key="e" data-command=(screen.words.people.edit) {
                        (icon("pencil")) (screen.words.common.edit)
                    }
                }
            }
            dl.details {
                div { dt { (words.name) } dd { (held.name(screen)) } }
                @for field in [Field::Email, Field::Phone, Field::Birthday, Field::ExternalId, Field::Language] {
                    @let text = profile.text(field);
                    @if !text.is_empty() {
                        div { dt { (screen.words.people.field(field)) }
                            dd { (text) @if field == Field::Email { " " (verified(screen, customer.verified_at.is_some())) } }
                        }
                    }
                }
                div { dt { (words.created) } dd { (screen.day(customer.created_at)) } }
                @if !sheet.tags.is_empty() {
                    div.wide { dt { (screen.words.people.tags) } dd.row { @for tag in &sheet.tags { (badge(Tone::Neutral, tag)) } } }
                }
            }
            @if let Some(last) = &sheet.last_edit {
                p.muted.panel-note { ((words.edited_by)(&who(screen, &last.by), &time_text(screen, last.at))) }
            }
        }
    }
}

/// The name of whoever edited.
pub fn who(screen: &Screen, by: &ActorName) -> String {
    let words = &screen.words.timeline;
    match by {
        ActorName::Member(name) | ActorName::Station { name, .. } => apart(name.clone()),
        ActorName::Device => words.holder.to_owned(),
        ActorName::Gateway => words.passgate.to_owned(),
    }
}

fn verified(screen: &Screen, is_verified: bool) -> Markup {
    let words = &screen.words.profile;
    html! {
        span title=(words.verified_means) {
            @if is_verified { (badge(Tone::Good, words.verified)) } @else { (badge(Tone::Neutral, words.unverified)) }
        }
    }
}

fn answers(screen: &Screen, held: &Held) -> Markup {
    let words = &screen.words.profile;
    let cards = &held.profile.person.cards;
    let answers: &[(CustomField, Option<String>)] = cards
        .iter()
        .find(|sheet| sheet.card.id == held.card())
        .map_or(&[], |sheet| &sheet.answers);
    html! {
        section.panel aria-labelledby="fields-title" {
            div.panel-head { h2 #fields-title { (words.fields) } }
            @if answers.is_empty() { p.muted.quiet { (words.no_fields) } }
            dl.details {
                @for (field, answer) in answers {
                    div { dt { (field.label) }
                        dd { @match answer { Some(text) => (text), None => span.muted { (words.not_answered) } } }
                    }
                }
            }
        }
    }
}

fn links(screen: &Screen, held: &Held, link: &str, referral: &Referral) -> Markup {
    let words = &screen.words.profile;
    html! {
        section.panel aria-labelledby="links-title" {
            div.panel-head { h2 #links-title { (words.links) } }
            dl.details {
                div.wide { (super::term(screen, words.installation_link, words.installation_means)) dd { (copyable(screen, words.installation_link, link)) } }
                div.wide { (super::term(screen, words.referral_link, words.referral_means))
                    dd {
                        @if let Some(link) = &referral.link { (copyable(screen, words.referral_link, link)) }
                        @else {
                            form method="post" action=(held.way.to("/referral")) data-once {
                                button.button.secondary type="submit" { (icon("link")) (words.make_referral) }
                            }
                        }
                        @if let Some(problem) = referral.problem(screen) { p.hint { (problem) } }
                    }
                }
            }
        }
    }
}

/// A text with a button that copies it.
pub fn copyable(screen: &Screen, name: &str, text: &str) -> Markup {
    html! {
        span.copyable {
            code { (text) }
            button.icon-button type="button" data-copy=(text) aria-label=((screen.words.profile.copy_named)(name)) hidden { (icon("copy")) }
        }
    }
}

fn referred(screen: &Screen, sheet: &ReferralSheet) -> Markup {
    let words = &screen.words.profile;
    let counts = sheet.statistics;
    let all = counts.opened + counts.added + counts.rewarded + counts.refused;
    html! {
        section.panel aria-labelledby="referrals-title" {
            div.panel-head { h2 #referrals-title { (words.referrals) } }
            @if let Some(by) = &sheet.came_by {
                @let way = super::Way::of_card(by.referrer_card, None);
                p.panel-note { (words.came_by_referral) ": " a href=(way.to("")) { code { "card-" (by.referrer_card) } } }
            }
            @if all == 0 { p.muted.quiet { (words.nobody_brought) } }
            @else {
                dl.details {
                    @for (name, count) in [
                        (words.referrals_opened, counts.opened), (words.referrals_added, counts.added),
                        (words.referrals_rewarded, counts.rewarded), (words.referrals_refused, counts.refused),
                    ] { div { dt { (name) } dd { (screen.number(count)) } } }
                }
                ul.list {
                    @for referral in &sheet.brought {
                        @let way = super::Way::of_card(referral.card, None);
                        li { a href=(way.to("")) { code { "card-" (referral.card) } } span.push.muted { (screen.day(referral.opened_at)) } }
                    }
                }
            }
        }
    }
}

fn about_card(screen: &Screen, held: &Held) -> Markup {
    let words = &screen.words.profile;
    let (sheet, card) = (&held.shown.sheet, &held.profile.card.card);
    let face = &sheet.face;
    html! {
        section.panel aria-labelledby="about-title" {
            div.panel-head { h2 #about-title { (words.card) } }
            dl.details {
                div { dt { (words.program) } dd { (face.program_name) } }
                div { dt { (words.reward) } dd { (face.reward_name) } }
                div { dt { (words.printed_name) } dd { (face.holder.as_deref().unwrap_or(words.printed_none)) } }
                div { dt { (words.issued) } dd { (day_text(screen, sheet.created_at)) } }
                @if let Some(at) = card.installed_at { div { dt { (words.installed_since) } dd { (day_text(screen, at)) } } }
                @if card.is_converted() { div { dt { (words.came_as) } dd { (screen.words.common.coupon) } } }
                div.wide { (super::term(screen, words.serial_number, words.serial_means))
                    dd { (copyable(screen, words.serial_number, face.serial_number.as_str())) } }
            }
        }
    }
}
