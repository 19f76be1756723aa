use std::future::pending;
use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::net::TcpListener;

/// What the upstream answers everything with.
#[derive(Clone, Default)]
pub(super) struct Script {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(&'static str, &'static str)>,
    pub(super) chunks: Vec<&'static str>,
    /// The answer breaks off after its chunks.
    pub(super) breaks_off: bool,
    /// The answer never ends.
    pub(super) hangs: bool,
    /// A body with this field is answered with 422.
    pub(super) refuses: Option<&'static str>,
    /// The answer is compressed, whatever was asked for.
    pub(super) gzips: bool,
}

/// What reached it.
#[derive(Debug, Clone)]
pub(super) struct Arrival {
    pub(super) path: String,
    pub(super) query: Option<String>,
    pub(super) headers: HeaderMap,
    /// Null where it is no JSON.
    pub(super) body: Value,
    pub(super) bytes: Bytes,
}

#[derive(Clone)]
pub(super) struct FakeUpstream {
    pub(super) base: String,
    script: Script,
    arrivals: Arc<Mutex<Vec<Arrival>>>,
}

impl FakeUpstream {
    /// Runs until the test's runtime ends.
    pub(super) async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = Self {
            base: format!("http://{}", listener.local_addr().unwrap()),
            script,
            arrivals: Arc::default(),
        };
        let router = Router::new().fallback(answer).with_state(upstream.clone());
        tokio_util::task::TaskTracker::new().spawn(async { axum::serve(listener, router).await });
        upstream
    }

    pub(super) async fn answering(body: &'static str) -> Self {
        Self::start(Script {
            headers: vec![("content-type", "application/json")],
            chunks: vec![body],
            ..Script::default()
        })
        .await
    }

    pub(super) async fn streaming(chunks: Vec<&'static str>) -> Self {
        Self::start(Script {
            headers: vec![("content-type", "text/event-stream; charset=utf-8")],
            chunks,
            ..Script::default()
        })
        .await
    }

    pub(super) fn arrivals(&self) -> Vec<Arrival> {
        self.arrivals.lock().unwrap().clone()
    }
}

async fn answer(State(upstream): State<FakeUpstream>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let script = upstream.script;
    let refused = script.refuses.filter(|field| body.get(field).is_some());
    upstream.arrivals.lock().unwrap().push(Arrival {
        path: head.uri.path().to_owned(),
        query: head.uri.query().map(str::to_owned),
        headers: head.headers,
        body,
        bytes,
    });
    if let Some(field) = refused {
        // As pydantic does it: with what came.
        let came = &upstream.arrivals.lock().unwrap().last().unwrap().body.to_string();
        let error = format!(r#"{{"detail":[{{"loc":["body","{field}"],"input":{came}}}]}}"#);
        return (StatusCode::UNPROCESSABLE_ENTITY, error).into_response();
    }
    let mut headers = HeaderMap::from_iter(
        script.headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())),
    );
    let coded = script.gzips.then(|| {
        headers.insert("content-encoding", "gzip".parse().unwrap());
        gzipped(script.chunks.concat().as_bytes())
    });
    let plain = script.chunks.into_iter().map(|chunk| Bytes::from_static(chunk.as_bytes()));
    let chunks: Vec<_> = coded.map_or_else(|| plain.collect(), |coded| vec![coded]);
    let chunks = chunks.into_iter().map(Ok);
    let chunks = futures_util::stream::iter(chunks);
    let end = futures_util::stream::iter(script.breaks_off.then_some(())).then(async |()| {
        // What came before is sent once nothing more is ready.
        tokio::task::yield_now().await;
        Err(std::io::Error::other("scripted"))
    });
    let hang =
        futures_util::stream::iter(script.hangs.then_some(())).then(async |()| pending().await);
    let body = Body::from_stream(chunks.chain(end).chain(hang));
    (script.status, headers, body).into_response()
}

pub(super) fn gzipped(text: &[u8]) -> Bytes {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text).unwrap();
    gzip.finish().unwrap().into()
}
