//! What is remembered of the deployments file, with each deployment that it named.
//!
//! Servers of one ledger read a file each, and for a moment not the same one. So what each says has
//! a stamp: above all that were there when it was read. Of two that are read at once one has the
//! larger stamp, by the file's own digest, and everybody who looks knows which. What has the larger
//! stamp is put over what has a smaller one, never the other way: it ends in one of the two.

use quota_api::DeploymentSpec;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the file said last of one deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeclaredMemory {
    /// As it is written now: a newer server may have written what this one cannot read.
    spec: Value,
    #[serde(flatten)]
    stamp: FileStamp,
    /// The file does not name it any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    left: bool,
}

/// Which reading of a file said it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct FileStamp {
    /// One more than the largest that was there.
    pub(crate) serial: u64,
    /// A digest of all that the file declares.
    pub(crate) file: String,
}

impl DeclaredMemory {
    /// The file says this.
    pub(crate) fn new(spec: &DeploymentSpec, stamp: FileStamp) -> Self {
        let spec = serde_json::to_value(spec).expect("names and numbers can be written");
        Self { spec, stamp, left: false }
    }

    /// What it said; `None`: a newer server wrote what this one does not know.
    pub(crate) fn spec(&self) -> Option<DeploymentSpec> {
        DeploymentSpec::deserialize(&self.spec).ok()
    }

    pub(crate) const fn stamp(&self) -> &FileStamp {
        &self.stamp
    }

    /// Whether the file named the deployment when it was read last.
    pub(crate) const fn is_in_file(&self) -> bool {
        !self.left
    }

    /// The same words, said again or not any more.
    pub(crate) fn seen(self, in_file: bool, stamp: FileStamp) -> Self {
        Self { left: !in_file, stamp, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_readings_at_once_one_is_the_later() {
        let stamp = |serial, file: &str| FileStamp { serial, file: file.to_owned() };
        assert!(FileStamp::default() < stamp(1, "a"));
        assert!(stamp(1, "a") < stamp(1, "b") && stamp(1, "b") < stamp(2, "a"));
    }

    #[test]
    fn what_a_newer_server_wrote_is_kept_as_it_is() {
        let text = r#"{"spec":{"tpm_limit":5,"new":1},"serial":2,"file":"f"}"#;
        let memory: DeclaredMemory = serde_json::from_str(text).unwrap();
        assert!(memory.is_in_file() && memory.spec().is_none());
        let left = memory.seen(false, FileStamp::default());
        assert_eq!(serde_json::to_value(&left).unwrap()["spec"]["new"], 1);
        assert!(!left.is_in_file());
    }
}
