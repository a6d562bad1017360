//! What the sample lacks to show every page: a coupon, points with prices, and people whose names run from right to left.

use passgate::domain::event::Actor;
use passgate::domain::id::{CardId, OfferId, PassTypeIdentifier, ProgramId};
use passgate::domain::offer::{OfferState, Terms};
use passgate::domain::program::{CouponRules, PointsRules, PricedReward, Rules, Scheme};
use passgate::ops::cards::Holder;
use passgate::ops::setup::NewProgram;
use passgate::store::Value;
use passgate::web::Web;

use super::sample::{MERCHANT, card, exec};

/// Before anybody of the sample: new customers stand first in the list, where the specs expect the sample's.
const EARLIER: &str =
    "update cards set created_at = created_at - 7776000000 where merchant_id = $1 and card_id = $2";

/// Cards that the specs ask for by name.
pub(super) struct Stage {
    pub(super) coupon: CardId,
    pub(super) points: CardId,
    pub(super) offer: OfferId,
}

/// Sets it up in the sample's merchant.
pub(super) async fn set(web: &Web) -> Stage {
    let price = |code: &str, name: &str, points| PricedReward {
        code: code.into(),
        name: name.into(),
        points,
    };
    let coupon = Scheme::Coupon(CouponRules {
        redeem_at_till: true,
        linked: None,
    });
    let points = Scheme::Points(PointsRules {
        per_visit: 10,
        per_amount: None,
        overdraw: 0,
        rewards: vec![
            price("tea", "A pot of tea", 20),
            price("cake", "A piece of cake", 50),
        ],
    });
    let coupon = program(web, "Spring coupon", coupon).await;
    let points = program(web, "Tea points", points).await;
    for name in ["محمد العلي", "נועה לוי"] {
        issue(web, coupon, name).await;
    }
    Stage {
        coupon: issue(web, coupon, "Greta Lindgren").await,
        points: issue(web, points, "Wanda Zielińska").await,
        offer: offer(web).await,
    }
}

/// One that the sample's sixth card has claimed.
async fn offer(web: &Web) -> OfferId {
    let staff = Actor::Gateway;
    let terms = Terms {
        title: "A slice of rye bread".into(),
        text: "Of this morning's oven, with butter and salt.".into(),
        program: None,
        from: None,
        until: None,
        claims: Some(30),
        times: 1,
        personal: false,
    };
    let made = web.ops.create_offer(MERCHANT, terms, staff).await;
    let offer = made.expect("an offer").id;
    let published = web
        .ops
        .set_offer_state(MERCHANT, offer, OfferState::Published, staff);
    published.await.expect("published");
    let claimed = web.ops.claim_offer(MERCHANT, offer, card(6), Actor::Device);
    claimed.await.expect("claimed");
    offer
}

async fn program(web: &Web, name: &str, scheme: Scheme) -> ProgramId {
    let new = NewProgram {
        name: name.into(),
        template: "coffee".into(),
        pass_type_identifier: PassTypeIdentifier::parse("pass.example.morgenrot").expect("valid"),
        reward_name: "A croissant".into(),
        rules: Rules::new(scheme).expect("rules"),
    };
    let made = web.ops.create_program(MERCHANT, new).await;
    made.expect("a program")
}

async fn issue(web: &Web, program: ProgramId, name: &str) -> CardId {
    let holder = Holder {
        name: name.into(),
        email: None,
        phone: None,
    };
    let issued = web.ops.issue(MERCHANT, program, holder).await.expect("a card");
    let card = issued.card.id;
    exec(web, EARLIER, vec![MERCHANT.into(), Value::from(card)]).await;
    card
}
