//! What is said to topics, on both engines: bounded, taken by one node, tried again, given up.

use std::time::Duration;

use passgate::domain::delivery::Outcome;
use passgate::domain::id::MerchantId;
use passgate::domain::topic::{Followed, TopicName, Words};
use passgate::ops::setup::NewBusiness;
use passgate::ops::topics::SayError;
use passgate::store::topics::TopicState;

use crate::coupons::shop::Shop;
use crate::engines::for_each_engine;

const LEASE: Duration = Duration::from_secs(60);

fn words(body: &str) -> Words {
    Words::checked("Corner Café", body, None, true).expect("good")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_is_taken_once_and_tried_until_it_is_sent_or_too_old() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let (ops, merchant) = (&shop.ops, shop.merchant);
        let news: TopicName = "news".parse().expect("a name");
        let say = async |merchant: MerchantId, body: &str| {
            ops.say_to_topic(merchant, news.clone(), words(body)).await
        };
        let first = say(merchant, "one").await.expect("said");
        assert_ne!(say(merchant, "two").await.expect("said"), first);
        let (here, there) = tokio::join!(
            ops.claim_topic_notices(10, LEASE),
            ops.claim_topic_notices(10, LEASE)
        );
        let taken = [here.expect("taken"), there.expect("taken")].concat();
        let mut bodies: Vec<_> = taken.iter().map(|one| one.notice.words.body.as_str()).collect();
        bodies.sort_unstable();
        assert_eq!(bodies, ["one", "two"]);

        // One is sent; the other waits for Firebase, and then for a day that is over.
        let (one, two): (Vec<_>, Vec<_>) = taken.into_iter().partition(|one| one.notice.id == first);
        let followed = ops.finish_topic_notice(&one[0], &Outcome::Accepted).await;
        assert_eq!(followed.expect("noted"), Followed::Sent);
        let down = Outcome::Retry {
            after: Some(Duration::from_secs(90)),
            reason: "down".into(),
        };
        let followed = ops.finish_topic_notice(&two[0], &down).await.expect("noted");
        assert!(matches!(followed, Followed::Again { .. }), "{followed:?}");
        assert!(ops.claim_topic_notices(10, LEASE).await.expect("read").is_empty());
        shop.wait(120);
        let again = ops.claim_topic_notices(10, LEASE).await.expect("taken");
        assert_eq!((again.len(), again[0].notice.attempts), (1, 2));
        // Somebody who had it before writes nothing any more.
        let late = ops.finish_topic_notice(&two[0], &Outcome::Accepted).await;
        late.expect("no fault");
        let states = async || -> Vec<TopicState> {
            let notices = ops.topic_notices(merchant, &news, None, 10).await.expect("read");
            notices.iter().map(|notice| notice.state).collect()
        };
        assert_eq!(states().await, [TopicState::Waiting, TopicState::Sent]);

        // Not more than three a day, of each merchant; what failed does not count.
        say(merchant, "three").await.expect("said");
        let refused = say(merchant, "four").await;
        assert!(matches!(refused, Err(SayError::Refused(_))), "{refused:?}");
        let other = NewBusiness {
            name: "Tea room".into(),
            zone: "UTC".into(),
        };
        let other = ops.create_merchant(other).await.expect("a merchant");
        say(other, "hello")
            .await
            .expect("another merchant's topic is another one");
        shop.wait(24 * 3600);
        let followed = ops.finish_topic_notice(&again[0], &down).await.expect("noted");
        assert!(matches!(followed, Followed::Failed { .. }), "{followed:?}");
        assert_eq!(
            states().await,
            [TopicState::Waiting, TopicState::Failed, TopicState::Sent]
        );
        say(merchant, "five").await.expect("a day later");

        let topics = ops.topics(merchant, None, 10).await.expect("read");
        assert_eq!(topics.len(), 1);
        assert_eq!((topics[0].sent, topics[0].waiting), (1, 2));
        assert!(
            ops.topics(merchant, Some(&news), 10)
                .await
                .expect("read")
                .is_empty()
        );
    })
    .await;
}
