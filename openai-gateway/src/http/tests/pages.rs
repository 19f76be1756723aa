//! Pages of other sites, in browsers.

use super::upstream::FakeUpstream;
use super::*;

const PAGES: &str = "https://app.example";
const WITH_KEY: &str = "general_settings: {master_key: sk-1}\n";

async fn gateway_for_pages(origins: &[&str]) -> Router {
    let upstream = FakeUpstream::answering("{}").await;
    gateway_for(origins, &entry("gpt", &upstream.base), WITH_KEY).await.0
}

fn preflight(origin: &str) -> Request<Body> {
    Request::options("/v1/chat/completions")
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type,x-stainless-os")
        .body(Body::empty())
        .unwrap()
}

fn of(origin: &str, key: &str, mut request: Request<Body>) -> Request<Body> {
    request.headers_mut().insert("origin", origin.parse().unwrap());
    request.headers_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
    request
}

/// Whose pages a browser lets read the answer.
fn may_read(reply: &Reply) -> &str {
    let allowed = reply.headers.get("access-control-allow-origin");
    allowed.map_or("none", |origin| origin.to_str().unwrap())
}

#[tokio::test]
async fn pages_of_an_origin_that_is_named_may_call_and_others_may_not() {
    let gateway = gateway_for_pages(&[PAGES]).await;
    let asked = ask(&gateway, preflight(PAGES)).await;
    assert_eq!((asked.status.as_u16(), may_read(&asked)), (200, PAGES));
    let headers = &asked.headers["access-control-allow-headers"];
    assert_eq!(headers, "authorization,content-type,x-stainless-os");
    assert_eq!(may_read(&ask(&gateway, preflight("https://other.example")).await), "none");
    for (origin, key, status, allowed) in [
        (PAGES, "sk-1", 200, PAGES),
        (PAGES, "sk-2", 401, PAGES),
        ("https://other.example", "sk-1", 200, "none"),
    ] {
        let call = of(origin, key, post("/v1/chat/completions", CHAT));
        let reply = ask(&gateway, call).await;
        assert_eq!((reply.status.as_u16(), may_read(&reply)), (status, allowed), "{origin} {key}");
    }
}

#[tokio::test]
async fn what_is_open_to_all_is_for_no_page() {
    for origins in [&[PAGES][..], &["*"]] {
        let gateway = gateway_for_pages(origins).await;
        assert_ne!(may_read(&ask(&gateway, preflight(PAGES)).await), "none");
        for path in ["/metrics", "/healthz"] {
            let open = of(PAGES, "sk-1", Request::get(path).body(Body::empty()).unwrap());
            assert_eq!(may_read(&ask(&gateway, open).await), "none", "{path}");
        }
    }
}

#[tokio::test]
async fn unasked_no_page_is_let_in() {
    let gateway = gateway_for_pages(&[]).await;
    let asked = ask(&gateway, preflight(PAGES)).await;
    assert_eq!((asked.status.as_u16(), may_read(&asked)), (405, "none"));
}
