//! Invitations: an answer for each address, letters with their states, and one letter a day about a card.

use passgate::clock::Clock;

use crate::console::NOON;
use crate::console::sample::{OWNER, card};
use crate::console::visitor::{Gateway, Visitor};
use crate::engines::for_each_engine;

const PLACE: &str = "/console/tools/invitations";

#[tokio::test(flavor = "multi_thread")]
async fn pasted_addresses_are_answered_one_by_one() {
    for_each_engine(async |store| {
        let gateway = Gateway::start(store, 2, Clock::manual(NOON), "http://127.0.0.1").await;
        let owner = Visitor::signed_in(&gateway, OWNER).await;
        let empty = owner.page(PLACE).await.body;
        assert!(
            empty.contains("No letters yet") && empty.contains("No mail server is set up"),
            "{empty}"
        );
        let pasted = "Ada <ada@example.com>, no address; grace@example.com\nADA@example.com";
        let sent = [("program", "0000000000001"), ("addresses", pasted)];
        let first = owner.submit(PLACE, &sent).await;
        assert_eq!(first.status, 200);
        assert_eq!(
            first.body.matches("The letter waits to be sent.").count(),
            2,
            "{}",
            first.body
        );
        assert!(first.body.contains("This is no email address"), "{}", first.body);
        let again = owner.submit(PLACE, &sent).await.body;
        assert_eq!(again.matches("the next may go in 24 hours").count(), 2, "{again}");
        let list = owner.page(PLACE).await.body;
        assert!(
            list.contains("ada@example.com") && list.contains("Waiting"),
            "{list}"
        );
        let (_, rest) = list.split_once(r#"data-copy=""#).expect("a link");
        let link = rest.split('"').next().expect("an address");
        assert!(link.starts_with("http://127.0.0.1/card/"), "{link}");

        for (program, addresses, said) in [
            ("", "ada@example.com", "Choose a program"),
            ("0000000000009", "ada@example.com", "Choose a program"),
            ("0000000000001", " ,\n", "Type at least one address"),
        ] {
            let page = owner
                .submit(PLACE, &[("program", program), ("addresses", addresses)])
                .await;
            assert!(
                page.status == 400 && page.body.contains(said),
                "{said}: {}",
                page.body
            );
        }
        let many: String = (0..201)
            .map(|number| format!("a{number}@example.com\n"))
            .collect();
        let page = owner
            .submit(PLACE, &[("program", "0000000000001"), ("addresses", &many)])
            .await;
        assert!(
            page.status == 400 && page.body.contains("At most 200 addresses"),
            "{}",
            page.body
        );
        assert!(page.body.contains("a200@example.com"), "what was pasted is kept");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_is_sent_again_once_a_day_to_one_or_to_several() {
    let gateway = crate::console::gateway(9).await;
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    let place = format!("{PLACE}/cards");
    let one = card(1).to_string();
    let asked = owner.page(&format!("{place}?card={one}")).await.body;
    assert!(asked.contains("Send the card to m•••@mail.example?"), "{asked}");
    let sent = owner.submit(&place, &[("card", &one)]).await;
    assert_eq!(
        sent.location.as_deref(),
        Some("/console/tools/invitations?done=sent")
    );
    let again = owner.submit(&place, &[("card", &one)]).await;
    assert!(
        again.status == 409 && again.body.contains("the next may go in 24 hours"),
        "{}",
        again.body
    );

    let (second, ended) = (card(2).to_string(), card(7).to_string());
    let several = [
        ("card", one.as_str()),
        ("card", &second),
        ("card", &second),
        ("card", &ended),
    ];
    let asked = owner
        .page(&format!("{place}?card={one}&card={second}&card={ended}"))
        .await
        .body;
    assert!(asked.contains("Send 3 cards to their holders?"), "{asked}");
    let page = owner.submit(&place, &several).await;
    assert_eq!(page.status, 200);
    for said in [
        "the next may go in",
        "The letter waits to be sent.",
        "This card has ended.",
    ] {
        assert_eq!(page.body.matches(said).count(), 1, "{said}: {}", page.body);
    }
    let list = owner.page(PLACE).await.body;
    assert_eq!(list.matches("Card once more").count(), 2, "{list}");
}
