//! `passgate station`: a merchant's till computers and the keys with which they prove that they are ones.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};

use crate::app::secrets;
use crate::cli::{filled, open};
use crate::config::Config;
use crate::domain::id::{LocationId, MerchantId, StationId};
use crate::ops::setup::{Place, SetupError, StationKey};

#[derive(Subcommand)]
pub(super) enum Station {
    /// Add a station and write its key to a file, which belongs on the till computer.
    Add(Add),
    /// End a station's key at once. Its captures are refused from then on; those recorded stay.
    Revoke {
        #[arg(long, short, env = "PASSGATE_CONFIG")]
        config: Option<PathBuf>,
        #[arg(long)]
        merchant: MerchantId,
        #[arg(long)]
        station: StationId,
    },
    /// List a merchant's locations and stations.
    List {
        #[arg(long, short, env = "PASSGATE_CONFIG")]
        config: Option<PathBuf>,
        #[arg(long)]
        merchant: MerchantId,
    },
}

#[derive(Args)]
pub(super) struct Add {
    #[arg(long, short, env = "PASSGATE_CONFIG")]
    config: Option<PathBuf>,
    #[arg(long)]
    merchant: MerchantId,
    /// What staff call it.
    #[arg(long, value_parser = filled)]
    name: String,
    /// The location where it stands; not needed where there is only one.
    #[arg(long, conflicts_with = "new_location")]
    location: Option<LocationId>,
    /// Name of a new location where it stands.
    #[arg(long, value_parser = filled)]
    new_location: Option<String>,
    /// Where to write the station's key.
    #[arg(long)]
    station_key: PathBuf,
}

impl Station {
    pub(super) async fn run(self) -> Result<()> {
        match self {
            Self::Add(add) => add.run().await,
            Self::Revoke {
                config,
                merchant,
                station,
            } => {
                let ops = open(&Config::load(config.as_deref())?).await?;
                if !ops.revoke_station(merchant, station).await? {
                    bail!("merchant {merchant} has no station {station} with a valid key");
                }
                println!("station {station} is revoked");
                Ok(())
            }
            Self::List { config, merchant } => {
                let ops = open(&Config::load(config.as_deref())?).await?;
                let (stations, locations) = ops.stations(merchant).await?;
                for location in locations {
                    println!("location {}  {}", location.id, location.name);
                }
                for listed in stations {
                    let state = match listed.revoked_at {
                        Some(at) => format!("revoked at {}", at.to_jiff()),
                        None => "valid".to_owned(),
                    };
                    println!(
                        "station  {}  {} at {}  {state}",
                        listed.station.id, listed.station.name, listed.location_name
                    );
                }
                Ok(())
            }
        }
    }
}

impl Add {
    async fn run(self) -> Result<()> {
        let config = Config::load(self.config.as_deref())?;
        let place = match (self.location, self.new_location) {
            (Some(known), _) => Place::Known(known),
            (None, Some(new)) => Place::New(new),
            (None, None) => Place::Only,
        };
        let ops = open(&config).await?;
        let key = ops.draw_station_key();
        let added = ops.add_station(self.merchant, place, self.name, &key);
        let station = with_key_file(&self.station_key, &key, added).await?;
        println!(
            "station {} at location {} with its key in {}",
            station.id,
            station.location,
            self.station_key.display()
        );
        Ok(())
    }
}

/// Writes the key to its file, then does `work`; without success the file goes again.
pub(super) async fn with_key_file<T>(
    path: &Path,
    key: &StationKey,
    work: impl Future<Output = Result<T, SetupError>>,
) -> Result<T> {
    if path.exists() {
        bail!(
            "--station-key: {} exists already and is not overwritten; name another file",
            path.display()
        );
    }
    secrets::write_new(path, &format!("{}\n", key.expose()))?;
    match work.await {
        Ok(done) => Ok(done),
        Err(error) => {
            std::fs::remove_file(path)
                .with_context(|| format!("{error}; and {} is left behind", path.display()))?;
            Err(error.into())
        }
    }
}
