use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

const PARENT: &str = "traceparent";

/// The span goes on with the trace that `traceparent` tells of, if it does. What its caller's own
/// tools say of it, in `tracestate`, ends here: it would go on to providers.
pub fn adopt(span: &Span, headers: &HeaderMap) {
    if span.is_disabled() || !headers.contains_key(PARENT) {
        return;
    }
    let context = TraceContextPropagator::new().extract(&Headers(headers));
    // Without a collector there is nobody to tell.
    let _untraced = span.set_parent(context);
}

/// Puts the trace of a span into headers, for whoever gets them to go on with it.
pub fn carry(span: &Span, headers: &mut HeaderMap) {
    if !span.is_disabled() {
        TraceContextPropagator::new().inject_context(&span.context(), &mut Into(headers));
    }
}

/// Makes a span for what serves all of these at once: a child of the first that is traced, which
/// follows from the others. `make` is given its parent.
pub fn shared<'a>(
    served: impl IntoIterator<Item = &'a Span>,
    make: impl FnOnce(&Span) -> Span,
) -> Span {
    let mut served = served.into_iter().filter(|span| !span.is_disabled());
    let Some(first) = served.next() else {
        return Span::none();
    };
    let span = make(first);
    for other in served.filter(|other| other.id() != first.id()) {
        span.follows_from(other);
    }
    span
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (key == PARENT).then(|| self.0.get(key))??.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct Into<'a>(&'a mut HeaderMap);

impl Injector for Into<'_> {
    fn set(&mut self, key: &str, value: String) {
        let name = HeaderName::try_from(key);
        if let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanId, TraceContextExt, TraceId, TracerProvider};
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing::info_span;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    fn traced(act: impl FnOnce()) {
        let provider = SdkTracerProvider::builder().build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, act);
    }

    const CALLER: &str = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01";

    fn headers(parent: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(HeaderName::from_static(PARENT), HeaderValue::from_static(parent))])
    }

    fn trace_of(span: &Span) -> (TraceId, SpanId) {
        let context = span.context();
        let context = context.span().span_context().clone();
        (context.trace_id(), context.span_id())
    }

    #[test]
    fn a_trace_goes_on_from_headers_to_headers() {
        traced(|| {
            let span = info_span!("request");
            let mut came = headers(CALLER);
            came.insert("tracestate", HeaderValue::from_static("theirs=of-no-concern"));
            adopt(&span, &came);
            let mut out = HeaderMap::new();
            carry(&span, &mut out);
            let (trace, id) = trace_of(&span);
            assert!(out.get("tracestate").is_none_or(HeaderValue::is_empty), "{out:?}");
            assert_eq!(trace.to_string(), "0123456789abcdef0123456789abcdef");
            assert_eq!(out["traceparent"], format!("00-{trace}-{id}-01"));
            assert_ne!(id.to_string(), "0123456789abcdef");
        });
    }

    #[test]
    fn what_is_no_trace_begins_one() {
        for parent in ["", "00-1-2-3", "ff-0123456789abcdef0123456789abcdef-0123456789abcdef-01"] {
            traced(|| {
                let span = info_span!("request");
                adopt(&span, &headers(parent));
                let (trace, _) = trace_of(&span);
                assert_ne!(trace.to_string(), "0123456789abcdef0123456789abcdef");
            });
        }
    }

    #[test]
    fn without_a_collector_nothing_is_carried() {
        let span = info_span!("request");
        adopt(&span, &headers(CALLER));
        let mut out = HeaderMap::new();
        carry(&span, &mut out);
        assert!(out.is_empty());
    }

    #[test]
    fn what_serves_many_is_a_child_of_the_first() {
        traced(|| {
            let (first, other, none) = (info_span!("a"), info_span!("b"), Span::none());
            let span = shared([&none, &first, &other], |parent| info_span!(parent: parent, "all"));
            assert_eq!(trace_of(&span).0, trace_of(&first).0);
            assert_ne!(trace_of(&other).0, trace_of(&first).0);
            assert!(shared([&none], |_| info_span!("all")).is_disabled());
        });
    }
}
