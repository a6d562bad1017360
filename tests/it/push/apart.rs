//! What is wrong with one pass type's certificate is no matter for another pass type or another channel.

use std::sync::Arc;

use passgate::apple::apns::{Apns, ClientCertificate, Credentials};
use passgate::domain::delivery::{Channel, Outcome};
use passgate::domain::id::PassTypeIdentifier;
use passgate::sim::apns::Answer;

use super::lanes::{AnyFaces, Provider};
use super::support::{token, topic};
use super::world::{World, settings, until};
use crate::engines::for_each_engine;

const TEA: &str = "update registrations set pass_type_identifier = 'pass.example.tea' where card_id > 10";
const WAITING: &str =
    "select count(*) from pushes where channel = 'apple' and card_id > 10 and lease is null";
const OTHERS: &str = "select count(*) from pushes where channel <> 'apple' or card_id <= 10";

/// A client with a certificate for each of two pass types.
fn client(world: &World) -> Apns {
    let tea = PassTypeIdentifier::parse("pass.example.tea").expect("valid");
    let credentials = [topic(), tea].map(|topic| {
        let identity = world.apple.authority.issue_client(&topic).expect("a certificate");
        let certificate = ClientCertificate::from_pem(&identity.certificate, &identity.key);
        (
            topic,
            Credentials::Certificate(certificate.expect("a certificate")),
        )
    });
    let apple = &world.apple;
    Apns::new(&apple.settings(), &credentials, apple.clock.clone(), &apple.ids).expect("a client")
}

async fn count(world: &World, sql: &'static str) -> i64 {
    let counted: Vec<(i64,)> = world.all(sql).await;
    counted[0].0
}

#[tokio::test(flavor = "multi_thread")]
async fn one_pass_types_bad_certificate_stops_no_other_and_no_other_channel() {
    for_each_engine(async |store| {
        let world = World::new(store).await;
        world.add_cards(1, 20).await;
        world.change(TEA).await;
        for card in 11..=20 {
            let refused = Answer::status(403, "BadCertificate");
            world.apple.fake.always(token(card).as_str(), refused);
        }
        let google = Provider::new(usize::MAX, |_| Some(Outcome::Accepted));
        let senders = vec![
            Arc::new(client(&world)) as Arc<dyn passgate::push::Sender>,
            google.clone(),
        ];
        let running = world.dispatch_all(senders, AnyFaces::new(0), settings());
        world.enqueue(11..=20).await;
        until("all of the one pass type wait", async || {
            count(&world, WAITING).await == 10 && world.apple.fake.received().len() >= 3
        })
        .await;
        let asked = world.apple.fake.received().len();

        world.enqueue(1..=10).await;
        world.enqueue_on(Channel::Google, 1..=20).await;
        until("everything else has left", async || {
            count(&world, OTHERS).await == 0
        })
        .await;
        for device in 1..=10 {
            assert_eq!(world.accepted(device), 1, "{device}");
        }
        assert_eq!(google.asked(), 20);
        assert_eq!(count(&world, WAITING).await, 10, "nothing of it is lost");
        let kept: Vec<(i64,)> = world.all("select count(*) from registrations").await;
        assert_eq!(kept[0].0, 20, "and no registration");
        let to_coffee = 10;
        assert_eq!(
            world.apple.fake.received().len(),
            asked + to_coffee,
            "the circuit is open"
        );
        running.stop().await;
    })
    .await;
}
