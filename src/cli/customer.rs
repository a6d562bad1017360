//! `passgate customer`: people, and what staff write beside them, and erasing them.

mod erase;
mod zone;

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};

use crate::cli::open;
use crate::config::Config;
use crate::domain::event::Actor;
use crate::domain::id::{CardId, CustomerId, MerchantId, NoteId, ProgramId};
use crate::domain::note::{NoteText, Tag, Writer};
use crate::domain::profile::{Field as ProfileField, Profile, Region};
use crate::ops::customers::{Added, CustomerSheet, Edit, NewPerson};

#[derive(Subcommand)]
pub(super) enum Customer {
    /// Add a customer, with a card when a program is named. One who is there already is shown and left alone.
    Add(AddCustomer),
    /// Show a customer with cards, answers, tags and notes.
    Show(One),
    /// Change a profile. What is left out stays; an empty value clears. Cards keep the name printed on them.
    Edit(EditCustomer),
    /// Print the name in the profile on a card.
    UpdateCard(UpdateCard),
    /// Find customers by a part of a name, address, phone number or serial number.
    Find(Find),
    /// Write, change or delete a note.
    Note(Note),
    /// Add and take away tags.
    Tag(TagCustomer),
    /// Say in which country phone numbers without a country code are.
    Country(Country),
    /// Say whose clock quiet hours go by for a customer.
    Zone(zone::Zone),
    /// Erase a person for good: their cards end, what says who they are goes, the ledger stays. A running gateway does it
    /// when the time of grace is over.
    Erase(erase::Erase),
    /// Take an erasure back before its time of grace is over.
    Keep(erase::Keep),
}

#[derive(Args)]
pub(super) struct Whose {
    #[arg(long, short, env = "PASSGATE_CONFIG")]
    pub(super) config: Option<PathBuf>,
    #[arg(long)]
    pub(super) merchant: MerchantId,
}

#[derive(Args)]
pub(super) struct One {
    #[command(flatten)]
    whose: Whose,
    #[arg(long)]
    customer: CustomerId,
}

/// What can be said of a person.
#[derive(Args)]
pub(super) struct Said {
    #[arg(long)]
    first_name: Option<String>,
    #[arg(long)]
    last_name: Option<String>,
    #[arg(long)]
    email: Option<String>,
    #[arg(long)]
    phone: Option<String>,
    /// What another system calls them.
    #[arg(long)]
    external_id: Option<String>,
    /// 1990-05-17, or 05-17 without the year.
    #[arg(long)]
    birthday: Option<String>,
    /// A language such as de or pt-BR.
    #[arg(long)]
    language: Option<String>,
    /// An answer to a field of the card's program, such as shoe_size=42; may be given several times.
    #[arg(long = "field", value_parser = pair)]
    answers: Vec<(String, String)>,
}

#[derive(Args)]
pub(super) struct AddCustomer {
    #[command(flatten)]
    whose: Whose,
    /// Issue a card of this program too.
    #[arg(long)]
    program: Option<ProgramId>,
    #[command(flatten)]
    said: Said,
}

#[derive(Args)]
pub(super) struct EditCustomer {
    #[command(flatten)]
    one: One,
    /// The version that `show` printed: an edit of what has changed since is refused.
    #[arg(long)]
    version: i64,
    /// The card whose answers --field changes.
    #[arg(long)]
    card: Option<CardId>,
    #[command(flatten)]
    said: Said,
}

#[derive(Args)]
pub(super) struct UpdateCard {
    #[command(flatten)]
    whose: Whose,
    #[arg(long)]
    card: CardId,
}

#[derive(Args)]
pub(super) struct Find {
    #[command(flatten)]
    whose: Whose,
    text: String,
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..=1000))]
    limit: i64,
}

#[derive(Args)]
pub(super) struct Note {
    #[command(flatten)]
    one: One,
    /// The note to change or delete; a new one when left out.
    #[arg(long)]
    note: Option<NoteId>,
    #[arg(long, requires = "note", conflicts_with = "text")]
    delete: bool,
    #[arg(required_unless_present = "delete")]
    text: Option<String>,
}

#[derive(Args)]
pub(super) struct TagCustomer {
    #[command(flatten)]
    one: One,
    /// Tags to add.
    tags: Vec<String>,
    /// A tag to take away; may be given several times.
    #[arg(long)]
    remove: Vec<String>,
}

#[derive(Args)]
pub(super) struct Country {
    #[command(flatten)]
    whose: Whose,
    /// Two letters, such as DE.
    country: String,
}

impl Customer {
    pub(super) async fn run(self) -> Result<()> {
        match self {
            Self::Add(add) => add.run().await,
            Self::Show(one) => {
                let ops = open(&Config::load(one.whose.config.as_deref())?).await?;
                print_sheet(&ops.customer_sheet(one.whose.merchant, one.customer).await?);
                Ok(())
            }
            Self::Edit(edit) => edit.run().await,
            Self::Zone(zone) => zone.run().await,
            Self::Erase(erase) => erase.run().await,
            Self::Keep(keep) => keep.run().await,
            Self::UpdateCard(update) => {
                let ops = open(&Config::load(update.whose.config.as_deref())?).await?;
                let of = ops
                    .update_holder(update.whose.merchant, update.card, None, Actor::Gateway)
                    .await?;
                println!(
                    "card {} says {}",
                    update.card,
                    of.holder.as_deref().unwrap_or("no name")
                );
                Ok(())
            }
            Self::Find(find) => {
                let ops = open(&Config::load(find.whose.config.as_deref())?).await?;
                let found = ops
                    .find_customers(find.whose.merchant, &find.text, None, find.limit)
                    .await??;
                if found.is_empty() {
                    println!(
                        "nobody has {:?} in a name, address, phone number or serial number",
                        find.text
                    );
                }
                for found in found {
                    let (email, phone) = (found.email.unwrap_or_default(), found.phone.unwrap_or_default());
                    println!(
                        "customer {}  {} {}  {email}  {phone}",
                        found.id, found.first_name, found.last_name
                    );
                }
                Ok(())
            }
            Self::Note(note) => note.run().await,
            Self::Tag(tag) => {
                let ops = open(&Config::load(tag.one.whose.config.as_deref())?).await?;
                let tags = |texts: &[String]| {
                    texts
                        .iter()
                        .map(|text| Tag::parse(text))
                        .collect::<Result<Vec<_>, _>>()
                };
                let (add, remove) = (tags(&tag.tags)?, tags(&tag.remove)?);
                let whose = &tag.one.whose;
                let now = ops
                    .tag_customer(whose.merchant, tag.one.customer, add, remove, Actor::Gateway)
                    .await?;
                println!(
                    "tags: {}",
                    if now.is_empty() {
                        "none".into()
                    } else {
                        now.join(", ")
                    }
                );
                Ok(())
            }
            Self::Country(country) => {
                let region = Region::parse(&country.country);
                let region = region.with_context(|| {
                    format!(
                        "expected a country in two letters, such as DE; got {:?}",
                        country.country
                    )
                })?;
                let ops = open(&Config::load(country.whose.config.as_deref())?).await?;
                ops.set_country(country.whose.merchant, region).await?;
                println!("phone numbers without a country code are from {}", region.code());
                Ok(())
            }
        }
    }
}

impl Said {
    fn fields(&self) -> Vec<(ProfileField, String)> {
        let said = [
            (ProfileField::FirstName, &self.first_name),
            (ProfileField::LastName, &self.last_name),
            (ProfileField::Email, &self.email),
            (ProfileField::Phone, &self.phone),
            (ProfileField::ExternalId, &self.external_id),
            (ProfileField::Birthday, &self.birthday),
            (ProfileField::Language, &self.language),
        ];
        said.into_iter()
            .filter_map(|(field, text)| Some((field, text.clone()?)))
            .collect()
    }
}

impl AddCustomer {
    async fn run(self) -> Result<()> {
        let ops = open(&Config::load(self.whose.config.as_deref())?).await?;
        let merchant = self.whose.merchant;
        if self.program.is_none() && !self.said.answers.is_empty() {
            bail!("--field: answers are kept on a card; name its program with --program");
        }
        let person = NewPerson {
            profile: ops.read_profile(merchant, &self.said.fields()).await?,
            program: self.program,
            answers: self.said.answers,
        };
        match ops.add_customer(merchant, person, Actor::Gateway).await? {
            Added::New { customer, card } => {
                println!("customer {}", customer.id);
                if let Some(card) = card {
                    println!("card {}", card.card.id);
                }
            }
            Added::Known { by, customer } => {
                println!(
                    "customer {} has this {} already; nothing was added",
                    customer.id,
                    by.as_str()
                );
                print_profile(&customer.profile);
            }
        }
        Ok(())
    }
}

impl EditCustomer {
    async fn run(self) -> Result<()> {
        let ops = open(&Config::load(self.one.whose.config.as_deref())?).await?;
        let fields = self.said.fields();
        let answers = match (self.card, self.said.answers) {
            (Some(card), answers) => Some((card, answers)),
            (None, answers) if answers.is_empty() => None,
            (None, _) => bail!("--field: answers are kept on a card; name it with --card"),
        };
        let (merchant, customer) = (self.one.whose.merchant, self.one.customer);
        let edit = Edit { fields, answers };
        let edited = ops
            .edit_customer(merchant, customer, self.version, edit, Actor::Gateway)
            .await?;
        println!("customer {}, version {}", edited.id, edited.version);
        print_profile(&edited.profile);
        Ok(())
    }
}

impl Note {
    async fn run(self) -> Result<()> {
        let ops = open(&Config::load(self.one.whose.config.as_deref())?).await?;
        let (merchant, customer) = (self.one.whose.merchant, self.one.customer);
        let writer = Writer::CommandLine;
        match (self.note, self.text) {
            (Some(note), None) => {
                ops.delete_note(merchant, customer, note, writer).await?;
                println!("note {note} is deleted");
            }
            (Some(note), Some(text)) => {
                ops.edit_note(merchant, customer, note, NoteText::parse(&text)?, writer)
                    .await?;
                println!("note {note} is changed");
            }
            (None, text) => {
                let text = NoteText::parse(text.as_deref().unwrap_or_default())?;
                println!("note {}", ops.add_note(merchant, customer, text, writer).await?);
            }
        }
        Ok(())
    }
}

fn print_profile(profile: &Profile) {
    for field in ProfileField::ALL {
        let text = profile.text(field);
        if !text.is_empty() {
            println!("  {field}: {text}");
        }
    }
}

fn print_sheet(sheet: &CustomerSheet) {
    let customer = &sheet.customer;
    println!("customer {}, version {}", customer.id, customer.version);
    print_profile(&customer.profile);
    if !sheet.tags.is_empty() {
        println!("  tags: {}", sheet.tags.join(", "));
    }
    for card in &sheet.cards {
        let held = &card.card;
        let holder = held.holder.as_deref().unwrap_or("no name");
        println!(
            "card {} of {} ({}), printed: {holder}",
            held.id, held.program_name, held.status
        );
        for (field, answer) in &card.answers {
            println!("  {}: {}", field.code, answer.as_deref().unwrap_or("(empty)"));
        }
    }
    for note in &sheet.notes {
        let author = note.author_name.as_deref().unwrap_or("command line");
        println!(
            "note {} by {author}, {}: {}",
            note.id,
            note.created_at.to_jiff(),
            note.text
        );
    }
}

/// `name=value`.
pub(super) fn pair(text: &str) -> Result<(String, String)> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.to_owned())),
        _ => bail!("expected name=value; got {text:?}"),
    }
}
