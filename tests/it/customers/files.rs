//! Files as text in memory: importing them with a dry run first, exporting them, and what a shop holds.

use std::io::{self, Cursor, Read};

use passgate::domain::custom_field::{CustomField, FieldCode, FieldKind};
use passgate::domain::event::Actor;
use passgate::domain::id::CardId;
use passgate::ops::export::{ExportError, ExportRequest, Which};
use passgate::ops::import::{ImportError, ImportReport, ImportRequest};
use passgate::store::imports::Failure;
use passgate::store::{Error, cards, events};

use super::shop::Shop;

impl Shop {
    pub(crate) fn request(&self) -> ImportRequest {
        ImportRequest {
            merchant: self.merchant,
            program: Some(self.program),
            told: Vec::new(),
            welcome: true,
            actor: Actor::Member(self.owner),
        }
    }

    pub(crate) async fn dry_run(
        &self,
        text: impl AsRef<[u8]>,
    ) -> Result<(ImportReport, Vec<Failure>), ImportError> {
        let mut failures = Vec::new();
        let open = || Ok(Cursor::new(text.as_ref()));
        let request = self.request();
        let report = self.ops.dry_run(&request, open, |failure| {
            failures.push(failure.clone());
            Ok(())
        });
        let report = report.await?;
        Ok((report, failures))
    }

    pub(crate) async fn import(
        &self,
        text: impl AsRef<[u8]>,
    ) -> Result<(ImportReport, Vec<Failure>), ImportError> {
        let mut failures = Vec::new();
        let open = || Ok(Cursor::new(text.as_ref()));
        let request = self.request();
        let report = self.ops.import(&request, open, |failure| {
            failures.push(failure.clone());
            Ok(())
        });
        let report = report.await?;
        Ok((report, failures))
    }

    /// Imports after a dry run, which must have said the same.
    pub(crate) async fn checked(&self, text: impl AsRef<[u8]>) -> (ImportReport, Vec<Failure>) {
        let before = self.state().await;
        let (dry, expected) = self.dry_run(text.as_ref()).await.expect("planned");
        assert_eq!(self.state().await, before, "a dry run writes nothing");
        let (report, failures) = self.import(text.as_ref()).await.expect("imported");
        assert_eq!(report.counts, dry.counts);
        assert_eq!(failures, expected);
        assert_eq!(i64::try_from(failures.len()), Ok(report.counts.failed));
        (report, failures)
    }

    pub(crate) async fn export(
        &self,
        which: Which,
        columns: Option<Vec<String>>,
    ) -> Result<String, ExportError> {
        let mut out = Vec::new();
        let program = (!matches!(which, Which::People)).then_some(self.program);
        let request = ExportRequest {
            merchant: self.merchant,
            which,
            program,
            columns,
            filter: "a test".into(),
            actor: Actor::Member(self.owner),
        };
        self.ops.export(request, &mut out).await?;
        Ok(String::from_utf8(out).expect("text"))
    }

    /// Numbers that change with whatever is written.
    pub(crate) async fn state(&self) -> [i64; 8] {
        [
            self.count("select count(*) from customers").await,
            self.count("select count(*) from cards").await,
            self.count("select count(*) from events").await,
            self.count("select coalesce(cast(sum(version) as bigint), 0) from customers")
                .await,
            self.count("select coalesce(cast(sum(version) as bigint), 0) from cards")
                .await,
            self.count("select count(*) from customer_tags").await,
            self.count("select count(*) from custom_values").await,
            self.count("select count(*) from customer_contacts").await,
        ]
    }

    pub(crate) async fn add_number(&self, code: &str, required: bool) {
        let field = CustomField {
            code: FieldCode::parse(code).expect("a code"),
            label: code.into(),
            kind: FieldKind::Number,
            required,
            position: 0,
        };
        self.ops
            .add_field(self.merchant, self.program, field)
            .await
            .expect("added");
    }

    /// Every card's numbers are the sums of its ledger.
    pub(crate) async fn check_sums(&self) {
        let ids: Vec<CardId> = self.all_cards().await;
        let merchant = self.merchant;
        for id in ids {
            let checked: Result<_, Error> = self
                .ops
                .store
                .read("sums", move |tx| {
                    Box::pin(async move {
                        let card = cards::card(tx, merchant, id).await?.expect("there").card;
                        let newest = card.last_event.expect("issued");
                        Ok((card, events::history(tx, merchant, newest, 1000).await?))
                    })
                })
                .await;
            let (card, history) = checked.expect("readable");
            assert_eq!(card.sums(), history.iter().map(|event| event.event.delta).sum());
        }
    }

    pub(crate) async fn all_cards(&self) -> Vec<CardId> {
        let merchant = self.merchant;
        let ids: Result<Vec<(CardId,)>, Error> = self
            .ops
            .store
            .read("cards", move |tx| {
                Box::pin(async move {
                    let sql = "select card_id from cards where merchant_id = $1 order by card_id";
                    tx.all(sql, &crate::engines::values![merchant]).await
                })
            })
            .await;
        ids.expect("readable").into_iter().map(|(id,)| id).collect()
    }
}

/// A file that cannot be read to its end the second time that it is opened.
pub(crate) struct Broken<'f> {
    pub(crate) inner: Cursor<&'f [u8]>,
    pub(crate) end: u64,
}

impl Read for Broken<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.inner.position() >= self.end {
            return Err(io::Error::other("the disk is gone"));
        }
        // As from a slow disk: little at once.
        let little = buffer.len().min(1024);
        self.inner.read(&mut buffer[..little])
    }
}
