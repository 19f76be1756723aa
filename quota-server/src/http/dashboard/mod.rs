//! The dashboard: one page for people, made of files that are part of the program. It is a client
//! of the API like any other, with the token that its reader gives it; the page itself tells
//! nothing, so it is open to everybody.
//!
//! It has no build step, no framework and no resource from elsewhere. The browser is told to
//! enforce that (`headers.rs`).
//!
//! To add a file: in `page/`, and its line in `files.rs`.

mod files;
mod headers;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT, CONTENT_TYPE, ETAG, VARY};
use http::{HeaderMap, HeaderValue, StatusCode, Uri};

use super::{Failure, etag, ops};
use files::{File, INDEX};

/// Where the page's files are.
pub(super) const FILES: &str = "/dashboard/{file}";

/// The page, for who prefers HTML; the list of routes for all others.
pub(super) fn index(headers: &HeaderMap) -> Option<Response> {
    wants_html(headers).then(|| {
        let mut response = show(&INDEX, headers);
        response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
        response
    })
}

/// One of its files.
pub(super) async fn file(Path(name): Path<String>, uri: Uri, headers: HeaderMap) -> Response {
    match files::find(&name) {
        Some(file) => show(file, &headers),
        None => {
            let missing: Failure = ops::unknown::route(uri).await;
            missing.into_response()
        }
    }
}

fn show(file: &File, headers: &HeaderMap) -> Response {
    let tag = file.etag();
    let content_type = HeaderValue::from_static(file.content_type);
    let mut response = if etag::is_listed(headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(CONTENT_TYPE, content_type)], file.text).into_response()
    };
    response.headers_mut().insert(ETAG, tag);
    response.headers_mut().extend(headers::all());
    response
}

/// Browsers name HTML; `curl` and most libraries take anything.
fn wants_html(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|range| {
        let media = range.split(';').next().unwrap_or_default();
        media.trim().eq_ignore_ascii_case("text/html")
    })
}

#[cfg(test)]
mod tests {
    use http::Method;
    use quota_api::Code;

    use super::*;
    use crate::http::testing::{Answer, World, request};

    async fn browse(world: &World, path: &str, etag: Option<&str>) -> Answer {
        let mut request = request(Method::GET, path, "");
        let accept = "text/html,application/xhtml+xml,*/*;q=0.8".parse().unwrap();
        request.headers_mut().insert(ACCEPT, accept);
        if let Some(etag) = etag {
            request.headers_mut().insert("if-none-match", etag.parse().unwrap());
        }
        world.send(request).await
    }

    /// What a page refers to with this attribute.
    fn named<'a>(page: &'a str, attribute: &str) -> Vec<&'a str> {
        let parts = page.split(attribute).skip(1);
        parts.map(|rest| rest.split('"').next().unwrap()).collect()
    }

    #[tokio::test]
    async fn browsers_get_the_page_and_others_the_routes() {
        let world = World::new().await;
        let page = browse(&world, "/", None).await;
        assert!(page.text.starts_with("<!doctype html>"), "{}", page.text);
        assert_eq!(page.header("vary"), "accept");
        let routes = world.get("/").await;
        assert!(routes.text.contains("/v1/leases/batch"), "{}", routes.text);
        assert_eq!(routes.header("vary"), "accept");
    }

    #[tokio::test]
    async fn every_file_that_the_page_names_is_there_and_nothing_else_is_named() {
        let world = World::new().await;
        let page = browse(&world, "/", None).await.text;
        let names = [named(&page, "href=\""), named(&page, "src=\"")].concat();
        assert!(names.len() > 5, "{names:?}");
        for name in names {
            assert!(name.starts_with("dashboard/"), "{name}");
            assert_eq!(browse(&world, &format!("/{name}"), None).await.status, 200, "{name}");
        }
    }

    #[tokio::test]
    async fn scripts_import_only_files_that_are_there() {
        for file in files::ALL.iter().filter(|file| file.name.ends_with(".js")) {
            for import in named(file.text, " from \"./") {
                assert!(files::find(import).is_some(), "{} imports {import}", file.name);
            }
        }
    }

    #[tokio::test]
    async fn what_the_browser_has_is_not_sent_again() {
        let world = World::new().await;
        let first = browse(&world, "/dashboard/main.js", None).await;
        assert_eq!(first.header("content-type"), "text/javascript; charset=utf-8");
        let again = browse(&world, "/dashboard/main.js", Some(first.header("etag"))).await;
        assert_eq!((again.status, again.text.as_str()), (StatusCode::NOT_MODIFIED, ""));
        assert_eq!(again.header("etag"), first.header("etag"));
        assert_eq!(browse(&world, "/dashboard/main.js", Some("\"x\"")).await.status, 200);
    }

    #[tokio::test]
    async fn the_browser_is_told_to_run_nothing_else() {
        let world = World::new().await;
        for path in ["/", "/dashboard/style.css"] {
            let answer = browse(&world, path, None).await;
            let policy = answer.header("content-security-policy");
            for part in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"] {
                assert!(policy.contains(part), "{policy}");
            }
            assert!(!policy.contains("unsafe"), "{policy}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
        }
    }

    #[tokio::test]
    async fn there_is_nothing_beside_the_files() {
        let world = World::new().await;
        for path in ["/dashboard/other.js", "/dashboard/..%2fmod.rs", "/dashboard/"] {
            browse(&world, path, None).await.problem(Code::NoSuchRoute);
        }
    }
}
