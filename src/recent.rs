//! What was made last, for whoever asks for it again.

use std::cell::RefCell;
use std::collections::VecDeque;

/// The last things that were asked for; as many as there is `room` for.
pub(crate) struct Recent<T> {
    room: usize,
    kept: RefCell<VecDeque<T>>,
}

impl<T: Clone> Recent<T> {
    pub(crate) const fn new(room: usize) -> Recent<T> {
        Recent { room, kept: RefCell::new(VecDeque::new()) }
    }

    /// The kept one that `is_it`, or else what `make` makes, which is kept in place of the one that nobody asked for longest.
    pub(crate) fn get(&self, is_it: impl FnMut(&T) -> bool, make: impl FnOnce() -> T) -> T {
        let known = {
            let mut kept = self.kept.borrow_mut();
            kept.iter().position(is_it).and_then(|at| kept.remove(at))
        };
        let thing = known.unwrap_or_else(make);
        let mut kept = self.kept.borrow_mut();
        kept.truncate(self.room - 1);
        kept.push_front(thing.clone());
        thing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_was_asked_for_last() {
        let recent = Recent::new(2);
        let made = |number: i32| {
            let mut new = false;
            recent.get(
                |known| *known == number,
                || {
                    new = true;
                    number
                },
            );
            new
        };
        assert_eq!([1, 2, 1, 3, 1, 2].map(made), [true, true, false, true, false, true]);
    }
}
