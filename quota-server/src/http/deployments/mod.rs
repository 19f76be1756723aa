//! Deployments: `/v1/deployments`.

mod all;
mod audited;
mod changes;
pub(super) mod delete;
pub(super) mod leases;
pub(super) mod list;
pub(super) mod put;
pub(super) mod read;
mod room;
pub(super) mod windows;

pub use all::AllDeployments;
pub use changes::Changes;
pub use room::DeploymentRoom;
