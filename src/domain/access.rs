//! What each role may do: one table from action to least role, asked by everything that ever faces a user.
//!
//! Roles are cumulative, so the table needs no more than the least one. A console page, an API call and a command on
//! behalf of a member all name the [`Action`] that they are; none compares roles itself.

use crate::domain::member::Role;

/// The table. A line is an action, its name in stores and answers, and the least role that may do it.
macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $role:ident;)*) => {
        /// Something that a user can ask for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action {
            $($(#[$doc])* $name),*
        }

        impl Action {
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text),*
                }
            }

            pub fn least_role(self) -> Role {
                match self {
                    $(Self::$name => Role::$role),*
                }
            }
        }
    };
}

actions! {
    ViewPrograms = "view_programs", Viewer;
    ViewCustomers = "view_customers", Viewer;
    ViewCards = "view_cards", Viewer;
    ViewInsights = "view_insights", Viewer;
    ViewMessages = "view_messages", Viewer;
    /// Links and codes by which customers take a card.
    ShareLinks = "share_links", Viewer;

    EditPrograms = "edit_programs", Editor;
    IssueCard = "issue_card", Editor;
    /// Punches and points by hand, of one card or of many.
    EditBalance = "edit_balance", Editor;
    RedeemReward = "redeem_reward", Editor;
    /// Take back a punch, a redemption or a whole batch.
    ReverseEvent = "reverse_event", Editor;
    /// End a card, and restore it.
    VoidCard = "void_card", Editor;
    EditExpiry = "edit_expiry", Editor;
    EditCustomers = "edit_customers", Editor;
    EditOffers = "edit_offers", Editor;
    SendMessages = "send_messages", Editor;
    EditCampaigns = "edit_campaigns", Editor;
    EditSegments = "edit_segments", Editor;
    MakeCodes = "make_codes", Editor;
    InviteCustomers = "invite_customers", Editor;
    Import = "import", Editor;
    Export = "export", Editor;
    EditScanners = "edit_scanners", Editor;
    EditIntegrations = "edit_integrations", Editor;

    InviteMembers = "invite_members", Admin;
    ChangeRoles = "change_roles", Admin;
    RemoveMembers = "remove_members", Admin;
    EditOrganisation = "edit_organisation", Admin;
    /// Erase a person for good.
    EraseCustomer = "erase_customer", Admin;
    /// Check the ledger against its seals.
    VerifyLedger = "verify_ledger", Admin;

    /// Make somebody an owner, or an owner something else.
    ChangeOwners = "change_owners", Owner;
    EditBilling = "edit_billing", Owner;
    CreateOrganisation = "create_organisation", Owner;
    DeleteOrganisation = "delete_organisation", Owner;
}

impl Action {
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.as_str() == text)
    }
}

impl Role {
    pub fn may(self, action: Action) -> bool {
        self >= action.least_role()
    }
}

/// Why a member's role stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MemberRefusal {
    #[error("This takes the role {needs} or higher; yours is {yours}.", needs = .needs.as_str(), yours = .yours.as_str())]
    NotAllowed { yours: Role, needs: Role },
    #[error("This is the last owner. Make somebody else an owner first.")]
    LastOwner,
}

/// Whether somebody with the role `by` may turn a member from `now` into `then`, none for a member who leaves, where
/// `owners` members are owners. Without `by` it is the operator of the gateway, who may do anything but leave a merchant
/// without an owner.
pub fn change_member(
    by: Option<Role>,
    now: Role,
    then: Option<Role>,
    owners: usize,
) -> Result<(), MemberRefusal> {
    let action = if now == Role::Owner || then == Some(Role::Owner) {
        Action::ChangeOwners
    } else if then.is_none() {
        Action::RemoveMembers
    } else {
        Action::ChangeRoles
    };
    if let Some(yours) = by
        && !yours.may(action)
    {
        let needs = action.least_role();
        return Err(MemberRefusal::NotAllowed { yours, needs });
    }
    if now == Role::Owner && then != Some(Role::Owner) && owners <= 1 {
        return Err(MemberRefusal::LastOwner);
    }
    Ok(())
}

/// Whether somebody with the role `yours` may invite others into `role`: nobody hands out more than they could give a
/// member.
pub fn invite_member(yours: Role, role: Role) -> Result<(), MemberRefusal> {
    let action = match role {
        Role::Owner => Action::ChangeOwners,
        _ => Action::InviteMembers,
    };
    if yours.may(action) {
        return Ok(());
    }
    let needs = action.least_role();
    Err(MemberRefusal::NotAllowed { yours, needs })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Viewer, editor, admin, owner: written out by hand, so that a slip in the table above shows.
    const MATRIX: &str = "
        view_programs       yes yes yes yes
        view_customers      yes yes yes yes
        view_cards          yes yes yes yes
        view_insights       yes yes yes yes
        view_messages       yes yes yes yes
        share_links         yes yes yes yes
        edit_programs       no  yes yes yes
        issue_card          no  yes yes yes
        edit_balance        no  yes yes yes
        redeem_reward       no  yes yes yes
        reverse_event       no  yes yes yes
        void_card           no  yes yes yes
        edit_expiry         no  yes yes yes
        edit_customers      no  yes yes yes
        edit_offers         no  yes yes yes
        send_messages       no  yes yes yes
        edit_campaigns      no  yes yes yes
        edit_segments       no  yes yes yes
        make_codes          no  yes yes yes
        invite_customers    no  yes yes yes
        import              no  yes yes yes
        export              no  yes yes yes
        edit_scanners       no  yes yes yes
        edit_integrations   no  yes yes yes
        invite_members      no  no  yes yes
        change_roles        no  no  yes yes
        remove_members      no  no  yes yes
        edit_organisation   no  no  yes yes
        erase_customer      no  no  yes yes
        verify_ledger       no  no  yes yes
        change_owners       no  no  no  yes
        edit_billing        no  no  no  yes
        create_organisation no  no  no  yes
        delete_organisation no  no  no  yes
    ";

    #[test]
    fn every_cell_of_the_matrix_holds() {
        let mut listed = Vec::new();
        for line in MATRIX.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let mut words = line.split_whitespace();
            let name = words.next().expect("a name");
            let action = Action::parse(name).unwrap_or_else(|| panic!("no action {name}"));
            for role in Role::ALL {
                let cell = words.next().expect("a cell for each role");
                assert_eq!(role.may(action), cell == "yes", "{} {name}", role.as_str());
            }
            listed.push(action);
        }
        assert_eq!(listed, Action::ALL, "each action has a line");
    }

    #[test]
    fn members_change_by_the_table_and_an_owner_stays() {
        for by in [
            None,
            Some(Role::Viewer),
            Some(Role::Editor),
            Some(Role::Admin),
            Some(Role::Owner),
        ] {
            for now in Role::ALL {
                for then in [None].into_iter().chain(Role::ALL.map(Some)) {
                    for owners in [1, 2] {
                        let touches_owners = now == Role::Owner || then == Some(Role::Owner);
                        let allowed =
                            by.is_none_or(|by| by == Role::Owner || (by == Role::Admin && !touches_owners));
                        let leaves_none = now == Role::Owner && then != Some(Role::Owner) && owners == 1;
                        let done = change_member(by, now, then, owners);
                        assert_eq!(done.is_ok(), allowed && !leaves_none, "{by:?} {now:?} {then:?}");
                    }
                }
            }
        }
    }
}
