//! `passgate field`: what programs ask of their customers beyond the profile.

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};

use crate::cli::customer::Whose;
use crate::cli::open;
use crate::config::Config;
use crate::domain::custom_field::{CustomField, FieldCode, FieldKind};
use crate::domain::id::ProgramId;

#[derive(Subcommand)]
pub(super) enum Field {
    /// Let a program ask for something beyond the profile.
    Add(AddField),
    /// List what a program asks for.
    List(OfProgram),
}

#[derive(Args)]
pub(super) struct OfProgram {
    #[command(flatten)]
    whose: Whose,
    #[arg(long)]
    program: ProgramId,
}

#[derive(Args)]
pub(super) struct AddField {
    #[command(flatten)]
    of: OfProgram,
    /// Its name in files and rules: small letters, digits and _. Never changes.
    #[arg(long)]
    code: String,
    /// What people read.
    #[arg(long)]
    label: String,
    /// text, number, date or choice.
    #[arg(long, default_value = "text")]
    kind: String,
    /// One of the choices of that kind; may be given several times.
    #[arg(long)]
    choice: Vec<String>,
    #[arg(long)]
    required: bool,
}

impl Field {
    pub(super) async fn run(self) -> Result<()> {
        match self {
            Self::Add(add) => {
                let kind = FieldKind::parse(&add.kind, add.choice);
                let kind = kind.with_context(|| {
                    format!(
                        "--kind: expected text, number, date or choice; got {:?}",
                        add.kind
                    )
                })?;
                let field = CustomField {
                    code: FieldCode::parse(&add.code).context("--code")?,
                    label: add.label,
                    kind,
                    required: add.required,
                    position: 0,
                };
                let ops = open(&Config::load(add.of.whose.config.as_deref())?).await?;
                let field = ops
                    .add_field(add.of.whose.merchant, add.of.program, field)
                    .await?;
                println!("field {}", field.code);
            }
            Self::List(of) => {
                let ops = open(&Config::load(of.whose.config.as_deref())?).await?;
                for field in ops.fields(of.whose.merchant, of.program).await? {
                    let choices = match &field.kind {
                        FieldKind::Choice(choices) => format!(" of {}", choices.join(", ")),
                        _ => String::new(),
                    };
                    let required = if field.required { ", required" } else { "" };
                    println!(
                        "{}: {} ({}{choices}{required})",
                        field.code,
                        field.label,
                        field.kind.as_str()
                    );
                }
            }
        }
        Ok(())
    }
}
