//! `passgate message`: texts to one card, a selection, a segment or all holders of a program, forecast before they go out
//! and followed afterwards.

mod compose;
mod print;

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};

use crate::cli::open;
use crate::config::Config;
use crate::domain::access::Action;
use crate::domain::id::{CardId, MemberId, MerchantId, MessageId};
use crate::domain::message::State;
use crate::domain::message::when::{When, WhoseZone};
use crate::ops::Ops;
use crate::ops::messages::Edit;
use crate::store::intents::IntentState;
use compose::{Compose, Said};

/// Rows of one look at a message's recipients.
const PAGE: i64 = 500;

#[derive(Subcommand)]
pub(super) enum Message {
    /// Send a message at once: print its forecast, and send it when --confirm names the forecast's number of recipients.
    Send(Send),
    /// Send a message at a local time, confirmed in the same way.
    Schedule(Schedule),
    /// Say what would become of a message now, recipient by recipient, as counts; keep it as a draft.
    Forecast(Send),
    /// Send a message as it is to one card of your own, at once.
    Test(Test),
    /// Change a message that has not started. It is a draft then, to be confirmed anew.
    Edit(EditOne),
    /// End a message that has not started.
    Cancel(One),
    /// Hold a message that runs.
    Pause(One),
    /// Go on with a message that is held.
    Resume(One),
    /// End a message that runs; who was not told never is.
    Abort(One),
    /// List a merchant's messages, newest first.
    List(List),
    /// Show a message, its forecast and what became of it.
    Show(One),
    /// Print what became of each recipient.
    Recipients(Recipients),
    /// Make a draft that says the same to the same audience.
    Duplicate(One),
}

#[derive(Args)]
pub(super) struct Of {
    #[arg(long, short, env = "PASSGATE_CONFIG")]
    config: Option<PathBuf>,
    #[arg(long)]
    merchant: MerchantId,
    /// The member who does it, whose role must allow it; without it the operator does.
    #[arg(long)]
    member: Option<MemberId>,
}

#[derive(Args)]
pub(super) struct Send {
    #[command(flatten)]
    of: Of,
    #[command(flatten)]
    compose: Compose,
    /// How many recipients you agree to: the forecast's number.
    #[arg(long)]
    confirm: Option<i64>,
}

#[derive(Args)]
pub(super) struct Schedule {
    #[command(flatten)]
    send: Send,
    /// Local date and time, like 2026-12-24T10:00.
    #[arg(long)]
    at: jiff::civil::DateTime,
    /// Whose clock shows that time: merchant, or customer for each customer's own.
    #[arg(long, default_value = "merchant", value_parser = zone)]
    zone: WhoseZone,
}

#[derive(Args)]
pub(super) struct Test {
    message: MessageId,
    #[command(flatten)]
    of: Of,
    /// Your own card.
    #[arg(long)]
    card: CardId,
}

#[derive(Args)]
pub(super) struct EditOne {
    message: MessageId,
    #[command(flatten)]
    of: Of,
    #[command(flatten)]
    said: Said,
    #[arg(long)]
    at: Option<jiff::civil::DateTime>,
    #[arg(long, default_value = "merchant", value_parser = zone)]
    zone: WhoseZone,
}

#[derive(Args)]
pub(super) struct One {
    message: MessageId,
    #[command(flatten)]
    of: Of,
}

#[derive(Args)]
pub(super) struct List {
    #[command(flatten)]
    of: Of,
    /// Messages before this one.
    #[arg(long)]
    before: Option<MessageId>,
}

#[derive(Args)]
pub(super) struct Recipients {
    #[command(flatten)]
    one: One,
    /// Only those in this state, as `message show` prints it.
    #[arg(long)]
    state: Option<String>,
}

fn zone(text: &str) -> Result<WhoseZone> {
    WhoseZone::parse(text).with_context(|| format!("expected merchant or customer; got {text:?}"))
}

fn state(text: &str) -> Result<IntentState> {
    IntentState::parse(text).with_context(|| {
        let words = IntentState::ALL.map(IntentState::as_str).join(", ");
        format!("--state: expected one of {words}; got {text:?}")
    })
}

impl Of {
    /// The use cases, if the member may do `needs`.
    async fn open(&self, needs: Action) -> Result<Ops> {
        let ops = open(&Config::load(self.config.as_deref())?).await?;
        if let Some(member) = self.member {
            ops.permit(self.merchant, member, needs).await?;
        }
        Ok(ops)
    }
}

impl Message {
    pub(super) async fn run(self) -> Result<()> {
        match self {
            Self::Send(send) => send.run(Some(When::Now)).await,
            Self::Schedule(Schedule { send, at, zone }) => send.run(Some(When::At { time: at, zone })).await,
            Self::Forecast(send) => {
                if send.confirm.is_some() {
                    bail!("--confirm: a forecast sends nothing; use `message send` or `message schedule`");
                }
                send.run(None).await
            }
            Self::Test(test) => test.run().await,
            Self::Edit(edit) => edit.run().await,
            Self::Cancel(one) => {
                let ops = one.of.open(Action::SendMessages).await?;
                print::line(&ops.cancel_message(one.of.merchant, one.message).await?);
                Ok(())
            }
            Self::Pause(one) => {
                let ops = one.of.open(Action::SendMessages).await?;
                print::line(&ops.pause_message(one.of.merchant, one.message).await?);
                Ok(())
            }
            Self::Resume(one) => {
                let ops = one.of.open(Action::SendMessages).await?;
                print::line(&ops.resume_message(one.of.merchant, one.message).await?);
                Ok(())
            }
            Self::Abort(one) => {
                let ops = one.of.open(Action::SendMessages).await?;
                print::line(&ops.abort_message(one.of.merchant, one.message).await?);
                Ok(())
            }
            Self::Duplicate(one) => {
                let ops = one.of.open(Action::SendMessages).await?;
                let copy = ops.duplicate_message(one.of.merchant, one.of.member, one.message);
                print::line(&copy.await?);
                Ok(())
            }
            Self::List(list) => {
                let ops = list.of.open(Action::ViewMessages).await?;
                for message in ops.messages(list.of.merchant, list.before, 50).await? {
                    print::line(&message);
                }
                Ok(())
            }
            Self::Show(one) => {
                let ops = one.of.open(Action::ViewMessages).await?;
                print::shown(&ops.show_message(one.of.merchant, one.message).await?);
                Ok(())
            }
            Self::Recipients(recipients) => recipients.run().await,
        }
    }
}

impl Send {
    /// Writes or takes the message, forecasts it, and schedules it where its number is confirmed. Without `when` it is
    /// only forecast, for the time that it has.
    async fn run(self, when: Option<When>) -> Result<()> {
        let (merchant, member) = (self.of.merchant, self.of.member);
        let ops = self.of.open(Action::SendMessages).await?;
        let mut message = match self.compose.message {
            Some(id) => ops.message(merchant, id).await?,
            None => {
                let new = self.compose.said.new_message(when.unwrap_or(When::Now), member)?;
                ops.write_message(merchant, new).await?
            }
        };
        if let Some(when) = when
            && message.when != when
        {
            let edit = Edit {
                when: Some(when),
                ..Edit::default()
            };
            message = ops
                .edit_message(merchant, member, message.id, message.version, edit)
                .await?;
        }
        print::lengths(&message.content);
        let forecast = ops.forecast_message(merchant, member, message.id).await?;
        print::forecast(&forecast);
        let recipients = forecast.tally.recipients;
        let Some(confirmed) = self.confirm else {
            print::line(&message);
            if when.is_some() {
                println!(
                    "Nothing was sent. Add --message {} --confirm {recipients} to send it to {recipients} recipients.",
                    message.id
                );
            }
            return Ok(());
        };
        let scheduled = ops.schedule_message(merchant, message.id, message.version, confirmed);
        print::line(&scheduled.await?);
        println!(
            "The running gateway sends it; `passgate message show {}` says how far it is.",
            message.id
        );
        Ok(())
    }
}

impl Test {
    async fn run(self) -> Result<()> {
        let ops = self.of.open(Action::SendMessages).await?;
        let test = ops.test_message(self.of.merchant, self.of.member, self.message, self.card);
        print::line(&test.await?);
        Ok(())
    }
}

impl EditOne {
    async fn run(self) -> Result<()> {
        let (merchant, member) = (self.of.merchant, self.of.member);
        let ops = self.of.open(Action::SendMessages).await?;
        let message = ops.message(merchant, self.message).await?;
        let was_scheduled = message.state == State::Scheduled;
        let edit = Edit {
            content: self.said.content_over(&message.content)?,
            audience: self.said.audience()?,
            when: self.at.map(|time| When::At {
                time,
                zone: self.zone,
            }),
        };
        let edited = ops
            .edit_message(merchant, member, message.id, message.version, edit)
            .await?;
        print::line(&edited);
        print::lengths(&edited.content);
        if was_scheduled {
            println!("It is a draft now: send or schedule it anew.");
        }
        Ok(())
    }
}

impl Recipients {
    async fn run(self) -> Result<()> {
        let One { message, of } = self.one;
        let ops = of.open(Action::ViewMessages).await?;
        let state = self.state.as_deref().map(state).transpose()?;
        let mut after = None;
        loop {
            let page = ops.recipients(of.merchant, message, state, after, PAGE).await?;
            for recipient in &page.recipients {
                print::recipient(recipient);
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }
}
