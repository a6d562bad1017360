//! Letters, through a real mail server on a socket: sent once, tried again, given back, followed to the card.

use std::sync::Arc;
use std::time::Duration;

use passgate::config::{self, MailSecurity};
use passgate::domain::event::EventKind;
use passgate::domain::id::{CardId, MerchantId, ProgramId};
use passgate::domain::invitation::{InvitationKind, InvitationRefusal, InvitationState};
use passgate::domain::program::Rules;
use passgate::domain::secret::MasterKey;
use passgate::mail::Mailer;
use passgate::mail::courier::Courier;
use passgate::ops::Ops;
use passgate::ops::cards::Holder;
use passgate::ops::invitations::InviteError;
use passgate::sim::smtp::FakeSmtp;
use passgate::store::{Error, Store, cards, events};
use tokio_util::sync::CancellationToken;

use crate::business::{self, Business};
use crate::engines::for_each_engine;

struct Post {
    ops: Ops,
    server: FakeSmtp,
    courier: Courier,
    merchant: MerchantId,
    program: ProgramId,
}

impl Post {
    async fn open(store: Store) -> Self {
        let Business {
            ops,
            merchant,
            program,
        } = business::open(store, "UTC", Rules::punch(5).expect("rules")).await;
        let server = FakeSmtp::start().await.expect("a mail server");
        let mail = config::Mail {
            host: server.address.ip().to_string(),
            port: server.address.port(),
            security: MailSecurity::None,
            from: "Corner Café <cards@example.com>".into(),
            ..config::Mail::default()
        };
        let courier = Courier {
            ops: ops.clone(),
            mailer: Mailer::load(&mail).expect("a mailer"),
            master: MasterKey::from_bytes([5; 32]),
            public_url: Arc::from("https://cards.example"),
            lease: Duration::from_secs(600),
        };
        Self {
            ops,
            server,
            courier,
            merchant,
            program,
        }
    }

    async fn card(&self, email: Option<&str>) -> CardId {
        let holder = Holder {
            name: "Ada".into(),
            email: email.map(str::to_owned),
            phone: None,
        };
        let issued = self.ops.issue(self.merchant, self.program, holder).await;
        issued.expect("a card").card.id
    }

    async fn deliver(&self) -> usize {
        let stop = CancellationToken::new();
        self.courier.send_some(&stop).await.expect("delivered")
    }

    async fn state(&self) -> (InvitationState, i64) {
        let letters = self.ops.invitations(self.merchant, None).await.expect("read");
        (letters[0].state, letters[0].attempts)
    }

    async fn kinds(&self, card: CardId) -> Vec<EventKind> {
        let merchant = self.merchant;
        let read: Result<_, Error> = self
            .ops
            .store
            .read("kinds", move |tx| {
                Box::pin(async move {
                    let card = cards::card(tx, merchant, card).await?.expect("the card").card;
                    let newest = card.last_event.expect("an event");
                    events::history(tx, merchant, newest, 50).await
                })
            })
            .await;
        read.expect("read").iter().map(|event| event.event.kind).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_is_sent_once_and_followed_to_the_card() {
    for_each_engine(async |store| {
        let post = Post::open(store).await;
        let card = post.card(Some("ada@example.com")).await;
        let kind = InvitationKind::Invitation;
        let id = post
            .ops
            .invite(post.merchant, card, kind, None)
            .await
            .expect("queued");
        let again = post.ops.invite(post.merchant, card, kind, None).await;
        assert!(matches!(
            again,
            Err(InviteError::Refused(InvitationRefusal::TooSoon { minutes: 1440 }))
        ));
        assert_eq!((post.deliver().await, post.deliver().await), (1, 0));
        let letters = post.server.received();
        assert_eq!(letters.len(), 1);
        assert_eq!(letters[0].to, ["ada@example.com"]);
        let link = post
            .courier
            .master
            .invitation_link("https://cards.example", post.merchant, id);
        // Lines of a letter are cut where they are long; the link is put together again.
        assert!(
            letters[0].text.replace("=\n", "").contains(&link),
            "{}",
            letters[0].text
        );
        assert_eq!(post.state().await, (InvitationState::Sent, 1));
        assert_eq!(post.kinds(card).await[0], EventKind::InvitationSent);

        assert_eq!(
            post.ops.open_invitation(post.merchant, id).await.expect("opened"),
            Some(card)
        );
        assert_eq!(post.state().await.0, InvitationState::Opened);
        post.ops
            .link_google(post.merchant, card)
            .await
            .expect("installed");
        assert_eq!(post.state().await.0, InvitationState::Installed);
        assert!(!post.courier.master.opens_invitation(post.merchant, id, "0123"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bounce_is_final_and_what_may_pass_is_tried_again() {
    for_each_engine(async |store| {
        let post = Post::open(store).await;
        let (gone, busy) = (
            post.card(Some("gone@example.com")).await,
            post.card(Some("busy@example.com")).await,
        );
        post.server
            .refuse("gone@example.com", "550 no such user gone@example.com", None);
        post.server.refuse("busy@example.com", "450 come back", Some(1));
        let kind = InvitationKind::CardAgain;
        post.ops
            .invite(post.merchant, gone, kind, None)
            .await
            .expect("queued");
        assert_eq!(post.deliver().await, 1);
        assert_eq!(post.state().await, (InvitationState::Bounced, 1));
        let letters = post.ops.invitations(post.merchant, None).await.expect("read");
        assert_eq!(
            letters[0].reason.as_deref(),
            Some("550"),
            "no address in the reason"
        );
        assert_eq!(post.kinds(gone).await[0], EventKind::InvitationFailed);
        let second = post.ops.invite(post.merchant, gone, kind, None).await;
        assert!(second.is_ok(), "what came back holds up nothing");

        post.ops
            .invite(post.merchant, busy, kind, None)
            .await
            .expect("queued");
        post.deliver().await;
        assert_eq!(post.state().await, (InvitationState::Queued, 1));
        assert_eq!(post.deliver().await, 0, "not before a minute has passed");
        post.ops.clock.advance(Duration::from_secs(60));
        assert_eq!(post.deliver().await, 1);
        assert_eq!(post.state().await, (InvitationState::Sent, 2));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_in_the_hands_of_a_dead_node_is_taken_by_another() {
    for_each_engine(async |store| {
        let post = Post::open(store).await;
        let card = post.card(Some("ada@example.com")).await;
        post.ops
            .invite(post.merchant, card, InvitationKind::CardAgain, None)
            .await
            .expect("queued");
        let lease = Duration::from_secs(600);
        let taken = post.ops.claim_letters(10, lease).await.expect("taken");
        assert_eq!((taken.len(), post.deliver().await), (1, 0));
        post.ops.clock.advance(lease);
        assert_eq!(post.deliver().await, 1);
        // The dead node wakes up: what it says of a lease that it lost changes nothing.
        let late = passgate::domain::invitation::Delivery::Bounced { code: "550".into() };
        post.ops.finish_letter(&taken[0], late).await.expect("ignored");
        assert_eq!(post.state().await, (InvitationState::Sent, 2));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_get_a_card_each_and_wrong_ones_are_named() {
    for_each_engine(async |store| {
        let post = Post::open(store).await;
        let known = post.card(Some("Ada@Example.com")).await;
        let nobody = post.card(None).await;
        let refused = post
            .ops
            .invite(post.merchant, nobody, InvitationKind::CardAgain, None)
            .await;
        assert!(matches!(
            refused,
            Err(InviteError::Refused(InvitationRefusal::NoAddress))
        ));
        let addresses = ["ada@example.com", "new@example.com", "not an address"].map(str::to_owned);
        let answers = post
            .ops
            .invite_addresses(post.merchant, post.program, &addresses, None)
            .await;
        let answers = answers.expect("three answers");
        assert!(answers[0].is_ok() && answers[1].is_ok());
        assert!(matches!(
            &answers[2],
            Err(InviteError::Refused(InvitationRefusal::Address(_)))
        ));
        let letters = post.ops.invitations(post.merchant, None).await.expect("read");
        assert_eq!(letters.len(), 2);
        assert_eq!(letters[1].card, known, "who has a card gets no second one");
        assert_eq!(post.deliver().await, 2);
    })
    .await;
}
