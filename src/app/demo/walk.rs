//! The walk, step by step, each checked: from the scan to the phone, through a restart and an offline hour.

use anyhow::{Context as _, Result, anyhow, bail, ensure};

use crate::app::demo::report::Report;
use crate::app::demo::stage::{Customer, GOAL, PATIENCE, Stage};
use crate::bridge::What;
use crate::bridge::feedback::Signal;
use crate::domain::capture::CaptureKind;
use crate::domain::event::{Actor, Event};
use crate::sim::google::SimAndroidPhone;
use crate::store::{self, cards, events};
use crate::wire::{Balance, CaptureAnswer, CaptureAnswers, CaptureBatch, CaptureBody, Feedback};

pub(super) async fn run(stage: &mut Stage, report: &mut Report) -> Result<()> {
    let [ada, grace, alan] = stage
        .customers
        .clone()
        .try_into()
        .map_err(|_| anyhow!("three customers"))?;
    let name = "iPhone: add the card, check its signature, register";
    report.step(name, add_cards(stage, [&ada, &grace, &alan])).await?;
    report
        .step("scan: punch 1 reaches the phone", scan(stage, &ada, 1))
        .await?;
    let mut last = None;
    report
        .step("NFC tap: punch 2 reaches the phone", tap(stage, &ada, &mut last))
        .await?;
    let last = last.ok_or_else(|| anyhow!("the tap left no capture"))?;
    report
        .step(
            "the same capture sent twice more: still 2",
            repeat(stage, &ada, last),
        )
        .await?;
    let mut android = None;
    report
        .step(
            "Android: save the card to Google Wallet",
            save(stage, &mut android),
        )
        .await?;
    let android = android.ok_or_else(|| anyhow!("no Android phone"))?;
    report
        .step(
            "scan: punch 1 reaches Google Wallet",
            scan_android(stage, &android),
        )
        .await?;
    report
        .step(
            "scan: a browser that keeps the card's page shows it",
            scan_for_browser(stage, &alan),
        )
        .await?;
    report
        .step(
            "the gateway is away: two scans are kept at the till",
            offline(stage, &ada, &grace),
        )
        .await?;
    report
        .step(
            "the gateway is back: both count, once each",
            back(stage, &ada, &grace),
        )
        .await?;
    report
        .step("goal reached: one reward, on the phone", goal(stage, &ada))
        .await?;
    report
        .step("the reward is redeemed once, on the phone", redeem(stage, &ada))
        .await?;
    report
        .step(
            "the phone removes the card; it still punches",
            remove(stage, &ada),
        )
        .await?;
    report
        .step("nothing lost, nothing twice: the ledger adds up", ledger(stage))
        .await?;
    report.sum();
    Ok(())
}

async fn add_cards(stage: &Stage, customers: [&Customer; 3]) -> Result<String> {
    let mut size = 0;
    for customer in customers {
        let bytes = customer.add_card(&stage.http).await?;
        customer.shows(&balance(0)).await?;
        std::fs::write(stage.directory.join("card.pkpass"), &bytes)?;
        size = bytes.len();
    }
    Ok(format!("{size} bytes, kept as card.pkpass"))
}

async fn scan(stage: &mut Stage, customer: &Customer, expected: i64) -> Result<String> {
    stage.wait_out_debounce().await;
    stage.scan(customer.card.card.token.expose())?;
    let answer = stage.answer().await?;
    check(&answer, Feedback::Accept, expected)?;
    let versions = customer.shows(&balance(expected)).await?;
    Ok(format!(
        "{} The phone holds version {versions} of the pass.",
        answer.sentence
    ))
}

async fn tap(stage: &mut Stage, customer: &Customer, last: &mut Option<CaptureBody>) -> Result<String> {
    stage.wait_out_debounce().await;
    let token = customer.card.card.token.expose().to_owned();
    stage.tap(&token).await?;
    let answer = stage.answer().await?;
    check(&answer, Feedback::Accept, 2)?;
    let captured_at = stage.last_capture.ok_or_else(|| anyhow!("no capture was seen"))?;
    *last = Some(CaptureBody {
        counter: answer.counter,
        kind: CaptureKind::Ndef,
        token,
        captured_at,
        amount: None,
    });
    customer.shows(&balance(2)).await?;
    Ok(answer.sentence)
}

async fn repeat(stage: &Stage, customer: &Customer, capture: CaptureBody) -> Result<String> {
    let batch = CaptureBatch {
        captures: vec![capture.clone(), capture],
    };
    let url = format!("{}/api/station/captures", stage.config.server.public_url);
    let response = stage
        .http
        .post(url)
        .bearer_auth(&stage.station_key)
        .json(&batch)
        .send()
        .await?;
    let answers: CaptureAnswers = response.error_for_status()?.json().await?;
    ensure!(
        answers.answers.len() == 2,
        "expected two answers; got {}",
        answers.answers.len()
    );
    for answer in &answers.answers {
        check(answer, Feedback::Accept, 2)?;
    }
    let punches = punches(stage, customer).await?;
    ensure!(punches == 2, "the card should have 2 punches; it has {punches}");
    Ok("the first answer again, twice".into())
}

async fn save(stage: &Stage, android: &mut Option<SimAndroidPhone>) -> Result<String> {
    let press = async || {
        let button = format!("{}/google", stage.android_link);
        let response = stage.http.post(button).send().await?;
        response.error_for_status()?.text().await
    };
    let page = press().await?;
    let version = version_of(stage, &stage.android_card).await?;
    press().await?;
    let after = version_of(stage, &stage.android_card).await?;
    ensure!(
        version == after,
        "a second click should change nothing; the card went from version {version} to {after}"
    );
    let save_url = &stage.config.google.save_url;
    let save_link = page
        .split('"')
        .find(|text| text.starts_with(save_url))
        .with_context(|| format!("expected a page with a link to {save_url}; got {page}"))?;
    let phone = stage
        .google
        .open_save_link(save_link)
        .map_err(|error| anyhow!("Google refuses the save link: {error:?}"))?;
    let shown = phone
        .wait_for(PATIENCE, |card| card.balance == balance(0))
        .await?;
    let seen = format!("{} by {}", shown.program_name, shown.issuer_name);
    *android = Some(phone);
    Ok(seen)
}

async fn scan_android(stage: &mut Stage, android: &SimAndroidPhone) -> Result<String> {
    let token = stage.android_card.card.token.expose().to_owned();
    stage.scan(&token)?;
    check(&stage.answer().await?, Feedback::Accept, 1)?;
    let shown = android
        .wait_for(PATIENCE, |card| card.balance == balance(1))
        .await?;
    Ok(format!("the object shows {}", shown.balance))
}

async fn scan_for_browser(stage: &mut Stage, customer: &Customer) -> Result<String> {
    let browser = customer.subscribe(&stage.http, &stage.push_service).await?;
    stage.wait_out_debounce().await;
    stage.scan(customer.card.card.token.expose())?;
    check(&stage.answer().await?, Feedback::Accept, 1)?;
    let wanted = balance(1);
    let shown = browser.until(|shown| shown.text.contains(&wanted));
    let shown = tokio::time::timeout(PATIENCE, shown).await.map_err(|_| {
        anyhow!(
            "{}'s browser should show {wanted:?}; it shows {:?}",
            customer.name,
            browser.shown()
        )
    })?;
    let notice = shown.json();
    let text = notice["body"].as_str().context("a notice without words")?;
    Ok(format!("decrypted: {}", text.replace('\n', ", ")))
}

async fn offline(stage: &mut Stage, ada: &Customer, grace: &Customer) -> Result<String> {
    stage.stop_gateway().await?;
    for customer in [ada, grace] {
        stage.wait_out_debounce().await;
        stage.scan(customer.card.card.token.expose())?;
        stage
            .until(|event| event.what == What::Signalled(Signal::Offline))
            .await
            .context("the scanner should signal that the scan is stored")?;
    }
    let depth = stage.bridge.journal_depth();
    ensure!(depth == 2, "the journal should hold 2 captures; it holds {depth}");
    Ok("both signalled as stored".into())
}

async fn back(stage: &mut Stage, ada: &Customer, grace: &Customer) -> Result<String> {
    stage.start_gateway().await?;
    for _ in 0..2 {
        let answer = stage.answer().await?;
        ensure!(
            answer.feedback == Feedback::Accept,
            "a kept scan was answered: {}",
            answer.sentence
        );
    }
    ada.shows(&balance(3)).await?;
    grace.shows(&balance(1)).await?;
    let depth = stage.bridge.journal_depth();
    ensure!(depth == 0, "the journal should be empty; it holds {depth}");
    Ok("both phones show their punch".into())
}

async fn goal(stage: &mut Stage, ada: &Customer) -> Result<String> {
    scan(stage, ada, 4).await?;
    stage.wait_out_debounce().await;
    stage.scan(ada.card.card.token.expose())?;
    let answer = stage.answer().await?;
    check(&answer, Feedback::Reward, 0)?;
    ada.shows(&balance(0)).await?;
    let status = shown(ada, "status");
    ensure!(
        status.as_deref() == Some("Ready: Free coffee"),
        "the pass should offer the reward; it says {status:?}"
    );
    Ok(answer.sentence)
}

async fn redeem(stage: &Stage, ada: &Customer) -> Result<String> {
    let (merchant, card) = (stage.merchant, ada.card.card.id);
    let now = read_card(stage, ada).await?.card;
    let ops = &stage.gateway()?.ops;
    ops.redeem(merchant, card, now.version, Actor::Gateway).await?;
    let again = ops.redeem(merchant, card, now.version, Actor::Gateway).await;
    ensure!(again.is_err(), "a second redemption was accepted");
    let serial = ada.card.card.serial_number.as_str();
    let fetched = ada.phone.until(serial, |pass| {
        pass.field("status") == Some("5 to go: Free coffee")
    });
    tokio::time::timeout(PATIENCE, fetched).await.map_err(|_| {
        anyhow!(
            "the phone should show that the reward is gone; it shows {:?}",
            shown(ada, "status")
        )
    })?;
    Ok("a second click redeems nothing".into())
}

async fn remove(stage: &mut Stage, ada: &Customer) -> Result<String> {
    ada.phone.unregister(ada.card.card.serial_number.as_str()).await?;
    stage.wait_out_debounce().await;
    stage.scan(ada.card.card.token.expose())?;
    check(&stage.answer().await?, Feedback::Accept, 1)?;
    let status = read_card(stage, ada).await?.card.status;
    Ok(format!("the card is {} and has 1 punch", status.as_str()))
}

/// Adds up every card's ledger, counts what is left in the outbox, and asks the phones for complaints.
async fn ledger(stage: &Stage) -> Result<String> {
    let mut rows = 0;
    for customer in &stage.customers {
        let card = read_card(stage, customer).await?.card;
        let newest = card
            .last_event
            .ok_or_else(|| anyhow!("a card without a ledger"))?;
        let merchant = stage.merchant;
        let history: Result<Vec<Event>, store::Error> = stage
            .gateway()?
            .ops
            .store
            .read("demo_ledger", move |tx| {
                Box::pin(async move { events::history(tx, merchant, newest, 1000).await })
            })
            .await;
        let history = history?;
        let punches: i64 = history.iter().map(|event| event.event.delta.punches).sum();
        let rewards: i64 = history.iter().map(|event| event.event.delta.rewards).sum();
        ensure!(
            (punches, rewards) == (card.punches, card.rewards),
            "{}'s card says {} punches and {} rewards, its ledger {punches} and {rewards}",
            customer.name,
            card.punches,
            card.rewards
        );
        let complaints = customer.phone.complaints();
        if let Some(complaint) = complaints.first() {
            bail!("{}'s phone complains: {complaint}", customer.name);
        }
        rows += history.len();
    }
    let refused = stage.apns.refused();
    ensure!(refused == 0, "APNs refused {refused} pushes");
    Ok(format!(
        "{rows} rows, {} pushes, no complaint of any phone",
        stage.apns.taken()
    ))
}

fn balance(punches: i64) -> String {
    format!("{punches} of {GOAL}")
}

fn check(answer: &CaptureAnswer, feedback: Feedback, punches: i64) -> Result<()> {
    let got = answer.balance.map(|Balance { punches, .. }| punches);
    ensure!(
        answer.feedback == feedback && got == Some(punches),
        "expected {feedback:?} with {punches} punches; the gateway answered {:?} with {got:?}: {}",
        answer.feedback,
        answer.sentence
    );
    Ok(())
}

fn shown(customer: &Customer, field: &str) -> Option<String> {
    let versions = customer.phone.versions(customer.card.card.serial_number.as_str());
    let last = versions.last()?;
    last.pass.field(field).map(str::to_owned)
}

async fn punches(stage: &Stage, customer: &Customer) -> Result<i64> {
    Ok(read_card(stage, customer).await?.card.punches)
}

async fn read_card(stage: &Stage, customer: &Customer) -> Result<cards::CardWithProgram> {
    stored(stage, &customer.card).await
}

async fn version_of(stage: &Stage, card: &cards::CardWithProgram) -> Result<i64> {
    Ok(stored(stage, card).await?.card.version)
}

/// The card as the store has it now.
async fn stored(stage: &Stage, card: &cards::CardWithProgram) -> Result<cards::CardWithProgram> {
    let (merchant, card) = (card.card.merchant, card.card.id);
    let found: Result<_, store::Error> = stage
        .gateway()?
        .ops
        .store
        .read("demo_card", move |tx| {
            Box::pin(async move { cards::card(tx, merchant, card).await })
        })
        .await;
    found?.ok_or_else(|| anyhow!("card {card} is gone"))
}
