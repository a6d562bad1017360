//! Browsers and apps that listen to cards: how they begin, what they are shown, and how they end.

mod addresses;
mod apps;
mod browser;
mod clients;
mod dispatch;
mod gateway;
mod page;
mod silent;
mod topics;

use passgate::domain::address::{Destination, Registration, RegistrationKind};
use passgate::domain::id::CardId;
use passgate::ops::addresses::Listener;

use crate::coupons::shop::Shop;

/// No wait in these tests takes longer, or something is broken.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// An app as it registers.
fn app(number: i64) -> Listener {
    let fid = format!("cIN1cbQ7TGqmGRoZD{number:05}");
    let registration = Registration::new(RegistrationKind::Fid, fid).expect("valid");
    Listener {
        destination: Destination::App(registration),
        sender_key: None,
        expires_at: None,
        replaces: None,
    }
}

/// What listens to a card: channel and address, in the order of their keys.
async fn listening(shop: &Shop, card: CardId) -> Vec<(String, String, Option<i64>)> {
    let merchant = shop.merchant;
    let read = shop.ops.store.read("listening", move |tx| {
        Box::pin(async move {
            let sql = "select channel, address, told_generation from push_addresses \
                 where merchant_id = $1 and card_id = $2 order by channel, address";
            tx.all(sql, &crate::engines::values![merchant, card]).await
        })
    });
    let rows: Result<_, passgate::store::Error> = read.await;
    rows.expect("read")
}
