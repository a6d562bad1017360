//! How often one address may join or try a code, and how often a program is joined: a script must not fill the database,
//! and a whole café behind one address must not be kept out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::id::{MerchantId, ProgramId};
use crate::domain::time::Timestamp;
use crate::web::throttle::{Rate, bucket, count};

const OF_ADDRESS: Rate = Rate {
    at_once: 30,
    interval_ms: 30_000,
};
const OF_PROGRAM: Rate = Rate {
    at_once: 500,
    interval_ms: 5_000,
};

#[derive(Debug, Clone, Default)]
pub(super) struct Throttle {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    addresses: HashMap<Option<IpAddr>, i64>,
    programs: HashMap<(MerchantId, ProgramId), i64>,
}

impl Throttle {
    /// Counts something that was sent from an address; false when it is one too many.
    pub(super) fn admit(&self, address: Option<IpAddr>, now: Timestamp) -> bool {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        count(&mut inner.addresses, bucket(address), OF_ADDRESS, now.0)
    }

    /// Counts somebody who joins a program.
    pub(super) fn admit_into(&self, program: (MerchantId, ProgramId), now: Timestamp) -> bool {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        count(&mut inner.programs, program, OF_PROGRAM, now.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_held_up_and_comes_to_an_end_at_the_program() {
        let throttle = Throttle::default();
        let from = |last: u8| Some(IpAddr::from([198, 51, 100, last]));
        let one = (0..100).filter(|_| throttle.admit(from(1), Timestamp(0)));
        assert_eq!(i64::try_from(one.count()), Ok(OF_ADDRESS.at_once));
        assert!(throttle.admit(from(2), Timestamp(0)));
        assert!(throttle.admit(from(1), Timestamp(OF_ADDRESS.interval_ms)));
        let program = (MerchantId(1), ProgramId(1));
        let all = (0..1000).filter(|_| throttle.admit_into(program, Timestamp(0)));
        assert_eq!(i64::try_from(all.count()), Ok(OF_PROGRAM.at_once));
        assert!(throttle.admit_into((MerchantId(1), ProgramId(2)), Timestamp(0)));
    }
}
