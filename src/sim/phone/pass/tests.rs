//! The reader of passes, on whole ones and on everything that can be wrong with one.

use super::*;
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::BasicConstraints;
use openssl::x509::{X509Builder, X509NameBuilder};
use proptest::prelude::*;
use std::io::Write as _;
use std::sync::LazyLock;

struct Chain {
    root: X509,
    leaf: X509,
    key: PKey<Private>,
}

/// One chain for all tests of this file: making keys is slow.
static CHAIN: LazyLock<Chain> = LazyLock::new(|| {
    let key = || PKey::ec_gen("prime256v1").expect("a key");
    let (root_key, leaf_key) = (key(), key());
    let root = certificate(&[(Nid::COMMONNAME, "Root")], &root_key, None);
    let names = [
        (Nid::USERID, "pass.example.test"),
        (Nid::COMMONNAME, "Pass Type ID: pass.example.test"),
        (Nid::ORGANIZATIONALUNITNAME, "TEAM123456"),
    ];
    let leaf = certificate(&names, &leaf_key, Some((&root, &root_key)));
    Chain {
        root,
        leaf,
        key: leaf_key,
    }
});

fn certificate(names: &[(Nid, &str)], key: &PKey<Private>, issuer: Option<(&X509, &PKey<Private>)>) -> X509 {
    let mut subject = X509NameBuilder::new().expect("a name");
    for (nid, text) in names {
        subject.append_entry_by_nid(*nid, text).expect("an entry");
    }
    let subject = subject.build();
    let mut builder = X509Builder::new().expect("a builder");
    builder.set_version(2).expect("version");
    let serial = BigNum::from_u32(if issuer.is_some() { 2 } else { 1 }).expect("a number");
    builder
        .set_serial_number(&serial.to_asn1_integer().expect("an integer"))
        .expect("serial");
    builder.set_subject_name(&subject).expect("subject");
    builder
        .set_issuer_name(issuer.map_or(&subject, |(issuer, _)| issuer.subject_name()))
        .expect("issuer");
    builder
        .set_not_before(&Asn1Time::days_from_now(0).expect("a time"))
        .expect("from");
    builder
        .set_not_after(&Asn1Time::days_from_now(2).expect("a time"))
        .expect("until");
    builder.set_pubkey(key).expect("public key");
    if issuer.is_none() {
        let authority = BasicConstraints::new()
            .critical()
            .ca()
            .build()
            .expect("an extension");
        builder.append_extension(authority).expect("extension");
    }
    builder
        .sign(issuer.map_or(key, |(_, key)| key), MessageDigest::sha256())
        .expect("signed");
    builder.build()
}

fn pass_json() -> Value {
    serde_json::json!({
        "formatVersion": 1,
        "passTypeIdentifier": "pass.example.test",
        "serialNumber": "card-1",
        "teamIdentifier": "TEAM123456",
        "organizationName": "Example",
        "description": "A card",
        "webServiceURL": "https://example.test/passkit/1/",
        "authenticationToken": "0123456789abcdef",
        "barcodes": [{ "format": "PKBarcodeFormatQR", "message": "code", "messageEncoding": "utf-8" }],
        "storeCard": { "primaryFields": [{ "key": "balance", "value": "3 of 10", "changeMessage": "Now %@" }] }
    })
}

type Files = BTreeMap<String, Vec<u8>>;

fn files(json: &Value) -> Files {
    let mut files = Files::from([
        ("pass.json".to_owned(), json.to_string().into_bytes()),
        ("icon.png".to_owned(), b"picture".to_vec()),
        ("de.lproj/pass.strings".to_owned(), b"\"a\" = \"b\";".to_vec()),
    ]);
    let digests: BTreeMap<&String, String> = files
        .iter()
        .map(|(name, content)| {
            (
                name,
                hex::encode(hash(MessageDigest::sha1(), content).expect("a digest")),
            )
        })
        .collect();
    let manifest = serde_json::to_vec_pretty(&digests).expect("JSON");
    files.insert("signature".to_owned(), signature(&manifest));
    files.insert("manifest.json".to_owned(), manifest);
    files
}

fn signature(content: &[u8]) -> Vec<u8> {
    let flags = CMSOptions::DETACHED | CMSOptions::BINARY | CMSOptions::NOSMIMECAP;
    let cms = CmsContentInfo::sign(Some(&CHAIN.leaf), Some(&CHAIN.key), None, Some(content), flags);
    cms.and_then(|cms| cms.to_der()).expect("a signature")
}

fn zip(files: &Files) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        writer
            .start_file(name.as_str(), zip::write::SimpleFileOptions::default())
            .expect("a file");
        writer.write_all(content).expect("memory");
    }
    writer.finish().expect("a zip").into_inner()
}

fn open(files: &Files) -> Result<Pass, PassFault> {
    Pass::open(&zip(files), std::slice::from_ref(&CHAIN.root))
}

#[test]
fn a_sound_pass_is_read() {
    let pass = open(&files(&pass_json())).expect("a sound pass");
    assert_eq!(pass.serial_number, "card-1");
    assert_eq!(
        pass.web_service_url.as_deref(),
        Some("https://example.test/passkit/1")
    );
    assert_eq!(pass.field("balance"), Some("3 of 10"));
    assert_eq!(pass.code.as_deref(), Some("code"));
    assert!(!format!("{pass:?}").contains("0123456789abcdef"));
}

#[test]
fn one_wrong_thing_is_enough_to_refuse_a_pass() {
    type Spoil = fn(&mut Files);
    let rows: [(&str, Spoil); 9] = [
        ("No entry in manifest", |files| {
            files.insert("extra.png".into(), vec![]);
        }),
        ("not in the pass", |files| {
            files.remove("de.lproj/pass.strings");
        }),
        ("The SHA-1 of", |files| {
            files.insert("icon.png".into(), b"other".to_vec());
        }),
        ("Manifest signature did not verify", |files| {
            let manifest = files.get_mut("manifest.json").expect("a manifest");
            manifest.push(b'\n');
        }),
        ("Manifest signature did not verify", |files| {
            files.insert("signature".into(), b"garbage".to_vec());
        }),
        ("no signature", |files| {
            files.remove("signature");
        }),
        ("no manifest.json", |files| {
            files.remove("manifest.json");
        }),
        ("plain, unique", |files| {
            files.insert("folder/x.png".into(), vec![]);
        }),
        ("plain, unique", |files| {
            files.insert("../x.png".into(), vec![]);
        }),
    ];
    for (problem, spoil) in rows {
        let mut files = files(&pass_json());
        spoil(&mut files);
        let fault = open(&files).expect_err(problem).to_string();
        assert!(fault.to_lowercase().contains(&problem.to_lowercase()), "{fault}");
    }
}

#[test]
fn a_wrong_dictionary_is_refused_however_well_it_is_signed() {
    type Spoil = fn(&mut Value);
    let rows: [(&str, Spoil); 8] = [
        ("'formatVersion'", |json| {
            drop(json.as_object_mut().expect("an object").remove("formatVersion"));
        }),
        ("'serialNumber'", |json| json["serialNumber"] = Value::from(17)),
        ("authenticationToken", |json| {
            json["authenticationToken"] = Value::from("short");
        }),
        ("authenticationToken", |json| {
            drop(json.as_object_mut().expect("an object").remove("webServiceURL"));
        }),
        ("may not match your certificate", |json| {
            json["passTypeIdentifier"] = Value::from("pass.other");
        }),
        ("may not match your certificate", |json| {
            json["teamIdentifier"] = Value::from("OTHER");
        }),
        ("%@", |json| {
            json["storeCard"]["primaryFields"][0]["changeMessage"] = Value::from("Changed");
        }),
        ("twice", |json| {
            json["storeCard"]["backFields"] = serde_json::json!([{ "key": "balance", "value": 1 }]);
        }),
    ];
    for (problem, spoil) in rows {
        let mut json = pass_json();
        spoil(&mut json);
        let fault = open(&files(&json)).expect_err(problem).to_string();
        assert!(fault.contains(problem), "{fault}");
    }
}

#[test]
fn a_signer_that_nobody_vouches_for_is_refused() {
    let pass = zip(&files(&pass_json()));
    assert!(matches!(Pass::open(&pass, &[]), Err(PassFault::Signature(_))));
}

#[test]
fn only_the_signature_tells_two_equal_passes_apart() {
    let (one, two) = (files(&pass_json()), files(&pass_json()));
    assert!(open(&one).expect("sound").looks_like(&open(&two).expect("sound")));
    let mut json = pass_json();
    json["voided"] = Value::from(true);
    let other = open(&files(&json)).expect("sound");
    assert!(other.voided && !other.looks_like(&open(&one).expect("sound")));
}

proptest! {
    #[test]
    fn no_bytes_make_reading_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Pass::open(&bytes, &[]).is_err());
    }

    #[test]
    fn a_pass_damaged_anywhere_is_refused_or_looks_the_same(at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let sound = open(&files(&pass_json())).expect("sound");
        let mut bytes = zip(&files(&pass_json()));
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        if let Ok(pass) = Pass::open(&bytes, std::slice::from_ref(&CHAIN.root)) {
            prop_assert!(pass.looks_like(&sound));
        }
    }
}
