//! `passgate invitation`: letters that bring people to their cards.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};

use crate::cli::open;
use crate::config::Config;
use crate::domain::id::{CardId, InvitationId, MerchantId, ProgramId};
use crate::domain::invitation::{InvitationKind, masked};
use crate::ops::Ops;

#[derive(Subcommand)]
pub(super) enum Invitation {
    /// Send the holder of a card its link once more.
    Card {
        #[command(flatten)]
        of: Of,
        #[arg(long)]
        card: CardId,
    },
    /// Invite addresses into a program: given one by one, or one a line in a file. Who is new gets a card.
    Addresses {
        #[command(flatten)]
        of: Of,
        #[arg(long)]
        program: ProgramId,
        #[arg(long)]
        file: Option<PathBuf>,
        addresses: Vec<String>,
    },
    /// List letters, newest first.
    List(Of),
    /// Note that a letter came back, so that the next may go at once.
    Bounced {
        #[command(flatten)]
        of: Of,
        #[arg(long)]
        invitation: InvitationId,
        #[arg(long)]
        reason: String,
    },
}

#[derive(Args)]
pub(super) struct Of {
    #[arg(long, short, env = "PASSGATE_CONFIG")]
    config: Option<PathBuf>,
    #[arg(long)]
    merchant: MerchantId,
}

impl Invitation {
    pub(super) async fn run(self) -> Result<()> {
        match self {
            Self::Card { of, card } => {
                let ops = of.open().await?;
                let kind = InvitationKind::CardAgain;
                let id = ops.invite(of.merchant, card, kind, None).await?;
                let whom = ops.addressee(of.merchant, card).await?;
                let address = whom.and_then(|whom| whom.email).unwrap_or_default();
                println!("letter {id} to {} waits to be sent", masked(&address));
                Ok(())
            }
            Self::Addresses {
                of,
                program,
                file,
                addresses,
            } => {
                let addresses = all(file, addresses)?;
                let ops = of.open().await?;
                let mut refused = 0;
                for some in addresses.chunks(crate::ops::invitations::MOST_ADDRESSES) {
                    let answers = ops.invite_addresses(of.merchant, program, some, None).await?;
                    for (address, answer) in some.iter().zip(answers) {
                        match answer {
                            Ok(id) => println!("{address}: letter {id} waits to be sent"),
                            Err(error) => {
                                refused += 1;
                                println!("{address}: {error}");
                            }
                        }
                    }
                }
                if refused > 0 {
                    bail!(
                        "{refused} of {} addresses were not invited; the lines above say why",
                        addresses.len()
                    );
                }
                Ok(())
            }
            Self::List(of) => {
                let ops = of.open().await?;
                let mut before = None;
                loop {
                    let page = ops.invitations(of.merchant, before).await?;
                    let Some(last) = page.last() else { return Ok(()) };
                    before = Some(last.id);
                    for letter in &page {
                        let reason = letter.reason.as_deref().map(|reason| format!(" ({reason})"));
                        println!(
                            "letter {}  card {}  {}  {}{}  {}",
                            letter.id,
                            letter.card,
                            masked(&letter.address),
                            letter.state.as_str(),
                            reason.unwrap_or_default(),
                            letter.created_at.to_jiff()
                        );
                    }
                }
            }
            Self::Bounced {
                of,
                invitation,
                reason,
            } => {
                let ops = of.open().await?;
                if !ops.bounce_invitation(of.merchant, invitation, &reason).await? {
                    bail!("there is no letter {invitation} that could have come back");
                }
                println!("letter {invitation} is marked as bounced");
                Ok(())
            }
        }
    }
}

impl Of {
    async fn open(&self) -> Result<Ops> {
        open(&Config::load(self.config.as_deref())?).await
    }
}

/// The addresses of the command line, then those of the file.
fn all(file: Option<PathBuf>, mut addresses: Vec<String>) -> Result<Vec<String>> {
    if let Some(path) = file {
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("--file: cannot read {}", path.display()))?;
        addresses.extend(
            text.lines()
                .map(str::trim)
                .filter(|line| !line.is_empty())
                .map(str::to_owned),
        );
    }
    if addresses.is_empty() {
        bail!("expected addresses, or --file with one a line; got none");
    }
    Ok(addresses)
}
