//! Endpoints besides chat and embeddings, on deployments with and without limits.

use gateway_client::Amount;

use super::quota::FakeQuotaServer;
use super::upstream::{FakeUpstream, Script};
use super::*;

/// A gateway with one deployment, limited to 10 000 tokens a minute, that takes 100 tokens as the
/// output of what doesn't say.
pub(super) struct Site {
    pub(super) gateway: Router,
    client: QuotaClient,
    server: FakeQuotaServer,
}

impl Site {
    pub(super) async fn new(entry: &str) -> Self {
        let server = FakeQuotaServer::start(10_000).await;
        let limited = entry.replace("timeout", "tpm: 10000, timeout");
        let rest = format!(
            "quota_server: {{url: '{}', default_max_output_tokens: 100, max_wait_ms: 5000}}\n",
            server.url
        );
        let (gateway, client) = gateway_and_client(&limited, &rest).await;
        Self { gateway, client, server }
    }

    /// What the book has as used once all is told.
    pub(super) async fn used(self) -> Amount {
        self.client.shutdown().await.unwrap();
        self.server.used().into()
    }
}

async fn ask_one(path: &str, body: &str, upstream: &FakeUpstream) -> (Reply, Amount) {
    let site = Site::new(&entry("m", &upstream.base)).await;
    let reply = ask(&site.gateway, post(path, body.to_owned())).await;
    (reply, site.used().await)
}

#[tokio::test]
async fn completions_go_on_and_are_settled() {
    let upstream = FakeUpstream::answering(
        r#"{"object":"text_completion","choices":[{"text":"x"}],"usage":{"prompt_tokens":2,"completion_tokens":5,"total_tokens":7}}"#,
    )
    .await;
    let body = r#"{"model":"m","prompt":["a","b"],"max_tokens":5,"echo":true}"#;
    let (reply, used) = ask_one("/v1/completions", body, &upstream).await;
    assert_eq!((reply.status.as_u16(), used.tokens(), used.requests()), (200, 7, 1));
    assert_eq!(reply.json()["object"], "text_completion");
    let [arrival] = upstream.arrivals().try_into().unwrap();
    assert_eq!(arrival.path, "/v1/completions");
    assert_eq!(arrival.bytes, body.replace("\"m\"", "\"gpt-4o\""));
}

#[tokio::test]
async fn a_streamed_completion_is_asked_for_its_usage() {
    let text = "data: {\"choices\":[{\"text\":\"x\"}]}\n\n";
    let usage = "data: {\"choices\":[],\"usage\":{\"total_tokens\":9}}\n\n";
    let upstream = FakeUpstream::streaming(vec![text, usage, "data: [DONE]\n\n"]).await;
    let body = r#"{"model":"m","prompt":"a","stream":true}"#;
    let (reply, used) = ask_one("/completions", body, &upstream).await;
    assert_eq!(reply.body, [text, "data: [DONE]\n\n"].concat());
    assert_eq!(used.tokens(), 9);
    assert_eq!(upstream.arrivals()[0].body["stream_options"]["include_usage"], true);
}

#[tokio::test]
async fn responses_go_on_and_are_settled_by_their_own_usage() {
    let upstream = FakeUpstream::answering(
        r#"{"id":"resp_1","object":"response","output":[],"usage":{"input_tokens":8,"input_tokens_details":{"cached_tokens":4},"output_tokens":5,"output_tokens_details":{"reasoning_tokens":2},"total_tokens":13}}"#,
    )
    .await;
    let body = r#"{"model":"m","input":[{"role":"user","content":[{"type":"input_text","text":"hi"}]}],"max_output_tokens":50}"#;
    let (reply, used) = ask_one("/v1/responses", body, &upstream).await;
    assert_eq!((reply.status.as_u16(), used.tokens()), (200, 13));
    let [arrival] = upstream.arrivals().try_into().unwrap();
    assert_eq!(arrival.path, "/v1/responses");
    assert_eq!(arrival.bytes, body.replace("\"m\"", "\"gpt-4o\""));
}

const CREATED: &str = "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"usage\":null}}\n\n";
const DELTA: &str = "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"hi\"}\n\n";
const COMPLETED: &str = "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"usage\":{\"input_tokens\":8,\"output_tokens\":5,\"total_tokens\":13}}}\n\n";

#[tokio::test]
async fn a_streamed_response_is_handed_on_whole_and_settled() {
    let body = r#"{"model":"m","input":"hi","stream":true}"#;
    let upstream = FakeUpstream::streaming(vec![CREATED, DELTA, COMPLETED]).await;
    let (reply, used) = ask_one("/v1/responses", body, &upstream).await;
    assert_eq!(reply.body, [CREATED, DELTA, COMPLETED].concat());
    assert_eq!(used.tokens(), 13);
    assert!(upstream.arrivals()[0].body.get("stream_options").is_none());
    let cut = FakeUpstream::streaming(vec![CREATED, DELTA]).await;
    let (_, used) = ask_one("/v1/responses", body, &cut).await;
    assert!(used.tokens() > 100, "its usage is unknown: {used:?}");
}

#[tokio::test]
async fn azure_s_clients_find_the_calls_where_they_look_for_them() {
    let upstream = FakeUpstream::answering(r#"{"usage":{"total_tokens":2}}"#).await;
    let azure = entry("m", &upstream.base)
        .replace("openai/gpt-4o", "azure/there")
        .replace("/v1', ", "', api_version: '2024-10-21', ");
    let gateway = gateway(&azure, "").await;
    for (path, body, there) in [
        (
            "/openai/deployments/m/completions",
            r#"{"prompt":"a"}"#,
            "/deployments/there/completions",
        ),
        ("/openai/deployments/m/embeddings", r#"{"input":"a"}"#, "/deployments/there/embeddings"),
        ("/openai/responses", r#"{"model":"m","input":"a"}"#, "/responses"),
        ("/openai/v1/responses", r#"{"model":"m","input":"a"}"#, "/responses"),
    ] {
        let reply = ask(&gateway, post(&format!("{path}?api-version=2024-10-21"), body)).await;
        assert_eq!(reply.status, 200, "{path}");
        let arrival = upstream.arrivals().pop().unwrap();
        assert_eq!(arrival.path, format!("/openai{there}"));
        assert_eq!(arrival.query.as_deref(), Some("api-version=2024-10-21"));
    }
}

#[tokio::test]
async fn one_that_lacks_an_endpoint_is_not_left_alone_and_a_sibling_is_tried() {
    let lacks = FakeUpstream::start(Script {
        status: StatusCode::NOT_FOUND,
        chunks: vec!["{}"],
        ..Script::default()
    })
    .await;
    let has = FakeUpstream::answering("{}").await;
    let entries = entry("m", &lacks.base) + &entry("m", &has.base).replace("m-1", "m-2");
    let both = gateway(&entries, "").await;
    let body = r#"{"model":"m","input":"a"}"#;
    for _ in 0..20 {
        assert_eq!(ask(&both, post("/v1/responses", body)).await.status, 200);
    }
    assert!(lacks.arrivals().len() > 1, "it is asked again");
    for status in [404, 405, 501] {
        let status = StatusCode::from_u16(status).unwrap();
        let lacks = Script { status, chunks: vec!["{}"], ..Script::default() };
        let (reply, used) = ask_one("/v1/responses", body, &FakeUpstream::start(lacks).await).await;
        assert_eq!((reply.status, used.tokens()), (status, 0), "nothing was made");
    }
}

#[tokio::test]
async fn litellm_s_probes_find_it_well_without_a_key() {
    let rest = "general_settings: {master_key: sk-master}\n";
    let gateway = gateway(&entry("m", "http://127.0.0.1:1"), rest).await;
    for path in ["/health/liveliness", "/health/liveness", "/health/readiness"] {
        let reply = ask(&gateway, Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!(reply.status, 200, "{path}");
    }
}

#[tokio::test]
async fn what_makes_no_text_reserves_a_guess_and_settles_by_what_is_told() {
    let told = r#"{"data":[],"usage":{"input_tokens":4,"output_tokens":400,"total_tokens":404}}"#;
    let jina = r#"{"results":[],"usage":{"total_tokens":30}}"#;
    for (path, body, answer, tokens) in [
        ("/v1/images/generations", r#"{"model":"m","prompt":"a cat","quality":"low"}"#, told, 404),
        ("/v1/rerank", r#"{"model":"m","query":"a","documents":["b","c"]}"#, jina, 30),
        ("/rerank", r#"{"model":"m","query":"a","documents":["b","c"]}"#, "{}", 4),
        ("/v1/moderations", r#"{"model":"m","input":["hello","hello"]}"#, r#"{"results":[]}"#, 2),
    ] {
        let upstream = FakeUpstream::answering(answer).await;
        let (reply, used) = ask_one(path, body, &upstream).await;
        assert_eq!((reply.status.as_u16(), reply.body), (200, answer.into()), "{path}");
        assert_eq!((used.tokens(), used.requests()), (tokens, 1), "{path}");
        let [arrival] = upstream.arrivals().try_into().unwrap();
        assert_eq!(arrival.path.trim_start_matches("/v1"), path.trim_start_matches("/v1"));
        assert_eq!(arrival.bytes, body.replace("\"m\"", "\"gpt-4o\""));
    }
}

const SPEECH: &str = r#"{"model":"m","input":"hello hello","voice":"alloy"}"#;

#[tokio::test]
async fn speech_comes_byte_for_byte() {
    let upstream = FakeUpstream::start(Script {
        headers: vec![("content-type", "audio/mpeg")],
        chunks: vec!["\u{0}\n\ndata: [DONE]\n\n", "usage"],
        ..Script::default()
    })
    .await;
    let (reply, used) = ask_one("/v1/audio/speech", SPEECH, &upstream).await;
    assert_eq!(reply.body, "\u{0}\n\ndata: [DONE]\n\nusage");
    assert_eq!(reply.headers["content-type"], "audio/mpeg");
    assert_eq!((used.tokens(), used.requests()), (2, 1));
    assert_eq!(upstream.arrivals()[0].headers["accept"], "*/*");
}

#[tokio::test]
async fn speech_is_handed_on_as_it_comes_and_breaks_off_where_it_does() {
    let script = Script {
        headers: vec![("content-type", "audio/mpeg")],
        chunks: vec!["begun"],
        ..Script::default()
    };
    let hangs = FakeUpstream::start(Script { hangs: true, ..script.clone() }).await;
    let open = gateway(&entry("m", &hangs.base), "").await;
    let response = open.oneshot(post("/v1/audio/speech", SPEECH)).await.unwrap();
    let first = response.into_body().frame().await.unwrap().unwrap();
    assert_eq!(first.into_data().unwrap(), "begun");
    let dies = FakeUpstream::start(Script { breaks_off: true, ..script }).await;
    let open = gateway(&entry("m", &dies.base), "").await;
    let response = open.oneshot(post("/v1/audio/speech", SPEECH)).await.unwrap();
    assert!(response.into_body().collect().await.is_err());
}

fn form(parts: &str) -> Request<Body> {
    let kind = "multipart/form-data; boundary=\"b 1\"";
    let body = parts.replace('\n', "\r\n");
    Request::post("/v1/audio/transcriptions")
        .header("content-type", kind)
        .body(body.into())
        .unwrap()
}

const FORM: &str = "--b 1\nContent-Disposition: form-data; name=\"model\"\n\nm\n\
    --b 1\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\nContent-Type: audio/wav\n\nRIFF--b\n\
    --b 1--\n";

#[tokio::test]
async fn a_form_goes_on_byte_for_byte_but_for_its_model() {
    let answer = r#"{"text":"hi","usage":{"type":"tokens","input_tokens":14,"output_tokens":4,"total_tokens":18}}"#;
    let upstream = FakeUpstream::answering(answer).await;
    let site = Site::new(&entry("m", &upstream.base)).await;
    let reply = ask(&site.gateway, form(FORM)).await;
    assert_eq!((reply.status.as_u16(), reply.body), (200, answer.into()));
    let [arrival] = upstream.arrivals().try_into().unwrap();
    assert_eq!(arrival.path, "/v1/audio/transcriptions");
    assert_eq!(arrival.headers["content-type"], "multipart/form-data; boundary=\"b 1\"");
    assert_eq!(arrival.bytes, FORM.replace("\n\nm\n", "\n\ngpt-4o\n").replace('\n', "\r\n"));
    assert_eq!(site.used().await.tokens(), 18);
}

#[tokio::test]
async fn forms_are_bounded_and_read_in_one_way() {
    let upstream = FakeUpstream::answering("{}").await;
    let gateway = gateway(&entry("m", &upstream.base), "").await;
    let twice = FORM.replacen(
        "--b 1",
        "--b 1\nContent-Disposition: form-data; name=\"model\"\n\nn\n--b 1",
        1,
    );
    let large = FORM.replace("RIFF", &"x".repeat(1 << 20));
    for (request, status) in [
        (form(FORM), 200),
        (form(&twice), 400),
        (form("--b 1--\n"), 400),
        (form(&large), 413),
        (post("/v1/audio/transcriptions", "{}"), 415),
    ] {
        assert_eq!(ask(&gateway, request).await.status, status);
    }
    let reply = ask(&gateway, form(&FORM.replace("\n\nm\n", "\n\nother\n"))).await;
    assert_eq!(reply.error()["code"], "model_not_found");
    assert_eq!(upstream.arrivals().len(), 1);
}
