//! The console in German is German: every page, every refusal and every failure is read for words that only the English
//! catalogue has.

use std::collections::BTreeSet;

use passgate::web::console::words::{ENGLISH, GERMAN, Words};
use tokio_util::sync::CancellationToken;

use super::gateway;
use super::matrix::{Line, Method, lines};
use super::sample::{OWNER, VIEWER, card};
use super::visitor::{Gateway, Page, Visitor};

const LANGUAGE: &str = "de-DE,de;q=0.9,en;q=0.5";

/// What the merchant of the sample has written, in whatever language.
const OF_THE_SAMPLE: [&str; 8] = [
    "Coffee card",
    "Free coffee",
    "Lunch club",
    "Free lunch",
    "Reader&#39;s card",
    "Reader's card",
    "A paperback",
    "Till 1",
];

/// The texts of a catalogue that have nothing to fill in, in the order in which they are written.
fn texts(words: &Words) -> Vec<String> {
    let shown = format!("{words:?}");
    let mut texts = Vec::new();
    let mut rest = shown.as_str();
    while let Some((_, after)) = rest.split_once(": \"") {
        let mut end = 0;
        let bytes = after.as_bytes();
        while bytes[end] != b'"' {
            end += if bytes[end] == b'\\' { 2 } else { 1 };
        }
        texts.push(after[..end].replace("\\\"", "\""));
        rest = &after[end..];
    }
    texts
}

/// A text in words. What is written as code (`visits.over.9`, `all(…)`, an address) is none.
fn words_of(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split_whitespace().filter_map(|token| {
        let token = token.trim_matches(|letter: char| !letter.is_alphanumeric() && letter != ')');
        let is_word = token
            .chars()
            .all(|letter| letter.is_alphabetic() || letter == '’');
        (is_word && !token.is_empty()).then(|| token.to_lowercase())
    })
}

/// Words that English texts have and German ones have not.
fn foreign() -> BTreeSet<String> {
    let all = |words: &Words| -> BTreeSet<String> {
        texts(words)
            .iter()
            .flat_map(|text| words_of(text).collect::<Vec<_>>())
            .collect()
    };
    let german = all(&GERMAN);
    let mut foreign = all(&ENGLISH);
    foreign.retain(|word| !german.contains(word));
    // Both languages have these; the catalogue happens to say them in English alone.
    for word in [
        "a", "test", "system", "person", "in", "so", "am", "plan", "start", "name", "link", "form", "version",
    ] {
        foreign.remove(word);
    }
    // The switch says each language in itself.
    foreign.remove("english");
    foreign
}

#[test]
fn the_catalogues_differ_in_every_sentence() {
    let (english, german) = (texts(&ENGLISH), texts(&GERMAN));
    assert_eq!(english.len(), german.len());
    assert!(english.len() > 600, "{}", english.len());
    for (english, german) in english.iter().zip(&german) {
        if words_of(english).count() > 2 {
            assert_ne!(english, german);
        }
    }
    let foreign = foreign();
    for word in ["the", "customer", "cards", "expected", "not"] {
        assert!(foreign.contains(word), "{word}");
    }
    let german = texts(&GERMAN);
    for text in german.iter().filter(|text| words_of(text).count() > 2) {
        let english: Vec<String> = words_of(text).filter(|word| foreign.contains(word)).collect();
        assert!(english.is_empty(), "{text}: {english:?}");
    }
}

/// What somebody reads or hears of a page: its texts and the attributes that are said.
fn said(body: &str) -> Vec<String> {
    let mut body = body.to_owned();
    for data in OF_THE_SAMPLE {
        body = body.replace(data, "");
    }
    // What a phone shows is in the language of the card; code is in none.
    for (begins, ends) in [
        ("<figure id=\"pass\"", "</figure>"),
        ("<figure class=\"pass", "</figure>"),
        ("<script", "</script>"),
        ("<code", "</code>"),
        ("<textarea", "</textarea>"),
    ] {
        while let Some(from) = body.find(begins) {
            let to = body[from..]
                .find(ends)
                .map_or(body.len(), |to| from + to + ends.len());
            body.replace_range(from..to, " ");
        }
    }
    let mut found = Vec::new();
    for piece in body.split('<') {
        let (tag, text) = piece.split_once('>').unwrap_or(("", piece));
        found.push(text.to_owned());
        for name in [
            "aria-label",
            "title",
            "data-label",
            "alt",
            "data-command",
            "label",
        ] {
            for value in tag.split(&format!(" {name}=\"")).skip(1) {
                found.push(value.split('"').next().unwrap_or_default().to_owned());
            }
        }
    }
    // What may stand in a rule is the language of rules, whatever the page's is.
    for text in &mut found {
        if let (Some(from), Some(to)) = (text.find("erwartet wird"), text.find("; dort ")) {
            text.replace_range(from..to, "");
        }
    }
    found.retain(|text| !text.trim().is_empty());
    found
}

/// What of a page is English.
fn english(page: &Page, foreign: &BTreeSet<String>) -> Vec<String> {
    if !page.header("content-type").starts_with("text/html") {
        return Vec::new();
    }
    let is_english = |text: &String| words_of(text).any(|word| foreign.contains(&word));
    said(&page.body).into_iter().filter(is_english).collect()
}

async fn visit(visitor: &Visitor, line: &Line<'_>, path: &str) -> Page {
    match line.method {
        Method::Post => visitor.submit(path, &line.fields).await,
        Method::Get | Method::Live => visitor.page(path).await,
    }
}

async fn german(gateway: &Gateway, email: &str) -> Visitor {
    Visitor::signed_in(gateway, email).await.speaking(LANGUAGE)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_and_no_refusal_says_an_english_word() {
    let gateway = gateway(12).await;
    let (owner, viewer) = (german(&gateway, OWNER).await, german(&gateway, VIEWER).await);
    let foreign = foreign();
    let mut wrong = Vec::new();
    let mut read = 0;
    for line in lines() {
        if line.method == Method::Live || (line.method == Method::Post && line.action.is_none()) {
            continue;
        }
        if line.path.contains("styleguide") {
            continue;
        }
        for number in [1, 4, 7, 9] {
            let path = line
                .path
                .replace("{card}", &card(number).to_string())
                .replace("{id}", "0000000000009");
            for (who, visitor) in [("owner", &owner), ("viewer", &viewer)] {
                let page = visit(visitor, &line, &path).await;
                assert!(page.status < 500, "{path}: {}", page.status);
                read += 1;
                for text in english(&page, &foreign) {
                    wrong.push(format!(
                        "{:?} {path} ({who}, {}): {text}",
                        line.method, page.status
                    ));
                }
            }
            if !line.path.contains("{card}") {
                break;
            }
        }
    }
    assert!(read > 200, "{read}");
    let other = Visitor::signed_in(&gateway, OWNER).await;
    let found = english(&other.page("/console/cards").await, &foreign);
    assert!(found.len() > 20, "English is found where it is: {found:?}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_is_shown_in_german_and_what_is_wrong_with_it_too() {
    let gateway = gateway(12).await;
    let owner = german(&gateway, OWNER).await;
    let foreign = foreign();
    let rule = "all(status.is.installed,visits.over.2,not(email.empty))";
    let saved = [("name", "Treue"), ("rule", rule), ("shared", "yes")];
    assert_eq!(owner.submit("/console/segments/new", &saved).await.status, 303);
    let message = [
        ("text", "Heute zwei für eins"),
        ("class", "reward"),
        ("to", "built_in:all"),
        ("language", "nl"),
        ("text-nl", "Vandaag"),
    ];
    let message = owner.submit("/console/messages/new", &message).await;
    let message = message.location.expect("a message");
    let mut pages = vec![
        owner.page("/console/segments").await,
        owner.page("/console/messages").await,
        owner.page(&message).await,
        owner.page(&format!("{message}/edit")).await,
    ];
    for (fields, said) in [
        (
            vec![("text", "siehe https://example.com"), ("to", "built_in:all")],
            "gehört in den Link",
        ),
        (
            vec![("text", ""), ("to", "built_in:all")],
            "Schreiben Sie 1 bis 500 Zeichen",
        ),
        (
            vec![("text", "Hallo"), ("to", "built_in:all"), ("language", "nl")],
            "Niederländisch: Text: Schreiben Sie 1 bis 500 Zeichen",
        ),
        (
            vec![("text", "Hallo"), ("to", "rule"), ("rule", "visits.over.many")],
            "erwartet wird eine ganze Zahl",
        ),
        (
            vec![("text", "Hallo"), ("to", "card"), ("cards", "")],
            "Noch ist niemand ausgewählt",
        ),
        (
            vec![
                ("text", "Hallo"),
                ("to", "built_in:all"),
                ("at", "2020-01-01T10:00"),
            ],
            "schon vorbei",
        ),
        (
            vec![("text", "Hallo"), ("to", "program:nonsense")],
            "für wen die Nachricht ist",
        ),
    ] {
        let page = owner.submit("/console/messages/new", &fields).await;
        assert_eq!(page.status, 400, "{fields:?}");
        assert!(page.body.contains(said), "{said}: {}", page.body);
        pages.push(page);
    }
    let unconfirmed = [("version", "1"), ("confirm", "2")];
    let page = owner.submit(&format!("{message}/send"), &unconfirmed).await;
    assert_eq!(page.status, 409);
    assert!(page.body.contains("eingetippt haben Sie 2"), "{}", page.body);
    pages.push(page);
    owner.submit(&format!("{message}/cancel"), &[]).await;
    for act in ["cancel", "pause", "resume", "send"] {
        let page = owner.submit(&format!("{message}/{act}"), &unconfirmed).await;
        assert_eq!(page.status, 409, "{act}");
        pages.push(page);
    }
    for (path, said) in [
        (
            "/console/cards?rule=visits.over.many",
            "Zeichen 13: erwartet wird eine ganze Zahl",
        ),
        ("/console/cards?segment=nobody", "Segment, das es nicht gibt"),
        ("/console/cards?rule=status.is.gone", "eines von pending"),
        ("/console/segments/new?rule=x", "erwartet wird all(…)"),
        ("/console/nowhere", "Nicht gefunden"),
        ("/console/cards/nonsense", "Nicht gefunden"),
    ] {
        let page = owner.page(path).await;
        assert!(page.body.contains(said), "{path}: {}", page.body);
        pages.push(page);
    }
    let long = "x".repeat(100_000);
    let page = owner.submit("/console/segments/new", &[("name", &long)]).await;
    assert_eq!(page.status, 413);
    assert!(page.body.contains("Das ist zu lang"), "{}", page.body);
    pages.push(page);
    let foreign_form = owner
        .submit_from("/console/segments/new", "cross-site", "https://elsewhere.example")
        .await;
    assert_eq!(foreign_form.status, 403);
    assert!(
        foreign_form.body.contains("anderen Website"),
        "{}",
        foreign_form.body
    );
    pages.push(foreign_form);
    let viewer = german(&gateway, VIEWER).await;
    let refused = viewer.page("/console/messages/new").await;
    assert_eq!(refused.status, 403);
    assert!(
        refused.body.contains("mindestens die Rolle Bearbeiter"),
        "{}",
        refused.body
    );
    pages.push(refused);
    let tampered = owner
        .submit(
            "/console/settings/members/invite",
            &[("email", "a@b.example"), ("role", "emperor")],
        )
        .await;
    assert_eq!(tampered.status, 400);
    pages.push(tampered);
    for page in &pages {
        let english = english(page, &foreign);
        assert!(english.is_empty(), "{english:#?}");
    }
}

/// The page of a file after its dry run.
async fn tried(gateway: &Gateway, visitor: &Visitor, file: &str) -> String {
    let sent = visitor
        .send_file("/console/tools/import", &[], "people.csv", file.as_bytes())
        .await;
    let address = sent.location.expect("the file's page");
    let meanings = ["first_name", "email", "birthday"].map(|meaning| ("meaning", meaning));
    let chosen = visitor.submit(&format!("{address}/columns"), &meanings).await;
    assert_eq!(chosen.status, 303, "{}", chosen.body);
    let stop = CancellationToken::new();
    while gateway.web().ops.work_uploads(&stop).await.expect("worked") {}
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_not_taken_are_explained_in_the_language_of_who_downloads_them() {
    let gateway = gateway(1).await;
    let file = "Vorname,E-Mail,Geburtstag\nAda,nonsense,1990-01-01\nBob,bob@mail.example,yesterday\n";
    let owner = german(&gateway, OWNER).await;
    let address = tried(&gateway, &owner, file).await;
    let page = owner.page(&address).await;
    assert!(page.body.contains("Hat nicht die Form"), "{}", page.body);
    let english = english(&page, &foreign());
    assert!(english.is_empty(), "{english:#?}");
    let failed = owner.page(&format!("{address}/failed.csv")).await.body;
    assert!(
        failed.contains("Zeile 2: E-Mail: Hat nicht die Form, die hier stehen muss."),
        "{failed}"
    );
    let other = Visitor::signed_in(&gateway, OWNER).await;
    let failed = other.page(&format!("{address}/failed.csv")).await.body;
    assert!(
        failed.contains("line 2: E-Mail: Expected an address such as"),
        "{failed}"
    );
}
