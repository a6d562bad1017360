//! Six links to begin with, printed when the demo stays open.

use anyhow::{Context as _, Result};

use crate::app::demo::report::Report;
use crate::app::demo::stage::Stage;
use crate::domain::chips::Chip;
use crate::domain::message::audience::BuiltInName;
use crate::domain::message::{Audience, Content, When};
use crate::domain::preference::Class;
use crate::ops::messages::NewMessage;

/// Prints the tour; a message is written for it, with its forecast, and not sent.
pub(super) async fn print(stage: &Stage, report: &Report) -> Result<()> {
    let ops = &stage.gateway()?.ops;
    let text = "Your free coffee is waiting: come by until six and it comes with a slice of cake.";
    let new = NewMessage {
        content: Content::checked(Some("A coffee for you"), text, None, Class::Reward)?,
        audience: Audience::BuiltIn(BuiltInName(Chip::ReadyToRedeem)),
        when: When::Now,
        author: None,
    };
    let message = ops.write_message(stage.merchant, new).await?;
    ops.forecast_message(stage.merchant, None, message.id).await?;
    let ada = stage.customers.first().context("somebody who walked")?;
    let console = format!("{}/console", stage.config.server.public_url);
    report.line(&stage.invitation());
    report.line("A tour:");
    for (what, address) in [
        ("Customers, live while you look", format!("{console}/cards")),
        (
            "Who has a reward to redeem",
            format!("{console}/cards?segment={}", Chip::ReadyToRedeem.as_str()),
        ),
        (
            "Ada's card: what happened, and why her phone rang",
            format!("{console}/cards/{}", ada.card.card.id),
        ),
        (
            "What a message to everybody with a reward would do",
            format!("{console}/messages/{}", message.id),
        ),
        (
            "Import, export, codes and invitations",
            format!("{console}/tools"),
        ),
        ("Ada's own card, as her phone shows it", ada.link.clone()),
    ] {
        report.line(&format!("  {what}\n      {address}"));
    }
    Ok(())
}
