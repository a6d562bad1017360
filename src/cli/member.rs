//! `passgate member`: people who sign in to the console.

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use clap::{Args, Subcommand};

use crate::cli::{filled, open, password};
use crate::config::Config;
use crate::domain::id::MerchantId;
use crate::domain::member::Role;
use crate::ops::access::check_member;
use crate::ops::setup::Newcomer;

#[derive(Subcommand)]
pub(super) enum Member {
    /// Add somebody who signs in to a merchant's console.
    Add(Add),
}

#[derive(Args)]
pub(super) struct Add {
    #[arg(long, short, env = "PASSGATE_CONFIG")]
    config: Option<PathBuf>,
    #[arg(long)]
    merchant: MerchantId,
    #[arg(long, value_parser = filled)]
    name: String,
    /// Address with which they sign in; each member has one of their own.
    #[arg(long)]
    email: String,
    /// viewer (sees cards), editor (redeems, takes back, ends cards), admin or owner.
    #[arg(long, default_value = "editor", value_parser = role)]
    role: Role,
    /// File with the password on its first line; without it the variable PASSGATE_MEMBER_PASSWORD is read.
    #[arg(long)]
    password_file: Option<PathBuf>,
}

impl Member {
    pub(super) async fn run(self) -> Result<()> {
        let Self::Add(add) = self;
        let config = Config::load(add.config.as_deref())?;
        let new = Newcomer {
            name: add.name,
            email: add.email,
            password: password::read(add.password_file.as_deref(), password::MEMBER)?,
        };
        check_member(&new.email, &new.password)?;
        let ops = open(&config).await?;
        let member = ops.admit(add.merchant, &new, add.role).await?;
        println!("member {member}: {} as {}", new.email, add.role.as_str());
        Ok(())
    }
}

fn role(text: &str) -> Result<Role> {
    Role::parse(text).ok_or_else(|| anyhow!("expected viewer, editor, admin or owner"))
}
