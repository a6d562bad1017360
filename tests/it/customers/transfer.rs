//! Files in and out, on both engines.

use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use passgate::domain::custom_field::{CustomField, FieldCode, FieldKind};
use passgate::domain::event::{Actor, EventKind, Source};
use passgate::domain::id::CardId;
use passgate::domain::import::Counts;
use passgate::domain::note::Tag;
use passgate::domain::profile::{Field, Region};
use passgate::domain::program::Rules;
use passgate::domain::utm::{Utm, Word};
use passgate::ops::cards::Holder;
use passgate::ops::customers::{Added, NewPerson};
use passgate::ops::export::{ExportError, Which};
use passgate::ops::import::{ImportError, ImportRequest, failed_header, failed_row, template};
use passgate::store::imports::Failure;
use passgate::store::{Error, audit, cards, events};

use super::files::Broken;
use super::shop::Shop;
use crate::engines::for_each_engine;

fn counts(created: i64, updated: i64, unchanged: i64, failed: i64) -> Counts {
    Counts {
        created,
        updated,
        unchanged,
        failed,
    }
}

fn codes(failures: &[Failure]) -> Vec<(i64, &str, &str)> {
    let problem = |failure: &'_ Failure| failure.problems.first().map(|problem| problem.code.clone());
    failures
        .iter()
        .map(|failure| {
            assert!(problem(failure).is_some(), "a failure says what is wrong");
            (
                failure.line,
                failure.problems[0].column.as_str(),
                failure.problems[0].code.as_str(),
            )
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn good_rows_are_kept_when_others_fail_and_the_second_upload_changes_nothing() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        shop.ops.set_country(shop.merchant, Region::parse("DE").expect("a country")).await.expect("set");
        shop.add_number("shoe_size", true).await;
        let there = shop
            .ops
            .add_customer(
                shop.merchant,
                NewPerson {
                    profile: shop.profile(&[(Field::FirstName, "Grace"), (Field::Email, "grace@example.com")]).await,
                    program: None,
                    answers: Vec::new(),
                },
                Actor::Gateway,
            )
            .await;
        assert!(matches!(there, Ok(Added::New { .. })));
        let file = "\u{feff}Vorname;Nachname;E-Mail;Telefon;Geburtstag;tags;Stempel;shoe_size\r\n\
            Ada;Lovelace;ada@example.com;01512 3456789;10.12.1990;\"VIP, vegan\";23;42,5\r\n\
            Bob;;nobody;;;;;43\r\n\
            \"Multi\nline\";;multi@example.com;;;;;44\r\n\
            ;;;;;;;\r\n\
            Grace;Hopper;GRACE@example.com;;;;2;40\r\n\
            Ada;Again;;+49 1512 3456789;;;;1\r\n\
            Linus;;linus@example.com;;30.02.1990;;-3;\r\n\
            Eve;;eve@example.com;;;;;\r\n";
        let (report, failures) = shop.checked(file).await;
        assert_eq!(report.counts, counts(2, 0, 0, 5));
        assert_eq!(
            codes(&failures),
            [
                (3, "E-Mail", "malformed"),
                (4, "Vorname", "control_character"),
                (8, "", "repeated"),
                (9, "Geburtstag", "impossible_date"),
                (10, "shoe_size", "required"),
            ]
        );
        assert_eq!(failures[3].problems.len(), 2, "every wrong cell is named");
        assert_eq!(failures[2].problems[0].message, "line 2 is about the same person; put both into one row");
        shop.check_sums().await;
        let ada = shop.found("ada lovelace").await;
        let sheet = shop.ops.customer_sheet(shop.merchant, ada[0]).await.expect("a sheet");
        assert_eq!(sheet.tags, ["vegan", "VIP"]);
        assert_eq!(sheet.cards[0].answers[0].1.as_deref(), Some("42.5"));
        assert_eq!(shop.found("0151 234").await, ada);
        assert_eq!(shop.found(&sheet.cards[0].card.id.to_string()).await, ada);
        let face = shop.face(sheet.cards[0].card.id).await;
        assert_eq!((face.punches, face.rewards, face.holder.as_deref()), (3, 2, Some("Ada Lovelace")));
        assert_eq!(shop.count("select count(*) from events where kind = 'points_added' and source = 'import' and punches = 23").await, 1);
        let again = shop.checked(file).await.0;
        assert_eq!(again.counts, counts(0, 0, 2, 5));
        assert_ne!(again.batch, report.batch);
        assert_eq!(shop.count("select count(*) from events where kind = 'points_added'").await, 2);

        // The failed rows, put right, are an upload of their own.
        let mut rows = vec![failed_header(&report.columns)];
        rows.extend(failures.iter().map(|failure| failed_row(&report.columns, failure)));
        assert_eq!(rows[0].last().map(String::as_str), Some("error"));
        assert_eq!(rows[1][8], "line 3: E-Mail: expected an address such as ada@example.com");
        rows[1][2] = "bob@example.com".into();
        rows[4][4] = "1990-02-28".into();
        rows[4][6] = "3".into();
        rows[4][7] = "39".into();
        let mut fixed = csv::Writer::from_writer(Vec::new());
        for row in &rows {
            fixed.write_record(row).expect("written");
        }
        let fixed = fixed.into_inner().expect("written");
        let (report, failures) = shop.checked(&fixed).await;
        assert_eq!(report.counts, counts(2, 1, 0, 2), "{:?}", codes(&failures));
        shop.check_sums().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_says_what_the_run_does_even_where_rows_touch_each_other() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        shop.checked(
            "email,external_id,first_name\na@example.com,1,A\nb@example.com,2,B\nc@example.com,,C\n",
        )
        .await;
        // Addresses move from one to the next; each row alone would be fine.
        let moves = "email,external_id,first_name\n\
            b@example.com,1,A\n\
            n@example.com,2,B\n\
            b@example.com,,New\n\
            c@example.com,,C\n\
            c@example.com,,C\n\
            c@example.com,,Changed\n\
            ,2,B\n";
        let (report, failures) = shop.checked(moves).await;
        assert_eq!(
            codes(&failures),
            [
                (2, "email", "belongs_to_another"),
                (4, "", "repeated"),
                (7, "", "repeated"),
                (8, "", "repeated")
            ]
        );
        assert_eq!(report.counts, counts(0, 1, 2, 4));
        // Now that b@example.com is free the same file takes it.
        let (report, _) = shop.checked(moves).await;
        assert_eq!(report.counts, counts(0, 1, 4, 2));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_cannot_be_read_are_refused_before_anything_is_written() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let before = shop.state().await;
        let refused = async |text: &[u8]| shop.import(text).await.expect_err("refused").to_string();
        let error = refused(b"name,email\nZo\xeb,zoe@example.com\n").await;
        assert_eq!(
            error,
            "line 2, byte 14: expected text in UTF-8; got another encoding. Save the file as CSV UTF-8"
        );
        assert!(refused(b"").await.contains("begins with a line of column names"));
        assert!(refused(b"colour,size\nred,1\n").await.contains("--map"));
        let mut open_quote = b"email\n\"".to_vec();
        open_quote.extend(b"a@example.com\n".repeat(50_000));
        assert!(refused(&open_quote).await.contains("begins in line 2"));
        let elsewhere = ImportRequest {
            program: Some(passgate::domain::id::ProgramId(1)),
            ..shop.request()
        };
        let gone = shop
            .ops
            .import(&elsewhere, || Ok(Cursor::new("email\n")), |_| Ok(()))
            .await;
        assert!(gone.is_err());
        assert_eq!(shop.state().await, before);
        assert_eq!(shop.count("select count(*) from imports").await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_template_is_understood_and_its_examples_are_never_taken() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        shop.add_number("shoe_size", true).await;
        let fields = shop
            .ops
            .fields(shop.merchant, shop.program)
            .await
            .expect("fields");
        let rows = template(Some(passgate::domain::program::ProgramKind::Punch), &fields);
        assert_eq!(rows.len(), 3);
        assert!(rows[0].iter().any(|column| column == "shoe_size"));
        let text = |rows: &[Vec<String>]| {
            let mut out = csv::Writer::from_writer(Vec::new());
            for row in rows {
                out.write_record(row).expect("written");
            }
            out.into_inner().expect("written")
        };
        let (report, failures) = shop.checked(text(&rows)).await;
        assert_eq!(report.counts, counts(0, 0, 0, 2));
        assert_eq!(
            codes(&failures),
            [(2, "example", "example"), (3, "example", "example")]
        );
        assert!(
            report
                .columns
                .iter()
                .all(|(header, column)| header == column.as_str())
        );
        let mut filled = rows;
        for row in &mut filled[1..] {
            row.last_mut().expect("cells").clear();
        }
        let (report, failures) = shop.checked(text(&filled)).await;
        assert_eq!(report.counts, counts(2, 0, 0, 0), "{failures:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_was_interrupted_goes_on_without_doubles_and_ends_like_one_that_was_not() {
    let mut file = String::from("email,external_id,stamps\n");
    for index in 0..1000 {
        // Some fail, and some repeat what came long before the interruption.
        let address = match index % 10 {
            3 => "nobody".to_owned(),
            7 => format!("person{}@example.com", index % 50),
            _ => format!("person{index}@example.com"),
        };
        file.push_str(&format!("{address},,{}\n", index % 7));
    }
    for_each_engine(async |store| {
        let whole = Shop::open(store.clone()).await;
        let (expected, expected_failures) = whole.checked(&file).await;
        let shop = Shop::open(store).await;
        let half = u64::try_from(file.len() / 2).expect("small");
        let opened = Arc::new(AtomicUsize::new(0));
        let open = || {
            let end = if opened.fetch_add(1, Ordering::SeqCst) == 0 {
                u64::MAX
            } else {
                half
            };
            Ok(Broken {
                inner: Cursor::new(file.as_bytes()),
                end,
            })
        };
        let broken = shop.ops.import(&shop.request(), open, |_| Ok(())).await;
        assert!(matches!(broken, Err(ImportError::File(_))), "{broken:?}");
        let merchant = shop.merchant;
        let done: Result<(i64,), Error> = shop
            .ops
            .store
            .read("done", move |tx| {
                Box::pin(async move {
                    tx.one(
                        "select records from imports where merchant_id = $1",
                        &crate::engines::values![merchant],
                    )
                    .await
                })
            })
            .await;
        let done = done.expect("read").0;
        assert!((200..1000).contains(&done), "{done}");
        let (report, failures) = shop.import(&file).await.expect("went on");
        assert_eq!(report.resumed, done);
        assert_eq!(report.counts, expected.counts);
        assert_eq!(failures, expected_failures);
        assert_eq!(
            shop.count("select count(*) from import_marks").await,
            0,
            "they go with the end"
        );
        shop.check_sums().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_exported_comes_back_as_no_change_at_all() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let note = CustomField {
            code: FieldCode::parse("remark").expect("a code"),
            label: "Remark".into(),
            kind: FieldKind::Text,
            required: false,
            position: 0,
        };
        shop.ops
            .add_field(shop.merchant, shop.program, note)
            .await
            .expect("added");
        let awkward = [
            ("=cmd|' /C calc'!A0", "O'Neil", "a@example.com", "=1+1"),
            (
                "'=quoted",
                "\"Quotes\", commas; and\u{a0}spaces",
                "+plus@example.com",
                "'+49",
            ),
            (
                "שלום עולם",
                "👩‍👩‍👧",
                "rtl@example.com",
                "line one\nline two, \"quoted\"",
            ),
            ("-minus", "@at", "-dash@example.com", "''''"),
            ("", "", "UPPER@Example.com", "\u{1d11e} ; \t tab inside"),
        ];
        for (index, (first, last, email, remark)) in awkward.iter().enumerate() {
            let phone = format!("+4915123456{index:03}");
            let profile = shop
                .profile(&[
                    (Field::FirstName, first),
                    (Field::LastName, last),
                    (Field::Email, email),
                    (Field::Phone, &phone),
                    (Field::Birthday, "--02-29"),
                    (Field::ExternalId, &format!("=id;{index}")),
                    (Field::Language, "pt-BR"),
                ])
                .await;
            let remark = if remark.contains('\t') { "plain" } else { remark };
            let person = NewPerson {
                profile,
                program: Some(shop.program),
                answers: vec![("remark".into(), remark.into())],
            };
            let Added::New { customer, card } = shop
                .ops
                .add_customer(shop.merchant, person, Actor::Gateway)
                .await
                .expect("added")
            else {
                panic!("new");
            };
            let mut came = Utm::default();
            came.set(Word::Source, remark);
            came.set(Word::Term, first);
            came.set(
                Word::Campaign,
                if index % 2 == 0 {
                    "=SUM(1)"
                } else {
                    " ü;ber\u{a0}"
                },
            );
            let card = card.expect("a card").card.id;
            let kept = shop.ops.note_landing(shop.merchant, card, came).await;
            assert!(kept.expect("noted"));
            let tags = ["@vip", "=1", "plain"]
                .map(|tag| Tag::parse(tag).expect("a tag"))
                .to_vec();
            shop.ops
                .tag_customer(shop.merchant, customer.id, tags, vec![], Actor::Gateway)
                .await
                .expect("tagged");
        }
        // Somebody without any contact is found again by the serial number.
        let walk_in = Holder {
            name: "Walk-in".into(),
            email: None,
            phone: None,
        };
        shop.ops
            .issue(shop.merchant, shop.program, walk_in)
            .await
            .expect("issued");
        shop.import("email,stamps,spend\nwith@example.com,4,12.50\n")
            .await
            .expect("imported");

        let text = shop.export(Which::Cards, None).await.expect("exported");
        for line in text.lines() {
            for cell in line.split(',') {
                assert!(
                    !cell.trim_start_matches('"').starts_with(['=', '+', '-', '@']),
                    "{cell}"
                );
            }
        }
        assert!(text.contains("\r\n"), "RFC 4180");
        assert!(
            text.contains("utm_source,utm_medium,utm_campaign,utm_content,utm_term"),
            "{text}"
        );
        assert!(text.contains("'=SUM(1)"), "{text}");
        let before = shop.state().await;
        let (report, failures) = shop.checked(&text).await;
        assert_eq!(report.counts, counts(0, 0, 7, 0), "{failures:?}");
        assert_eq!((report.balances_kept, shop.state().await), (0, before));
        let people = shop.export(Which::People, None).await.expect("exported");
        let (report, failures) = shop.checked(&people).await;
        assert_eq!(report.counts, counts(0, 0, 6, 1), "{failures:?}");
        assert_eq!(shop.state().await, before);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_has_the_rows_and_columns_that_were_asked_for_and_is_accounted_for() {
    for_each_engine(async |store| {
        let shop = Shop::with_rules(store, Rules::punch(5).expect("rules")).await;
        let mut file = String::from("email\n");
        for index in 0..450 {
            file.push_str(&format!("p{index:03}@example.com\n"));
        }
        shop.import(&file).await.expect("imported");
        let columns = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
        let lines = |text: String| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let all = lines(
            shop.export(Which::Cards, columns(&["serial_number", "email"]))
                .await
                .expect("exported"),
        );
        assert_eq!(all[0], "serial_number,email");
        let mut newest_first: Vec<String> = shop
            .all_cards()
            .await
            .iter()
            .map(|card| format!("card-{card}"))
            .collect();
        newest_first.reverse();
        let serials: Vec<&str> = all[1..]
            .iter()
            .map(|line| line.split(',').next().expect("cells"))
            .collect();
        assert_eq!(serials, newest_first, "the order of the list, each once");
        let chosen: Vec<CardId> = {
            let all = shop.all_cards().await;
            (0..300).map(|index| all[(index * 7) % all.len()]).collect()
        };
        let expected: Vec<String> = chosen.iter().map(|card| format!("card-{card}")).collect();
        let some = shop
            .export(
                Which::These(Box::new(chosen.into_iter())),
                columns(&["serial_number"]),
            )
            .await;
        assert_eq!(
            lines(some.expect("exported"))[1..],
            expected,
            "in the order that was given"
        );
        let wrong = shop.export(Which::Cards, columns(&["salary"])).await;
        assert!(matches!(wrong, Err(ExportError::NoColumn { got, .. }) if got == "salary"));
        let merchant = shop.merchant;
        let entries: Result<_, Error> = shop
            .ops
            .store
            .read("audit", move |tx| {
                Box::pin(async move { audit::entries(tx, merchant, None, 10).await })
            })
            .await;
        let entries = entries.expect("read");
        let told: Vec<_> = entries
            .iter()
            .map(|entry| (entry.action.as_str(), entry.rows))
            .collect();
        assert_eq!(told, [("export", Some(300)), ("export", Some(450))]);
        assert_eq!(entries[0].actor_id, Some(shop.owner.0));
        assert_eq!(
            entries[0].detail,
            r#"{"columns":["serial_number"],"filter":"a test"}"#
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_an_import_say_so_in_the_ledger() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let (report, _) = shop.checked("email,stamps\nada@example.com,4\n").await;
        let card = shop.all_cards().await[0];
        shop.checked("email,first_name\nada@example.com,Ada\n").await;
        let ada = shop.found("ada").await[0];
        let history = shop.history_of(ada).await;
        assert_eq!(
            (history[0].event.kind, history[0].event.source),
            (EventKind::ProfileEdited, Source::Import)
        );
        assert!(history[0].event.batch.is_some());
        let merchant = shop.merchant;
        let rows: Result<_, Error> = shop
            .ops
            .store
            .read("history", move |tx| {
                Box::pin(async move {
                    let card = cards::card(tx, merchant, card).await?.expect("there").card;
                    events::history(tx, merchant, card.last_event.expect("issued"), 10).await
                })
            })
            .await;
        let rows = rows.expect("read");
        let told: Vec<_> = rows
            .iter()
            .map(|row| (row.event.kind, row.event.delta.punches, row.event.batch))
            .collect();
        assert_eq!(
            told,
            [
                (EventKind::PointsAdded, 4, report.batch),
                (EventKind::CardIssued, 0, report.batch)
            ]
        );
        assert_eq!(
            shop.face(card).await.holder,
            None,
            "an import leaves the name on a card that is there alone"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_card_came_from_is_brought_along_once_and_never_changed() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let (report, failures) = shop
            .checked(
                "email,utm_source,UTM Campaign\nada@example.com, flyer ,Winter sale\nbob@example.com,,\n",
            )
            .await;
        assert_eq!(report.counts, counts(2, 0, 0, 0), "{failures:?}");
        let landing = async |text: &str| {
            let customer = shop.found(text).await[0];
            let sheet = shop
                .ops
                .customer_sheet(shop.merchant, customer)
                .await
                .expect("a sheet");
            let landing = shop.ops.landing(shop.merchant, sheet.cards[0].card.id).await;
            landing.expect("read").map(|landing| landing.utm)
        };
        let came = Utm::from_query("utm_source=flyer&utm_campaign=Winter+sale");
        assert_eq!(landing("ada").await, Some(came.clone()));
        assert_eq!(landing("bob").await, None);

        // The same again, and a part of it, change nothing; another way, or one for who came without, is refused.
        let again = "email,utm_source,utm_campaign,stamps,last_name\n\
            ada@example.com,flyer,,,Lovelace\n\
            bob@example.com,window,,,Builder\n";
        let (report, failures) = shop.checked(again).await;
        assert_eq!(report.counts, counts(0, 1, 0, 1));
        assert_eq!(codes(&failures), [(3, "utm_source", "came_otherwise")]);
        let other = "email,utm_campaign\nada@example.com,Summer sale\n";
        let (report, failures) = shop.checked(other).await;
        assert_eq!(report.counts, counts(0, 0, 0, 1));
        assert_eq!(codes(&failures), [(2, "utm_campaign", "came_otherwise")]);
        assert_eq!(landing("ada").await, Some(came));
        assert_eq!(landing("bob").await, None);
        let some = vec!["utm_source".to_owned(), "email".to_owned()];
        let text = shop.export(Which::Cards, Some(some)).await.expect("exported");
        assert_eq!(
            text,
            "utm_source,email\r\n,bob@example.com\r\nflyer,ada@example.com\r\n"
        );
    })
    .await;
}
