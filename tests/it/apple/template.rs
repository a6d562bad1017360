//! Templates with mistakes: each is refused at start, naming the file, what was expected and what came.

use super::*;

#[test]
fn what_the_configuration_lacks_is_named() {
    let workshop = Workshop::new();
    let passes = workshop.passes();
    let links = WebService {
        url: "https://cards.example",
        authentication_token: &workshop.token,
    };
    let other = PassTypeIdentifier::parse("pass.example.tea").expect("identifier");
    let refusal = passes
        .build(
            &CardFace {
                pass_type_identifier: other,
                ..face()
            },
            &links,
            NOW,
        )
        .expect_err("unknown");
    assert!(
        refusal
            .to_string()
            .contains("no certificate for pass.example.tea, only for pass.example.coffee")
    );
    let refusal = passes
        .build(
            &CardFace {
                template: "tea".into(),
                ..face()
            },
            &links,
            NOW,
        )
        .expect_err("unknown");
    assert!(refusal.to_string().contains("no template \"tea\", only coffee"));
}

#[test]
fn a_spoilt_template_is_refused_by_name() {
    let mut workshop = Workshop::new();
    let folder = workshop.own_template();
    workshop.passes();
    let icon = folder.join("icon.svg");
    let whole = fs::read(&icon).expect("icon");

    fs::write(&icon, "<svg").expect("write");
    assert!(workshop.refusal().contains("icon.svg: expected an SVG image"));
    fs::remove_file(&icon).expect("remove");
    assert!(
        workshop
            .refusal()
            .contains("expected icon.svg or icon.png, got neither")
    );

    let png = folder.join("icon.png");
    let good = {
        let bundle = workshop_icon(&whole, &icon, &workshop);
        fs::remove_file(&icon).expect("remove");
        bundle
    };
    fs::write(&png, b"").expect("write");
    assert!(
        workshop
            .refusal()
            .contains("icon.png: expected a PNG image, got an empty file")
    );
    fs::write(&png, &good[..good.len() / 2]).expect("write");
    assert!(
        workshop
            .refusal()
            .contains("icon.png: expected a whole PNG image, got a damaged one")
    );
    fs::write(&png, b"\xff\xd8\xff\xe0 photograph").expect("write");
    assert!(
        workshop
            .refusal()
            .contains("icon.png: expected a PNG image, got a JPEG image")
    );
    fs::write(&png, &good).expect("write");
    workshop.passes();
    fs::write(&icon, &whole).expect("write");
    assert!(workshop.refusal().contains("comes both as .svg and as .png"));
    fs::remove_file(&png).expect("remove");

    fs::write(folder.join("notes.txt"), "x").expect("write");
    assert!(
        workshop
            .refusal()
            .contains("notes.txt: a pass has no place for this file")
    );
    fs::remove_file(folder.join("notes.txt")).expect("remove");
    fs::write(folder.join(".DS_Store"), "x").expect("write");
    workshop.passes();

    let strings = folder.join("de.lproj/pass.strings");
    fs::write(&strings, "\"a\" : \"b\";").expect("write");
    assert!(
        workshop
            .refusal()
            .contains("pass.strings: line 1: expected \"=\"")
    );
}

/// The drawn icon at one pixel a point.
fn workshop_icon(svg: &[u8], path: &Path, workshop: &Workshop) -> Vec<u8> {
    fs::write(path, svg).expect("write");
    files(&workshop.build(&workshop.passes(), &face()))["icon.png"].clone()
}

#[test]
fn mistakes_in_template_toml_are_refused() {
    let mut workshop = Workshop::new();
    let path = workshop.own_template().join("template.toml");
    let whole = fs::read_to_string(&path).expect("settings");
    let cases = [
        (
            "key = \"how\"",
            "key = \"balance\"",
            "the key \"balance\" is used by two fields",
        ),
        ("Your stamps: %@", "Your stamps", "expected one \"%@\""),
        (
            "key = \"holder\"",
            "key = \"holder\"\nchange = \"%@!\"",
            "\"balance\" and \"holder\" both have a change message",
        ),
        (
            "key = \"how\"",
            "key = \"how\"\nalign = \"left\"",
            "\"how\" has an alignment",
        ),
        (
            "value = \"{status}\"",
            "value = \"{statsu}\"",
            "is not a value of a card; there are {balance}",
        ),
        (
            "#2a1a13",
            "brown",
            "expected a colour like \"#3b2417\", got \"brown\"",
        ),
        (
            "format = \"qr\"",
            "format = \"code93\"",
            "unknown variant `code93`",
        ),
        (
            "sharing_prohibited",
            "sharing_forbidden",
            "unknown field `sharing_forbidden`",
        ),
    ];
    for (old, new, expected) in cases {
        fs::write(&path, whole.replacen(old, new, 1)).expect("write");
        let refusal = workshop.refusal();
        assert!(
            refusal.contains(expected) && refusal.contains("template.toml"),
            "{new}: {refusal}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_name_gives_a_readable_pass(holder in "\\PC{0,60}|.{0,40}|[\"\\\\{}%@/<>&\u{202e}☕👩‍🚀\n]{0,20}", punches in 0_i64..12, goal in 9_i64..12) {
        thread_local! {
            static SHARED: (Workshop, Passes) = { let workshop = Workshop::new(); let passes = workshop.passes(); (workshop, passes) };
        }
        SHARED.with(|(workshop, passes)| {
            let face = CardFace { holder: Some(holder.clone()), merchant_name: holder.clone(), punches, goal, ..face() };
            let bundle = workshop.build(passes, &face);
            let json = pass_json(&bundle);
            assert_eq!(json["organizationName"], holder.as_str());
            let shown = json["storeCard"]["auxiliaryFields"][0]["value"].as_str().expect("text").to_owned();
            assert_eq!(shown.trim_start_matches('\u{2060}'), holder.trim_start_matches('\u{2060}'));
        });
    }
}
