//! The commands as a person types them: the real binary, in a folder of its own, through the steps of the README.

mod cards;
mod codes;
mod engagement;
mod letters;
mod messages;
mod people;
mod policies;
mod topics;

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use passgate::clock::Clock;
use serde_json::{Value, json};
use tempfile::TempDir;

mod many;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const PASSWORD: &str = "a long one for tests";
/// Generous: the machine may be busy with other tests.
const DEADLINE: Duration = Duration::from_secs(120);

/// A process that does not outlive the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A folder as on a fresh machine: the example configuration and the templates, and nothing else.
fn fresh() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let root = Path::new(ROOT);
    std::os::unix::fs::symlink(root.join("pass-templates"), folder.path().join("pass-templates"))
        .expect("a link to the templates");
    std::os::unix::fs::symlink(root.join("certs"), folder.path().join("certs")).expect("a link to the certs");
    std::fs::copy(
        root.join("docs/passgate.example.toml"),
        folder.path().join("passgate.toml"),
    )
    .expect("a copy of the example");
    folder
}

fn passgate(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_passgate"));
    command
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PASSGATE_CONFIG", "passgate.toml")
        .env("PASSGATE_OWNER_PASSWORD", PASSWORD)
        .env("PASSGATE_MEMBER_PASSWORD", PASSWORD)
        .env("PASSGATE__SERVER__LISTEN", "127.0.0.1:0")
        .env("PASSGATE__SERVER__PUBLIC_URL", "http://127.0.0.1:0")
        .stdin(Stdio::null());
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What a command printed that must succeed.
fn done(folder: &Path, arguments: &[&str]) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = passgate(folder, arguments).output().expect("it runs");
    assert!(status.success(), "{arguments:?}: {}", text(&stderr));
    text(&stdout)
}

/// What a command complained of that must fail.
fn refused(folder: &Path, arguments: &[&str]) -> String {
    let Output { status, stderr, .. } = passgate(folder, arguments).output().expect("it runs");
    assert!(!status.success(), "{arguments:?} must fail");
    text(&stderr)
}

/// The word after `label` at the start of a line.
fn word(printed: &str, label: &str) -> String {
    let line = printed
        .lines()
        .find_map(|line| line.strip_prefix(label)?.split_whitespace().next());
    line.unwrap_or_else(|| panic!("no line begins with {label}: {printed}"))
        .trim_end_matches(':')
        .to_owned()
}

/// Makes the change that `certs dev` prints, as a person does with an editor.
fn follow_certs_dev(folder: &Path) {
    let printed = done(folder, &["certs", "dev"]);
    let line = printed
        .lines()
        .find(|line| line.starts_with("intermediates = "))
        .expect("the line to replace");
    let block = printed.find("[[apple.pass_types]]").expect("the block to add");
    let path = folder.join("passgate.toml");
    let example = std::fs::read_to_string(&path).expect("the configuration");
    let changed: Vec<&str> = example
        .lines()
        .map(|old| {
            if old.starts_with("intermediates = ") {
                line
            } else {
                old
            }
        })
        .collect();
    let changed = format!("{}\n\n{}", changed.join("\n"), &printed[block..]);
    std::fs::write(path, changed).expect("the configuration");
}

const SETUP: [&str; 5] = [
    "setup",
    "--merchant",
    "Corner Café",
    "--owner-email",
    "you@example.com",
];

/// Starts the gateway and returns its address once it says that it listens.
async fn serve(folder: &Path, config: &str) -> (Running, String) {
    let child = passgate(folder, &["serve"])
        .env("PASSGATE_CONFIG", config)
        .env("PASSGATE__LOG__FORMAT", "json")
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut running = Running(child);
    let mut log = BufReader::new(running.0.stderr.take().expect("a pipe"));
    let listening = tokio::task::spawn_blocking(move || {
        let mut seen = String::new();
        loop {
            let from = seen.len();
            assert_ne!(log.read_line(&mut seen).expect("the log"), 0, "it ended: {seen}");
            if let Some((_, rest)) = seen[from..].split_once("\"address\":\"") {
                let address = rest.split('"').next().expect("a value").to_owned();
                // The pipe is emptied to the end, so that the gateway never waits for a reader.
                std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
                return address;
            }
        }
    });
    let address = tokio::time::timeout(DEADLINE, listening)
        .await
        .expect("it listens in time")
        .expect("it listens");
    (running, format!("http://{address}"))
}

async fn capture(base: &str, key: &str, counter: i64, kind: &str, token: &str) -> (u16, Value) {
    let body = json!({"captures": [{"counter": counter, "kind": kind, "token": token, "captured_at": Clock::System.now()}]});
    let response = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client")
        .post(format!("{base}/api/station/captures"))
        .bearer_auth(key)
        .json(&body)
        .send()
        .await
        .expect("an answer");
    (
        response.status().as_u16(),
        response.json().await.unwrap_or(Value::Null),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_from_a_certificate_to_a_punch() {
    let folder = fresh();
    let folder = folder.path();
    std::fs::copy(folder.join("passgate.toml"), folder.join("plain.toml")).expect("a copy");
    follow_certs_dev(folder);
    let printed = done(folder, &SETUP);
    let (merchant, program) = (word(&printed, "merchant "), word(&printed, "program "));
    let station = word(&printed, "station ");
    let key = std::fs::read_to_string(folder.join("data/station.key")).expect("the key");

    let name = ["--name", "Ada Lovelace"];
    let of = ["--merchant", merchant.as_str(), "--program", program.as_str()];
    let issued = done(folder, &[&["issue"], &of[..], &name[..]].concat());
    let card = word(&issued, "card ");
    let link = issued
        .lines()
        .find_map(|line| line.strip_prefix("http://127.0.0.1:0"))
        .expect("a link");
    let tag = [
        "card",
        "attach-tag",
        "--merchant",
        &merchant,
        "--card",
        &card,
        "--uid",
    ];
    done(folder, &[&tag[..], &["04:A2:24:B1"]].concat());
    let complaint = refused(folder, &[&tag[..], &["04a224b1"]].concat());
    assert!(complaint.contains("belongs to a card already"), "{complaint}");

    let (gateway, base) = serve(folder, "passgate.toml").await;
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let page = http.get(format!("{base}{link}")).send().await.expect("the page");
    assert_eq!(page.status(), 200);
    assert!(page.text().await.expect("a page").contains("Add to Apple Wallet"));
    let pass = http
        .get(format!("{base}{link}/pass.pkpass"))
        .send()
        .await
        .expect("the pass");
    assert_eq!(pass.status(), 200);
    assert!(pass.bytes().await.expect("bytes").starts_with(b"PK"));
    let (status, answer) = capture(&base, key.trim(), 1, "uid", "uid:04a224b1").await;
    assert_eq!(
        (status, &answer["answers"][0]["balance"]["punches"]),
        (200, &json!(1))
    );

    // Beside the running gateway: a second station comes, the first one's key ends at once.
    let of = ["--merchant", merchant.as_str()];
    let second = [
        "--name",
        "Till 2",
        "--new-location",
        "Market",
        "--station-key",
        "second.key",
    ];
    done(folder, &[&["station", "add"], &of[..], &second[..]].concat());
    done(
        folder,
        &[&["station", "revoke"], &of[..], &["--station", &station]].concat(),
    );
    assert_eq!(capture(&base, key.trim(), 2, "uid", "uid:04a224b1").await.0, 401);
    let second = std::fs::read_to_string(folder.join("second.key")).expect("the second key");
    let (status, answer) = capture(&base, second.trim(), 1, "uid", "uid:04a224b1").await;
    assert_eq!(
        (status, &answer["answers"][0]["balance"]["punches"]),
        (200, &json!(2))
    );
    let listed = done(folder, &[&["station", "list"], &of[..]].concat());
    assert!(listed.contains("Till 1 at Corner Café  revoked"), "{listed}");
    assert!(listed.contains("Till 2 at Market  valid"), "{listed}");
    drop(gateway);

    // Without the certificate there is no pass, and no button that would lead to none.
    let (_gateway, base) = serve(folder, "plain.toml").await;
    let page = http.get(format!("{base}{link}")).send().await.expect("the page");
    let page = page
        .error_for_status()
        .expect("a page")
        .text()
        .await
        .expect("a page");
    assert!(!page.contains("Add to Apple Wallet"), "{page}");
    let none = http
        .get(format!("{base}{link}/pass.pkpass"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(none.status(), 404);
    assert_eq!(none.headers()["content-type"], "application/problem+json");
}

#[test]
fn a_merchant_is_set_up_whole_or_not_at_all() {
    let folder = fresh();
    let folder = folder.path();
    follow_certs_dev(folder);
    let cases: [(&[&str], &str); 6] = [
        (
            &["--zone", "Europe/Berln"],
            "--zone: expected an IANA time zone such as Europe/Berlin; got \"Europe/Berln\"",
        ),
        (
            &["--goal", "0"],
            "the goal must be between 1 and 1000 punches; got 0",
        ),
        (&["--template", "tea"], "--template: expected one of coffee"),
        (&["--pass-type", "pass.example.other"], "(pass.example.passgate)"),
        (&["--owner-email", "nobody"], "one @ with something on both sides"),
        (&["--owner-password-file", "short"], "10 to 1024 bytes; got 5"),
    ];
    std::fs::write(folder.join("short"), "short\n").expect("a file");
    for (arguments, sentence) in cases {
        // A later value takes the place of an earlier one only where it is given once.
        let base: Vec<&str> = match arguments[0] {
            "--owner-email" => SETUP[..3].to_vec(),
            _ => SETUP.to_vec(),
        };
        let complaint = refused(folder, &[&base[..], arguments].concat());
        assert!(complaint.contains(sentence), "{arguments:?}: {complaint}");
        assert!(!folder.join("data/station.key").exists(), "{arguments:?}");
        assert!(!folder.join("data/passgate.sqlite").exists(), "{arguments:?}");
    }

    let printed = done(folder, &SETUP);
    let complaint = refused(folder, &SETUP);
    assert!(
        complaint.contains("data/station.key exists already"),
        "{complaint}"
    );
    std::fs::write(folder.join("another"), "not the owner's own\n").expect("a file");
    let again = [
        &SETUP[..],
        &["--station-key", "again.key", "--owner-password-file", "another"],
    ]
    .concat();
    let complaint = refused(folder, &again);
    assert!(complaint.contains("is a member's already"), "{complaint}");
    assert!(!folder.join("again.key").exists());

    let merchant = word(&printed, "merchant ");
    let of = ["--merchant", merchant.as_str(), "--name", "Lunch"];
    let rules = "--goal 5 --punches-per-visit 2 --max-per-day 4 --minimum-gap 60 --carry-over false \
        --reversal-window 600 --visit-gap 1800";
    let rules: Vec<&str> = rules.split_whitespace().collect();
    done(folder, &[&["program", "add"], &of[..], &rules[..]].concat());
    let listed = done(folder, &["program", "list"]);
    assert_eq!(listed.lines().count(), 2, "{listed}");
    assert!(listed.contains("Lunch: Free coffee for 5 punches"), "{listed}");
    let points = r#"{"scheme": {"kind": "points", "per_visit": 5, "rewards": [
        {"code": "mug", "name": "A mug", "points": 50}]}}"#;
    std::fs::write(folder.join("rules.json"), points).expect("a file");
    let from_file = ["--rules", "rules.json", "--template", "points"];
    done(folder, &[&["program", "add"], &of[..], &from_file].concat());
    let listed = done(folder, &["program", "list"]);
    assert!(listed.contains("Lunch: A mug for 50 points"), "{listed}");
    std::fs::write(
        folder.join("rules.json"),
        r#"{"scheme": {"kind": "points", "per_vist": 5}}"#,
    )
    .expect("a file");
    let complaint = refused(folder, &[&["program", "add"], &of[..], &from_file].concat());
    assert!(
        complaint.contains("rules.json") && complaint.contains("per_vist"),
        "{complaint}"
    );
    let both = [&["program", "add"], &of[..], &from_file, &["--goal", "5"]].concat();
    assert!(refused(folder, &both).contains("--goal"));
    done(
        folder,
        &[&["member", "add"], &of[..], &["--email", "ada@example.com"]].concat(),
    );
    let nowhere = [
        "member",
        "add",
        "--merchant",
        "0000000000001",
        "--name",
        "A",
        "--email",
        "a@b.c",
    ];
    assert!(refused(folder, &nowhere).contains("there is no merchant"));
}

#[test]
fn counts_are_shown_and_their_grid_is_changed() {
    let folder = fresh();
    let folder = folder.path();
    follow_certs_dev(folder);
    let printed = done(folder, &SETUP);
    let (merchant, program) = (word(&printed, "merchant "), word(&printed, "program "));
    let of = ["--merchant", merchant.as_str(), "--program", program.as_str()];
    done(
        folder,
        &[&["issue"], &of[..], &["--name", "Ada Lovelace"]].concat(),
    );
    let run = |words: &[&str]| done(folder, &[&["counts"], words].concat());
    let shown = run(&[&["show", "--rules"], &of[..2]].concat());
    assert!(shown.contains("1  All customers"), "{shown}");
    assert!(
        shown.contains("1  New customers\n           Joined in the last 7 days."),
        "{shown}"
    );
    assert!(shown.contains("no visit yet  1"), "{shown}");
    let grid = [&["grid"], &of[..], &["--recency", "10,20", "--visits", "1,4"]].concat();
    let preview = run(&grid);
    assert!(
        preview.contains("11-20 days") && preview.contains("2-4 visits"),
        "{preview}"
    );
    assert!(preview.contains("Nothing has been changed"), "{preview}");
    let applied = run(&[&grid[..], &["--apply"]].concat());
    assert!(applied.contains("in force as version 2"), "{applied}");
    let versions = run(&[&["versions"], &of[..]].concat());
    assert!(versions.starts_with("version 2, since ") && versions.contains("version 1, since the beginning"));
    let backwards = [&["counts", "grid"], &of[..], &["--recency", "20,10"]].concat();
    let complaint = refused(folder, &backwards);
    assert!(complaint.contains("two numbers that grow"), "{complaint}");
    let spent = run(&["lifetime", of[0], of[1], "--customer", program.as_str()]);
    assert_eq!(spent, "nothing spent that is known of\n");
}

#[test]
fn segments_are_asked_for_and_saved() {
    let folder = fresh();
    let folder = folder.path();
    follow_certs_dev(folder);
    let printed = done(folder, &SETUP);
    let of = ["--merchant".to_owned(), word(&printed, "merchant ")];
    let of = of.each_ref().map(String::as_str);
    let program = word(&printed, "program ");
    let mut cards = Vec::new();
    for name in ["Zoë", "Max"] {
        let issue = ["issue", "--program", program.as_str(), "--name", name];
        let issued = done(folder, &[&issue, &of[..]].concat());
        cards.push(word(&issued, "card "));
    }
    let ask = |words: &[&str]| done(folder, &[&["segment"], words, &of[..]].concat());
    let members = ask(&["members", "--rule", "name.has.ZOE"]);
    assert_eq!(members, format!("card {}  Zoë: pending, 0 visits\n", cards[0]));
    assert_eq!(ask(&["count", "--segment", "new"]), "members 2\nreachable 0\n");
    let by_rule = ask(&[
        "add",
        "--name",
        "Quiet",
        "--rule",
        "all(visits.is.0,joined.within.7d)",
    ]);
    let by_list = ask(&["add", "--name", "Chosen", "--card", &cards[1]]);
    let listed = ask(&["list"]);
    assert!(
        listed.contains("inactive_7  Inactive (7+ days): The card has not been ended"),
        "{listed}"
    );
    assert!(
        listed.contains("Quiet: visits is 0 and joined less than 7 days ago"),
        "{listed}"
    );
    let shown = ask(&["show", "--segment", &word(&by_rule, "segment ")]);
    assert!(
        shown.contains("rule all(visits.is.0,joined.within.7d)"),
        "{shown}"
    );
    assert!(shown.contains("members 2"), "{shown}");
    let sorted = ask(&["members", "--rule", "all()", "--sort", "-name", "--limit", "1"]);
    assert_eq!(sorted, format!("card {}  Zoë: pending, 0 visits\n", cards[0]));
    let found = ask(&["members", "--rule", "all()", "--find", "MAX"]);
    assert_eq!(found, format!("card {}  Max: pending, 0 visits\n", cards[1]));
    let job = [
        "job",
        "add-punches",
        "--amount",
        "1",
        "--reason",
        "Hello",
        "--here",
    ];
    let ran = done(
        folder,
        &[&job[..], &["--segment", &word(&by_rule, "segment ")], &of[..]].concat(),
    );
    assert!(ran.contains("2 cards, 2 done"), "{ran}");
    let ran = done(folder, &[&job[..], &["--rule", "name.has.zoe"], &of[..]].concat());
    assert!(ran.contains("1 cards, 1 done"), "{ran}");
    let members = ask(&["members", "--segment", &word(&by_list, "segment ")]);
    assert_eq!(members, format!("card {}  Max: pending, 0 visits\n", cards[1]));

    let refuse = |words: &[&str]| refused(folder, &[&["segment"], words, &of[..]].concat());
    let complaint = refuse(&["count", "--rule", "visits.over.many"]);
    assert!(
        complaint.contains("character 13: expected a whole number; got \"many\""),
        "{complaint}"
    );
    let complaint = refuse(&["count", "--segment", "nobody"]);
    assert!(
        complaint.contains("--segment: expected one of all, ready_to_redeem"),
        "{complaint}"
    );
    let complaint = refuse(&["add", "--name", "QUIET", "--rule", "all()"]);
    assert!(
        complaint.contains("expected one that no other segment has"),
        "{complaint}"
    );
    assert!(
        refuse(&["count"]).contains("--segment"),
        "one of the two is needed"
    );
}

#[test]
fn every_command_has_a_manual_and_an_unknown_key_is_named() {
    let folder = fresh();
    let folder = folder.path();
    let commands = "|serve|bridge|demo|setup|issue|station|station add|station revoke|station list|member|member add\
        |member role|member remove|member list|member first-code|topic|program|program add|program list|card|card attach-tag|card redeem\
        |card void|card restore|card expire|card convert|customer|customer erase|customer keep|customer add\
        |customer show|customer edit|customer update-card|customer find|customer note|customer tag|customer country\
        |field|field add|field list|import|export|segment|segment list|segment add|segment show|segment count\
        |segment members|counts|counts show\
        |counts grid|counts versions|counts lifetime|code|code make|code list|code export|code revoke|code use|seed\
        |invitation|invitation card|invitation addresses|invitation list|invitation bounced|certs|certs dev\
        |job|job add-punches|job add-points|job redeem|job void|job restore|job reverse|job list|job show|job pause\
        |job resume|job cancel|timeline|verify";
    for command in commands.split('|') {
        let words: Vec<&str> = command.split_whitespace().collect();
        let manual = done(folder, &[&["help"], &words[..]].concat());
        assert!(manual.contains("Usage: passgate"), "{command}: {manual}");
        assert!(
            !manual.contains(PASSWORD) && !manual.contains("--owner-password "),
            "{manual}"
        );
    }
    std::fs::write(folder.join("passgate.toml"), "[server]\nlisten_on = \"x\"\n").expect("a file");
    let complaint = refused(folder, &["serve"]);
    assert!(
        complaint.contains("cannot use the configuration passgate.toml"),
        "{complaint}"
    );
    assert!(complaint.contains("listen_on"), "{complaint}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_walks_and_leaves_a_pass_that_others_accept() {
    let folder = fresh();
    let stage = folder.path().join("stage");
    let shown = stage.to_str().expect("a plain path");
    let demo = passgate(folder.path(), &["demo", "--once", "--directory", shown])
        .env_remove("PASSGATE_CONFIG")
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut demo = Running(demo);
    let mut stdout = demo.0.stdout.take().expect("a pipe");
    let printed = tokio::task::spawn_blocking(move || {
        let mut printed = String::new();
        stdout.read_to_string(&mut printed).map(|_| printed)
    });
    let printed = tokio::time::timeout(DEADLINE, printed)
        .await
        .expect("the demo ends in time")
        .expect("no panic")
        .expect("its output");
    assert!(demo.0.wait().expect("it ended").success(), "{printed}");
    for step in [
        "iPhone: add the card",
        "scan: punch 1 reaches the phone",
        "NFC tap: punch 2",
        "the same capture sent twice more",
        "Android: save the card",
        "scan: punch 1 reaches Google Wallet",
        "the gateway is away",
        "the gateway is back",
        "goal reached",
        "the reward is redeemed once",
        "the phone removes the card",
        "the ledger adds up",
    ] {
        assert!(printed.contains(step), "{step}: {printed}");
    }
    let complaint = refused(folder.path(), &["demo", "--once", "--directory", shown]);
    assert!(
        complaint.contains("expected a new or empty folder"),
        "{complaint}"
    );

    for line in [
        "unzip -t card.pkpass",
        "unzip -q card.pkpass -d card",
        "openssl cms -verify -purpose any -binary -inform DER -in card/signature -content card/manifest.json \
         -CAfile certs/dev-root.pem -out checked",
    ] {
        let mut words = line.split_whitespace();
        let program = words.next().expect("a program");
        let output = Command::new(program).args(words).current_dir(&stage).output();
        let output = output.unwrap_or_else(|error| panic!("{program} is needed here: {error}"));
        assert!(output.status.success(), "{line}: {}", text(&output.stderr));
    }
}
