//! `passgate setup` and `passgate issue`: a merchant with everything that a first punch needs, and a card.
//!
//! `setup` checks all it was told before it writes anything. The station's key goes to its file first, then one
//! transaction writes the rest; when that fails the file goes again.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;

use crate::app::secrets;
use crate::cli::program::{Promise, Rules};
use crate::cli::station::with_key_file;
use crate::cli::{filled, open, password};
use crate::config::Config;
use crate::domain::id::{MerchantId, ProgramId};
use crate::ops::access::check_member;
use crate::ops::cards::Holder;
use crate::ops::setup::{NewBusiness, NewShop, Newcomer};
use crate::web::public::card_link;

#[derive(Args)]
pub(super) struct Setup {
    #[arg(long, short, env = "PASSGATE_CONFIG")]
    config: Option<PathBuf>,
    /// Name of the business.
    #[arg(long, value_parser = filled)]
    merchant: String,
    /// IANA time zone of its business day, such as Europe/Berlin.
    #[arg(long, default_value = "UTC")]
    zone: String,
    /// Address with which the owner signs in to the console.
    #[arg(long)]
    owner_email: String,
    /// File with the owner's password on its first line; without it the variable PASSGATE_OWNER_PASSWORD is read.
    #[arg(long)]
    owner_password_file: Option<PathBuf>,
    /// Name of the first program.
    #[arg(long, default_value = "Punch card", value_parser = filled)]
    program: String,
    #[command(flatten)]
    promise: Promise,
    #[command(flatten)]
    rules: Rules,
    /// Name of the first location; the merchant's when left out.
    #[arg(long, value_parser = filled)]
    location: Option<String>,
    /// Name of the first station.
    #[arg(long, default_value = "Till 1", value_parser = filled)]
    station: String,
    /// Where to write the station's key.
    #[arg(long, default_value = "data/station.key")]
    station_key: PathBuf,
}

#[derive(Args)]
pub(super) struct Issue {
    #[arg(long, short, env = "PASSGATE_CONFIG")]
    config: Option<PathBuf>,
    #[arg(long)]
    merchant: MerchantId,
    #[arg(long)]
    program: ProgramId,
    /// Name printed on the card.
    #[arg(long, value_parser = filled)]
    name: String,
    #[arg(long)]
    email: Option<String>,
    #[arg(long)]
    phone: Option<String>,
}

impl Setup {
    pub(super) async fn run(self) -> Result<()> {
        let config = Config::load(self.config.as_deref())?;
        if jiff::tz::TimeZone::get(&self.zone).is_err() {
            bail!(
                "--zone: expected an IANA time zone such as Europe/Berlin; got {:?}",
                self.zone
            );
        }
        let owner = Newcomer {
            name: "Owner".into(),
            email: self.owner_email,
            password: password::read(self.owner_password_file.as_deref(), password::OWNER)?,
        };
        check_member(&owner.email, &owner.password)?;
        let program = self.promise.into_program(self.program, &self.rules, &config)?;
        let email = owner.email.clone();
        let shop = NewShop {
            business: NewBusiness {
                name: self.merchant.clone(),
                zone: self.zone,
            },
            owner,
            location: self.location.unwrap_or_else(|| self.merchant.clone()),
            station: self.station,
            program,
        };
        let ops = open(&config).await?;
        let key = ops.draw_station_key();
        let shop = with_key_file(&self.station_key, &key, ops.open_shop(shop, &key)).await?;
        let (merchant, program) = (shop.merchant, shop.program);
        println!("merchant {merchant}: {}", self.merchant);
        println!("program  {program}");
        println!(
            "station  {} with its key in {}",
            shop.station.id,
            self.station_key.display()
        );
        println!("Sign in at {}/console as {email}", config.server.public_url);
        println!(
            "Issue a card: passgate issue --merchant {merchant} --program {program} --name 'Ada Lovelace'"
        );
        Ok(())
    }
}

impl Issue {
    pub(super) async fn run(self) -> Result<()> {
        let config = Config::load(self.config.as_deref())?;
        let ops = open(&config).await?;
        let master = secrets::master_key(&config.secrets.master_key_file, &ops.ids)?;
        let holder = Holder {
            name: self.name,
            email: self.email,
            phone: self.phone,
        };
        let issued = ops.issue(self.merchant, self.program, holder).await?;
        let public_url = config.server.public_url.trim_end_matches('/');
        println!("card {}", issued.card.id);
        println!(
            "{}",
            card_link(public_url, &master, issued.card.merchant, issued.card.id)
        );
        Ok(())
    }
}
