//! The columns of the list: which there are, which are shown, and the cookie that remembers the choice.

use axum::extract::{RawForm, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};

use super::programs::Programs;
use super::wanted::Wanted;
use crate::domain::access::Action;
use crate::domain::segment::order::Sort;
use crate::web::Web;
use crate::web::console::screen::Screen;
use crate::web::console::words::Text;
use crate::web::console::words::list::List;
use crate::web::error::ApiError;

const COOKIE: &str = "columns";
/// A column beside the customer's name, which is always there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    Email,
    Phone,
    Program,
    Status,
    Progress,
    Punches,
    Points,
    Rewards,
    Visits,
    Tier,
    TierPoints,
    Spend,
    Activity,
    Joined,
}

impl Column {
    pub const ALL: [Self; 14] = [
        Self::Email,
        Self::Phone,
        Self::Program,
        Self::Status,
        Self::Progress,
        Self::Punches,
        Self::Points,
        Self::Rewards,
        Self::Visits,
        Self::Tier,
        Self::TierPoints,
        Self::Spend,
        Self::Activity,
        Self::Joined,
    ];
    /// What is shown to who chose nothing.
    const USUAL: [Self; 8] = [
        Self::Program,
        Self::Status,
        Self::Progress,
        Self::Points,
        Self::Rewards,
        Self::Visits,
        Self::Activity,
        Self::Joined,
    ];

    pub fn as_str(self) -> &'static str {
        self.sort().as_str()
    }

    /// Every column can be sorted by.
    pub fn sort(self) -> Sort {
        match self {
            Self::Email => Sort::Email,
            Self::Phone => Sort::Phone,
            Self::Program => Sort::Program,
            Self::Status => Sort::Status,
            Self::Progress => Sort::Progress,
            Self::Punches => Sort::Punches,
            Self::Points => Sort::Points,
            Self::Rewards => Sort::Rewards,
            Self::Visits => Sort::Visits,
            Self::Tier => Sort::Tier,
            Self::TierPoints => Sort::TierPoints,
            Self::Spend => Sort::Spend,
            Self::Activity => Sort::Activity,
            Self::Joined => Sort::Joined,
        }
    }

    pub fn label(self, words: &List) -> Text {
        match self {
            Self::Email => words.email,
            Self::Phone => words.phone,
            Self::Program => words.program,
            Self::Status => words.status,
            Self::Progress => words.progress,
            Self::Punches => words.punches,
            Self::Points => words.points,
            Self::Rewards => words.rewards,
            Self::Visits => words.visits,
            Self::Tier => words.tier,
            Self::TierPoints => words.tier_points,
            Self::Spend => words.spend,
            Self::Activity => words.activity,
            Self::Joined => words.joined,
        }
    }

    /// Whether numbers stand in it.
    pub fn is_numeric(self) -> bool {
        matches!(
            self,
            Self::Punches | Self::Points | Self::Rewards | Self::Visits | Self::TierPoints | Self::Spend
        )
    }

    /// Whether it says anything where a merchant has these programs.
    fn fits(self, programs: &Programs) -> bool {
        match self {
            Self::Progress | Self::Punches => programs.has_goals(),
            Self::Points => programs.has_points(),
            Self::Tier | Self::TierPoints => programs.has_tiers(),
            _ => true,
        }
    }

    /// The columns that a merchant can choose from.
    pub fn offered(programs: &Programs) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|column| column.fits(programs))
    }

    /// The columns that were chosen, in the order of all of them.
    pub fn chosen(headers: &HeaderMap, programs: &Programs) -> Vec<Self> {
        let jar = CookieJar::from_headers(headers);
        let names: Option<Vec<String>> = jar
            .get(COOKIE)
            .map(|cookie| cookie.value().split('.').map(str::to_owned).collect());
        let is_chosen = |column: &Self| match &names {
            Some(names) => names.iter().any(|name| name == column.as_str()),
            None => Self::USUAL.contains(column),
        };
        Self::offered(programs).filter(is_chosen).collect()
    }
}

/// `POST /console/cards/columns`: remembers the choice and leads back to the list.
pub async fn choose(State(web): State<Web>, screen: Screen, form: RawForm) -> Result<Response, ApiError> {
    screen.require(Action::ViewCards)?;
    let (mut names, mut back) = (Vec::new(), Wanted::default());
    for (name, value) in form_urlencoded::parse(&form.0) {
        match &*name {
            "column" => names.extend(Column::ALL.into_iter().filter(|column| column.as_str() == value)),
            "in" => back = Wanted::parse(&value),
            _ => {}
        }
    }
    let names: Vec<_> = names.into_iter().map(Column::as_str).collect();
    let cookie = Cookie::build((COOKIE, names.join(".")))
        .path("/console")
        .same_site(SameSite::Lax)
        .http_only(true)
        .secure(web.is_https())
        .permanent();
    let jar = CookieJar::new().add(cookie);
    Ok((jar, Redirect::to(&back.address())).into_response())
}
