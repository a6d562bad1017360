//! People who sign in to the console, and what each role may do at the least.

/// Roles are cumulative: each may do what the ones before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    Viewer,
    Editor,
    Admin,
    Owner,
}

impl Role {
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Editor, Self::Admin, Self::Owner];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    pub fn may(self, action: Action) -> bool {
        self >= action.least_role()
    }
}

/// What a signed-in member can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    ViewCards,
    RedeemReward,
    ReverseEvent,
    VoidCard,
}

impl Action {
    pub fn least_role(self) -> Role {
        match self {
            Self::ViewCards => Role::Viewer,
            Self::RedeemReward | Self::ReverseEvent | Self::VoidCard => Role::Editor,
        }
    }
}
