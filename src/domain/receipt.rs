//! How far a push has come: queued, accepted by the provider, asked about by the device, fetched.
//!
//! A provider's "accepted" proves nothing; the device's own requests do. Its list request names the device, and its
//! request for the pass names only the card: where several devices hold one card, a fetch is credited to the one that
//! has waited longest since it asked. So what is counted here decides only whether a device is told *again*, and never
//! whether it is told.

use std::time::Duration;

use crate::domain::id::{DeviceLibraryIdentifier, PassTypeIdentifier};
use crate::domain::time::Timestamp;

/// How long a device may stay silent before it is told again, one after the other. Phones stop fetching for senders that
/// wake them too often, and APNs keeps a push for a phone that is off: few and far between is enough.
const GAPS: [Duration; 5] = [
    Duration::from_secs(20 * 60),
    Duration::from_secs(2 * 3600),
    Duration::from_secs(8 * 3600),
    Duration::from_secs(24 * 3600),
    Duration::from_secs(72 * 3600),
];

/// When a device that has been told is to be looked at again, after `unanswered` pushes that were sent for its silence.
/// `None`: no more; the next change tells it anyway.
pub fn gap(unanswered: i64) -> Option<Duration> {
    usize::try_from(unanswered)
        .ok()
        .and_then(|count| GAPS.get(count).copied())
}

/// What is known of one device's copy of one card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    pub pass_type_identifier: PassTypeIdentifier,
    pub device: DeviceLibraryIdentifier,
    pub registered_at: Timestamp,
    /// When the oldest change was queued that it had not fetched at its last push.
    pub queued_at: Option<Timestamp>,
    /// When its last push was taken in hand: what it asks for since then is an answer.
    pub told_at: Option<Timestamp>,
    pub accepted_at: Option<Timestamp>,
    pub asked_at: Option<Timestamp>,
    pub fetched_at: Option<Timestamp>,
    /// Pushes that were sent for its silence.
    pub unanswered: i64,
    /// When it is told again, if it stays silent.
    pub look_at: Option<Timestamp>,
}

/// The last step that is certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Progress {
    /// Nothing was sent to it yet.
    Untold,
    Accepted,
    Asked,
    Fetched,
}

impl Progress {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Untold => "nothing sent yet",
            Self::Accepted => "accepted",
            Self::Asked => "asked",
            Self::Fetched => "fetched",
        }
    }
}

impl Receipt {
    pub fn progress(&self) -> Progress {
        let Some(told) = self.told_at else {
            return Progress::Untold;
        };
        if self.fetched_at >= Some(told) {
            Progress::Fetched
        } else if self.asked_at >= Some(told) {
            Progress::Asked
        } else {
            Progress::Accepted
        }
    }

    /// From the change to its fetch, for the last push; `None` until then.
    pub fn time_to_fetch(&self) -> Option<Duration> {
        (self.progress() == Progress::Fetched)
            .then(|| Some(self.fetched_at?.since(self.queued_at?)))
            .flatten()
    }

    /// How long it has been waiting since it asked; `None` when it has fetched since, or never asked.
    fn waits_since(&self) -> Option<Timestamp> {
        self.asked_at.filter(|asked| self.fetched_at < Some(*asked))
    }
}

/// Credits a fetch at `at` to one of a card's devices and returns its place; `None` when there is none.
pub fn credit(devices: &mut [Receipt], at: Timestamp) -> Option<usize> {
    let asked = (0..devices.len())
        .filter_map(|place| Some((devices.get(place)?.waits_since()?, place)))
        .min();
    let silent = || {
        (0..devices.len())
            .filter_map(|place| {
                let device = devices.get(place)?;
                let is_told = matches!(device.progress(), Progress::Accepted | Progress::Asked);
                Some((!is_told, device.fetched_at, place))
            })
            .min()
            .map(|(.., place)| place)
    };
    let place = asked.map(|(_, place)| place).or_else(silent)?;
    let device = devices.get_mut(place)?;
    device.fetched_at = device.fetched_at.max(Some(at));
    if device.progress() == Progress::Fetched {
        device.look_at = None;
        device.unanswered = 0;
    }
    Some(place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn receipt(name: &str) -> Receipt {
        Receipt {
            pass_type_identifier: PassTypeIdentifier::parse("pass.example").expect("valid"),
            device: DeviceLibraryIdentifier::parse(name.to_owned()).expect("valid"),
            registered_at: Timestamp(0),
            queued_at: Some(Timestamp(900)),
            told_at: Some(Timestamp(1000)),
            accepted_at: Some(Timestamp(1100)),
            asked_at: None,
            fetched_at: None,
            unanswered: 1,
            look_at: Some(Timestamp(9000)),
        }
    }

    #[test]
    fn a_device_comes_step_by_step_and_the_time_counts_from_the_change() {
        let mut device = receipt("a");
        assert_eq!(device.progress(), Progress::Accepted);
        device.asked_at = Some(Timestamp(1050));
        assert_eq!(
            (device.progress(), device.time_to_fetch()),
            (Progress::Asked, None)
        );
        let mut devices = [device];
        assert_eq!(credit(&mut devices, Timestamp(1400)), Some(0));
        let [device] = devices;
        assert_eq!(device.progress(), Progress::Fetched);
        assert_eq!(device.time_to_fetch(), Some(Duration::from_millis(500)));
        assert_eq!((device.look_at, device.unanswered), (None, 0));
    }

    #[test]
    fn a_fetch_from_before_the_push_is_no_answer_to_it() {
        let mut devices = [receipt("a")];
        credit(&mut devices, Timestamp(800));
        assert_eq!(devices[0].progress(), Progress::Accepted);
        assert_eq!(devices[0].look_at, Some(Timestamp(9000)));
    }

    #[test]
    fn of_several_devices_the_one_that_asked_first_is_credited() {
        let mut devices = [receipt("a"), receipt("b"), receipt("c")];
        devices[1].asked_at = Some(Timestamp(1300));
        devices[2].asked_at = Some(Timestamp(1200));
        let order: Vec<_> = [1400, 1500, 1600, 1700]
            .map(|at| credit(&mut devices, Timestamp(at)))
            .into_iter()
            .collect();
        assert_eq!(order[..3], [Some(2), Some(1), Some(0)]);
        assert!(
            devices
                .iter()
                .all(|device| device.progress() == Progress::Fetched)
        );
        assert_eq!(credit(&mut [], Timestamp(1)), None);
    }

    #[test]
    fn gaps_grow_and_end() {
        assert!(GAPS.is_sorted());
        assert_eq!(gap(0), Some(GAPS[0]));
        assert_eq!(gap(5), None);
        assert_eq!(gap(-1), None);
        // Apple's guidance for background pushes is two or three an hour.
        assert!(GAPS[0] >= Duration::from_secs(20 * 60));
    }

    proptest! {
        /// As many fetches after the push as there are devices, and none is left to be told again.
        #[test]
        fn enough_fetches_answer_every_device(
            asked in proptest::collection::vec(proptest::option::of(900..2_000_i64), 1..6),
        ) {
            let mut devices: Vec<Receipt> = asked.iter().enumerate().map(|(number, asked)| {
                let mut device = receipt(&format!("device-{number}"));
                device.asked_at = asked.map(Timestamp);
                device
            }).collect();
            for number in 0..devices.len() {
                credit(&mut devices, Timestamp(3_000 + i64::try_from(number).unwrap_or(0)));
            }
            prop_assert!(devices.iter().all(|device| device.look_at.is_none()));
        }
    }
}
