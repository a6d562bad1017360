//! Every address of the console with every role: who may not is told so before anything else is looked at, and who may is
//! never told so.

use std::collections::BTreeSet;
use std::path::Path;

use passgate::domain::access::Action;
use passgate::domain::member::Role;
use secrecy::SecretString;

use super::gateway;
use super::sample::{MERCHANT, OWNER, PASSWORD, card};
use super::visitor::Visitor;

/// Method, address, the action that it is, and the fields that the form needs to be read at all. `{id}` stands for
/// something that is not there. Addresses that say `-` are everybody's who is signed in, or who is not.
const ADDRESSES: &str = include_str!("matrix.txt");

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
    /// A stream, whose end nobody waits for.
    Live,
}

pub(super) struct Line<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) action: Option<Action>,
    pub(super) fields: Vec<(&'a str, &'a str)>,
}

pub(super) fn lines() -> Vec<Line<'static>> {
    let lines = ADDRESSES
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let mut words = line.split_whitespace();
            let (method, path) = (words.next().expect("a method"), words.next().expect("a path"));
            let action = words.next().expect("an action");
            let action = (action != "-").then(|| Action::parse(action).expect(action));
            let fields = words.filter_map(|field| field.split_once('=')).collect();
            Line {
                method: match method {
                    "GET" => Method::Get,
                    "POST" => Method::Post,
                    "LIVE" => Method::Live,
                    other => panic!("a method; got {other}"),
                },
                path,
                action,
                fields,
            }
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_role_is_refused_what_it_may_not_do_at_every_address() {
    let gateway = gateway(1).await;
    let ops = &gateway.web().ops;
    let password = SecretString::from(PASSWORD);
    let mut members = Vec::new();
    for role in Role::ALL {
        let email = format!("{}@roles.example", role.as_str());
        ops.add_member(MERCHANT, "Somebody", &email, role, &password)
            .await
            .expect("a member");
        members.push((role, Visitor::signed_in(&gateway, &email).await));
    }
    let stranger = Visitor::new(&gateway);
    let card = card(1).to_string();
    let mut wrong = Vec::new();
    for line in lines() {
        // Nothing may be there to be changed, but the card itself must be: an act on nothing proves nothing.
        let path = line
            .path
            .replace("{card}", &card)
            .replace("{id}", "0000000000009");
        let Some(action) = line.action else { continue };
        let nobody = status(&stranger, &line, &path).await;
        // The sign-in page itself answers a form that has something to keep.
        let keeps = line.method == Method::Post && !line.fields.is_empty() && !path.contains("/settings");
        let expected = if line.method == Method::Live || keeps {
            401
        } else {
            303
        };
        assert_eq!(
            nobody, expected,
            "{path} without a session leads to the sign-in page"
        );
        for (role, member) in &members {
            let may = role.may(action);
            // Whoever may is asked only for what changes nothing: acts have tests of their own.
            if may && line.method == Method::Post {
                continue;
            }
            let answer = status(member, &line, &path).await;
            let what = format!("{:?} {path} as {}", line.method, role.as_str());
            if (answer == 403) == may {
                wrong.push(format!("{what}: {answer}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(
        Visitor::signed_in(&gateway, OWNER)
            .await
            .page("/console/cards")
            .await
            .status,
        200
    );
}

async fn status(visitor: &Visitor, line: &Line<'_>, path: &str) -> u16 {
    match line.method {
        Method::Get => visitor.page(path).await.status,
        Method::Post => visitor.submit(path, &line.fields).await.status,
        Method::Live => visitor.stream(path, None).await.status().as_u16(),
    }
}

/// The last parts of the addresses that the sources name, so that none is forgotten above.
#[test]
fn every_address_in_the_sources_has_its_line() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web");
    let mut files = vec![root.join("console.rs")];
    let mut folders = vec![root.join("console")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    let known: BTreeSet<String> = lines().iter().map(|line| plain(line.path)).collect();
    let mut missing = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a file");
        for part in text.split(".route(").skip(1) {
            let (_, rest) = part.split_once('"').expect("a path");
            let (path, _) = rest.split_once('"').expect("its end");
            let path = plain(path);
            if path != "/" && !known.iter().any(|known| known.ends_with(&path)) {
                missing.push(format!("{}: {path}", file.display()));
            }
        }
    }
    assert!(missing.is_empty(), "add to matrix.txt: {missing:#?}");
}

/// An address with every placeholder alike.
fn plain(path: &str) -> String {
    let parts = path
        .split('/')
        .map(|part| if part.starts_with('{') { "{}" } else { part });
    let path = parts.collect::<Vec<_>>().join("/");
    path.split('?').next().unwrap_or_default().to_owned()
}
