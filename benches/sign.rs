//! What a signed pass costs, against the RSA operation that nobody can do without.
//!
//! A template with 420 kB of images and two languages is made at run time; every pass is of another card, so
//! none comes from the cache. Each round measures raw RSA-2048 signatures and passes in turn, a few at a time,
//! so that both meet the same machine; figures are medians over the rounds. CPU time is the measure wherever it
//! can be, since others may use the machine. What two threads gain over one is told by the wall clock, beside the
//! gain of two threads that share nothing (`sign.scale2_limit`): on a busy machine both fall.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark reads clocks, and fails by panicking"
)]

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use cpu_time::{ProcessTime, ThreadTime};
use openssl::md::Md;
use openssl::pkey::PKey;
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::{Padding, Rsa};
use passgate::apple::{Passes, WebService, dev_chain};
use passgate::clock;
use passgate::config;
use passgate::domain::face::{CardFace, Prices};
use passgate::domain::id::{CardId, MerchantId, PassTypeIdentifier, ProgramId, SerialNumber};
use passgate::domain::program::ProgramKind;
use passgate::domain::secret::{AuthenticationToken, MasterKey};
use passgate::domain::time::Timestamp;
use resvg::tiny_skia::{ColorU8, Pixmap};

const NOW: Timestamp = Timestamp(1_790_000_000_000);
const ROUNDS: usize = 9;
/// Passes built, or signatures made, before the other has its turn; and turns of each in a round.
const TURN: i64 = 25;
const TURNS: i64 = 24;
const TEMPLATE_BYTES: usize = 420_000;

fn main() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let pass_type = PassTypeIdentifier::parse("pass.example.bench").expect("identifier");
    let chain = dev_chain::write_pass_chain(folder.path(), &pass_type, "TEAM12345X", NOW).expect("chain");
    let config = config::Apple {
        pass_types: vec![config::PassType {
            certificate: chain.certificate,
            key: chain.key.clone(),
        }],
        intermediates: folder.path().to_path_buf(),
        ..config::Apple::default()
    };
    let templates = folder.path().join("templates");
    let weight = write_template(&templates.join("heavy"));
    let passes = Passes::load(&config, &templates, NOW).expect("passes");
    let token = MasterKey::from_bytes([7; 32]).authentication_token(MerchantId(1), CardId(1));
    let bench = Bench {
        passes,
        pass_type,
        token,
    };

    let key = PKey::private_key_from_pem(&fs::read(&chain.key).expect("key")).expect("key");
    bench.build(0..200); // draws each count's design once
    let other_key = PKey::from_rsa(Rsa::generate(2048).expect("key")).expect("key");
    let mut next = 1000;
    let mut fresh = || {
        next += TURN;
        next - TURN..next
    };

    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let (mut rsa, mut pass) = (0.0, 0.0);
        for _ in 0..TURNS {
            let cards = fresh();
            rsa += cpu(|| raw_signatures(&key, TURN));
            pass += cpu(|| bench.build(cards));
        }
        let count = f64::from(i32::try_from(TURN * TURNS).expect("small"));

        let process = ProcessTime::now();
        let single = wall(|| repeat(|| bench.build(fresh())));
        let single_cpu = process.elapsed();
        let (one, two) = (shares(&mut fresh), shares(&mut fresh));
        let process = ProcessTime::now();
        let double = both(
            || one.into_iter().for_each(|cards| bench.build(cards)),
            || {
                two.into_iter().for_each(|cards| bench.build(cards));
            },
        );
        let double_cpu = process.elapsed();
        let raw_single = wall(|| raw_signatures(&key, TURN * TURNS));
        let raw_double = both(
            || raw_signatures(&key, TURN * TURNS),
            || raw_signatures(&other_key, TURN * TURNS),
        );
        rounds.push(Round {
            rsa: rsa / count,
            pass: pass / count,
            scale: 2.0 * single / double,
            scale_limit: 2.0 * raw_single / raw_double,
            scale_cpu: 4.0 * single_cpu.as_secs_f64() / double_cpu.as_secs_f64(),
        });
    }

    println!(
        "template {weight} bytes, {ROUNDS} rounds of {} passes, medians",
        TURN * TURNS
    );
    figure("sign.rsa_us", median(&rounds, |round| round.rsa * 1e6), "us");
    figure("sign.pass_us", median(&rounds, |round| round.pass * 1e6), "us");
    figure(
        "sign.rsa_share",
        median(&rounds, |round| round.rsa / round.pass),
        "ratio",
    );
    figure("sign.scale2", median(&rounds, |round| round.scale), "ratio");
    figure(
        "sign.scale2_limit",
        median(&rounds, |round| round.scale_limit),
        "ratio",
    );
    figure(
        "sign.scale2_cpu",
        median(&rounds, |round| round.scale_cpu),
        "ratio",
    );
    let remembered = cpu(|| (0..2000).for_each(|_| bench.build(0..1)));
    figure("sign.remembered_us", remembered / 2000.0 * 1e6, "us");
    figure("sign.peak_mib", peak_mib(), "MiB");
}

struct Round {
    /// CPU seconds of one operation.
    rsa: f64,
    pass: f64,
    /// Two threads over one: by the wall clock, the same for threads that share nothing, and by CPU time.
    scale: f64,
    scale_limit: f64,
    scale_cpu: f64,
}

struct Bench {
    passes: Passes,
    pass_type: PassTypeIdentifier,
    token: AuthenticationToken,
}

impl Bench {
    fn build(&self, cards: Range<i64>) {
        let links = WebService {
            url: "https://cards.example/apple",
            authentication_token: &self.token,
        };
        for card in cards {
            let bundle = self.passes.build(&self.face(card), &links, NOW).expect("pass");
            assert!(bundle.len() > TEMPLATE_BYTES);
            std::hint::black_box(bundle);
        }
    }

    fn face(&self, card: i64) -> CardFace {
        CardFace {
            merchant: MerchantId(1),
            program: ProgramId(1),
            installed_as: ProgramId(1),
            card: CardId(card + 1),
            merchant_name: "Café Süd".into(),
            program_name: "Coffee card".into(),
            reward_name: "Free coffee".into(),
            template: "heavy".into(),
            pass_type_identifier: self.pass_type.clone(),
            serial_number: SerialNumber::parse(format!("card-{card:020}")).expect("serial number"),
            holder: Some(format!("Customer {card}")),
            code: format!("PG1{card:012}"),
            kind: ProgramKind::Punch,
            punches: card % 10,
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
}

/// The least that any signer must do: RSA-2048 over a finished digest, with everything else prepared.
fn raw_signatures(key: &PKey<openssl::pkey::Private>, count: i64) {
    let mut context = PkeyCtx::new(key).expect("context");
    context.sign_init().expect("init");
    context.set_rsa_padding(Padding::PKCS1).expect("padding");
    context.set_signature_md(Md::sha256()).expect("digest");
    let mut signature = [0; 256];
    for number in 0..count {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&number.to_le_bytes());
        context.sign(&digest, Some(&mut signature)).expect("signature");
        std::hint::black_box(&signature);
    }
}

/// CPU seconds of this thread.
fn cpu(work: impl FnOnce()) -> f64 {
    let start = ThreadTime::now();
    work();
    let spent: Duration = start.elapsed();
    spent.as_secs_f64()
}

/// Seconds by the wall clock.
fn wall(work: impl FnOnce()) -> f64 {
    let start = clock::stopwatch();
    work();
    start.elapsed().as_secs_f64()
}

/// Seconds by the wall clock until both are done, each on its own thread.
fn both(one: impl FnOnce() + Send, two: impl FnOnce() + Send) -> f64 {
    wall(|| {
        std::thread::scope(|scope| {
            scope.spawn(one);
            scope.spawn(two);
        });
    })
}

fn repeat(mut work: impl FnMut()) {
    for _ in 0..TURNS {
        work();
    }
}

/// Cards for a whole round.
fn shares(fresh: &mut impl FnMut() -> Range<i64>) -> Vec<Range<i64>> {
    (0..TURNS).map(|_| fresh()).collect()
}

fn median(rounds: &[Round], value: impl Fn(&Round) -> f64) -> f64 {
    let mut values: Vec<f64> = rounds.iter().map(value).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn figure(name: &str, value: f64, unit: &str) {
    println!("figure {name} {value:.3} {unit}");
}

/// The most memory this process ever held.
fn peak_mib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .expect("VmHWM");
    line.trim()
        .trim_end_matches(" kB")
        .parse::<f64>()
        .expect("a number")
        / 1024.0
}

/// Writes a template of some 420 kB: noise, which does not compress, as icon and logo, and two languages.
/// Returns its weight without the strip.
fn write_template(folder: &Path) -> usize {
    let coffee = Path::new(env!("CARGO_MANIFEST_DIR")).join("pass-templates/coffee");
    let mut noise = Noise(1);
    let mut weight = 0;
    for language in ["en.lproj", "de.lproj"] {
        fs::create_dir_all(folder.join(language)).expect("folder");
        let strings = fs::read(coffee.join(language).join("pass.strings")).expect("strings");
        weight += strings.len();
        fs::write(folder.join(language).join("pass.strings"), strings).expect("write");
    }
    fs::copy(coffee.join("template.toml"), folder.join("template.toml")).expect("settings");
    let sizes = [
        ("icon.png", 38, 38),
        ("icon@2x.png", 76, 76),
        ("icon@3x.png", 114, 114),
        ("logo.png", 160, 50),
        ("logo@2x.png", 320, 100),
    ];
    for (name, width, height) in sizes {
        weight += write_noise(&folder.join(name), width, height, &mut noise);
    }
    // The last image takes what is left: a pixel of noise is some three bytes.
    let height = u32::try_from((TEMPLATE_BYTES - weight) / 480 / 3 + 1).expect("small");
    weight + write_noise(&folder.join("logo@3x.png"), 480, height, &mut noise)
}

fn write_noise(path: &Path, width: u32, height: u32, noise: &mut Noise) -> usize {
    let mut pixmap = Pixmap::new(width, height).expect("size");
    for pixel in pixmap.pixels_mut() {
        let [red, green, blue, ..] = noise.next().to_le_bytes();
        *pixel = ColorU8::from_rgba(red, green, blue, 255).premultiply();
    }
    let png = pixmap.encode_png().expect("PNG");
    fs::write(path, &png).expect("write");
    png.len()
}

/// splitmix64.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
