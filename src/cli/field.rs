//! `passgate field`: what programs ask of their customers beyond the profile.

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};

use crate::cli::customer::Whose;
use crate::cli::open;
use crate::config::Config;
use crate::domain::custom_field::{CustomField, FieldCode, FieldEdit, FieldKind};
use crate::domain::event::Actor;
use crate::domain::id::{CardId, ProgramId};

#[derive(Subcommand)]
pub(super) enum Field {
    /// Let a program ask for something beyond the profile.
    Add(AddField),
    /// List what a program asks for, and what it asked for before.
    List(OfProgram),
    /// Change what people read, the choices, or whether an answer is required. Answers stay as they are.
    Edit(EditField),
    /// Ask nobody for a field any more. Its answers are kept, and rules go on to match them.
    Archive(OneField),
    /// Ask for an archived field again.
    Restore(OneField),
    /// Take away what a card answers.
    Clear(ClearAnswer),
}

#[derive(Args)]
pub(super) struct OneField {
    #[command(flatten)]
    of: OfProgram,
    #[arg(long)]
    code: String,
}

#[derive(Args)]
#[group(id = "change", required = true, multiple = true, args = ["label", "choice", "required"])]
pub(super) struct EditField {
    #[command(flatten)]
    one: OneField,
    /// What people read.
    #[arg(long)]
    label: Option<String>,
    /// A choice; name all of them, in their order. One that a card answers stays.
    #[arg(long)]
    choice: Vec<String>,
    #[arg(long)]
    required: Option<bool>,
}

#[derive(Args)]
pub(super) struct ClearAnswer {
    #[command(flatten)]
    whose: Whose,
    #[arg(long)]
    card: CardId,
    #[arg(long)]
    code: String,
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
                for (field, archived) in ops.all_fields(of.whose.merchant, of.program).await? {
                    let archived = archived.map_or("", |_| ", archived");
                    println!("{}{archived}", line(&field));
                }
            }
            Self::Edit(edit) => {
                let OneField { of, code } = edit.one;
                let change = FieldEdit {
                    label: edit.label,
                    choices: (!edit.choice.is_empty()).then_some(edit.choice),
                    required: edit.required,
                };
                let ops = open(&Config::load(of.whose.config.as_deref())?).await?;
                let code = FieldCode::parse(&code).context("--code")?;
                let field = ops
                    .edit_field(of.whose.merchant, of.program, code, change)
                    .await?;
                println!("{}", line(&field));
            }
            Self::Archive(one) => one.archive(true).await?,
            Self::Restore(one) => one.archive(false).await?,
            Self::Clear(clear) => {
                let ops = open(&Config::load(clear.whose.config.as_deref())?).await?;
                let code = FieldCode::parse(&clear.code).context("--code")?;
                let merchant = clear.whose.merchant;
                let cleared = ops
                    .clear_answer(merchant, clear.card, code, Actor::Gateway)
                    .await?;
                println!("{}", if cleared { "cleared" } else { "there was no answer" });
            }
        }
        Ok(())
    }
}

impl OneField {
    async fn archive(self, archived: bool) -> Result<()> {
        let ops = open(&Config::load(self.of.whose.config.as_deref())?).await?;
        let code = FieldCode::parse(&self.code).context("--code")?;
        let (merchant, program) = (self.of.whose.merchant, self.of.program);
        let changed = ops.archive_field(merchant, program, code, archived).await?;
        let said = match (archived, changed) {
            (true, true) => "archived; answers are kept",
            (true, false) => "it was archived already",
            (false, true) => "asked for again",
            (false, false) => "it is asked for already",
        };
        println!("{said}");
        Ok(())
    }
}

fn line(field: &CustomField) -> String {
    let choices = match &field.kind {
        FieldKind::Choice(choices) => format!(" of {}", choices.join(", ")),
        _ => String::new(),
    };
    let required = if field.required { ", required" } else { "" };
    let kind = field.kind.as_str();
    format!("{}: {} ({kind}{choices}{required})", field.code, field.label)
}
