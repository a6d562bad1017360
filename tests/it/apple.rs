//! Passes from certificate and template to a signed archive, judged by `openssl` and `unzip`.

mod identity;
mod template;
mod translated;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use passgate::apple::{self, Bundle, Passes, WebService, dev_chain};
use passgate::config;
use passgate::domain::face::{CardFace, Prices};
use passgate::domain::id::{CardId, MerchantId, PassTypeIdentifier, ProgramId, SerialNumber};
use passgate::domain::program::{PricedReward, ProgramKind};
use passgate::domain::secret::{AuthenticationToken, MasterKey};
use passgate::domain::time::Timestamp;
use proptest::prelude::*;
use tempfile::TempDir;

const NOW: Timestamp = Timestamp(1_790_000_000_000);
const DAY: Duration = Duration::from_secs(86_400);

/// A development chain and the repository's templates, in a folder of their own.
struct Workshop {
    folder: TempDir,
    chain: dev_chain::PassChain,
    config: config::Apple,
    templates: PathBuf,
    token: AuthenticationToken,
}

impl Workshop {
    /// With a chain made once for all tests: making RSA keys takes longer than what is tested.
    fn new() -> Self {
        static CHAIN: OnceLock<Vec<(OsString, Vec<u8>)>> = OnceLock::new();
        let files = CHAIN.get_or_init(|| {
            let made = Self::with_own_chain();
            let entries = fs::read_dir(made.folder.path()).expect("read");
            entries
                .map(|entry| entry.expect("entry"))
                .map(|entry| (entry.file_name(), fs::read(entry.path()).expect("read")))
                .collect()
        });
        let folder = TempDir::new().expect("temporary folder");
        for (name, content) in files {
            fs::write(folder.path().join(name), content).expect("write");
        }
        let chain = dev_chain::PassChain {
            root: folder.path().join("dev-root.pem"),
            certificate: folder.path().join("pass.example.coffee.pem"),
            key: folder.path().join("pass.example.coffee.key"),
        };
        Self::with(folder, chain)
    }

    fn with_own_chain() -> Self {
        let folder = TempDir::new().expect("temporary folder");
        let chain =
            dev_chain::write_pass_chain(folder.path(), &pass_type(), "TEAM12345X", NOW).expect("chain");
        Self::with(folder, chain)
    }

    fn with(folder: TempDir, chain: dev_chain::PassChain) -> Self {
        let config = config::Apple {
            pass_types: vec![config::PassType {
                certificate: chain.certificate.clone(),
                key: chain.key.clone(),
            }],
            intermediates: folder.path().to_path_buf(),
            ..config::Apple::default()
        };
        let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("pass-templates");
        let token = MasterKey::from_bytes([7; 32]).authentication_token(MerchantId(1), CardId(1));
        Self {
            folder,
            chain,
            config,
            templates,
            token,
        }
    }

    fn load_at(&self, now: Timestamp) -> Result<Passes, apple::Error> {
        Passes::load(&self.config, &self.templates, now)
    }

    fn passes(&self) -> Passes {
        self.load_at(NOW).expect("passes")
    }

    fn refusal(&self) -> String {
        self.load_at(NOW).err().expect("must be refused").to_string()
    }

    fn build(&self, passes: &Passes, face: &CardFace) -> Bundle {
        let links = WebService {
            url: "https://cards.example/apple/",
            authentication_token: &self.token,
        };
        passes.build(face, &links, NOW).expect("pass")
    }

    /// A copy of the coffee template that a test may spoil.
    fn own_template(&mut self) -> PathBuf {
        let source = self.templates.join("coffee");
        self.templates = self.folder.path().join("templates");
        let target = self.templates.join("coffee");
        copy(&source, &target);
        target
    }
}

fn copy(source: &Path, target: &Path) {
    fs::create_dir_all(target).expect("folder");
    for entry in fs::read_dir(source).expect("read") {
        let path = entry.expect("entry").path();
        let to = target.join(path.file_name().expect("name"));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).expect("copy");
        }
    }
}

fn pass_type() -> PassTypeIdentifier {
    PassTypeIdentifier::parse("pass.example.coffee").expect("identifier")
}

fn face() -> CardFace {
    CardFace {
        merchant: MerchantId(1),
        program: ProgramId(1),
        installed_as: ProgramId(1),
        card: CardId(1),
        merchant_name: "Café Süd".into(),
        program_name: "Coffee card".into(),
        reward_name: "Free coffee".into(),
        template: "coffee".into(),
        pass_type_identifier: pass_type(),
        serial_number: SerialNumber::parse("card-0000000000001").expect("serial number"),
        holder: Some("Ada".into()),
        code: "PG1ABCDEFGH".into(),
        kind: ProgramKind::Punch,
        punches: 3,
        points: 0,
        goal: 10,
        rewards: 0,
        tier: None,
        prices: Prices::default(),
        void: false,
        redeemed: false,
        expires_at: None,
        locations: true,
        version: 4,
        changed_at: NOW,
        news: None,
        link: None,
    }
}

fn files(bundle: &Bundle) -> BTreeMap<String, Vec<u8>> {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bundle.to_vec())).expect("archive");
    let mut files = BTreeMap::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).expect("entry");
        let name = file.name().expect("name").into_owned();
        let mut data = Vec::new();
        file.read_to_end(&mut data).expect("content matching its CRC");
        assert!(files.insert(name, data).is_none(), "two entries of one name");
    }
    files
}

fn pass_json(bundle: &Bundle) -> serde_json::Value {
    serde_json::from_slice(&files(bundle)["pass.json"]).expect("JSON")
}

#[expect(clippy::disallowed_methods, reason = "independent readers judge the archive")]
fn run(program: &str, arguments: &[&str], folder: &Path) -> (bool, String) {
    let output = std::process::Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap_or_else(|error| panic!("{program} is needed by this test: {error}"));
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

#[test]
fn openssl_and_unzip_accept_a_pass() {
    let workshop = Workshop::new();
    let bundle = workshop.build(&workshop.passes(), &face());
    let folder = workshop.folder.path();
    fs::write(folder.join("card.pkpass"), bundle.to_vec()).expect("write");
    assert_eq!(bundle.len(), bundle.to_vec().len());

    let (accepted, said) = run("unzip", &["-t", "card.pkpass"], folder);
    assert!(accepted && said.contains("No errors"), "{said}");
    assert!(!said.contains("warning"), "{said}");

    let files = files(&bundle);
    fs::write(folder.join("manifest.json"), &files["manifest.json"]).expect("write");
    fs::write(folder.join("signature"), &files["signature"]).expect("write");
    let root = workshop.chain.root.to_str().expect("path");
    let verify = [
        "cms",
        "-verify",
        "-inform",
        "DER",
        "-in",
        "signature",
        "-content",
        "manifest.json",
        "-binary",
        "-CAfile",
        root,
        "-purpose",
        "any",
        "-attime",
        "1790000000",
        "-out",
        "/dev/null",
    ];
    let (accepted, said) = run("openssl", &verify, folder);
    assert!(accepted, "{said}");

    let (_, shown) = run(
        "openssl",
        &["cms", "-cmsout", "-print", "-inform", "DER", "-in", "signature"],
        folder,
    );
    for expected in [
        "signingTime",
        "messageDigest",
        "contentType",
        "UTCTIME:Sep 21",
        "sha256",
    ] {
        assert!(shown.contains(expected), "{expected} is missing in {shown}");
    }

    let mut spoilt = files["manifest.json"].clone();
    spoilt[10] ^= 1;
    fs::write(folder.join("manifest.json"), spoilt).expect("write");
    let (accepted, _) = run("openssl", &verify, folder);
    assert!(!accepted, "a changed manifest must not verify");
}

#[test]
fn the_manifest_covers_every_file() {
    let workshop = Workshop::new();
    let files = files(&workshop.build(&workshop.passes(), &face()));
    let manifest: BTreeMap<String, String> =
        serde_json::from_slice(&files["manifest.json"]).expect("manifest");
    let expected: BTreeMap<String, String> = files
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "manifest.json" | "signature"))
        .map(|(name, data)| (name.clone(), hex::encode(openssl::sha::sha1(data))))
        .collect();
    assert_eq!(manifest, expected);
    for name in [
        "icon.png",
        "icon@2x.png",
        "icon@3x.png",
        "logo@2x.png",
        "strip@3x.png",
        "de.lproj/pass.strings",
        "pass.json",
    ] {
        assert!(manifest.contains_key(name), "{name} is missing");
    }
    let text = std::str::from_utf8(&files["manifest.json"]).expect("text");
    let sorted = serde_json::to_string(&manifest).expect("sorted");
    assert_eq!(text, sorted, "names must be sorted");
}

#[test]
fn the_same_face_gives_the_same_bytes() {
    let workshop = Workshop::new();
    let (first, second) = (workshop.passes(), workshop.passes());
    let one = workshop.build(&first, &face());
    let remembered = workshop.build(&first, &face());
    let again = workshop.build(&second, &face());
    assert_eq!(one.to_vec(), remembered.to_vec());
    assert_eq!(
        one.to_vec(),
        again.to_vec(),
        "RSA signatures of the same second are equal too"
    );

    let links = WebService {
        url: "https://cards.example/apple",
        authentication_token: &workshop.token,
    };
    let later = workshop
        .passes()
        .build(&face(), &links, NOW.plus(DAY))
        .expect("pass");
    let (mut before, mut after) = (files(&one), files(&later));
    assert_ne!(before.remove("signature"), after.remove("signature"));
    assert_eq!(before, after, "only the signature knows the time");
}

#[test]
fn pass_json_shows_the_card() {
    let workshop = Workshop::new();
    let json = pass_json(&workshop.build(&workshop.passes(), &face()));
    assert_eq!(json["formatVersion"], 1);
    assert_eq!(json["passTypeIdentifier"], "pass.example.coffee");
    assert_eq!(json["teamIdentifier"], "TEAM12345X");
    assert_eq!(json["organizationName"], "Café Süd");
    assert_eq!(json["webServiceURL"], "https://cards.example/apple");
    assert_eq!(json["authenticationToken"], workshop.token.expose());
    assert_eq!(json["barcodes"][0]["message"], "PG1ABCDEFGH");
    assert_eq!(json["barcode"], json["barcodes"][0]);
    assert_eq!(json["backgroundColor"], "rgb(42, 26, 19)");
    assert_eq!(json["storeCard"]["headerFields"][0]["value"], "3 of 10");
    assert_eq!(
        json["storeCard"]["headerFields"][0].get("changeMessage"),
        None,
        "only the news ring"
    );
    assert_eq!(json.get("voided"), None);

    assert_eq!(json.get("expirationDate"), None);
    let used = CardFace {
        kind: ProgramKind::Coupon,
        redeemed: true,
        expires_at: Some(Timestamp(1_790_000_000_999)),
        ..face()
    };
    let json = pass_json(&workshop.build(&workshop.passes(), &used));
    assert_eq!(json["voided"], true);
    assert_eq!(json["expirationDate"], "2026-09-21T14:13:20Z");

    let void = CardFace {
        void: true,
        holder: None,
        ..face()
    };
    let json = pass_json(&workshop.build(&workshop.passes(), &void));
    assert_eq!(json["voided"], true);
    assert!(
        !json.to_string().contains("\"holder\""),
        "a field without a value is left out"
    );
}

#[test]
fn a_value_shaped_like_a_date_stays_a_text() {
    let workshop = Workshop::new();
    let dated = CardFace {
        holder: Some("2026-11-22T10:00Z".into()),
        ..face()
    };
    let json = pass_json(&workshop.build(&workshop.passes(), &dated));
    assert_eq!(
        json["storeCard"]["auxiliaryFields"][0]["value"],
        "\u{2060}2026-11-22T10:00Z"
    );
}

#[test]
fn passes_of_points_and_coupon_programs_are_built_with_either_template() {
    let workshop = Workshop::new();
    let passes = workshop.passes();
    let mug = PricedReward {
        code: "mug".into(),
        name: "A mug".into(),
        points: 400,
    };
    let points = |template: &str, points, covered: bool| CardFace {
        template: template.into(),
        kind: ProgramKind::Points,
        goal: 0,
        punches: 0,
        points,
        rewards: i64::from(covered),
        tier: Some("Gold".into()),
        prices: Prices {
            covered: covered.then(|| mug.clone()),
            next: (!covered).then(|| mug.clone()),
        },
        ..face()
    };
    let json = pass_json(&workshop.build(&passes, &points("points", 120, false)));
    let value = |place: &str, at: usize| json["storeCard"][place][at]["value"].clone();
    assert_eq!(value("headerFields", 0), "120");
    assert_eq!(value("secondaryFields", 0), "280 to go: A mug");
    assert_eq!(value("auxiliaryFields", 1), "Gold");
    let json = pass_json(&workshop.build(&passes, &points("coffee", 450, true)));
    assert_eq!(json["storeCard"]["headerFields"][0]["value"], "450 points");
    assert_eq!(json["storeCard"]["secondaryFields"][0]["value"], "Ready: A mug");
    for balance in [i64::MIN, -5, 0, 399, i64::MAX] {
        workshop.build(&passes, &points("points", balance, false));
    }
    for template in ["points", "coffee"] {
        let coupon = CardFace {
            template: template.into(),
            kind: ProgramKind::Coupon,
            goal: 0,
            punches: 0,
            ..face()
        };
        workshop.build(&passes, &coupon);
    }
}

#[test]
fn each_count_has_its_own_strip_and_shares_the_rest() {
    let workshop = Workshop::new();
    let passes = workshop.passes();
    let mut strips = std::collections::BTreeSet::new();
    for (punches, rewards) in [(0, 0), (1, 0), (9, 0), (0, 1)] {
        let bundle = workshop.build(
            &passes,
            &CardFace {
                punches,
                rewards,
                ..face()
            },
        );
        strips.insert(files(&bundle)["strip@2x.png"].clone());
    }
    assert_eq!(strips.len(), 4);
    let one = workshop.build(
        &passes,
        &CardFace {
            holder: Some("Ada".into()),
            ..face()
        },
    );
    let other = workshop.build(
        &passes,
        &CardFace {
            holder: Some("Bob".into()),
            ..face()
        },
    );
    assert_eq!(
        one.blob.as_ptr(),
        other.blob.as_ptr(),
        "the blob is shared, not copied"
    );
    for goal in [1, 2, 5, 7, 13, 20, 21, 1000] {
        workshop.build(
            &passes,
            &CardFace {
                goal,
                punches: goal - 1,
                ..face()
            },
        );
    }
}
