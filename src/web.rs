//! HTTP in: PassKit web service, station API, console, health.

pub mod console;
pub mod error;
pub mod extract;

use std::sync::Arc;

use crate::domain::secret::MasterKey;
use crate::ops::Ops;

/// What every handler can reach. Cheap to clone; handlers take it as `State<Web>`.
#[derive(Clone)]
pub struct Web {
    pub ops: Ops,
    pub master: MasterKey,
    /// Without a slash at its end.
    pub public_url: Arc<str>,
}
