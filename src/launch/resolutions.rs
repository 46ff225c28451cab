//! What command lines were found to run. The same command is asked about many times: whether it stays, what it sounds like, whether anything
//! but trifles follows.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::dialect::Dialect;
use super::field::Field;
use super::resolve::Resolved;
use crate::source::{Place, Source, Span};

/// The last answers, by where the commands stand.
#[derive(Default)]
pub(crate) struct Resolutions {
    known: RefCell<HashMap<Span, Known>>,
}

/// A question, with its answer.
struct Known {
    argv: Box<[Field]>,
    directory: Option<Rc<str>>,
    caller: Option<Dialect>,
    source: Arc<Source>,
    resolved: Resolved,
}

impl Resolutions {
    /// What `argv` at this place runs, as it was found before or as `resolve` finds it.
    pub(super) fn get(
        &self,
        argv: &[Field],
        place: &Place,
        directory: Option<&Rc<str>>,
        caller: Option<Dialect>,
        resolve: impl FnOnce() -> Resolved,
    ) -> Resolved {
        if let Some(known) = self.known.borrow().get(&place.span)
            && Arc::ptr_eq(&known.source, &place.source)
            && known.caller == caller
            && known.directory.as_ref() == directory
            && known.argv.len() == argv.len()
            && known.argv.iter().zip(argv).all(|(one, other)| one.is_same(other))
        {
            return known.resolved.clone();
        }
        let resolved = resolve();
        let known = Known {
            argv: argv.into(),
            directory: directory.cloned(),
            caller,
            source: Arc::clone(&place.source),
            resolved: resolved.clone(),
        };
        self.known.borrow_mut().insert(place.span, known);
        resolved
    }

    /// What commands run may be something else from now on.
    pub(super) fn forget(&self) {
        self.known.borrow_mut().clear();
    }
}
