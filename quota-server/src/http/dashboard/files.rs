//! The page's files, as they are in the program.

use bytes::Bytes;
use http::HeaderValue;
use xxhash_rust::xxh3::xxh3_64;

pub(super) struct File {
    pub(super) name: &'static str,
    pub(super) content_type: &'static str,
    pub(super) text: &'static str,
}

impl File {
    /// Changes when the text does.
    pub(super) fn etag(&self) -> HeaderValue {
        let tag = format!("\"{:016x}\"", xxh3_64(self.text.as_bytes()));
        HeaderValue::from_maybe_shared(Bytes::from(tag)).expect("quotes and digits")
    }
}

macro_rules! files {
    ($($content_type:literal: $($name:literal),+;)+) => {
        &[$($(File {
            name: $name,
            content_type: $content_type,
            text: include_str!(concat!("page/", $name)),
        }),+),+]
    };
}

pub(super) const INDEX: File = File {
    name: "index.html",
    content_type: "text/html; charset=utf-8",
    text: include_str!("page/index.html"),
};

/// All but the page itself.
pub(super) const ALL: &[File] = files! {
    "text/css; charset=utf-8": "style.css", "list.css", "detail.css", "dialog.css";
    "image/svg+xml": "icon.svg";
    "text/javascript; charset=utf-8":
        "main.js", "api.js", "banner.js", "deployments.js", "detail.js", "dialog.js", "dom.js", "edit.js", "feed.js",
        "format.js", "heat.js", "keys.js", "leases.js", "list.js", "plot.js", "row.js", "server.js", "states.js",
        "theme.js", "token.js";
};

pub(super) fn find(name: &str) -> Option<&'static File> {
    ALL.iter().find(|file| file.name == name)
}
