//! Limits that are raised and lowered, deployments that are deleted and made again, asks that
//! cannot fit and denials, and servers that are killed in between: all of it together, on a site
//! that has nothing yet.
//!
//! One run is a list of [`step`]s, made one after another by [`player`], over HTTP and from
//! outside. What was answered goes to the [`checker`], which knows nothing of the code: it sums
//! what was granted and given back against the limit in force, and wants every server to start
//! again. A step without an answer may have happened or not; both count.

mod checker;
mod grant;
mod limits;
mod player;
mod run;
mod step;
mod verdict;

pub use run::run;
pub use verdict::ChangesVerdict;
