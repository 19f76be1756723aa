use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tracing::{Metadata, Subscriber};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::Filter;
use tracing_subscriber::registry::LookupSpan;

use crate::count::Bounded;

/// How long spans are gathered before they are sent together.
const DELAY: Duration = Duration::from_secs(1);
/// How long the collector may take to answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long the end of the process waits for the last spans.
const LAST: Duration = Duration::from_secs(2);

/// What other libraries trace is of no interest.
const OURS: [&str; 4] = ["quota_server", "gateway_client", "openai_gateway", "traces"];

/// Spans cannot be sent to this collector. What a collector's URL has as a password or as
/// parameters is not repeated.
#[derive(Debug, thiserror::Error)]
#[error("spans cannot be sent to `{shown}`: it is no URL that can be called")]
pub struct ExportError {
    shown: String,
}

impl ExportError {
    fn of(endpoint: &str) -> Self {
        let bare = endpoint.split_once('?').map_or(endpoint, |(bare, _)| bare);
        let shown = bare.rsplit_once('@').map_or(bare, |(_, place)| place);
        Self { shown: shown.to_owned() }
    }
}

/// Sends spans to a collector until it is dropped, which waits a moment for the last ones.
#[derive(Debug)]
pub struct Export(SdkTracerProvider);

/// Where spans go: what was configured, else what the environment says in OpenTelemetry's own
/// words; `None` where nobody wants them.
pub fn endpoint(configured: Option<&str>, env: impl Fn(&str) -> Option<String>) -> Option<String> {
    let of = |name: &str| env(name).filter(|value| !value.is_empty());
    if of("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return None;
    }
    let traces = |base: &str| format!("{}/v1/traces", base.trim_end_matches('/'));
    let general = || of("OTEL_EXPORTER_OTLP_ENDPOINT").map(|base| traces(&base));
    configured.map(traces).or_else(|| of("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")).or_else(general)
}

impl Export {
    /// Sends spans to this endpoint, as those of this service unless `OTEL_SERVICE_NAME` says
    /// otherwise. Headers and the sampler come from OpenTelemetry's variables.
    ///
    /// # Errors
    /// The endpoint is no URL.
    pub fn start(service: &'static str, endpoint: &str) -> Result<Self, ExportError> {
        let exporter =
            SpanExporter::builder().with_http().with_endpoint(endpoint).with_timeout(TIMEOUT);
        // Why it cannot be built repeats the URL, so that is not told.
        let exporter = exporter.build().map_err(|_| ExportError::of(endpoint))?;
        let resource = Resource::builder();
        let resource = match std::env::var_os("OTEL_SERVICE_NAME") {
            Some(_) => resource,
            None => resource.with_service_name(service),
        };
        let provider = SdkTracerProvider::builder()
            .with_resource(resource.build())
            .with_span_processor(Bounded::new(exporter, DELAY))
            .build();
        Ok(Self(provider))
    }
}

/// The layer that hands our spans over, down to the level `debug`, whatever is logged.
pub fn layer<S>(export: &Export) -> impl Layer<S> + use<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    layer_of(export.0.tracer("tokenlease")).with_filter(ours())
}

fn layer_of<S>(tracer: SdkTracer) -> OpenTelemetryLayer<S, SdkTracer>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    tracing_opentelemetry::layer().with_tracer(tracer).with_location(false).with_threads(false)
}

fn ours<S>() -> impl Filter<S> {
    let is_ours = |meta: &Metadata<'_>| {
        let (root, _) = meta.target().split_once("::").unwrap_or((meta.target(), ""));
        meta.is_span() && OURS.contains(&root)
    };
    filter_fn(is_ours).with_max_level_hint(LevelFilter::DEBUG)
}

impl Drop for Export {
    fn drop(&mut self) {
        // Spans that nobody takes are lost, as those before them.
        let _late = self.0.shutdown_with_timeout(LAST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_repeated() {
        let why = Export::start("t", "http://u:p4ss@ho st:4318/v1?key=k3y").unwrap_err();
        let told = format!("{why} {why:?}");
        assert!(told.contains("ho st:4318"), "{told}");
        assert!(!told.contains("p4ss") && !told.contains("k3y"), "{told}");
    }

    #[test]
    fn flags_win_over_the_environment() {
        let env = |set: &'static [(&str, &str)]| {
            move |name: &str| {
                set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            }
        };
        let general: &[_] = &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318/")];
        let traces: &[_] = &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://t:1/own"),
        ];
        let off: &[_] = &[("OTEL_SDK_DISABLED", "true")];
        assert_eq!(endpoint(None, env(&[])), None);
        assert_eq!(endpoint(None, env(general)).as_deref(), Some("http://c:4318/v1/traces"));
        assert_eq!(endpoint(None, env(traces)).as_deref(), Some("http://t:1/own"));
        let flag = Some("http://f:4318");
        assert_eq!(endpoint(flag, env(traces)).as_deref(), Some("http://f:4318/v1/traces"));
        assert_eq!(endpoint(flag, env(off)), None);
    }
}
