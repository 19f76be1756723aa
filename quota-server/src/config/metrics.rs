/// What is measured.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "metrics")]
pub struct MetricsConfig {
    /// Deployments that have metrics of their own at most, about 20 series each, those with traffic
    /// first; 0 for none
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub metrics_deployments: usize,
}
