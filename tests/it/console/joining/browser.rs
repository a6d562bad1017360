//! Joining and sharing in headless Chromium: runs `tests/browser/join.test.mjs`.
//!
//! `SCREENS=<absolute folder>` takes the screenshots instead.

use passgate::clock::Clock;
use passgate::domain::code::Gift;
use passgate::domain::consent::Purpose;
use passgate::domain::custom_field::{CustomField, FieldCode, FieldKind};
use passgate::domain::event::Actor;
use passgate::domain::id::ProgramId;
use passgate::domain::join::{Admission, Arrival, Ask, JoinForm};
use passgate::domain::referral::{Moment, Terms};
use passgate::web::public::join::join_link;

use super::{COFFEE, admit, code, holder_page, path};
use crate::console::sample::{MERCHANT, OWNER, PASSWORD, VIEWER, card};
use crate::console::visitor::Gateway;
use crate::{engines, specs};

#[tokio::test(flavor = "multi_thread")]
async fn joining_works_in_a_browser() {
    let Some(mut specs) = specs::node("joining_works_in_a_browser") else {
        return;
    };
    let (store, folder_of_store) = engines::sqlite().await;
    let gateway = Gateway::start(store, 20, Clock::System, "http://127.0.0.1")
        .await
        .keeping(folder_of_store);
    let ops = &gateway.web().ops;
    let milk = CustomField {
        code: FieldCode::parse("milk").expect("a code"),
        label: "Which milk do you like?".to_owned(),
        kind: FieldKind::Choice(vec!["Oat".to_owned(), "Cow".to_owned()]),
        required: false,
        position: 0,
    };
    ops.add_field(MERCHANT, COFFEE, milk).await.expect("a field");
    let terms = Terms {
        moment: Moment::Install,
        referrer: 1,
        referred: 1,
    };
    let set = ops.set_referral_terms(MERCHANT, COFFEE, terms, Actor::Gateway);
    set.await.expect("set");
    let form = JoinForm {
        birthday: Ask::Optional,
        purposes: Purpose::ALL.to_vec(),
        privacy: Some("https://morgenrot.example/privacy".into()),
        ..JoinForm::default()
    };
    admit(&gateway, Admission::Open, form).await;
    let token = ops.referral_link(MERCHANT, card(1)).await.expect("a link");
    let code = code(&gateway, Gift::Earn { amount: 2 }).await;

    let base = format!("http://{}", gateway.address);
    match std::env::var_os("SCREENS") {
        Some(screens) => specs.args(["join.screens.mjs", &base]).arg(screens),
        None => specs.args([
            "--test",
            "--test-concurrency=1",
            "--test-reporter=spec",
            "join.test.mjs",
        ]),
    };
    specs
        .env("BASE_URL", base)
        .env("OWNER", OWNER)
        .env("VIEWER", VIEWER)
        .env("PASSWORD", PASSWORD)
        .env("JOIN", path())
        .env(
            "WITH_CODE",
            join_link("", MERCHANT, ProgramId(2), &Arrival::default()),
        )
        .env("REFERRAL", format!("{}?ref={}", path(), token.expose()))
        .env("SHARE", format!("/console/tools/share/{COFFEE}"))
        .env("HOLDER", holder_page(&gateway, card(1)))
        .env("CODE", code);
    specs::run(specs).await;
}
