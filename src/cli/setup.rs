//! `passgate setup` and `passgate issue`: the first merchant, program, station and card, by hand.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use secrecy::SecretString;

use crate::app::secrets;
use crate::clock::{Clock, Ids};
use crate::config::Config;
use crate::domain::id::{MerchantId, PassTypeIdentifier, ProgramId};
use crate::domain::program::PunchRules;
use crate::ops::Ops;
use crate::ops::cards::Holder;
use crate::ops::setup::{NewBusiness, NewProgram};
use crate::store::Store;
use crate::web::public::card_link;

#[derive(Args)]
pub(super) struct Setup {
    #[arg(long, short, env = "PASSGATE_CONFIG")]
    config: Option<PathBuf>,
    /// Name of the business.
    #[arg(long)]
    merchant: String,
    /// IANA time zone of its business day, such as Europe/Berlin.
    #[arg(long, default_value = "UTC")]
    zone: String,
    /// Address with which the owner signs in to the console.
    #[arg(long)]
    owner_email: String,
    /// The owner's password; from the environment, so that it does not stand in the shell's history.
    #[arg(long, env = "PASSGATE_OWNER_PASSWORD", hide_env_values = true)]
    owner_password: String,
    #[arg(long, default_value = "Punch card")]
    program: String,
    /// Punches that earn one reward.
    #[arg(long, default_value_t = 10)]
    goal: i64,
    #[arg(long, default_value = "Free coffee")]
    reward: String,
    /// Folder under the pass templates.
    #[arg(long, default_value = "coffee")]
    template: String,
    /// Pass type identifier of a certificate in the configuration.
    #[arg(long, default_value = "pass.example.passgate")]
    pass_type: String,
    /// Most punches a day; no limit when left out.
    #[arg(long)]
    max_per_day: Option<i64>,
    /// Least seconds between two punches of one card.
    #[arg(long, default_value_t = 0)]
    minimum_gap: u64,
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
    #[arg(long)]
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
        if self.station_key.exists() {
            bail!(
                "--station-key: {} exists already and is not overwritten; name another file",
                self.station_key.display()
            );
        }
        let ops = open(&config).await?;
        let rules = PunchRules::new(self.goal)?
            .with_max_per_day(self.max_per_day)?
            .with_minimum_gap(Duration::from_secs(self.minimum_gap));
        let pass_type_identifier = PassTypeIdentifier::parse(self.pass_type).context("--pass-type")?;
        let business = NewBusiness {
            name: self.merchant.clone(),
            zone: self.zone,
        };
        let merchant = ops.create_merchant(business).await?;
        let password = SecretString::from(self.owner_password);
        ops.first_owner(merchant, "Owner", &self.owner_email, &password)
            .await?;
        let location = ops.create_location(merchant, self.merchant.clone()).await?;
        let station = ops.create_station(merchant, location, "Till 1".into()).await?;
        secrets::write_new(&self.station_key, &format!("{}\n", station.key))?;
        let new = NewProgram {
            name: self.program,
            template: self.template,
            pass_type_identifier,
            reward_name: self.reward,
            rules,
        };
        let program = ops.create_program(merchant, new).await?;
        println!("merchant {merchant}: {}", self.merchant);
        println!("program  {program}");
        println!(
            "station  {} with its key in {}",
            station.station.id,
            self.station_key.display()
        );
        println!(
            "Sign in at {}/console as {}",
            config.server.public_url, self.owner_email
        );
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

async fn open(config: &Config) -> Result<Ops> {
    let store = Store::open(&config.store.url, config.store.connections).await?;
    store.migrate().await?;
    Ok(Ops {
        store,
        clock: Clock::System,
        ids: Ids::random(),
    })
}
