//! Writing a message in several languages without any script: added, typed, refused by name, kept, edited and removed.

use super::gateway;
use super::sample::{OWNER, card};
use super::visitor::Visitor;

const NEW: &str = "/console/messages/new";

/// The value of a field as the page has it; none where there is no such field.
fn typed(body: &str, id: &str) -> Option<String> {
    let (_, field) = body.split_once(&format!("id=\"{id}\""))?;
    let field = field.split_once(">")?;
    let value = match field.0.split_once(" value=\"") {
        Some((_, value)) => value.split('"').next()?,
        None => field.1.split('<').next()?,
    };
    Some(value.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn languages_are_added_and_removed_and_nothing_typed_is_lost() {
    let gateway = gateway(2).await;
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    let card = card(1).to_string();
    let form = owner.page(NEW).await.body;
    assert!(form.contains("<option value=\"de\">German</option>"), "{form}");
    assert!(form.contains(">Add language</button>"), "{form}");
    assert_eq!(typed(&form, "text-de"), None);

    let first = [
        ("text", "Soup of the day"),
        ("title", "Today"),
        ("class", "reward"),
        ("to", "card"),
        ("cards", card.as_str()),
    ];
    let with = |more: &[(&'static str, &'static str)]| {
        let mut fields = first.to_vec();
        fields.extend(more);
        fields
    };
    let added = owner
        .submit(NEW, &with(&[("another", "de"), ("languages", "add")]))
        .await;
    assert_eq!(added.status, 200, "nothing is saved by it");
    assert_eq!(typed(&added.body, "text").as_deref(), Some("Soup of the day"));
    assert_eq!(typed(&added.body, "title").as_deref(), Some("Today"));
    assert_eq!(typed(&added.body, "text-de").as_deref(), Some(""));
    assert!(added.body.contains("Text in German") && added.body.contains("On the lock screen, in German"));
    assert!(added.body.contains("Remove German"), "{}", added.body);
    assert!(
        !added.body.contains("<option value=\"de\">"),
        "it is offered once"
    );

    let german = [
        ("language", "de"),
        ("title-de", "Heute"),
        ("text-de", "Suppe <b>des</b> Tages"),
    ];
    let mut both = with(&german);
    both.extend([("another", "fr"), ("languages", "add")]);
    let two = owner.submit(NEW, &both).await.body;
    assert_eq!(typed(&two, "title-de").as_deref(), Some("Heute"));
    assert_eq!(
        typed(&two, "text-de").as_deref(),
        Some("Suppe &lt;b&gt;des&lt;/b&gt; Tages")
    );
    assert!(typed(&two, "text-fr").is_some());

    // One that says nothing yet is refused by its name, beside its field, and everything stays.
    let mut empty = with(&german);
    empty.push(("language", "fr"));
    let refused = owner.submit(NEW, &empty).await;
    assert_eq!(refused.status, 400);
    assert!(
        refused.body.contains("French: Text: write 1 to 500 characters."),
        "{}",
        refused.body
    );
    let (_, beside) = refused
        .body
        .split_once("id=\"text-fr-problem\"")
        .expect("beside the field");
    assert!(
        beside.starts_with(">Text: write 1 to 500 characters."),
        "{beside}"
    );
    assert_eq!(refused.body.matches("aria-invalid=\"true\"").count(), 1);
    assert_eq!(typed(&refused.body, "title-de").as_deref(), Some("Heute"));
    let address = owner
        .submit(
            NEW,
            &with(&[("language", "de"), ("text-de", "siehe https://example.com")]),
        )
        .await;
    assert!(
        address.body.contains("German: Write words only"),
        "{}",
        address.body
    );

    let mut removed = empty.clone();
    removed.push(("languages", "remove:fr"));
    let one = owner.submit(NEW, &removed).await;
    assert_eq!((one.status, typed(&one.body, "text-fr")), (200, None));
    assert_eq!(typed(&one.body, "title-de").as_deref(), Some("Heute"));
    assert_eq!(
        owner
            .page("/console/messages")
            .await
            .body
            .matches("Soup of the day")
            .count(),
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_shows_edits_and_copies_all_its_languages() {
    let gateway = gateway(3).await;
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    let ahead = format!(
        "{NEW}?to=built_in:all&class=reward&text=Soup&language=de&title-de=Heute&text-de=Suppe&language=pt-BR&text-pt-BR=Sopa"
    );
    let looked = owner.page(&ahead).await.body;
    assert_eq!(
        typed(&looked, "text-pt-BR").as_deref(),
        Some("Sopa"),
        "an address carries all of it"
    );
    let fields = [
        ("text", "Soup"),
        ("class", "reward"),
        ("to", "built_in:all"),
        ("language", "pt-BR"),
        ("text-pt-BR", "Sopa"),
        ("language", "de"),
        ("title-de", "Heute"),
        ("text-de", "Suppe\r\ndes Tages"),
    ];
    let saved = owner.submit(NEW, &fields).await.location.expect("a message");
    let shown = owner.page(&saved).await.body;
    for part in [
        "<h3>German</h3>",
        "<h3>Portuguese (Brazil)</h3>",
        "Suppe\ndes Tages",
        "Heute",
        "Sopa",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let list = owner.page("/console/messages").await.body;
    assert!(list.contains("also in German, Portuguese (Brazil)"), "{list}");
    let german = owner.page_in(&saved, "de").await.body;
    assert!(german.contains("<h3>Portugiesisch (Brasilien)</h3>"), "{german}");

    let copy = owner.submit(&format!("{saved}/duplicate"), &[]).await.location;
    let copied = owner.page(&copy.expect("a copy")).await.body;
    assert!(
        copied.contains("<h3>German</h3>") && copied.contains("Sopa"),
        "{copied}"
    );

    let edit = format!("{saved}/edit");
    let form = owner.page(&edit).await.body;
    assert_eq!(typed(&form, "title-de").as_deref(), Some("Heute"));
    let mut without = fields[..5].to_vec();
    without.push(("version", "1"));
    let step = [("languages", "add"), ("another", "fr")];
    let added = owner.submit(&edit, &[&without[..], &step[..]].concat()).await;
    assert_eq!(added.status, 200);
    assert!(typed(&added.body, "text-fr").is_some());
    assert_eq!(owner.submit(&edit, &without).await.status, 303);
    let shown = owner.page(&saved).await.body;
    assert!(
        shown.contains("Sopa") && !shown.contains("<h3>German</h3>"),
        "{shown}"
    );
    let stale = owner.submit(&edit, &without).await;
    assert_eq!(stale.status, 400);
    assert_eq!(typed(&stale.body, "text-pt-BR").as_deref(), Some("Sopa"));
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_only_so_many_languages() {
    let gateway = gateway(1).await;
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    let tags = ["da", "de", "es", "fi", "fr", "it", "nl", "pl", "sv"];
    let names: Vec<String> = tags.iter().map(|tag| format!("text-{tag}")).collect();
    let mut fields = vec![("text", "Soup"), ("to", "built_in:all")];
    fields.extend(names.iter().map(|name| (name.as_str(), "x")));
    let refused = owner.submit(NEW, &fields).await;
    assert_eq!(refused.status, 400);
    assert!(
        refused.body.contains("there can be 8 languages"),
        "{}",
        refused.body
    );
    fields.pop();
    let full = owner
        .submit(
            NEW,
            &[&fields[..], &[("languages", "add"), ("another", "sv")][..]].concat(),
        )
        .await;
    assert!(
        full.body
            .contains("Besides the first text there can be 8 languages."),
        "{}",
        full.body
    );
    assert!(!full.body.contains("Add language"), "{}", full.body);
}
