//! `passgate member`: people who sign in to the console.

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use clap::{Args, Subcommand};

use crate::app::secrets;
use crate::cli::{filled, open, password};
use crate::config::Config;
use crate::domain::id::{MemberId, MerchantId};
use crate::domain::member::Role;
use crate::ops::access::check_member;
use crate::ops::setup::Newcomer;

#[derive(Subcommand)]
pub(super) enum Member {
    /// Add somebody who signs in to a merchant's console.
    Add(Add),
    /// Give a member another role.
    Role(SetRole),
    /// End a member's access; their name stays with what they did.
    Remove(Remove),
    /// List a merchant's members.
    List(List),
    /// Print the code that makes whoever types it at /console/first-run the owner of the first merchant.
    FirstCode(FirstCode),
}

#[derive(Args)]
pub(super) struct FirstCode {
    #[arg(long, short, env = "PASSGATE_CONFIG")]
    config: Option<PathBuf>,
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

#[derive(Args)]
pub(super) struct SetRole {
    member: MemberId,
    #[arg(long, short, env = "PASSGATE_CONFIG")]
    config: Option<PathBuf>,
    #[arg(long)]
    merchant: MerchantId,
    /// viewer, editor, admin or owner. The last owner stays one.
    #[arg(long, value_parser = role)]
    role: Role,
}

#[derive(Args)]
pub(super) struct Remove {
    member: MemberId,
    #[arg(long, short, env = "PASSGATE_CONFIG")]
    config: Option<PathBuf>,
    #[arg(long)]
    merchant: MerchantId,
}

#[derive(Args)]
pub(super) struct List {
    #[arg(long, short, env = "PASSGATE_CONFIG")]
    config: Option<PathBuf>,
    #[arg(long)]
    merchant: MerchantId,
}

impl Member {
    pub(super) async fn run(self) -> Result<()> {
        match self {
            Self::Add(add) => add.run().await,
            Self::Role(set) => {
                let config = Config::load(set.config.as_deref())?;
                let ops = open(&config).await?;
                ops.set_role(set.merchant, None, set.member, set.role).await?;
                println!("member {}: {}", set.member, set.role.as_str());
                Ok(())
            }
            Self::Remove(remove) => {
                let config = Config::load(remove.config.as_deref())?;
                let ops = open(&config).await?;
                ops.remove_member(remove.merchant, None, remove.member).await?;
                println!("member {}: removed", remove.member);
                Ok(())
            }
            Self::FirstCode(first) => {
                let config = Config::load(first.config.as_deref())?;
                let ops = open(&config).await?;
                if ops.has_accounts().await? {
                    return Err(anyhow!(
                        "somebody can sign in already, so there is no first owner to make; add members with `member add`"
                    ));
                }
                let master = secrets::master_key(&config.secrets.master_key_file, &ops.ids)?;
                println!("{}", master.first_owner_code());
                Ok(())
            }
            Self::List(list) => {
                let config = Config::load(list.config.as_deref())?;
                for member in open(&config).await?.members(list.merchant).await? {
                    let role = member.role.as_str();
                    println!("member {}: {} {} as {role}", member.id, member.name, member.email);
                }
                Ok(())
            }
        }
    }
}

impl Add {
    async fn run(self) -> Result<()> {
        let config = Config::load(self.config.as_deref())?;
        let new = Newcomer {
            name: self.name,
            email: self.email,
            password: password::read(self.password_file.as_deref(), password::MEMBER)?,
        };
        check_member(&new.email, &new.password)?;
        let ops = open(&config).await?;
        let member = ops.admit(self.merchant, &new, self.role).await?;
        println!("member {member}: {} as {}", new.email, self.role.as_str());
        Ok(())
    }
}

fn role(text: &str) -> Result<Role> {
    Role::parse(text).ok_or_else(|| anyhow!("expected viewer, editor, admin or owner"))
}
