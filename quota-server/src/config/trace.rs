/// Where traces go.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "trace")]
pub struct TraceConfig {
    /// Collector that traces are sent to, by OTLP over HTTP, without its `/v1/traces`;
    /// OTEL_EXPORTER_OTLP_ENDPOINT and OpenTelemetry's other variables are obeyed too [default:
    /// none: no traces]
    #[arg(long, value_name = "URL", value_parser = url)]
    pub otlp_endpoint: Option<String>,
}

fn url(text: &str) -> Result<String, String> {
    match url::Url::parse(text) {
        // It is shown in messages; what is secret has a place of its own.
        Ok(url) if url.password().is_some() => {
            Err("credentials belong into OTEL_EXPORTER_OTLP_HEADERS".to_owned())
        }
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
            Ok(text.to_owned())
        }
        Ok(_) => Err("it must begin with http:// or https://".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
