use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, FromRequestParts, Path, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::chat::{Chat, LONGEST, Message, Tick, User};
use super::page;
use super::provider::Provider;
use super::world::{Names, Renderer};
use crate::model::{Account, Persona};

/// How long a browser stays signed in.
const STAYS: Duration = Duration::from_secs(7 * 86_400);

/// How long after sending a late visitor comes, where nothing else is set.
pub const LATE: Duration = Duration::from_millis(1500);
/// How long an answer waits for news.
const POLL: Duration = Duration::from_secs(20);
/// How often to look whether visits are over.
const LOOK: Duration = Duration::from_millis(10);
/// How long connections may take to end.
const STOPPING: Duration = Duration::from_secs(2);
/// The largest request, in bytes.
const LARGEST: usize = 32 << 10;

/// How a practice messenger is set up.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// How its provider behaves.
    pub persona: Persona,
    /// How its provider looks names up; none: as this machine does.
    pub names: Option<Names>,
    /// How a browser is had, for the persona that renders pages.
    pub renderer: Option<Renderer>,
    /// What decides whatever is left to chance.
    pub seed: u64,
    /// How long after sending a late visitor comes.
    pub late: Duration,
}

/// Why there is no practice messenger. Each text completes "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum PracticeError {
    /// Its address is taken, or not ours.
    #[error("listen on {0} for the practice messenger: {1}")]
    Listen(SocketAddr, #[source] io::Error),
    /// Others could reach it.
    #[error(
        "listen on {0} for the practice messenger: its passwords are known to everybody, and its provider fetches from this machine \
         whatever they write; choose a loopback address, such as 127.0.0.1:0"
    )]
    Exposed(SocketAddr),
    /// The provider's browser has no way out.
    #[error("open a way out for the provider's browser: {0}")]
    Tunnel(#[source] io::Error),
    /// The provider has nothing to render pages with.
    #[error("be persona `{0}`: it needs a Chromium")]
    NoBrowser(Persona),
    /// The TLS library refuses.
    #[error("set up the provider's TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The HTTP library refuses.
    #[error("set up the provider's visits: {0}")]
    Visits(#[from] reqwest::Error),
}

/// A practice messenger that runs; it ends when this is dropped.
#[derive(Debug)]
pub struct Practice {
    address: SocketAddr,
    house: Arc<House>,
    stop: watch::Sender<bool>,
    server: JoinHandle<io::Result<()>>,
}

/// What every request is answered from.
#[derive(Debug)]
struct House {
    home: String,
    /// Cookies do not know ports, so the name of ours does.
    cookie: String,
    chat: Arc<Chat>,
    provider: Provider,
    stopping: watch::Receiver<bool>,
}

impl Practice {
    /// Starts one.
    ///
    /// # Errors
    /// Its address is not to be had or not a loopback one, or its persona needs what it was not given.
    pub async fn start(setting: Setting) -> Result<Self, PracticeError> {
        if !setting.listen.ip().is_loopback() {
            return Err(PracticeError::Exposed(setting.listen));
        }
        let wrong = |error| PracticeError::Listen(setting.listen, error);
        let listener = TcpListener::bind(setting.listen).await.map_err(wrong)?;
        let address = listener.local_addr().map_err(wrong)?;
        let (stop, stopping) = watch::channel(false);
        let chat = Arc::new(Chat::new());
        let house = Arc::new(House {
            home: format!("http://{address}"),
            cookie: format!("practice-{}", address.port()),
            provider: Provider::new(&setting, Arc::clone(&chat)).await?,
            chat,
            stopping: stopping.clone(),
        });
        let served = axum::serve(listener, routes(Arc::clone(&house)));
        let served = served.with_graceful_shutdown(stopped(stopping));
        let server = tokio::spawn(served.into_future());
        Ok(Self {
            address,
            house,
            stop,
            server,
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Somebody else in the provider's network asked for this name. Look-ups of our own browsers are led to their doors
    /// and asked of nobody, so a resolver that repeats whatever it was asked for must be told of them.
    pub fn also_asked(&self, host: &str) {
        self.house.provider.also_asked(host);
    }

    /// Resolves once nobody is on the way to a link.
    pub async fn settled(&self) {
        while self.house.provider.is_busy() {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Stops it, and whoever is still on the way to a link. Takes a bounded time.
    pub async fn stop(mut self) {
        self.house.provider.stop();
        let _ = self.stop.send(true);
        if timeout(STOPPING, &mut self.server).await.is_err() {
            tracing::debug!("a connection to the practice messenger stays open");
            self.server.abort();
        }
    }
}

impl Drop for Practice {
    fn drop(&mut self) {
        self.house.provider.stop();
    }
}

/// Resolves when it is to stop, or nobody is left who could say so.
async fn stopped(mut stopping: watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stop| *stop).await;
}

fn routes(house: Arc<House>) -> Router {
    Router::new()
        .route("/", get(front))
        .route("/sign-in", post(sign_in))
        .route("/sign-out", post(sign_out))
        .route("/chat", get(chat))
        .route("/style.css", get(|| async { page::STYLE }))
        .route("/icon.svg", get(|| async { page::ICON }))
        .route("/sign-in.js", get(|| async { page::SIGN_IN_SCRIPT }))
        .route("/chat.js", get(|| async { page::CHAT_SCRIPT }))
        .route("/l", get(lead_on))
        .route("/card/{message}", get(picture))
        .route("/api/chat", get(news))
        .route("/api/messages", post(send))
        .route("/api/draft", post(draft))
        .route("/api/read", post(read))
        .layer(DefaultBodyLimit::max(LARGEST))
        .layer(from_fn_with_state(Arc::clone(&house), dress))
        .with_state(house)
}

/// Answers who asks for this very address, and dresses the answer. A page elsewhere whose name was made to lead here
/// (DNS rebinding) asks for another: it gets nothing, and so cannot have the provider fetch for it.
async fn dress(State(house): State<Arc<House>>, request: Request, next: Next) -> Response {
    let mut response = match house.is_asked(&request) {
        true => next.run(request).await,
        false => StatusCode::MISDIRECTED_REQUEST.into_response(),
    };
    let headers = page::headers(house.provider.manners());
    response.headers_mut().extend(headers);
    response
}

/// Who is signed in; nobody else gets any further.
struct SignedIn(User);

impl FromRequestParts<Arc<House>> for SignedIn {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, house: &Arc<House>) -> Result<Self, StatusCode> {
        let user = house.signed_in(&parts.headers);
        user.map(Self).ok_or(StatusCode::UNAUTHORIZED)
    }
}

impl House {
    fn is_asked(&self, request: &Request) -> bool {
        let host = request
            .headers()
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        let port = self.home.rsplit(':').next().unwrap_or_default();
        host.is_some_and(|host| {
            self.home.strip_prefix("http://") == Some(host)
                || host.strip_prefix("localhost:") == Some(port)
        })
    }

    fn signed_in(&self, headers: &HeaderMap) -> Option<User> {
        self.chat.signed_in(self.secret(headers)?)
    }

    fn secret<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        let sent = headers.get_all(header::COOKIE).iter();
        let cookies = sent
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split("; "));
        let mut pairs = cookies.filter_map(|cookie| cookie.split_once('='));
        pairs
            .find(|(name, _)| *name == self.cookie)
            .map(|(_, secret)| secret)
    }

    fn set_cookie(&self, secret: &str) -> [(header::HeaderName, String); 1] {
        // Who closes the browser stays signed in, as with most messengers.
        let cookie = format!(
            "{}={secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}",
            self.cookie,
            STAYS.as_secs()
        );
        [(header::SET_COOKIE, cookie)]
    }
}

async fn front(State(house): State<Arc<House>>, headers: HeaderMap) -> Response {
    match house.signed_in(&headers) {
        Some(_) => Redirect::to("/chat").into_response(),
        None => page::sign_in("").into_response(),
    }
}

async fn sign_in(State(house): State<Arc<House>>, form: String) -> Response {
    let field = |name: &str| {
        let mut fields = url::form_urlencoded::parse(form.as_bytes());
        fields
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default()
    };
    let mut secret = [0; 16];
    if getrandom::fill(&mut secret).is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let secret = data_encoding::HEXLOWER.encode(&secret);
    match house
        .chat
        .sign_in(field("user").trim(), &field("password"), secret.clone())
    {
        true => (house.set_cookie(&secret), Redirect::to("/chat")).into_response(),
        false => {
            let said = "There is no such account with this password.";
            (StatusCode::FORBIDDEN, page::sign_in(said)).into_response()
        }
    }
}

async fn sign_out(State(house): State<Arc<House>>, headers: HeaderMap) -> Response {
    if let Some(secret) = house.secret(&headers) {
        house.chat.sign_out(secret);
    }
    (house.set_cookie("none"), Redirect::to("/")).into_response()
}

async fn chat(State(house): State<Arc<House>>, headers: HeaderMap) -> Response {
    match house.signed_in(&headers) {
        Some(_) => page::chat().into_response(),
        None => Redirect::to("/").into_response(),
    }
}

#[derive(Deserialize)]
struct Wrapped {
    u: String,
}

/// Where a wrapped link leads on.
async fn lead_on(Query(wrapped): Query<Wrapped>) -> Response {
    match url::Url::parse(&wrapped.u) {
        Ok(link) if matches!(link.scheme(), "http" | "https") => {
            (StatusCode::FOUND, [(header::LOCATION, String::from(link))]).into_response()
        }
        _ => StatusCode::BAD_REQUEST.into_response(),
    }
}

async fn picture(
    State(house): State<Arc<House>>,
    SignedIn(_): SignedIn,
    Path(message): Path<u32>,
) -> Response {
    match house.chat.picture(message) {
        Some(picture) => {
            ([(header::CONTENT_TYPE, picture.media_type)], picture.bytes).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// What a client has, and whether its conversation is on the screen.
#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    since: u64,
    #[serde(default)]
    open: bool,
}

/// What a client is told.
#[derive(Serialize)]
struct News {
    change: u64,
    me: &'static str,
    peer: &'static str,
    unread: usize,
    /// Whether it is to tell what is being written.
    drafts: bool,
    /// Whose page is to fetch links.
    page_of: Option<&'static str>,
    /// None while the conversation is not on the screen.
    messages: Option<Vec<Line>>,
}

/// One message as it is shown.
#[derive(Serialize)]
struct Line {
    id: u32,
    own: bool,
    text: String,
    at: String,
    tick: &'static str,
    card: Option<CardLine>,
}

#[derive(Serialize)]
struct CardLine {
    title: String,
    description: String,
    image: Option<String>,
}

/// Answers when there is something new, or after a while.
async fn news(
    State(house): State<Arc<House>>,
    SignedIn(user): SignedIn,
    Query(asked): Query<Asked>,
) -> Json<News> {
    let mut changes = house.chat.changes();
    tokio::select! {
        _ = timeout(POLL, changes.wait_for(|change| *change > asked.since)) => {}
        () = stopped(house.stopping.clone()) => {}
    }
    let change = *changes.borrow_and_update();
    let seen = house.chat.seen_by(user);
    let unread = seen.iter().filter(|one| is_unread(one, user)).count();
    let manners = house.provider.manners();
    Json(News {
        change,
        me: user.name(),
        peer: user.peer().name(),
        unread,
        drafts: house.provider.reads_drafts(),
        page_of: manners.page_of.map(Account::name),
        messages: asked
            .open
            .then(|| seen.iter().map(|one| line(one, user)).collect()),
    })
}

fn is_unread(message: &Message, user: User) -> bool {
    message.from != user && message.tick != Tick::Read
}

fn line(message: &Message, user: User) -> Line {
    let card = message.card.as_ref().map(|card| CardLine {
        title: card.title.clone(),
        description: card.description.clone(),
        image: card.image.as_ref().map(|_| format!("/card/{}", message.id)),
    });
    Line {
        id: message.id,
        own: message.from == user,
        text: message.text_for(user).unwrap_or_default().to_owned(),
        at: message.at.to_string(),
        tick: message.tick.name(),
        card,
    }
}

#[derive(Deserialize)]
struct Written {
    text: String,
}

async fn send(
    State(house): State<Arc<House>>,
    SignedIn(user): SignedIn,
    Json(Written { text }): Json<Written>,
) -> StatusCode {
    if text.trim().is_empty() || text.chars().count() > LONGEST {
        return StatusCode::UNPROCESSABLE_ENTITY;
    }
    let arrives = house.provider.delivers(&text, &house.home);
    let message = house.chat.send(user, text.clone(), arrives.clone());
    house
        .provider
        .sent(message, arrives.as_ref().unwrap_or(&text));
    StatusCode::CREATED
}

async fn draft(
    State(house): State<Arc<House>>,
    SignedIn(_): SignedIn,
    Json(Written { text }): Json<Written>,
) -> StatusCode {
    house.provider.typed(&text);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct Shown {
    up_to: u32,
}

async fn read(
    State(house): State<Arc<House>>,
    SignedIn(user): SignedIn,
    Json(Shown { up_to }): Json<Shown>,
) -> StatusCode {
    for message in house.chat.read_by(user, up_to) {
        if let Some(text) = message.text_for(user) {
            house.provider.shown(message.id, text);
        }
    }
    StatusCode::NO_CONTENT
}
