//! Certificates and keys: which are taken, which are refused and with what words.

use super::*;

#[test]
fn a_key_of_another_certificate_is_refused() {
    let mut workshop = Workshop::new();
    let other = TempDir::new().expect("folder");
    let foreign = dev_chain::write_pass_chain(other.path(), &pass_type(), "TEAM12345X", NOW).expect("chain");
    workshop.config.pass_types[0].key = foreign.key;
    let refusal = workshop.refusal();
    assert!(
        refusal.contains("does not belong to the certificate"),
        "{refusal}"
    );
    assert!(
        refusal.contains("use the key that its certificate request was made with"),
        "{refusal}"
    );
}

#[test]
fn a_certificate_outside_its_time_is_refused() {
    let workshop = Workshop::new();
    let late = NOW.plus(400 * DAY);
    let refusal = workshop.load_at(late).err().expect("expired").to_string();
    assert!(
        refusal.contains("expired at 2027-10-") && refusal.contains("make a new certificate"),
        "{refusal}"
    );
    let refusal = workshop
        .load_at(NOW.minus(3 * DAY))
        .err()
        .expect("too early")
        .to_string();
    assert!(refusal.contains("not valid before 2026-09-20"), "{refusal}");

    let links = WebService {
        url: "https://cards.example",
        authentication_token: &workshop.token,
    };
    let refusal = workshop
        .passes()
        .build(&face(), &links, late)
        .expect_err("expired")
        .to_string();
    assert!(refusal.contains("expired at"), "{refusal}");
}

#[test]
fn an_intermediate_that_did_not_issue_the_certificate_is_refused() {
    let mut workshop = Workshop::new();
    workshop.config.intermediates = Path::new(env!("CARGO_MANIFEST_DIR")).join("certs");
    let refusal = workshop.refusal();
    assert!(
        refusal.contains(
            "apple-wwdr-g4.pem (5bd9fa1de79a1a0ba39976225086 3e91c85b77a8)"
                .replace(' ', "")
                .as_str()
        ) || refusal.contains("5bd9fa1de79a1a0ba3997622"),
        "{refusal}"
    );
    assert!(refusal.contains("put Apple's matching intermediate"), "{refusal}");
}

#[test]
fn files_that_are_no_identity_are_refused() {
    let mut workshop = Workshop::new();
    let chain = workshop.chain.clone();
    workshop.config.pass_types[0].certificate = chain.root.clone();
    workshop.config.pass_types[0].key = chain.key.clone();
    assert!(workshop.refusal().contains("does not belong"));

    workshop.config.pass_types[0].certificate = chain.key.clone();
    assert!(
        workshop
            .refusal()
            .contains("expected a certificate as PEM or DER")
    );

    workshop.config.pass_types[0].certificate = chain.certificate.clone();
    workshop.config.pass_types[0].key = chain.certificate.clone();
    assert!(workshop.refusal().contains("expected an unencrypted private key"));

    workshop.config.pass_types[0].key = workshop.folder.path().join("absent.key");
    assert!(workshop.refusal().contains("absent.key"));

    let server = dev_chain::write_server_chain(workshop.folder.path(), NOW).expect("server chain");
    workshop.config.pass_types[0].certificate = server.certificate;
    workshop.config.pass_types[0].key = server.key;
    assert!(workshop.refusal().contains("not a Pass Type ID certificate"));

    let double = config::PassType {
        certificate: chain.certificate,
        key: chain.key,
    };
    workshop.config.pass_types = vec![double.clone(), double];
    assert!(workshop.refusal().contains("are both for pass.example.coffee"));
}

#[test]
fn a_locked_key_is_refused_without_asking_for_a_passphrase() {
    let mut workshop = Workshop::new();
    let pem = fs::read(&workshop.chain.key).expect("key");
    let key = openssl::pkey::PKey::private_key_from_pem(&pem).expect("key");
    let locked = key
        .private_key_to_pem_pkcs8_passphrase(openssl::symm::Cipher::aes_256_cbc(), b"secret")
        .expect("locked");
    let path = workshop.folder.path().join("locked.key");
    fs::write(&path, locked).expect("write");
    workshop.config.pass_types[0].key = path;
    assert!(workshop.refusal().contains("expected an unencrypted private key"));
}

#[test]
fn keys_as_pkcs_1_and_certificates_as_der_are_taken() {
    let mut workshop = Workshop::new();
    let key =
        openssl::pkey::PKey::private_key_from_pem(&fs::read(&workshop.chain.key).expect("key")).expect("key");
    let path = workshop.folder.path().join("old-style.key");
    fs::write(
        &path,
        key.rsa().expect("RSA").private_key_to_pem().expect("PKCS#1"),
    )
    .expect("write");
    workshop.config.pass_types[0].key = path;
    let certificate =
        openssl::x509::X509::from_pem(&fs::read(&workshop.chain.certificate).expect("read")).expect("PEM");
    let path = workshop.folder.path().join("pass.cer");
    fs::write(&path, certificate.to_der().expect("DER")).expect("write");
    workshop.config.pass_types[0].certificate = path;
    let passes = workshop.passes();
    let identity = passes.identity(&pass_type()).expect("identity");
    assert!(
        identity
            .key_pem()
            .expect("PEM")
            .starts_with(b"-----BEGIN PRIVATE KEY-----")
    );
    assert_eq!(identity.team_identifier(), "TEAM12345X");
    assert_eq!(passes.pass_types().collect::<Vec<_>>(), [&pass_type()]);
}

#[test]
fn development_files_are_private_and_never_overwritten() {
    use std::os::unix::fs::PermissionsExt as _;
    let workshop = Workshop::with_own_chain();
    let folder = workshop.folder.path();
    for entry in fs::read_dir(folder).expect("read") {
        let path = entry.expect("entry").path();
        if path.extension().is_some_and(|extension| extension == "key") {
            let mode = fs::metadata(&path).expect("metadata").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", path.display());
        }
    }
    let before = fs::read(&workshop.chain.key).expect("key");
    let again = dev_chain::write_pass_chain(folder, &pass_type(), "TEAM12345X", NOW);
    assert!(again.expect_err("exists").to_string().contains("exists already"));
    assert_eq!(fs::read(&workshop.chain.key).expect("key"), before);

    let second = PassTypeIdentifier::parse("pass.example.tea").expect("identifier");
    let chain = dev_chain::write_pass_chain(folder, &second, "TEAM12345X", NOW).expect("second pass type");
    let both = config::Apple {
        pass_types: vec![
            workshop.config.pass_types[0].clone(),
            config::PassType {
                certificate: chain.certificate,
                key: chain.key,
            },
        ],
        ..workshop.config.clone()
    };
    let passes = Passes::load(&both, &workshop.templates, NOW).expect("two pass types");
    assert_eq!(passes.pass_types().count(), 2);

    dev_chain::write_server_chain(folder, NOW).expect("server chain");
    assert!(dev_chain::write_server_chain(folder, NOW).is_err());
    let (accepted, said) = run(
        "openssl",
        &[
            "verify",
            "-attime",
            "1790000000",
            "-verify_hostname",
            "localhost",
            "-CAfile",
            "tls-authority.pem",
            "tls.pem",
        ],
        folder,
    );
    assert!(accepted, "{said}");
}
