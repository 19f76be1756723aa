//! Bounds what waits for the collector, and counts what becomes of spans: a collector that is slow
//! or away costs spans, never memory, and nobody waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use metrics::{counter, describe_counter};
use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor,
};

const SPANS: &str = "trace_spans_total";

/// Spans that wait at most.
const WAITING: usize = 2_048;

/// Declares the metric in the recorder that is installed.
pub(crate) fn describe() {
    describe_counter!(SPANS, "Spans of traces, by what became of them");
    for outcome in ["sent", "failed", "dropped"] {
        count(outcome, 0);
    }
}

/// Looked up each time: traces begin before there is a recorder, and this is once a batch.
fn count(outcome: &'static str, spans: u64) {
    counter!(SPANS, "outcome" => outcome).increment(spans);
}

/// Lets spans wait for the exporter while there is room.
#[derive(Debug)]
pub(crate) struct Bounded {
    next: BatchSpanProcessor,
    waiting: Arc<AtomicUsize>,
}

impl Bounded {
    pub(crate) fn new<E: SpanExporter + 'static>(exporter: E, delay: Duration) -> Self {
        let config =
            BatchConfigBuilder::default().with_max_queue_size(WAITING).with_scheduled_delay(delay);
        let waiting = Arc::<AtomicUsize>::default();
        let exporter = Counted { next: exporter, waiting: Arc::clone(&waiting) };
        let next = BatchSpanProcessor::builder(exporter).with_batch_config(config.build()).build();
        Self { next, waiting }
    }
}

impl SpanProcessor for Bounded {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.next.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if self.waiting.fetch_add(1, Ordering::Relaxed) < WAITING {
            self.next.on_end(span);
        } else {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            count("dropped", 1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.next.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.next.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.next.set_resource(resource);
    }
}

/// Counts what is sent.
#[derive(Debug)]
struct Counted<E> {
    next: E,
    waiting: Arc<AtomicUsize>,
}

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let result = self.next.export(batch).await;
        self.waiting.fetch_sub(spans, Ordering::Relaxed);
        count(if result.is_ok() { "sent" } else { "failed" }, spans as u64);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.next.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.next.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.next.set_resource(resource);
    }
}
