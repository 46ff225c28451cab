//! A defect of pidone costs what it was working on, not the run: a panic is caught and becomes a value.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::Once;

/// What to do about a defect.
pub const ADVICE: &str = "this is a defect of pidone; please report it, with the file and this message";

/// A panic: what was said, and where in pidone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defect(String);

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

thread_local! {
    /// How many calls of [`guarded`] this thread is inside of.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// The last panic inside of them: its place is known to the hook only.
    static LAST: RefCell<Option<Defect>> = const { RefCell::new(None) };
}

/// Does something that may have a defect. Nothing is printed of a panic in this thread; it is what is returned.
pub fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, Defect> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| match DEPTH.get() {
            0 => usual(info),
            _ => LAST.set(Some(Defect::of(info))),
        }));
    });
    DEPTH.set(DEPTH.get() + 1);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    DEPTH.set(DEPTH.get() - 1);
    // What another thread panicked of has no place here.
    result.map_err(|payload| LAST.take().unwrap_or_else(|| Defect(said(&*payload).to_owned())))
}

impl Defect {
    fn of(info: &PanicHookInfo<'_>) -> Self {
        let place = info.location().map(|place| format!(" ({}:{})", place.file(), place.line()));
        Self(format!("{}{}", said(info.payload()), place.unwrap_or_default()))
    }
}

fn said(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("a panic without words")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_value() {
        assert_eq!(guarded(|| 1), Ok(1));
        let outer = guarded(|| {
            let inner = guarded(|| panic!("two {}", "words")).unwrap_err().to_string();
            assert!(inner.starts_with("two words (src/guard.rs:"), "{inner}");
            panic!("one")
        });
        assert!(outer.unwrap_err().to_string().starts_with("one (src/guard.rs:"));
    }
}
