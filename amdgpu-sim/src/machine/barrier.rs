//! A work-group's barrier in two halves: waves signal that they have come so far, and wait, each for itself, until all have
//! (*RDNA 4 ISA*, section 4.5 "Barriers").

/// Where a work-group's waves stand.
#[derive(Clone, Copy, Debug, Default)]
pub struct SplitBarrier {
    phase: u64,
    signalled: usize,
    live: usize,
}

/// The phase of the barrier in which a wave gave its last signal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signalled(Option<u64>);

impl SplitBarrier {
    /// The barrier of a work-group with this many waves.
    pub fn new(waves: usize) -> Self {
        Self { phase: 0, signalled: 0, live: waves }
    }

    /// A wave has come so far. Gives whether it is the first one, and whether it was the last one.
    pub fn signal(&mut self, wave: &mut Signalled) -> (bool, bool) {
        let first = self.signalled == 0;
        *wave = Signalled(Some(self.phase));
        self.signalled += 1;
        (first, self.complete())
    }

    /// A wave has ended: nobody waits for it any more. Gives whether it was the last one to be waited for.
    pub fn leave(&mut self, wave: Signalled) -> bool {
        self.live = self.live.saturating_sub(1);
        if wave.0 == Some(self.phase) {
            self.signalled = self.signalled.saturating_sub(1);
        }
        self.signalled > 0 && self.complete()
    }

    /// How often all waves have signalled.
    pub fn phase(&self) -> u64 {
        self.phase
    }

    /// Whether all waves have given the signal that this one gave last.
    pub fn is_passed(&self, wave: Signalled) -> bool {
        wave.0.is_none_or(|phase| phase < self.phase)
    }

    fn complete(&mut self) -> bool {
        let complete = self.signalled >= self.live;
        if complete {
            self.phase += 1;
            self.signalled = 0;
        }
        complete
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wave_passes_when_all_have_signalled() {
        let mut barrier = SplitBarrier::new(2);
        let (mut a, mut b) = (Signalled::default(), Signalled::default());
        assert_eq!(barrier.signal(&mut a), (true, false));
        assert!(!barrier.is_passed(a) && barrier.is_passed(b));
        assert_eq!(barrier.signal(&mut b), (false, true));
        assert!(barrier.is_passed(a) && barrier.is_passed(b));
    }

    #[test]
    fn nobody_waits_for_waves_that_have_ended() {
        let mut barrier = SplitBarrier::new(3);
        let (mut a, mut b) = (Signalled::default(), Signalled::default());
        assert!(!barrier.leave(Signalled::default()));
        barrier.signal(&mut a);
        assert!(!barrier.is_passed(a));
        // One that has signalled and ended counts no more, either way.
        barrier.signal(&mut b);
        assert!(barrier.is_passed(a));
        barrier.signal(&mut a);
        assert!(barrier.leave(b) && barrier.is_passed(a));
    }
}
