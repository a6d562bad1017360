//! Settings: who the members are, and what they may do. What is one's own is in `account`.

pub mod account;
mod consents;
mod second_factor;

use axum::Router;
use axum::extract::{Form, Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;

use crate::domain::access::{self, Action, MemberRefusal};
use crate::domain::id::{MemberId, MemberInvitationId};
use crate::domain::member::Role;
use crate::ops::member_invitations::JoinError;
use crate::ops::members::MemberError;
use crate::store::access::Member;
use crate::store::member_invitations::MemberInvitation;
use crate::web::Web;
use crate::web::console::components::{Field, Tone, alert, field, icon, toast};
use crate::web::console::layout::Section;
use crate::web::console::screen::Screen;
use crate::web::console::words::apart::apart;
use crate::web::error::ApiError;
use crate::web::refused::Refused;

/// The routes of settings, to be nested at `/settings`.
pub fn router() -> Router<Web> {
    Router::new()
        .route("/", get(members))
        .route("/members/invite", post(invite))
        .route("/members/{member_id}/role", post(set_role))
        .route("/members/{member_id}/remove", get(ask_remove).post(remove))
        .route("/invitations/{member_invitation_id}/revoke", post(revoke))
        .nest("/account", account::router())
        .nest("/consents", consents::router())
}

#[derive(Debug, Default, Deserialize)]
pub struct Place {
    done: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct RoleWish {
    #[serde(default)]
    role: String,
}

#[derive(Debug, Deserialize)]
pub struct Invite {
    #[serde(default)]
    email: String,
    #[serde(default)]
    role: String,
}

/// What stands on the page besides the members themselves.
#[derive(Default)]
struct News<'a> {
    notice: Option<Markup>,
    /// A link that was just made: address and email.
    link: Option<(String, String)>,
    /// What was typed into the form of invitations, and why it was not taken.
    invite: Option<(&'a Invite, String)>,
}

/// `GET /console/settings`
async fn members(
    State(web): State<Web>,
    screen: Screen,
    Query(place): Query<Place>,
) -> Result<Markup, ApiError> {
    let said = &screen.words.settings;
    let notice = match place.done.as_deref() {
        Some("role") => Some(toast(said.role_changed, None)),
        Some("removed") => Some(toast(said.removed, None)),
        Some("revoked") => Some(toast(said.taken_back, None)),
        _ => None,
    };
    let news = News {
        notice,
        ..News::default()
    };
    page(&web, &screen, news).await
}

async fn page(web: &Web, screen: &Screen, news: News<'_>) -> Result<Markup, ApiError> {
    let merchant = screen.member.merchant;
    let members = web.ops.members(merchant).await?;
    let open = match screen.may(Action::InviteMembers) {
        true => web.ops.member_invitations(merchant).await?,
        false => Vec::new(),
    };
    Ok(view(screen, &members, &open, &news))
}

fn view(screen: &Screen, members: &[Member], open: &[MemberInvitation], news: &News<'_>) -> Markup {
    let said = &screen.words.settings;
    let content = html! {
        @if let Some(notice) = &news.notice { (notice) }
        div.page-head { h1 { (said.title) } }
        (tabs(screen, Tab::Members))
        div.stack {
            @if let Some((address, email)) = &news.link { (made_link(screen, address, email)) }
            section.panel aria-labelledby="members-title" {
                div.panel-head { h2 #members-title { (said.members) } }
                p.panel-note.muted { (said.members_hint) }
                ul.list { @for member in members { (line(screen, member)) } }
            }
            @if screen.may(Action::InviteMembers) {
                (invite_form(screen, news))
                @if !open.is_empty() { (open_links(screen, open)) }
            }
        }
    };
    screen.page(Section::Settings, said.title, &content)
}

/// A part of settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tab {
    Members,
    Consents,
    Account,
}

/// The parts of settings, as far as the member may see them.
fn tabs(screen: &Screen, open: Tab) -> Markup {
    let said = &screen.words.settings;
    let parts = [
        (Tab::Members, "/console/settings", said.members),
        (Tab::Consents, consents::ADDRESS, screen.words.consents.title),
        (Tab::Account, "/console/settings/account", said.account),
    ];
    let seen = |tab: Tab| tab != Tab::Consents || screen.may(Action::EditOrganisation);
    html! {
        nav.tabs aria-label=(said.title) {
            @for (tab, address, text) in parts {
                @if seen(tab) { a href=(address) aria-current=[(tab == open).then_some("page")] { (text) } }
            }
        }
    }
}

fn line(screen: &Screen, member: &Member) -> Markup {
    let (said, common) = (&screen.words.settings, &screen.words.common);
    let is_you = member.id == screen.member.id;
    let changes = |then| access::change_member(Some(screen.member.role), member.role, then, 2).is_ok();
    let roles: Vec<Role> = Role::ALL
        .into_iter()
        .filter(|role| changes(Some(*role)))
        .collect();
    html! {
        li {
            div {
                strong { (member.name) } @if is_you { " " span.muted { "(" (said.you) ")" } }
                span.under { (member.email) }
            }
            div.row.push {
                @if roles.len() > 1 {
                    form.row method="post" action=(format!("/console/settings/members/{}/role", member.id)) data-once {
                        label.visually-hidden for=(format!("role-{}", member.id)) { (said.role) ": " (member.name) }
                        select.small #(format!("role-{}", member.id)) name="role" {
                            @for role in roles {
                                option value=(role.as_str()) selected[role == member.role] { (common.role(role)) }
                            }
                        }
                        button.button.secondary type="submit" { (said.change) }
                    }
                } @else {
                    span.muted { (common.role(member.role)) }
                }
                @if changes(None) && !is_you {
                    a.button.quiet-danger href=(format!("/console/settings/members/{}/remove", member.id)) data-modal {
                        (said.remove) span.visually-hidden { " " (member.name) }
                    }
                }
            }
        }
    }
}

fn role_choice(screen: &Screen, chosen: &str) -> Markup {
    let (said, common) = (&screen.words.settings, &screen.words.common);
    let may = |role: Role| match role {
        Role::Viewer => said.viewer_may,
        Role::Editor => said.editor_may,
        Role::Admin => said.admin_may,
        Role::Owner => said.owner_may,
    };
    html! {
        fieldset.field {
            legend { (said.role) }
            @for role in Role::ALL {
                @if access::invite_member(screen.member.role, role).is_ok() {
                    label.check {
                        input type="radio" name="role" value=(role.as_str()) checked[chosen == role.as_str()] required;
                        span { (common.role(role)) small.under { (may(role)) } }
                    }
                }
            }
        }
    }
}

fn invite_form(screen: &Screen, news: &News<'_>) -> Markup {
    let said = &screen.words.settings;
    let (typed, problem) = match &news.invite {
        Some((invite, reason)) => (Some(*invite), Some(reason.as_str())),
        None => (None, None),
    };
    html! {
        form.panel method="post" action="/console/settings/members/invite" data-once data-guard aria-labelledby="invite-title" {
            div.panel-head { h2 #invite-title { (said.invite) } }
            p.hint { (said.invite_hint) }
            (field(&Field {
                name: "email",
                label: said.email,
                kind: "email",
                value: typed.map_or("", |invite| invite.email.as_str()),
                autocomplete: "off",
                focused: problem.is_some(),
                error: problem,
            }))
            (role_choice(screen, typed.map_or("editor", |invite| invite.role.as_str())))
            button.button.primary type="submit" { (said.invite_button) }
        }
    }
}

fn made_link(screen: &Screen, address: &str, email: &str) -> Markup {
    let (said, common) = (&screen.words.settings, &screen.words.common);
    html! {
        section.panel.sheet {
            p role="status" { ((said.link_made)(email)) }
            div.copyable {
                code { (address) }
                button.icon-button type="button" data-copy=(address) aria-label=(common.copy) hidden { (icon("copy")) }
            }
        }
    }
}

fn open_links(screen: &Screen, open: &[MemberInvitation]) -> Markup {
    let (said, common) = (&screen.words.settings, &screen.words.common);
    html! {
        section.panel aria-labelledby="links-title" {
            div.panel-head { h2 #links-title { (said.open_links) } }
            ul.list {
                @for invitation in open {
                    li {
                        div {
                            strong { (invitation.email) }
                            span.under { (common.role(invitation.role)) ", " (said.until) " " (screen.time(invitation.expires_at)) }
                        }
                        form.push method="post" data-once
                            action=(format!("/console/settings/invitations/{}/revoke", invitation.id)) {
                            button.button.secondary type="submit" {
                                (said.take_back) span.visually-hidden { " " (invitation.email) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// `POST /console/settings/members/invite`
async fn invite(
    State(web): State<Web>,
    screen: Screen,
    Form(wish): Form<Invite>,
) -> Result<Response, ApiError> {
    screen.require(Action::InviteMembers)?;
    let said = &screen.words.sign_in;
    let role = Role::parse(&wish.role).ok_or(Refused::Field {
        field: "role",
        expected: "viewer, editor, admin or owner",
    })?;
    let made = web
        .ops
        .invite_member(screen.member.merchant, screen.member.id, &wish.email, role)
        .await;
    let (news, status) = match made {
        Ok(link) => {
            let address = format!("{}/console/join/{}", web.public_url, link.token);
            let news = News {
                link: Some((address, link.invitation.email)),
                ..News::default()
            };
            (news, None)
        }
        Err(JoinError::Account(_)) => {
            let news = News {
                invite: Some((&wish, said.bad_email.to_owned())),
                ..News::default()
            };
            (news, Some(ApiError::BadRequest(String::new()).status()))
        }
        Err(JoinError::Refused(refusal)) => return Err(Refused::Member(refusal).into()),
        Err(JoinError::Store(error)) => return Err(error.into()),
        Err(JoinError::Gone) => return Err(ApiError::NotFound),
    };
    let page = page(&web, &screen, news).await?;
    Ok(match status {
        Some(status) => (status, page).into_response(),
        None => page.into_response(),
    })
}

/// `POST /console/settings/members/{member_id}/role`
async fn set_role(
    State(web): State<Web>,
    screen: Screen,
    Path(member): Path<String>,
    Form(wish): Form<RoleWish>,
) -> Result<Response, ApiError> {
    screen.require(Action::ChangeRoles)?;
    let member = member_id(&member)?;
    let role = Role::parse(&wish.role).ok_or(Refused::Field {
        field: "role",
        expected: "viewer, editor, admin or owner",
    })?;
    let (merchant, by) = (screen.member.merchant, Some(screen.member.id));
    answer(
        &web,
        &screen,
        web.ops.set_role(merchant, by, member, role).await,
        "role",
    )
    .await
}

/// `GET /console/settings/members/{member_id}/remove`
async fn ask_remove(
    State(web): State<Web>,
    screen: Screen,
    Path(member): Path<String>,
) -> Result<Markup, ApiError> {
    screen.require(Action::RemoveMembers)?;
    let member = member_id(&member)?;
    let members = web.ops.members(screen.member.merchant).await?;
    let member = members
        .iter()
        .find(|one| one.id == member)
        .ok_or(ApiError::NotFound)?;
    let (said, common) = (&screen.words.settings, &screen.words.common);
    let title = (said.remove_title)(&apart(member.name.clone()));
    let content = html! {
        form.panel data-alarming method="post" action=(format!("/console/settings/members/{}/remove", member.id)) data-once {
            h1 { (title) }
            p.hint { (member.email) }
            p.hint { (said.remove_text) }
            div.dialog-foot {
                a.button.secondary href="/console/settings" data-close autofocus { (common.cancel) }
                button.button.danger type="submit" { (said.remove_yes) }
            }
        }
    };
    Ok(screen.page(Section::Settings, &title, &content))
}

/// `POST /console/settings/members/{member_id}/remove`
async fn remove(
    State(web): State<Web>,
    screen: Screen,
    Path(member): Path<String>,
) -> Result<Response, ApiError> {
    screen.require(Action::RemoveMembers)?;
    let member = member_id(&member)?;
    let (merchant, by) = (screen.member.merchant, Some(screen.member.id));
    answer(
        &web,
        &screen,
        web.ops.remove_member(merchant, by, member).await,
        "removed",
    )
    .await
}

/// `POST /console/settings/invitations/{member_invitation_id}/revoke`
async fn revoke(
    State(web): State<Web>,
    screen: Screen,
    Path(invitation): Path<String>,
) -> Result<Response, ApiError> {
    screen.require(Action::InviteMembers)?;
    let invitation: MemberInvitationId = invitation.parse().map_err(|_| ApiError::NotFound)?;
    web.ops
        .revoke_member_invitation(screen.member.merchant, invitation)
        .await?;
    Ok(Redirect::to("/console/settings?done=revoked").into_response())
}

fn member_id(text: &str) -> Result<MemberId, ApiError> {
    text.parse().map_err(|_| ApiError::NotFound)
}

async fn answer(
    web: &Web,
    screen: &Screen,
    done: Result<(), MemberError>,
    word: &str,
) -> Result<Response, ApiError> {
    match done {
        Ok(()) => Ok(Redirect::to(&format!("/console/settings?done={word}")).into_response()),
        Err(MemberError::NotFound | MemberError::NotAMember) => Err(ApiError::NotFound),
        Err(MemberError::Store(error)) => Err(error.into()),
        Err(MemberError::Refused(refusal @ MemberRefusal::NotAllowed { .. })) => {
            Err(Refused::Member(refusal).into())
        }
        Err(MemberError::Refused(MemberRefusal::LastOwner)) => {
            let notice = alert(Tone::Bad, screen.words.settings.last_owner);
            let news = News {
                notice: Some(notice),
                ..News::default()
            };
            let status = ApiError::Conflict(String::new()).status();
            Ok((status, page(web, screen, news).await?).into_response())
        }
    }
}
