//! What holds for every input, whatever it is: the tests ask it of made-up texts, the fuzz targets of all others.
#![allow(dead_code, reason = "no program asks everything")]
#![allow(unreachable_pub, reason = "a module of several programs")]

pub mod dockerfile;
pub mod parsers;
pub mod project;

use pidone::source::{Place, Source, Span};

/// The span lies in the text, and cuts no character.
#[track_caller]
pub fn in_text(source: &Source, span: Span) {
    let text = source.text();
    assert!(text.get(span.start..span.end).is_some(), "{span:?} in {source:?} of {} bytes", text.len());
}

/// The same for a place.
#[track_caller]
pub fn in_file(place: &Place) {
    in_text(&place.source, place.span);
}
