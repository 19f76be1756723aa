//! Where the binaries are: beside the one that is running, brought up to date by cargo first.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use tokio::sync::OnceCell;

use super::HarnessError;

/// Set by a caller that has just built everything, so that cargo need not look again.
const BUILT: &str = "TOKENLEASE_BUILT";

static FOLDER: OnceCell<PathBuf> = OnceCell::const_new();

/// The path of one of the workspace's binaries.
pub(super) async fn path(name: &str) -> Result<PathBuf, HarnessError> {
    let folder = FOLDER.get_or_try_init(|| async { built_folder() }).await?;
    Ok(folder.join(name))
}

fn built_folder() -> Result<PathBuf, HarnessError> {
    let folder = folder()?;
    if env::var_os(BUILT).is_none() {
        build(&folder)?;
    }
    Ok(folder)
}

/// Test binaries stand in `deps`, the others one level above.
fn folder() -> Result<PathBuf, HarnessError> {
    let own = env::current_exe().map_err(HarnessError::io("the path of this program"))?;
    let folder = own.ancestors().skip(1).find(|folder| !folder.ends_with("deps"));
    folder.map(Path::to_owned).ok_or_else(|| HarnessError::Build("no folder of its own".to_owned()))
}

fn build(folder: &Path) -> Result<(), HarnessError> {
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args([
            "build",
            "--quiet",
            "--bins",
            "-p",
            "quota-server",
            "-p",
            "openai-gateway",
            "-p",
            "upstream",
            "-p",
            "tests",
        ])
        .args(["--profile", profile])
        .arg("--target-dir")
        .arg(folder.parent().unwrap_or(folder))
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .status()
        .map_err(HarnessError::io("cargo build"))?;
    if status.success() { Ok(()) } else { Err(HarnessError::Build(status.to_string())) }
}
