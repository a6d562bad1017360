//! Roles of members, on both engines: the last owner stays, even when two are removed at the same moment.

use passgate::domain::access::{Action, MemberRefusal};
use passgate::domain::id::{MemberId, MerchantId};
use passgate::domain::member::Role;
use passgate::ops::access::SignedIn;
use passgate::ops::members::MemberError;
use passgate::store::Store;
use secrecy::SecretString;

use crate::engines::for_each_engine;
use crate::ledger::{Shop, goal};

const PASSWORD: &str = "a long one for tests";

async fn shop_with(store: Store, roles: &[Role]) -> (Shop, MerchantId, Vec<MemberId>) {
    let shop = Shop::open(store, goal(3)).await;
    let merchant = shop.merchant;
    let mut members = Vec::new();
    for (at, role) in roles.iter().enumerate() {
        let email = format!("member{at}@example.com");
        let password = SecretString::from(PASSWORD);
        let added = shop.ops.add_member(merchant, "Someone", &email, *role, &password);
        members.push(added.await.expect("a member"));
    }
    (shop, merchant, members)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_owner_can_neither_leave_nor_be_lowered() {
    for_each_engine(async |store| {
        let (shop, merchant, members) = shop_with(store, &[Role::Owner, Role::Admin, Role::Owner]).await;
        let [first, admin, second] = members[..] else {
            panic!("three members")
        };
        let ops = &shop.ops;
        let refused = ops.set_role(merchant, Some(admin), first, Role::Admin).await;
        assert!(matches!(
            refused,
            Err(MemberError::Refused(MemberRefusal::NotAllowed {
                yours: Role::Admin,
                needs: Role::Owner
            }))
        ));
        ops.set_role(merchant, Some(first), second, Role::Editor)
            .await
            .expect("one of two owners");
        for by in [Some(first), None] {
            let lowered = ops.set_role(merchant, by, first, Role::Viewer).await;
            assert!(matches!(
                lowered,
                Err(MemberError::Refused(MemberRefusal::LastOwner))
            ));
            let removed = ops.remove_member(merchant, by, first).await;
            assert!(matches!(
                removed,
                Err(MemberError::Refused(MemberRefusal::LastOwner))
            ));
        }
        ops.permit(merchant, first, Action::DeleteOrganisation)
            .await
            .expect("still an owner");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_owners_who_remove_each_other_leave_one() {
    for_each_engine(async |store| {
        let (shop, merchant, members) = shop_with(store, &[Role::Owner, Role::Owner]).await;
        let [one, other] = members[..] else {
            panic!("two members")
        };
        let (ops, theirs) = (shop.ops.clone(), shop.ops.clone());
        let first = tokio::spawn(async move { ops.remove_member(merchant, Some(one), other).await });
        let second = tokio::spawn(async move { theirs.remove_member(merchant, Some(other), one).await });
        let done = [first.await.expect("no panic"), second.await.expect("no panic")];
        assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1, "{done:?}");
        let owners = shop.ops.members(merchant).await.expect("listed");
        assert_eq!(owners.len(), 1);
        assert_eq!(owners[0].role, Role::Owner);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_removals_by_the_operator_at_once_leave_one_owner() {
    for_each_engine(async |store| {
        let (shop, merchant, members) = shop_with(store, &[Role::Owner; 4]).await;
        let tries: Vec<_> = members
            .into_iter()
            .map(|member| {
                let ops = shop.ops.clone();
                tokio::spawn(async move { ops.remove_member(merchant, None, member).await })
            })
            .collect();
        let mut removed = 0;
        for attempt in tries {
            match attempt.await.expect("no panic") {
                Ok(()) => removed += 1,
                Err(MemberError::Refused(MemberRefusal::LastOwner)) => {}
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(removed, 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_left_is_out_at_once_and_may_come_back() {
    for_each_engine(async |store| {
        let (shop, merchant, members) = shop_with(store, &[Role::Owner, Role::Editor]).await;
        let (ops, editor) = (&shop.ops, members[1]);
        let password = SecretString::from(PASSWORD);
        let SignedIn::Open(token) = ops
            .sign_in("member1@example.com", &password, None)
            .await
            .expect("signed in")
        else {
            panic!("no second factor")
        };
        assert!(ops.session(token.expose()).await.expect("read").is_some());
        ops.remove_member(merchant, None, editor).await.expect("removed");
        assert!(ops.session(token.expose()).await.expect("read").is_none());
        assert!(ops.sign_in("member1@example.com", &password, None).await.is_err());
        let refused = ops.permit(merchant, editor, Action::ViewCards).await;
        assert!(matches!(refused, Err(MemberError::NotAMember)));
        let again = ops
            .add_member(
                merchant,
                "Someone",
                "member1@example.com",
                Role::Viewer,
                &password,
            )
            .await
            .expect("the address is free");
        assert_ne!(again, editor);
    })
    .await;
}
