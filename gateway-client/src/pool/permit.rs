use std::mem;

use quota_units::Amount;

use super::slot::Slot;
use super::word::Word;

/// The handle of one draw. It says what came of the request: [`Permit::settle`] when the real usage
/// is known, [`Permit::cancel`] when it was never sent. A permit that is dropped is charged in
/// full, since nobody knows what its request used.
#[derive(Debug)]
#[must_use = "a permit that is dropped is charged in full"]
pub struct Permit {
    slot: &'static Slot,
    reserved: Word,
}

impl Permit {
    #[inline]
    pub(super) const fn new(slot: &'static Slot, reserved: Word) -> Self {
        Self { slot, reserved }
    }

    /// What was reserved.
    #[must_use]
    pub const fn amount(&self) -> Amount {
        self.reserved.amount()
    }

    /// Corrects the reservation to what the request really used. What it did not use returns to
    /// the lease, or through it to the server; what it used beyond is taken from the lease, and
    /// what the lease has not is reported as overrun.
    #[inline]
    pub fn settle(self, used: Amount) {
        self.slot.settle(self.reserved, used);
        mem::forget(self);
    }

    /// The request was never sent: all of the reservation returns.
    #[inline]
    pub fn cancel(self) {
        self.settle(Amount::default());
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.slot.charge(self.reserved);
    }
}
