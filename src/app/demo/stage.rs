//! The demo's stage: a merchant with a program and customers, a gateway, a till, phones, and the stand-ins for the
//! providers, all in one process and one folder.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use openssl::x509::X509;
use secrecy::SecretString;
use tokio::sync::broadcast;
use tokio_util::task::AbortOnDropHandle;

use crate::app::{Gateway, secrets};
use crate::apple::dev_chain::{self, PassChain};
use crate::bridge::device::DeviceState;
use crate::bridge::{Bridge, BridgeEvent, BridgeHandle, InProcessReader, What};
use crate::clock::{Clock, Ids};
use crate::config::{Config, Device, PassType};
use crate::domain::id::{MerchantId, PassTypeIdentifier, ProgramId};
use crate::domain::join::{Admission, JoinForm};
use crate::domain::program::Rules;
use crate::domain::time::Timestamp;
use crate::ops::cards::Holder;
use crate::ops::setup::{NewBusiness, NewProgram};
use crate::sim::apns::FakeApns;
use crate::sim::google::FakeGoogle;
use crate::sim::phone::SimPhone;
use crate::sim::scanner::SimScanner;
use crate::sim::tag::SimTag;
use crate::sim::tag::vpcd::VpcdCard;
use crate::sim::web_push::{FakePushService, SimBrowser};
use crate::store::cards::CardWithProgram;
use crate::telemetry::Metrics;
use crate::web::public::card_link;
use crate::wire::CaptureAnswer;

/// Punches that earn the demo's reward.
pub(super) const GOAL: i64 = 5;
/// No single thing in the demo takes longer than this.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// The first port of the virtual reader of vsmartcard.
const VIRTUAL_READER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 35963);
/// What staff call the reader.
const READER: &str = "reader";
const PASS_TYPE: &str = "pass.example.demo";
const OWNER: &str = "owner@demo.example";

/// A customer with their card and phone.
#[derive(Clone)]
pub(super) struct Customer {
    pub(super) name: String,
    pub(super) card: CardWithProgram,
    pub(super) link: String,
    pub(super) phone: SimPhone,
    pub(super) push_token: String,
}

/// The reader of the till: real PC/SC with a virtual card where there is one, in this process elsewhere.
pub(super) enum Reader {
    VirtualCard,
    InProcess(InProcessReader),
}

pub(super) struct Stage {
    pub(super) config: Config,
    pub(super) merchant: MerchantId,
    pub(super) gateway: Option<Gateway>,
    pub(super) apns: FakeApns,
    pub(super) google: FakeGoogle,
    pub(super) push_service: FakePushService,
    pub(super) customers: Vec<Customer>,
    /// Holds their card in Google Wallet.
    pub(super) android_card: CardWithProgram,
    pub(super) android_link: String,
    pub(super) station_key: String,
    pub(super) http: reqwest::Client,
    pub(super) bridge: BridgeHandle,
    pub(super) scanner: SimScanner,
    pub(super) reader: Reader,
    pub(super) password: String,
    pub(super) directory: PathBuf,
    events: broadcast::Receiver<BridgeEvent>,
    /// When the till saw its latest capture.
    pub(super) last_capture: Option<Timestamp>,
    roots: Vec<X509>,
    metrics: Metrics,
    clock: Clock,
    ids: Ids,
    pushes: broadcast::Sender<String>,
    _relay: AbortOnDropHandle<()>,
    listening: Vec<AbortOnDropHandle<()>>,
}

impl Stage {
    pub(super) async fn set(directory: &Path, metrics: Metrics) -> Result<Self> {
        let (clock, ids) = (Clock::System, Ids::random());
        let pass_type = PassTypeIdentifier::parse(PASS_TYPE)?;
        let chain =
            dev_chain::write_pass_chain(&directory.join("certs"), &pass_type, "DEMOTEAM01", clock.now())?;
        let roots = X509::stack_from_pem(&std::fs::read(&chain.root)?)?;

        let settings = crate::sim::apns::Settings::new(std::fs::read(&chain.root)?);
        let (apns_address, apns) = FakeApns::start(settings, &clock, &ids).await?;
        let google = FakeGoogle::start("3388000000012345678").await?;
        let push_service = FakePushService::start(clock.clone(), ids.clone()).await?;
        let (pushes, relay) = relay_pushes(&apns);

        let mut config = configure(directory, &chain, apns_address, &apns, &google)?;
        configure_web_push(&mut config, directory, &push_service)?;
        let gateway = Gateway::start(&config, clock.clone(), ids.clone(), metrics.clone()).await?;
        // A restarted gateway must be found where phones and the till know it.
        config.server.listen = gateway.address;
        config.server.public_url = gateway.public_url.to_string();
        config.bridge.gateway_url = gateway.public_url.to_string();

        let (merchant, program) = open_shop(&gateway, pass_type).await?;
        let password = hex::encode(ids.secret::<6>());
        let secret = SecretString::from(password.clone());
        gateway.ops.first_owner(merchant, "Owner", OWNER, &secret).await?;
        let location = gateway
            .ops
            .create_location(merchant, "Market Square".into())
            .await?;
        let station = gateway
            .ops
            .create_station(merchant, location, "Till 1".into())
            .await?;
        secrets::write_new(&config.bridge.station_key_file, &station.key)?;

        let http = reqwest::Client::builder().no_proxy().build()?;
        let mut customers = Vec::new();
        for name in ["Ada Lovelace", "Grace Hopper", "Alan Turing"] {
            customers.push(welcome(&gateway, merchant, program, name, &roots, &http, &ids).await?);
        }
        let android_card = issue(&gateway, merchant, program, "Edsger Dijkstra").await?;
        let android_link = link(&gateway, &android_card);

        let scanner = SimScanner::new()?;
        config.bridge.scanners = vec![Device {
            id: "scanner".into(),
            profile: "generic-line-scanner".into(),
            path: Some(scanner.path().display().to_string()),
            name: None,
        }];
        if cfg!(feature = "pcsc") {
            config.bridge.readers = vec![Device {
                id: READER.into(),
                profile: "generic-ccid".into(),
                path: None,
                name: Some("^Virtual PCD".into()),
            }];
        }
        let bridge = Bridge::start(&config.bridge, clock.clone(), ids.clone())?;
        let mut events = bridge.subscribe();
        let reader = if cfg!(feature = "pcsc") && virtual_reader_is_ready(&mut events).await {
            Reader::VirtualCard
        } else {
            Reader::InProcess(bridge.in_process_reader(READER))
        };
        let mut stage = Self {
            config,
            merchant,
            gateway: Some(gateway),
            apns,
            google,
            push_service,
            customers,
            android_card,
            android_link,
            station_key: station.key,
            http,
            bridge,
            scanner,
            reader,
            password,
            directory: directory.to_path_buf(),
            events,
            last_capture: None,
            roots,
            metrics,
            clock,
            ids,
            pushes,
            _relay: relay,
            listening: Vec::new(),
        };
        for customer in stage.customers.clone() {
            stage.listen(&customer);
        }
        Ok(stage)
    }

    /// Somebody who has a card already, with a phone to put it on.
    pub(super) fn with_phone(&self, card: CardWithProgram) -> Result<Customer> {
        let gateway = self.gateway()?;
        let device = hex::encode(self.ids.secret::<16>());
        Ok(Customer {
            name: card.holder.clone().unwrap_or_default(),
            link: link(gateway, &card),
            card,
            phone: SimPhone::new(&device, self.roots.clone(), self.http.clone()),
            push_token: hex::encode(self.ids.secret::<32>()),
        })
    }

    /// Lets a customer's phone act on its pushes from now on.
    pub(super) fn listen(&mut self, customer: &Customer) {
        let (phone, pushes) = (customer.phone.clone(), self.pushes.subscribe());
        let listening = tokio::spawn(async move { phone.follow(pushes).await });
        self.listening.push(AbortOnDropHandle::new(listening));
    }

    pub(super) fn gateway(&self) -> Result<&Gateway> {
        self.gateway
            .as_ref()
            .ok_or_else(|| anyhow!("the gateway is not running"))
    }

    pub(super) async fn stop_gateway(&mut self) -> Result<()> {
        let gateway = self
            .gateway
            .take()
            .ok_or_else(|| anyhow!("the gateway is not running"))?;
        gateway.stop().await;
        Ok(())
    }

    pub(super) async fn start_gateway(&mut self) -> Result<()> {
        let started = Gateway::start(
            &self.config,
            self.clock.clone(),
            self.ids.clone(),
            self.metrics.clone(),
        );
        self.gateway = Some(started.await?);
        Ok(())
    }

    /// Where the console is and how to sign in.
    pub(super) fn invitation(&self) -> String {
        format!(
            "Console: {}/console  sign in as {OWNER} with the password {}",
            self.config.server.public_url, self.password
        )
    }

    pub(super) fn scan(&mut self, code: &str) -> Result<()> {
        self.scanner.scan(code).context("the simulated scanner")
    }

    /// Holds a tag with `code` on it to the reader, long enough to be read, and takes it away.
    pub(super) async fn tap(&mut self, code: &str) -> Result<()> {
        let mut tag = SimTag::type4([4, 1, 2, 3, 4, 5, 6], code);
        match &self.reader {
            Reader::InProcess(reader) => {
                let atr = tag.atr().to_vec();
                reader.tap(&atr, |command| tag.answer(command)).await?;
            }
            Reader::VirtualCard => {
                let card =
                    tokio::task::spawn_blocking(move || VpcdCard::insert(VIRTUAL_READER, tag)).await??;
                let read = self
                    .until(|event| matches!(event.what, What::Captured { .. } | What::Torn))
                    .await;
                tokio::task::spawn_blocking(move || card.remove()).await?;
                let event = read?;
                if event.what == What::Torn {
                    bail!("the card left the reader before it was read");
                }
            }
        }
        Ok(())
    }

    /// The next event of the bridge that is `wanted`.
    pub(super) async fn until(&mut self, wanted: impl Fn(&BridgeEvent) -> bool) -> Result<BridgeEvent> {
        let wait = async {
            loop {
                let event = self.events.recv().await;
                if let Ok(event) = &event
                    && let What::Captured { captured_at, .. } = event.what
                {
                    self.last_capture = Some(captured_at);
                }
                match event {
                    Ok(event) if wanted(&event) => return Ok(event),
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(error @ broadcast::error::RecvError::Closed) => return Err(error),
                }
            }
        };
        let event = tokio::time::timeout(PATIENCE, wait)
            .await
            .map_err(|_| anyhow!("the till said nothing for {PATIENCE:?}"))?;
        Ok(event?)
    }

    /// The gateway's next answer to a capture.
    pub(super) async fn answer(&mut self) -> Result<CaptureAnswer> {
        let event = self
            .until(|event| {
                matches!(
                    event.what,
                    What::Answered(_) | What::NotStored(_) | What::Unreadable(_)
                )
            })
            .await?;
        match event.what {
            What::Answered(answer) => Ok(answer),
            other => Err(anyhow!("the till did not take the capture: {other:?}")),
        }
    }

    /// Lets the till forget the last card, so that the same card counts as a new presentation.
    pub(super) async fn wait_out_debounce(&self) {
        tokio::time::sleep(self.config.bridge.debounce + Duration::from_millis(20)).await;
    }

    /// Takes everything down in order.
    pub(super) async fn strike(self) {
        self.bridge.stop().await;
        if let Some(gateway) = self.gateway {
            gateway.stop().await;
        }
    }
}

impl Reader {
    pub(super) fn describe(&self) -> &'static str {
        match self {
            Self::VirtualCard => "NFC: pcscd with the virtual reader of vsmartcard",
            Self::InProcess(_) => {
                "NFC: pcscd with a virtual reader is not running here, so the reader is simulated in this process"
            }
        }
    }
}

fn configure(
    directory: &Path,
    chain: &PassChain,
    apns_address: SocketAddr,
    apns: &FakeApns,
    google: &FakeGoogle,
) -> Result<Config> {
    let authority = directory.join("certs/apns-authority.pem");
    std::fs::write(&authority, apns.authority_pem())?;
    let mut config = Config::default();
    config.server.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    config.server.public_url = "http://127.0.0.1:0".into();
    config.store.url = format!("sqlite:{}", directory.join("passgate.sqlite").display());
    config.secrets.master_key_file = directory.join("master.key");
    config.apple.intermediates = directory.join("certs");
    config.apple.pass_types = vec![PassType {
        certificate: chain.certificate.clone(),
        key: chain.key.clone(),
    }];
    config.apple.apns.url = format!("https://localhost:{}", apns_address.port());
    config.apple.apns.certificate_authority = Some(authority);
    config.google.issuer_id = "3388000000012345678".into();
    config.google.service_account = Some(google.make_service_account(directory)?.key_file);
    config.google.api_url = google.api_url();
    config.google.save_url = google.save_url();
    config.push.drain = Duration::from_secs(2);
    config.bridge.station_key_file = directory.join("station.key");
    config.bridge.journal = directory.join("journal");
    config.bridge.debounce = Duration::from_millis(300);
    config.bridge.answer_within = Duration::from_secs(1);
    Ok(config)
}

fn configure_web_push(config: &mut Config, directory: &Path, service: &FakePushService) -> Result<()> {
    let authority = directory.join("certs/push-authority.pem");
    std::fs::write(&authority, service.authority_pem())?;
    config.secrets.vapid_key_file = directory.join("vapid.key");
    config.web_push.contact = "mailto:demo@example.com".into();
    config.web_push.certificate_authority = Some(authority);
    // The stand-in is on this machine.
    config.web_push.allow_private_networks = true;
    Ok(())
}

/// Passes the tokens of pushes on to the phones.
fn relay_pushes(apns: &FakeApns) -> (broadcast::Sender<String>, AbortOnDropHandle<()>) {
    let (pushes, _) = broadcast::channel(1024);
    let (sender, mut received) = (pushes.clone(), apns.subscribe());
    let relay = tokio::spawn(async move {
        loop {
            match received.recv().await {
                // Nobody listening is fine: no phone has registered yet.
                Ok(push) => drop(sender.send(push.token.clone())),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    });
    (pushes, AbortOnDropHandle::new(relay))
}

async fn open_shop(gateway: &Gateway, pass_type: PassTypeIdentifier) -> Result<(MerchantId, ProgramId)> {
    let business = NewBusiness {
        name: "Kaffeehaus Morgenrot".into(),
        zone: "Europe/Berlin".into(),
    };
    let merchant = gateway.ops.create_merchant(business).await?;
    let new = NewProgram {
        name: "Coffee card".into(),
        template: "coffee".into(),
        pass_type_identifier: pass_type,
        reward_name: "Free coffee".into(),
        rules: Rules::punch(GOAL)?,
    };
    let program = gateway.ops.create_program(merchant, new).await?;
    let page = (Admission::Open, JoinForm::default());
    gateway.ops.set_join_page(merchant, program, 0, page).await?;
    Ok((merchant, program))
}

async fn issue(
    gateway: &Gateway,
    merchant: MerchantId,
    program: ProgramId,
    name: &str,
) -> Result<CardWithProgram> {
    let holder = Holder {
        name: name.into(),
        email: None,
        phone: None,
    };
    Ok(gateway.ops.issue(merchant, program, holder).await?)
}

fn link(gateway: &Gateway, card: &CardWithProgram) -> String {
    card_link(
        &gateway.public_url,
        &gateway.master,
        card.card.merchant,
        card.card.id,
    )
}

async fn welcome(
    gateway: &Gateway,
    merchant: MerchantId,
    program: ProgramId,
    name: &str,
    roots: &[X509],
    http: &reqwest::Client,
    ids: &Ids,
) -> Result<Customer> {
    let card = issue(gateway, merchant, program, name).await?;
    let device = hex::encode(ids.secret::<16>());
    Ok(Customer {
        name: name.to_owned(),
        link: link(gateway, &card),
        card,
        phone: SimPhone::new(&device, roots.to_vec(), http.clone()),
        push_token: hex::encode(ids.secret::<32>()),
    })
}

/// Whether the bridge has vsmartcard's virtual reader, and cards can be held to it. A bridge that may not use pcscd
/// says so, and the reader in this process takes its place.
async fn virtual_reader_is_ready(events: &mut broadcast::Receiver<BridgeEvent>) -> bool {
    let ready = async {
        loop {
            match events.recv().await {
                Ok(event) if event.device.as_deref() == Some(READER) => match event.what {
                    What::DeviceState(DeviceState::Ready) => return true,
                    What::DeviceState(DeviceState::Missing(_)) => return false,
                    _ => {}
                },
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return false,
            }
        }
    };
    if !tokio::time::timeout(Duration::from_secs(1), ready)
        .await
        .unwrap_or(false)
    {
        return false;
    }
    let connected = tokio::task::spawn_blocking(|| {
        TcpStream::connect_timeout(&VIRTUAL_READER, Duration::from_millis(200)).is_ok()
    });
    connected.await.unwrap_or(false)
}

impl Customer {
    /// Adds the card to the phone from its page, as a person does, and registers for updates.
    pub(super) async fn add_card(&self, http: &reqwest::Client) -> Result<Arc<[u8]>> {
        let response = http.get(format!("{}/pass.pkpass", self.link)).send().await?;
        let bytes = response.error_for_status()?.bytes().await?;
        self.phone.add(&bytes)?;
        let registered = self.phone.register(&self.push_token).await?;
        if registered != 1 {
            bail!("expected one new registration; got {registered}");
        }
        Ok(bytes.to_vec().into())
    }

    /// Lets a browser listen to the card from its page, as the page's script does.
    pub(super) async fn subscribe(
        &self,
        http: &reqwest::Client,
        service: &FakePushService,
    ) -> Result<SimBrowser> {
        let address = format!("{}/web-push", self.link);
        let response = http.get(&address).send().await?.error_for_status()?;
        let key: serde_json::Value = response.json().await?;
        let key = key["key"].as_str().context("the page gives no key")?;
        let browser = service.subscribe(key)?;
        let request = http.post(&address).json(&browser.to_json());
        request.send().await?.error_for_status()?;
        Ok(browser)
    }

    /// Waits until the phone shows `balance` and returns how many versions of the pass it has by then.
    pub(super) async fn shows(&self, balance: &str) -> Result<usize> {
        let serial = self.card.card.serial_number.as_str();
        let seen = self
            .phone
            .until(serial, |pass| pass.field("balance") == Some(balance));
        if tokio::time::timeout(PATIENCE, seen).await.is_err() {
            let last = self.phone.versions(serial).last().map(|version| {
                let shown = version.pass.field("balance");
                shown.unwrap_or("nothing").to_owned()
            });
            bail!("{}'s phone should show {balance:?}; it shows {last:?}", self.name);
        }
        Ok(self.phone.versions(serial).len())
    }
}
