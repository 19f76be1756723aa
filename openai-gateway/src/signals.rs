use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Waits for SIGTERM or SIGINT: the first drains, the second cuts. Ends with the cut, which comes
/// at the latest when all is drained.
///
/// # Errors
/// The process can't wait for signals.
pub(crate) fn watch(
    drain: CancellationToken,
    cut: CancellationToken,
) -> std::io::Result<impl Future<Output = ()> + Send> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        for stage in [drain, cut.clone()] {
            let told = async {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
            };
            if cut.run_until_cancelled(told).await.is_none() {
                return;
            }
            tracing::info!("told to stop");
            stage.cancel();
        }
    })
}
