//! The tree against its manual, `docs/passgate.example.toml`, and every way in which a value is refused.

use super::*;
use std::collections::BTreeSet;

const MANUAL: &str = "docs/passgate.example.toml";

fn load(toml: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("passgate.toml");
    std::fs::write(&path, toml).unwrap();
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::load_with(Some(&path), variables.collect())
}

fn error(toml: &str) -> String {
    load(toml, &[]).unwrap_err().to_string()
}

/// The manual with its optional keys, which are commented out as `#key = value` without a space.
fn manual_with_optional_keys() -> String {
    let text = std::fs::read_to_string(MANUAL).unwrap();
    let uncomment = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '[') => rest.to_owned(),
        _ => line.to_owned(),
    };
    text.lines().map(uncomment).collect::<Vec<_>>().join("\n")
}

/// The keys that a table of the tree may have, from the words with which it refuses another.
fn keys_of(header: &str) -> Option<Vec<String>> {
    let refused = toml::from_str::<Config>(&format!("{header}\nno_such_key = 1\n")).unwrap_err();
    let message = refused.message();
    let expected = message.strip_prefix("unknown field `no_such_key`, expected ")?;
    Some(
        expected
            .split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect(),
    )
}

/// Every key of the tree, as `table.key`.
fn tree(header: &str, path: &str, keys: &mut BTreeSet<String>) {
    for key in keys_of(header).unwrap() {
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        let (table, list) = (format!("[{path}]"), format!("[[{path}]]"));
        if keys_of(&table).is_some() {
            tree(&table, &path, keys);
        } else if keys_of(&list).is_some() {
            tree(&list, &path, keys);
        } else {
            keys.insert(path);
        }
    }
}

fn keys_in(value: &toml::Value, path: &str, keys: &mut BTreeSet<String>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                keys_in(value, &path, keys);
            }
        }
        toml::Value::Array(items) if items.iter().any(toml::Value::is_table) => {
            for item in items {
                keys_in(item, path, keys);
            }
        }
        _ => drop(keys.insert(path.to_owned())),
    }
}

#[test]
fn the_manual_states_the_defaults() {
    let manual = Config::load_with(Some(Path::new(MANUAL)), HashMap::new()).unwrap();
    assert_eq!(format!("{manual:#?}"), format!("{:#?}", Config::default()));
    assert_eq!(manual.store.url, Config::default().store.url);
}

#[test]
fn the_manual_has_every_key() {
    let text = manual_with_optional_keys();
    load(&text, &[("PASSGATE__GOOGLE__ISSUER_ID", "1")]).unwrap();
    let mut written = BTreeSet::new();
    keys_in(
        &toml::Value::Table(toml::from_str(&text).unwrap()),
        "",
        &mut written,
    );
    let mut known = BTreeSet::new();
    tree("", "", &mut known);
    assert!(
        known.contains("apple.apns.url") && known.contains("bridge.scanners.profile"),
        "{known:?}"
    );
    // Both kinds of device share one type; a scanner is found by its port and a reader by its name.
    for other in ["bridge.scanners.name", "bridge.readers.path"] {
        assert!(known.remove(other), "{other}");
    }
    assert_eq!(written, known);
}

#[test]
fn an_unknown_key_is_refused_by_name() {
    for toml in [
        "[stoer]\nurl = 'sqlite:x'",
        "[store]\nulr = 'sqlite:x'",
        "[[bridge.scanners]]\nprot = 'x'",
    ] {
        let message = error(toml);
        assert!(
            message.contains("unknown field") && message.contains("expected"),
            "{message}"
        );
    }
    let refused = load("", &[("PASSGATE__STORE__ULR", "sqlite:x")]).unwrap_err();
    assert!(refused.to_string().contains("ulr"), "{refused}");
}

#[test]
fn a_value_of_another_type_is_refused_by_name() {
    assert!(error("[push]\nlease = 'long'").contains("push.lease"));
    assert!(error("[push]\nlease = -1").contains("a duration is a number of seconds from 0 up; got -1"));
    assert!(error("[server]\nlisten = 'everywhere'").contains("listen"));
    let networks = error("[server]\ntrusted_proxies = ['10.0.0.0/8', 'proxy']");
    assert!(
        networks.contains("or a network such as 10.0.0.0/8; got \"proxy\""),
        "{networks}"
    );
    assert!(error("[log]\nformat = 'xml'").contains("xml"));
    assert!(error("[store").contains("passgate.toml"));
}

#[test]
fn a_missing_file_is_named() {
    let missing = Config::load_with(Some(Path::new("/no/such/passgate.toml")), HashMap::new()).unwrap_err();
    assert!(
        missing.to_string().contains("/no/such/passgate.toml"),
        "{missing}"
    );
}

#[test]
fn variables_override_the_file() {
    let variables = [
        ("PASSGATE__STORE__URL", "postgres://passgate:secret@db/passgate"),
        ("PASSGATE__PUSH__CONCURRENCY", "7"),
        ("PASSGATE__PUSH__ENABLED", "false"),
        ("PASSGATE__PUSH__POLL", "0.5"),
        ("PASSGATE__GOOGLE__ISSUER_ID", "3388000000012345678"),
        ("PASSGATE__GOOGLE__SERVICE_ACCOUNT", "/run/secrets/google.json"),
        ("PASSGATE__GOOGLE__ORIGINS", "https://a.example,https://b.example"),
        ("PASSGATE__SERVER__TRUSTED_PROXIES", "127.0.0.1,fd00::/8"),
        ("PASSGATE__LOG__FORMAT", "json"),
        ("PASSGATE_HOME", "/not/ours"),
        ("PATH", "/bin"),
    ];
    let config = load("[store]\nurl = 'sqlite:x'\nconnections = 3", &variables).unwrap();
    assert_eq!(config.store.url, "postgres://passgate:secret@db/passgate");
    assert_eq!(config.store.connections, 3);
    assert_eq!((config.push.concurrency, config.push.enabled), (7, false));
    assert_eq!(config.push.poll, Duration::from_millis(500));
    assert_eq!(config.google.issuer_id, "3388000000012345678");
    assert_eq!(config.google.origins, ["https://a.example", "https://b.example"]);
    let proxies: Vec<_> = config
        .server
        .trusted_proxies
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(proxies, ["127.0.0.1/32", "fd00::/8"]);
    assert_eq!(config.log.format, LogFormat::Json);
    assert!(!format!("{config:?}").contains("secret@"));
}

#[test]
fn values_that_make_no_sense_are_refused() {
    for (toml, key) in [
        ("[server]\nkey = 'a.pem'", "server.certificate"),
        ("[server]\npublic_url = 'cards.example'", "server.public_url"),
        (
            "[server]\npublic_url = 'https://cards.example/'",
            "server.public_url",
        ),
        ("[store]\nurl = 'mysql://x'", "store.url"),
        ("[store]\nconnections = 0", "store.connections"),
        ("[apple.apns]\nurl = 'http://127.0.0.1'", "apple.apns.url"),
        ("[apple.apns]\npriority = 7", "apple.apns.priority"),
        ("[google]\nissuer_id = '1'", "google.service_account"),
        ("[google]\nrequests_per_second = 0", "google.requests_per_second"),
        ("[push]\nconcurrency = 0", "push.concurrency"),
        ("[push]\nlease = 39", "push.lease"),
        ("[push]\npoll = 0", "push.poll"),
        ("[bridge]\ngateway_url = 'gateway'", "bridge.gateway_url"),
        (
            "[[bridge.scanners]]\nid = 'a'\nprofile = 'x'",
            "bridge.scanners[0].path",
        ),
        (
            "[[bridge.readers]]\nid = 'a'\nprofile = 'x'\nname = '('",
            "bridge.readers[0].name",
        ),
        (
            "[[bridge.readers]]\nid = 'a'\nprofile = 'x'\n[[bridge.readers]]\nid = 'a'\nprofile = 'x'",
            "bridge.readers[1].id",
        ),
    ] {
        let message = error(toml);
        assert!(
            message.starts_with(&format!("{key}: expected ")),
            "{toml}: {message}"
        );
    }
}
