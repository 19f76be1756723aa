//! Paths and methods that there are not.

use http::{Method, Uri};
use quota_api::Code;

use crate::http::Failure;

pub(in crate::http) async fn route(uri: Uri) -> Failure {
    Failure::new(Code::NoSuchRoute, format!("there is nothing at `{}`; see `/`", uri.path()))
}

pub(in crate::http) async fn method(method: Method, uri: Uri) -> Failure {
    Failure::new(Code::MethodNotAllowed, format!("`{}` has no `{method}`", uri.path()))
}
