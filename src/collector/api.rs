//! The interface by which runs elsewhere register, write what they did, and read who came: `store/remote` speaks to it.
//!
//! ```text
//! POST /v1/runs                              plant         registers a run
//! GET  /v1/runs/RUN                          plant         what it was given when it registered
//! POST /v1/runs/RUN/hold                     plant         takes the run in hand; PUT keeps it, DELETE lets it go
//! POST /v1/runs/RUN/records                  plant         one record; its number
//! GET  /v1/runs                              plant, read   all runs
//! GET  /v1/unfinished                        plant, read   the runs that are not over
//! GET  /v1/runs/RUN/records?after=N&limit=M  plant, read   records behind number N
//! GET  /v1/health                            plant, read   the clock, and what is missed and not written down yet
//! GET  /metrics                              plant, read   how the collector fares, in OpenMetrics' text
//! ```
//!
//! Nothing is planted by who does not have the run in hand: of two who go on with one run, one is refused.
//!
//! Who has no secret gets what any web server says where nothing is.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, FromRequestParts, Path, Query, State};
use axum::http::Method;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;

use crate::canary::{Key, nothing_here};
use crate::model::{Record, Registration, RunId, Timestamp};
use crate::store::{HOLDER, Health, Page, Registered, RunRow, Store, StoreError, Unfinished};

use super::door::House;
use super::holds::Holds;
use super::limits;
use super::metrics::METRICS_TYPE;

/// The fewest characters of a secret: with fewer it could be guessed over the network.
const SECRET_CHARS: usize = 16;

/// The secrets that an interface asks for: one to plant with (and to read), one only to read. Kept as digests, so that
/// comparing takes the same time whatever is sent.
#[derive(Clone)]
pub struct Secrets {
    plant: [u8; 32],
    read: [u8; 32],
}

impl Secrets {
    /// None if one of them is too short, or both are the same.
    #[must_use]
    pub fn new(plant: &str, read: &str) -> Option<Self> {
        let fits = [plant, read]
            .iter()
            .all(|secret| secret.len() >= SECRET_CHARS);
        let (plant, read) = (digest(plant.as_bytes()), digest(read.as_bytes()));
        (fits && plant != read).then_some(Self { plant, read })
    }

    fn leave(&self, headers: &HeaderMap) -> Option<Leave> {
        let given = headers.get(AUTHORIZATION)?.as_bytes();
        let (scheme, secret) = given.split_at_checked("Bearer ".len())?;
        let given = digest(secret);
        let plant: bool = given.ct_eq(&self.plant).into();
        let read: bool = given.ct_eq(&self.read).into();
        match (scheme.eq_ignore_ascii_case(b"Bearer "), plant, read) {
            (true, true, _) => Some(Leave::Plant),
            (true, _, true) => Some(Leave::Read),
            _ => None,
        }
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(***)")
    }
}

fn digest(secret: &[u8]) -> [u8; 32] {
    Sha256::digest(secret).into()
}

/// What whoever asks may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leave {
    Plant,
    Read,
}

/// What the interface answers from.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) secrets: Secrets,
    pub(super) key: Key,
    pub(super) store: Arc<Store>,
    pub(super) house: Arc<House>,
    pub(super) dns: Option<SocketAddr>,
    /// Who has which run in hand.
    pub(super) holds: Holds,
}

type Shared = State<Arc<Desk>>;

pub(super) fn routes(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/v1/runs", post(register).get(runs))
        .route("/v1/runs/{run}", get(registered))
        .route("/v1/runs/{run}/hold", post(hold).put(hold).delete(hold))
        .route("/v1/runs/{run}/records", post(append).get(page))
        .route("/v1/unfinished", get(unfinished))
        .route("/v1/health", get(health))
        .route("/metrics", get(metrics))
        .fallback(nothing)
        .method_not_allowed_fallback(nothing)
        .layer(DefaultBodyLimit::max(limits::RECORD_BYTES))
        .with_state(desk)
}

/// Somebody who may read.
struct Reader;

/// Somebody who may plant, and by what name they are told from others who may.
struct Planter(Vec<u8>);

impl FromRequestParts<Arc<Desk>> for Reader {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, desk: &Arc<Desk>) -> Result<Self, Response> {
        match desk.secrets.leave(&parts.headers) {
            Some(_) => Ok(Self),
            None => Err(nothing().await),
        }
    }
}

impl FromRequestParts<Arc<Desk>> for Planter {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, desk: &Arc<Desk>) -> Result<Self, Response> {
        match desk.secrets.leave(&parts.headers) {
            Some(Leave::Plant) => {
                let holder = parts.headers.get(HOLDER);
                Ok(Self(
                    holder
                        .map(|name| name.as_bytes().to_vec())
                        .unwrap_or_default(),
                ))
            }
            Some(Leave::Read) => Err(refusal(StatusCode::FORBIDDEN, "this secret may only read")),
            None => Err(nothing().await),
        }
    }
}

/// What is said where nothing is: the same as at the public door.
async fn nothing() -> Response {
    let page = nothing_here();
    let status = StatusCode::from_u16(page.status).unwrap_or(StatusCode::NOT_FOUND);
    (
        status,
        [("content-type", page.media_type)],
        page.body.bytes(0..page.body.len()),
    )
        .into_response()
}

fn refusal(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({ "error": error }))).into_response()
}

impl IntoResponse for StoreError {
    fn into_response(self) -> Response {
        let status = match self {
            Self::Gone(_) => StatusCode::GONE,
            Self::Held(_) => StatusCode::CONFLICT,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        refusal(status, &format!("failed to {self}"))
    }
}

async fn register(
    Planter(holder): Planter,
    State(desk): Shared,
) -> Result<(StatusCode, Json<Registered>), Response> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_err(|error| {
        refusal(
            StatusCode::SERVICE_UNAVAILABLE,
            &format!("failed to draw a run: {error}"),
        )
    })?;
    let run = RunId(u32::from_be_bytes(bytes));
    let at = Timestamp::now();
    let taken = on_store(&desk, move |store| store.holds(run)).await;
    if taken.map_err(StoreError::into_response)? {
        return Err(refusal(
            StatusCode::SERVICE_UNAVAILABLE,
            "failed to draw a run: its name is taken; ask again",
        ));
    }
    let collector = desk.key.own_run();
    let record = Record::Registration(Registration { at, collector });
    desk.store
        .append(run, &record)
        .await
        .map_err(StoreError::into_response)?;
    desk.holds.take(run, &holder);
    Ok((StatusCode::CREATED, Json(given(&desk, run, at))))
}

/// What a run is given.
fn given(desk: &Desk, run: RunId, at: Timestamp) -> Registered {
    Registered {
        run,
        mint: desk.key.mint(run).secret(),
        public: desk.house.public.clone(),
        dns: desk.dns,
        roots: desk.house.roots_pem(),
        at,
    }
}

async fn registered(
    _: Planter,
    State(desk): Shared,
    Path(run): Path<RunId>,
) -> Result<Json<Registered>, Response> {
    must_hold(&desk, run).await?;
    Ok(Json(given(&desk, run, Timestamp::now())))
}

/// Takes a run in hand, keeps it there, or lets it go.
async fn hold(
    Planter(holder): Planter,
    method: Method,
    State(desk): Shared,
    Path(run): Path<RunId>,
) -> Result<Json<()>, Response> {
    must_hold(&desk, run).await?;
    let done = match method {
        Method::DELETE => {
            desk.holds.let_go(run, &holder);
            true
        }
        Method::PUT => desk.holds.renew(run, &holder),
        _ => desk.holds.take(run, &holder),
    };
    match done {
        true => Ok(Json(())),
        false => Err(StoreError::Held(run).into_response()),
    }
}

async fn unfinished(_: Reader, State(desk): Shared) -> Result<Json<Vec<Unfinished>>, Response> {
    let runs = on_store(&desk, Store::unfinished).await;
    let mut runs = runs.map_err(StoreError::into_response)?;
    for one in &mut runs {
        one.held |= desk.holds.is_held(one.run);
    }
    Ok(Json(runs))
}

async fn append(
    Planter(holder): Planter,
    State(desk): Shared,
    Path(run): Path<RunId>,
    Json(record): Json<Record>,
) -> Result<Json<u64>, Response> {
    if matches!(record, Record::Registration(_)) {
        return Err(refusal(
            StatusCode::UNPROCESSABLE_ENTITY,
            "a run registers once",
        ));
    }
    must_hold(&desk, run).await?;
    if matches!(record, Record::Intent(_)) && !desk.holds.renew(run, &holder) {
        return Err(StoreError::Held(run).into_response());
    }
    let (begins, ends) = (
        matches!(record, Record::Manifest(_)),
        matches!(record, Record::End(_)),
    );
    if ends {
        // What was missed in the run's time comes before its end.
        desk.house.intake.close_gap().await;
    }
    let seq = desk.store.append(run, &record).await;
    let seq = seq.map_err(StoreError::into_response)?;
    let noted = match (begins, ends) {
        (true, _) => on_store(&desk, move |store| store.begin(run, None)).await,
        (_, true) => on_store(&desk, move |store| store.finish(run)).await,
        _ => Ok(()),
    };
    noted.map_err(StoreError::into_response)?;
    Ok(Json(seq))
}

async fn runs(_: Reader, State(desk): Shared) -> Result<Json<Vec<RunRow>>, Response> {
    let runs = on_store(&desk, Store::runs)
        .await
        .map_err(StoreError::into_response)?;
    Ok(Json(runs))
}

/// Where a page begins, and how long it may be.
#[derive(Debug, Deserialize)]
struct Cut {
    #[serde(default)]
    after: u64,
    #[serde(default = "most")]
    limit: u32,
}

const fn most() -> u32 {
    limits::PAGE
}

async fn page(
    _: Reader,
    State(desk): Shared,
    Path(run): Path<RunId>,
    Query(cut): Query<Cut>,
) -> Result<Json<Page>, Response> {
    must_hold(&desk, run).await?;
    let most = cut.limit.clamp(1, limits::PAGE);
    let page = on_store(&desk, move |store| store.page(run, cut.after, most)).await;
    Ok(Json(page.map_err(StoreError::into_response)?))
}

async fn health(_: Reader, State(desk): Shared) -> Json<Health> {
    let at = Timestamp::now();
    let gap = desk.house.intake.close_gap().await;
    Json(Health { at, gap })
}

/// For a scraper that is given the secret for reading.
async fn metrics(_: Reader, State(desk): Shared) -> Response {
    ([("content-type", METRICS_TYPE)], desk.house.counted()).into_response()
}

/// A run that is not there is said to be gone, and never shown as one without records.
async fn must_hold(desk: &Arc<Desk>, run: RunId) -> Result<(), Response> {
    match on_store(desk, move |store| store.holds(run)).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(StoreError::Gone(run.to_string()).into_response()),
        Err(error) => Err(error.into_response()),
    }
}

/// Reads the store where waiting for the disk holds nobody up.
async fn on_store<T: Send + 'static>(
    desk: &Arc<Desk>,
    read: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let store = Arc::clone(&desk.store);
    let read = tokio::task::spawn_blocking(move || read(&store)).await;
    read.unwrap_or(Err(StoreError::Closed))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLANT: &str = "plant-plant-plant";
    const READ: &str = "read-read-read-read";

    #[test]
    fn a_secret_gives_its_leave_and_nothing_else_does() {
        let secrets = Secrets::new(PLANT, READ).unwrap();
        let leave = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, value.parse().unwrap());
            secrets.leave(&headers)
        };
        assert_eq!(leave(&format!("Bearer {PLANT}")), Some(Leave::Plant));
        assert_eq!(leave(&format!("bearer {READ}")), Some(Leave::Read));
        for wrong in [
            PLANT,
            "Bearer ",
            "Bearer",
            "",
            "Basic plant-plant-plant",
            "Bearer plant-plant-plan",
        ] {
            assert_eq!(leave(wrong), None, "{wrong}");
        }
        assert_eq!(secrets.leave(&HeaderMap::new()), None);
    }

    #[test]
    fn short_or_equal_secrets_are_refused() {
        assert!(Secrets::new("short", READ).is_none());
        assert!(Secrets::new(PLANT, PLANT).is_none());
    }
}
