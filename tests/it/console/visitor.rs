//! A gateway without its background work, and someone who visits it.

use std::net::SocketAddr;
use std::time::Duration;

use passgate::clock::Clock;
use passgate::store::Store;
use passgate::web::Web;
use reqwest::{Client, RequestBuilder, Response, header};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::sample::{self, PASSWORD, Sample, sample};

/// Nothing on loopback takes longer unless it is broken.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Gateway {
    pub(super) address: SocketAddr,
    sample: Sample,
    server: JoinHandle<()>,
    folder: Option<TempDir>,
}

impl Gateway {
    pub(super) async fn start(store: Store, cards: i64, clock: Clock, public_url: &str) -> Self {
        Self::serve(sample(store, cards, clock, public_url).await).await
    }

    /// A gateway that nobody has set up.
    pub(super) async fn empty(store: Store, clock: Clock) -> Self {
        Self::serve(sample::empty(store, clock, "http://127.0.0.1")).await
    }

    async fn serve(sample: Sample) -> Self {
        let app =
            passgate::web::router(sample.web.clone()).into_make_service_with_connect_info::<SocketAddr>();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = tokio::spawn(async move { axum::serve(listener, app).await.expect("serves") });
        Self {
            address,
            sample,
            server,
            folder: None,
        }
    }

    /// Keeps the store's folder as long as the gateway.
    pub(super) fn keeping(mut self, folder: TempDir) -> Self {
        self.folder = Some(folder);
        self
    }

    pub(super) fn web(&self) -> &Web {
        &self.sample.web
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.sample.web.ops.clock
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A browser without a screen: keeps its session cookie and follows nothing by itself.
pub(super) struct Visitor {
    client: Client,
    base: String,
    session: Option<String>,
}

/// An answer, read to its end.
pub(super) struct Page {
    pub(super) status: u16,
    pub(super) location: Option<String>,
    pub(super) cookie: Option<String>,
    pub(super) body: String,
    headers: header::HeaderMap,
}

impl Page {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("text"))
    }
}

fn client(headers: header::HeaderMap) -> Client {
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .default_headers(headers)
        .no_proxy()
        .build()
        .expect("a client")
}

impl Visitor {
    pub(super) fn new(gateway: &Gateway) -> Self {
        Self {
            client: client(header::HeaderMap::new()),
            base: format!("http://{}", gateway.address),
            session: None,
        }
    }

    pub(super) async fn signed_in(gateway: &Gateway, email: &str) -> Self {
        let mut visitor = Self::new(gateway);
        let answer = visitor
            .submit("/console/sign-in", &[("email", email), ("password", PASSWORD)])
            .await;
        let cookie = answer.cookie.expect("a session");
        visitor.session = cookie.split(';').next().map(str::to_owned);
        visitor
    }

    /// The value of the session's cookie.
    pub(super) fn token(&self) -> &str {
        let cookie = self.session.as_deref().and_then(|cookie| cookie.split_once('='));
        cookie.map_or("", |(_, token)| token)
    }

    /// The same visitor with a browser that asks for these languages.
    pub(super) fn speaking(mut self, languages: &str) -> Self {
        let mut headers = header::HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, languages.parse().expect("a header"));
        self.client = client(headers);
        self
    }

    /// Keeps the cookie that an answer sets, beside the session.
    pub(super) fn keep(&mut self, answer: &Page) {
        let set = answer
            .cookie
            .as_deref()
            .and_then(|cookie| cookie.split(';').next());
        let all: Vec<&str> = self.session.as_deref().into_iter().chain(set).collect();
        self.session = Some(all.join("; "));
    }

    /// The content of a page alone, as the script asks for it.
    pub(super) async fn part(&self, path: &str) -> Page {
        let request = self.client.get(self.url(path)).header("x-part", "content");
        read(self.request(request)).await
    }

    pub(super) async fn page(&self, path: &str) -> Page {
        read(self.request(self.client.get(self.url(path)))).await
    }

    /// The same page for somebody who reads another language.
    pub(super) async fn page_in(&self, path: &str, language: &str) -> Page {
        let request = self
            .client
            .get(self.url(path))
            .header(header::ACCEPT_LANGUAGE, language);
        read(self.request(request)).await
    }

    /// The same page in a browser that calls itself so.
    pub(super) async fn page_on(&self, path: &str, agent: &str) -> Page {
        let request = self.client.get(self.url(path)).header(header::USER_AGENT, agent);
        read(self.request(request)).await
    }

    /// Sends a form from a page of the console, as a browser that says where it is.
    pub(super) async fn submit_on(&self, page: &str, path: &str, fields: &[(&str, &str)]) -> Page {
        let request = self
            .client
            .post(self.url(path))
            .header("sec-fetch-site", "same-origin")
            .header(header::REFERER, self.url(page));
        read(self.request(request.form(fields))).await
    }

    pub(super) async fn asset_if_changed(&self, path: &str, tag: &str) -> Page {
        let request = self.client.get(self.url(path)).header(header::IF_NONE_MATCH, tag);
        read(self.request(request)).await
    }

    pub(super) async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let request = self
            .client
            .post(self.url(path))
            .header("sec-fetch-site", "same-origin");
        read(self.request(request.form(fields))).await
    }

    /// Sends a form with a file, as a browser does; without a name no file was chosen.
    pub(super) async fn send_file(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        name: &str,
        file: &[u8],
    ) -> Page {
        const BOUNDARY: &str = "----a-boundary-that-is-in-no-file";
        let mut body = Vec::new();
        for (field, value) in fields {
            let part = format!(
                "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n"
            );
            body.extend_from_slice(part.as_bytes());
        }
        let head = format!(
            "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\ncontent-type: text/csv\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(file);
        body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        let request = self
            .client
            .post(self.url(path))
            .header("sec-fetch-site", "same-origin")
            .header(header::CONTENT_TYPE, kind)
            .body(body);
        read(self.request(request)).await
    }

    pub(super) async fn submit_from(&self, path: &str, site: &str, origin: &str) -> Page {
        let request = self
            .client
            .post(self.url(path))
            .header("sec-fetch-site", site)
            .header(header::ORIGIN, origin);
        read(self.request(request)).await
    }

    /// Opens an event stream, as a browser's EventSource does.
    pub(super) async fn stream(&self, path: &str, last: Option<&str>) -> Response {
        let mut request = self
            .client
            .get(self.url(path))
            .header(header::ACCEPT, "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        if let Some(session) = &self.session {
            request = request.header(header::COOKIE, session);
        }
        request.send().await.expect("an answer")
    }

    pub(super) async fn listen(&self, path: &str, last: Option<&str>) -> Live {
        let response = self.stream(path, last).await;
        assert_eq!(response.status(), 200);
        Live {
            response,
            rest: String::new(),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn request(&self, request: RequestBuilder) -> RequestBuilder {
        let request = request.header(header::ACCEPT, "text/html,application/xhtml+xml");
        match &self.session {
            Some(session) => request.header(header::COOKIE, session),
            None => request,
        }
    }
}

async fn read(request: RequestBuilder) -> Page {
    let response = request.send().await.expect("an answer");
    let headers = response.headers().clone();
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &header::HeaderValue| value.to_str().ok())
            .map(str::to_owned)
    };
    Page {
        status: response.status().as_u16(),
        location: text(header::LOCATION),
        cookie: text(header::SET_COOKIE),
        body: response.text().await.expect("a body"),
        headers,
    }
}

/// An open event stream.
pub(super) struct Live {
    response: Response,
    rest: String,
}

#[derive(Debug, Default)]
pub(super) struct Message {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) data: String,
}

impl Live {
    /// The next message that is not a sign of life, nor about long work on the stream of something else.
    pub(super) async fn next(&mut self) -> Message {
        loop {
            let message = self.any().await;
            if message.name != "work" {
                return message;
            }
        }
    }

    /// The next message of any name.
    pub(super) async fn any(&mut self) -> Message {
        tokio::time::timeout(PATIENCE, self.read())
            .await
            .expect("a message in time")
    }

    async fn read(&mut self) -> Message {
        loop {
            while let Some((block, rest)) = self.rest.split_once("\n\n") {
                let mut message = Message::default();
                for line in block.lines() {
                    match line.split_once(": ") {
                        Some(("event", name)) => name.clone_into(&mut message.name),
                        Some(("id", id)) => id.clone_into(&mut message.id),
                        Some(("data", data)) => message.data.push_str(data),
                        _ => {}
                    }
                }
                self.rest = rest.to_owned();
                if !message.name.is_empty() {
                    return message;
                }
            }
            let chunk = self
                .response
                .chunk()
                .await
                .expect("a live stream")
                .expect("no end yet");
            self.rest.push_str(std::str::from_utf8(&chunk).expect("text"));
        }
    }
}

/// The ids of the timeline's lines in a page, from top to bottom.
pub(super) fn events(page: &str) -> Vec<i64> {
    page.split(r#"id="event-"#)
        .skip(1)
        .filter_map(|rest| rest.split('"').next()?.parse().ok())
        .collect()
}

/// The value of the first hidden field of that name.
pub(super) fn hidden(page: &str, name: &str) -> String {
    let (_, rest) = page
        .split_once(&format!(r#"name="{name}" value=""#))
        .expect("the field");
    rest.split('"').next().expect("a value").to_owned()
}
