//! The reader of source files, on the forms that once could have misled it.

use super::Source;

fn paths(path: &str, text: &str) -> Vec<String> {
    let source = Source::new(path, text);
    source
        .crate_paths()
        .into_iter()
        .map(|(_, path)| path.join("::"))
        .collect()
}

#[test]
fn groups_are_taken_apart() {
    let text =
        "use crate::{domain::{id::CardId as Id, card}, store, clock::*};\nfn f(_: &crate::ops::Ops) {}";
    let expected = ["domain::id::CardId", "domain::card", "store", "clock", "ops::Ops"];
    assert_eq!(paths("src/web.rs", text), expected);
}

#[test]
fn a_turbofish_ends_a_path() {
    assert_eq!(
        paths("src/web.rs", "crate::store::read::<u8>();"),
        ["store::read"]
    );
}

#[test]
fn super_counts_when_it_leaves_the_room() {
    assert_eq!(
        paths("src/web/error.rs", "use super::super::ops::Ops; use super::Web;"),
        ["ops::Ops"]
    );
    assert_eq!(paths("src/web.rs", "use super::ops::Ops;"), ["ops::Ops"]);
}

#[test]
fn comments_and_literals_are_not_code() {
    let text = r##"//! [`crate::a`]
        /* crate::b /* crate::c */ crate::d */
        const A: &str = "crate::e \" crate::f"; const B: &str = r#"crate::g " crate::h"#;
        const C: char = '"'; fn f<'a>(_: &'a str) { crate::i(); } const D: char = '\''; // crate::j
        "##;
    assert_eq!(paths("src/web.rs", text), ["i"]);
    let literals: Vec<_> = Source::new("src/web.rs", text)
        .literals
        .into_iter()
        .map(|l| l.text)
        .collect();
    assert_eq!(literals, [r#"crate::e \" crate::f"#, r#"crate::g " crate::h"#]);
}

#[test]
fn what_only_tests_see_is_left_out() {
    let text = "use crate::a;\n#[cfg(test)]\nuse crate::{b, c};\n#[cfg(test)]\nmod inner;\n\
                #[cfg(test)]\n#[expect(dead_code)]\nfn f<A, B>(_: A) { crate::d(\"x\") }\n\
                #[cfg(not(test))] use crate::e;\n#[cfg(test)]\nmod tests { use crate::f; }\nuse crate::g;";
    assert_eq!(paths("src/web.rs", text), ["a", "e", "g"]);
    let source = Source::new("src/web.rs", text);
    assert_eq!(source.test_modules, ["inner"]);
    assert!(source.literals.is_empty());
    assert_eq!(
        source.line(source.text.find("crate::g").expect("it is there")),
        12
    );
}

#[test]
fn a_macro_call_has_its_arguments() {
    let source = Source::new(
        "src/web.rs",
        "info!(token = key.expose(), \"sent\"); information!(); info();",
    );
    let calls: Vec<_> = source
        .macro_calls("info")
        .map(|(_, arguments)| arguments)
        .collect();
    assert_eq!(calls, ["(token = key.expose(), \"    \")"]);
}

#[test]
fn text_that_is_cut_short_is_read_to_its_end() {
    for text in [
        "\"abc",
        "r#\"abc",
        "/* abc",
        "'\\",
        "#[cfg(test)]",
        "use crate::{a, ",
        "\"\\",
        "b'",
        "crate::",
    ] {
        Source::new("src/web.rs", text).crate_paths();
    }
}
