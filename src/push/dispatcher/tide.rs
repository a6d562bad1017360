//! How fast phones may be told, so that those that come back are served: the closed loop from what this node is asked to
//! what it sends. Pure.
//!
//! A push costs little and brings a phone that wants a signed pass. So pushes leave at a rate that grows while this node
//! has room and shrinks before it has none; when it has none, they trickle: never so few that something starves.

use std::time::Duration;

/// Pushes a second at the start: what one core answers with ease.
const START: u64 = 400;
const LEAST: u64 = 20;
const MOST: u64 = 50_000;
/// Pushes that leave at once after a rest: taps never wait while there is no herd.
const BURST: u64 = 200;
/// Between two changes of the rate: about as long as phones take to come.
const STEP: Duration = Duration::from_millis(500);
/// In percent of what this node takes on at once. From here on the rate shrinks,
const BUSY: u32 = 50;
/// from here on pushes only trickle,
const FULL: u32 = 80;
/// and up to here the rate may grow.
const CALM: u32 = 35;
/// What a smaller rate brings is seen so much later: what was told before comes first.
const SETTLES: Duration = Duration::from_millis(1500);
/// So long after the node was busy the rate grows carefully.
const REMEMBERED: Duration = Duration::from_secs(60);
/// Parts of a push that are counted.
const PART: u64 = 1_000_000;

/// Times count from any fixed moment.
#[derive(Debug)]
pub(super) struct Tide {
    per_second: u64,
    /// What may leave now, in parts.
    saved: u64,
    at: Duration,
    stepped: Duration,
    /// The most crowded moment since the last step.
    peak: u32,
    /// Whether pushes have waited for their turn since the last step.
    is_wanted: bool,
    was_busy: Option<Duration>,
    /// When the rate shrank last.
    was_cut: Option<Duration>,
}

impl Default for Tide {
    fn default() -> Self {
        Self {
            per_second: START,
            saved: BURST * PART,
            at: Duration::ZERO,
            stepped: Duration::ZERO,
            peak: 0,
            is_wanted: false,
            was_busy: None,
            was_cut: None,
        }
    }
}

impl Tide {
    /// How many may be told now, or how long it takes until it is worth asking again. `crowd` is what this node has to
    /// do for phones, in percent of what it takes on at once.
    pub(super) fn room(&mut self, crowd: u32, now: Duration) -> Result<usize, Duration> {
        self.peak = self.peak.max(crowd);
        self.step(now);
        let rate = if crowd >= FULL { LEAST } else { self.per_second };
        let passed = u64::try_from(now.saturating_sub(self.at).as_micros()).unwrap_or(u64::MAX);
        self.at = self.at.max(now);
        let most = if crowd >= FULL { LEAST } else { BURST.max(rate / 4) };
        // A rate is pushes a second and parts of a push a microsecond.
        self.saved = self
            .saved
            .saturating_add(rate.saturating_mul(passed))
            .min(most * PART);
        // Few at a time are not worth a transaction, unless there will not soon be more.
        let worth = (rate / 20).clamp(1, BURST) * PART;
        if self.saved >= worth {
            return Ok(usize::try_from(self.saved / PART).unwrap_or(usize::MAX));
        }
        self.is_wanted = true;
        Err(Duration::from_micros((worth - self.saved).div_ceil(rate)))
    }

    /// Takes note that `count` are being told.
    pub(super) fn took(&mut self, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.saved = self.saved.saturating_sub(count.saturating_mul(PART));
    }

    fn step(&mut self, now: Duration) {
        if now.saturating_sub(self.stepped) < STEP {
            return;
        }
        self.stepped = now;
        let peak = std::mem::take(&mut self.peak);
        let is_wanted = std::mem::take(&mut self.is_wanted);
        if peak >= BUSY {
            self.was_busy = Some(now);
        }
        let within = |then: Option<Duration>, time| then.is_some_and(|then| now.saturating_sub(then) < time);
        let is_near = within(self.was_busy, REMEMBERED);
        let is_settled = !within(self.was_cut, SETTLES);
        if peak >= BUSY && is_settled {
            self.was_cut = Some(now);
        }
        let rate = self.per_second;
        self.per_second = match peak {
            FULL.. if is_settled => rate / 2,
            BUSY.. if is_settled => rate - rate / 4,
            // A rate that nobody has tried says nothing about a greater one.
            ..=CALM if is_wanted && is_near => rate + rate / 8,
            ..=CALM if is_wanted => rate + rate / 4,
            _ => rate,
        }
        .clamp(LEAST, MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TICK: Duration = Duration::from_millis(10);

    /// Tells as many as it may for `time`, with `crowd` made of what was told; how many were told, tick by tick.
    fn tell(
        tide: &mut Tide,
        from: Duration,
        time: Duration,
        mut crowd: impl FnMut(usize) -> u32,
    ) -> Vec<usize> {
        let (mut now, mut told) = (from, Vec::new());
        let mut before = 0;
        while now < from + time {
            let count = tide.room(crowd(before), now).unwrap_or(0);
            tide.took(count);
            told.push(count);
            before = count;
            now += TICK;
        }
        told
    }

    #[test]
    fn a_few_leave_at_once() {
        assert!(
            Tide::default()
                .room(0, Duration::ZERO)
                .is_ok_and(|room| room >= 200)
        );
        let mut rested = Tide::default();
        rested.took(200);
        let later = Duration::from_secs(3600);
        assert!(rested.room(0, later).is_ok_and(|room| room >= 200));
    }

    #[test]
    fn a_node_with_room_tells_ever_more() {
        let mut tide = Tide::default();
        let minute = Duration::from_secs(60);
        let told = tell(&mut tide, Duration::ZERO, minute, |_| 0);
        let first: usize = told[..100].iter().sum();
        let last: usize = told[told.len() - 100..].iter().sum();
        assert!(first <= 1_000, "{first}");
        assert!(last >= 20_000, "{last}");
    }

    #[test]
    fn a_full_node_gets_a_trickle_and_never_nothing() {
        let mut tide = Tide::default();
        let minute = Duration::from_secs(60);
        let told: usize = tell(&mut tide, Duration::ZERO, minute, |_| 100).iter().sum();
        assert!((1_000..=1_500).contains(&told), "{told}");
    }

    /// Phones come a second after they were told, and the node serves some of them each tick.
    fn served(each_tick: usize, time: Duration) -> (usize, usize) {
        const PLACES: usize = 512;
        let mut tide = Tide::default();
        let mut coming = std::collections::VecDeque::from(vec![0; 100]);
        let (mut waiting, mut most, mut done) = (0, 0, 0);
        tell(&mut tide, Duration::ZERO, time, |told| {
            coming.push_back(told);
            waiting += coming.pop_front().unwrap_or(0);
            let now = waiting.min(each_tick);
            waiting -= now;
            done += now;
            most = most.max(waiting);
            u32::try_from(waiting * 100 / PLACES).unwrap_or(u32::MAX)
        });
        (done, most)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn whatever_a_node_can_do_it_is_kept_busy_and_not_swamped(each_tick in 2..100_usize) {
            let minutes = Duration::from_secs(180);
            let (done, most) = served(each_tick, minutes);
            let could = each_tick * 18_000;
            prop_assert!(done * 2 >= could, "{done} of {could}");
            // Two seconds of work at the worst, and the burst.
            prop_assert!(most <= each_tick * 200 + 400, "{most} waited");
        }

        #[test]
        fn no_clock_and_no_crowd_makes_it_stop(looks in proptest::collection::vec((any::<u32>(), 0..100_000_u64), 1..200)) {
            let mut tide = Tide::default();
            for (crowd, millis) in looks {
                match tide.room(crowd, Duration::from_millis(millis)) {
                    Ok(room) => {
                        prop_assert!(room >= 1);
                        tide.took(room);
                    }
                    Err(wait) => prop_assert!(wait > Duration::ZERO && wait <= Duration::from_secs(1)),
                }
            }
        }
    }
}
