//! What each room of `src` may do. The import table is the one in `src/lib.rs`: it is the law, and is read there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

use regex_lite::Regex;

use crate::source::Source;
use crate::{Broken, assert_kept, broken_at, production, read};

fn room(source: &Source) -> &str {
    source.modules().first().copied().unwrap_or("the root")
}

/// What one room may import, as paths from the crate's root.
#[derive(Debug, PartialEq)]
enum Allowed {
    Everything,
    Paths(Vec<Vec<String>>),
}

impl Allowed {
    fn holds(&self, path: &[String]) -> bool {
        match self {
            Self::Everything => true,
            Self::Paths(paths) => paths.iter().any(|allowed| path.starts_with(allowed)),
        }
    }
}

/// The table in the documentation of `src/lib.rs`: rooms in its first column, what they may import in its third.
fn import_table(lib: &str) -> BTreeMap<String, Allowed> {
    let name = Regex::new(r"`([a-z_0-9:A-Z]+)`").expect("a valid pattern");
    let names = |cell: &str| -> Vec<String> {
        name.captures_iter(cell)
            .map(|found| found[1].to_owned())
            .collect()
    };
    let mut table = BTreeMap::new();
    for line in lib.lines().filter(|line| line.starts_with("//! | [")) {
        let cells: Vec<&str> = line.trim_start_matches("//! |").split('|').collect();
        let (rooms, allowed) = (cells[0], cells[2]);
        for room in names(rooms) {
            let allowed = if allowed.trim() == "everything" {
                Allowed::Everything
            } else {
                let split = |path: String| path.split("::").map(str::to_owned).collect();
                Allowed::Paths(names(allowed).into_iter().map(split).collect())
            };
            table.insert(room, allowed);
        }
    }
    table
}

#[test]
fn every_room_imports_only_what_the_table_in_lib_allows() {
    let lib = read(Path::new("src/lib.rs"));
    let table = import_table(&lib);
    let module = Regex::new(r"(?m)^(?:pub )?mod ([a-z_]+);").expect("a valid pattern");
    let rooms: BTreeSet<String> = module
        .captures_iter(&lib)
        .map(|found| found[1].to_owned())
        .collect();
    let listed: BTreeSet<String> = table.keys().cloned().collect();
    assert_eq!(
        rooms, listed,
        "the modules of src/lib.rs and the rooms of its table must be the same"
    );

    let mut broken = Broken::new();
    for source in production() {
        let Some(allowed) = table.get(room(&source)) else {
            continue;
        };
        for (at, path) in source.crate_paths() {
            let Some(target) = path.first() else { continue };
            if rooms.contains(target) && target != room(&source) && !allowed.holds(&path) {
                let rule = format!("`{}` may not import this (table in src/lib.rs)", room(&source));
                broken.push(broken_at(
                    &source,
                    at,
                    &rule,
                    format!("crate::{}", path.join("::")),
                ));
            }
        }
    }
    assert_kept(&broken);
}

#[test]
fn the_domain_is_pure() {
    const IMPURE: [&str; 13] = [
        "async",
        "await",
        "tokio",
        "axum",
        "http",
        "reqwest",
        "rand",
        "tracing",
        "metrics",
        "SystemTime",
        "Instant",
        "println",
        "eprintln",
    ];
    let standard =
        Regex::new(r"\bstd\s*::\s*\{?\s*(fs|net|env|process|thread|io)\b").expect("a valid pattern");
    let mut broken = Broken::new();
    for source in production().iter().filter(|source| room(source) == "domain") {
        let rule = "`domain` never awaits, and asks neither the machine nor the network";
        for word in IMPURE {
            broken.extend(source.words(word).map(|at| broken_at(source, at, rule, word)));
        }
        let uses = standard.find_iter(&source.code);
        broken.extend(uses.map(|found| broken_at(source, found.start(), rule, found.as_str())));
    }
    assert_kept(&broken);
}

/// What a statement looks like. Prose is told apart by where `select` stands and how it is written.
static SQL: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let patterns = [
        r"^\s*(select|SELECT)\b[\s\S]*\b(from|FROM)\b",
        r"^\s*(select|SELECT)\s+([0-9]+\s*$|[a-z_]+\()",
        r"^\s*(with|WITH)\s+(recursive\s+)?[a-z_]+\s*(\([a-z_, ]*\)\s*)?(as|AS)\s*\(",
        r"(?i)\binsert\s+(or\s+\w+\s+)?into\s+\w",
        r"(?i)\bupdate\s+\w+\s+set\s",
        r"(?i)\bdelete\s+from\s+\w",
        r"(?i)\b(create|alter|drop)\s+(unique\s+)?(table|index|schema|database)\s",
        r"(?i)^\s*pragma\s+\w",
    ];
    let compile = |pattern: &&str| Regex::new(pattern).expect("a valid pattern");
    patterns.iter().map(compile).collect()
});

fn is_sql(literal: &str) -> bool {
    SQL.iter().any(|pattern| pattern.is_match(literal))
}

#[test]
fn sql_is_told_from_prose() {
    for sql in [
        "select card_id from cards",
        "\n  SELECT 1\n",
        "select nextval($1)",
        "with a as (select 1) select * from a",
        "insert into cards values ($1)",
        "update cards set tag = $1",
        "delete from pushes where",
        "pragma x = 1",
    ] {
        assert!(is_sql(sql), "{sql}");
    }
    for prose in [
        "Select a card from the list",
        "select",
        "SELECT {name}",
        "<select name=",
        "an update set aside",
        "inserted into the reader",
        "could not select the application",
        "with love from us",
    ] {
        assert!(!is_sql(prose), "{prose}");
    }
}

#[test]
fn only_the_store_holds_sql() {
    let mut broken = Broken::new();
    for source in production().iter().filter(|source| room(source) != "store") {
        let rule = "only `store` contains SQL";
        for literal in source.literals.iter().filter(|literal| is_sql(&literal.text)) {
            let start: String = literal.text.trim().chars().take(60).collect();
            broken.push(broken_at(source, literal.at, rule, format!("{start:?}")));
        }
        for driver in [
            "rusqlite",
            "tokio_postgres",
            "deadpool_postgres",
            "postgres_openssl",
        ] {
            broken.extend(source.words(driver).map(|at| broken_at(source, at, rule, driver)));
        }
    }
    assert_kept(&broken);
}

#[test]
fn only_web_error_decides_the_status_of_an_error() {
    // Rooms that read a provider's statuses, or stand in for a provider, must name them.
    const TALK_TO_OTHERS: [&str; 5] = ["apple", "google", "web_push", "bridge", "sim"];
    // Constants of `http::StatusCode` from 400 on.
    const ERRORS: &str = "BAD_REQUEST UNAUTHORIZED PAYMENT_REQUIRED FORBIDDEN NOT_FOUND METHOD_NOT_ALLOWED \
        NOT_ACCEPTABLE PROXY_AUTHENTICATION_REQUIRED REQUEST_TIMEOUT CONFLICT GONE LENGTH_REQUIRED \
        PRECONDITION_FAILED PAYLOAD_TOO_LARGE CONTENT_TOO_LARGE URI_TOO_LONG UNSUPPORTED_MEDIA_TYPE \
        RANGE_NOT_SATISFIABLE EXPECTATION_FAILED IM_A_TEAPOT MISDIRECTED_REQUEST UNPROCESSABLE_ENTITY \
        UNPROCESSABLE_CONTENT LOCKED FAILED_DEPENDENCY TOO_EARLY UPGRADE_REQUIRED PRECONDITION_REQUIRED \
        TOO_MANY_REQUESTS REQUEST_HEADER_FIELDS_TOO_LARGE UNAVAILABLE_FOR_LEGAL_REASONS INTERNAL_SERVER_ERROR \
        NOT_IMPLEMENTED BAD_GATEWAY SERVICE_UNAVAILABLE GATEWAY_TIMEOUT HTTP_VERSION_NOT_SUPPORTED \
        VARIANT_ALSO_NEGOTIATES INSUFFICIENT_STORAGE LOOP_DETECTED NOT_EXTENDED NETWORK_AUTHENTICATION_REQUIRED";
    let errors: BTreeSet<&str> = ERRORS.split_whitespace().collect();
    let constant =
        Regex::new(r"\bStatusCode\s*::\s*([A-Z_]+)\b|\bStatusCode\s*::\s*from_u16\s*\(\s*([45][0-9]{2})")
            .expect("a valid pattern");
    let mut broken = Broken::new();
    for source in production() {
        if source.path == "src/web/error.rs" || TALK_TO_OTHERS.contains(&room(&source)) {
            continue;
        }
        for found in constant.captures_iter(&source.code) {
            let whole = found.get(0).expect("the whole match");
            if found.get(1).is_none_or(|name| errors.contains(name.as_str())) {
                let rule = "only src/web/error.rs turns errors into statuses: return an ApiError";
                broken.push(broken_at(&source, whole.start(), rule, whole.as_str()));
            }
        }
    }
    assert_kept(&broken);
}

#[test]
fn only_clients_open_outgoing_connections() {
    const CLIENTS: [&str; 7] = ["apple", "google", "web_push", "bridge", "sim", "app", "cli"];
    let client = Regex::new(r"\b(reqwest|h2|yup_oauth2|a2)\s*::").expect("a valid pattern");
    let mut broken = Broken::new();
    for source in production()
        .iter()
        .filter(|source| !CLIENTS.contains(&room(source)))
    {
        let rule = "outgoing HTTP belongs to `apple`, `google`, `web_push` and `bridge`";
        let uses = client.find_iter(&source.code);
        broken.extend(uses.map(|found| broken_at(source, found.start(), rule, found.as_str())));
    }
    assert_kept(&broken);
}

#[test]
fn metrics_have_the_names_of_the_enum() {
    let name = Regex::new(r"\b(describe_)?(counter|gauge|histogram)!").expect("a valid pattern");
    let mut broken = Broken::new();
    for source in production().iter().filter(|source| room(source) != "telemetry") {
        let rule = "a metric is a variant of telemetry::Metric";
        let uses = name.find_iter(&source.code);
        broken.extend(uses.map(|found| broken_at(source, found.start(), rule, found.as_str())));
    }
    assert_kept(&broken);
}

#[test]
fn no_secret_is_logged() {
    const MACROS: [&str; 12] = [
        "trace",
        "debug",
        "info",
        "warn",
        "error",
        "event",
        "span",
        "trace_span",
        "debug_span",
        "info_span",
        "warn_span",
        "error_span",
    ];
    let mut broken = Broken::new();
    for source in production() {
        for name in MACROS {
            for (at, arguments) in source.macro_calls(name) {
                for exposed in [".expose()", ".expose_secret()"]
                    .into_iter()
                    .filter(|call| arguments.contains(call))
                {
                    let rule = "a secret is never logged";
                    broken.push(broken_at(&source, at, rule, format!("{exposed} in {name}!")));
                }
            }
        }
    }
    assert_kept(&broken);
}
