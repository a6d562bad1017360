//! `passgate program join`: the public page by which people join a program.

use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};
use clap::{ArgAction, Args};

use crate::cli::open;
use crate::config::Config;
use crate::domain::consent::Purpose;
use crate::domain::id::{MerchantId, ProgramId};
use crate::domain::join::{Admission, Arrival, Ask, JoinForm, JoinPage};
use crate::domain::profile::Field;
use crate::ops::join_pages::JoinPageError;
use crate::web::public::join::join_link;

/// What is left out stays as it is.
#[derive(Args)]
pub(in crate::cli) struct Join {
    #[arg(long, short, env = "PASSGATE_CONFIG")]
    config: Option<PathBuf>,
    #[arg(long)]
    merchant: MerchantId,
    #[arg(long)]
    program: ProgramId,
    /// Whom the page lets in: open, with_code or closed.
    #[arg(long, value_parser = admission)]
    admission: Option<Admission>,
    /// Whether the page asks for a first name: required, optional or no.
    #[arg(long, value_parser = ask)]
    first_name: Option<Ask>,
    #[arg(long, value_parser = ask)]
    last_name: Option<Ask>,
    #[arg(long, value_parser = ask)]
    email: Option<Ask>,
    #[arg(long, value_parser = ask)]
    phone: Option<Ask>,
    #[arg(long, value_parser = ask)]
    birthday: Option<Ask>,
    /// What people may agree to: marketing, profiling, personalised, or none; repeated for several.
    #[arg(long = "purpose", value_name = "PURPOSE")]
    purposes: Vec<String>,
    /// Whether the card is handed over by mail alone.
    #[arg(long, action = ArgAction::Set)]
    by_mail: Option<bool>,
    /// Address of the privacy notice; empty for none.
    #[arg(long)]
    privacy: Option<String>,
}

fn admission(text: &str) -> Result<Admission, String> {
    Admission::parse(text).ok_or_else(|| format!("expected open, with_code or closed; got {text:?}"))
}

fn ask(text: &str) -> Result<Ask, String> {
    Ask::parse(text).ok_or_else(|| format!("expected required, optional or no; got {text:?}"))
}

impl Join {
    pub(super) async fn run(self) -> Result<()> {
        let config = Config::load(self.config.as_deref())?;
        let ops = open(&config).await?;
        let (merchant, program) = (self.merchant, self.program);
        let sheet = ops.join_page(merchant, program, None).await?;
        let sheet = sheet.ok_or_else(|| anyhow!("this merchant has no program {program}"))?;
        let before = sheet.page;
        let (admission, form) = self.applied_to(&before)?;
        let mut page = before.clone();
        if (admission, &form) != (before.admission, &before.form) {
            let set = ops
                .set_join_page(merchant, program, before.version, (admission, form))
                .await;
            page = match set {
                Ok(page) => page,
                Err(JoinPageError::Changed) => bail!("somebody changed this page at this moment; try again"),
                Err(error) => return Err(error.into()),
            };
        }
        let public_url = config.server.public_url.trim_end_matches('/');
        println!(
            "{}",
            join_link(public_url, merchant, program, &Arrival::default())
        );
        tell(&page);
        Ok(())
    }

    fn applied_to(&self, page: &JoinPage) -> Result<(Admission, JoinForm)> {
        let mut form = page.form.clone();
        for (field, ask) in [
            (Field::FirstName, self.first_name),
            (Field::LastName, self.last_name),
            (Field::Email, self.email),
            (Field::Phone, self.phone),
            (Field::Birthday, self.birthday),
        ] {
            if let Some(ask) = ask {
                form.set(field, ask);
            }
        }
        if !self.purposes.is_empty() {
            form.purposes = Vec::new();
            for text in self.purposes.iter().filter(|text| *text != "none") {
                let purpose = Purpose::parse(text);
                form.purposes.push(purpose.ok_or_else(|| {
                    anyhow!("--purpose: expected marketing, profiling, personalised or none; got {text:?}")
                })?);
            }
        }
        form.by_mail = self.by_mail.unwrap_or(form.by_mail);
        if let Some(privacy) = &self.privacy {
            form.privacy = Some(privacy.clone()).filter(|privacy| !privacy.is_empty());
        }
        Ok((self.admission.unwrap_or(page.admission), form))
    }
}

fn tell(page: &JoinPage) {
    println!("lets in: {}", page.admission.as_str());
    for field in JoinForm::FIELDS {
        println!("  {field}: {}", page.form.ask(field).as_str());
    }
    let purposes: Vec<_> = page
        .form
        .purposes
        .iter()
        .map(|purpose| purpose.as_str())
        .collect();
    println!("  may be agreed to: {}", purposes.join(", "));
    if page.form.by_mail {
        println!("  the card is handed over by mail alone");
    }
    if let Some(privacy) = &page.form.privacy {
        println!("  privacy notice: {privacy}");
    }
}
