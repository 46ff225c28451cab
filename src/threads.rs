//! Work on many things, on all processors.

use rayon::prelude::*;

/// Something of each thing, in order. So `few` are done before threads have started, and none are started for them.
pub(crate) fn each<I: Sync, T: Send>(things: &[I], few: usize, of: impl Fn(&I) -> T + Send + Sync) -> Vec<T> {
    // Each goes to its own place at once, where gathering them as one result would copy all in the end.
    if things.len() <= few { things.iter().map(of).collect() } else { things.par_iter().map(of).collect() }
}
