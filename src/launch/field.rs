//! Values as far as they are known: one argument, one variable.

use std::rc::Rc;
use std::sync::Arc;

use crate::source::Excerpt;
pub(crate) use crate::source::UNKNOWN;

/// One argument or one value of a variable.
#[derive(Debug, Clone, Default)]
pub(crate) struct Field {
    /// The text; `None` where it is not known.
    pub(crate) text: Option<Rc<str>>,
    /// True where the text is only a default that the caller of the image may override (CMD, ENV).
    pub(crate) overridable: bool,
    /// The text as it was written, where one place holds exactly it.
    pub(crate) excerpt: Option<Arc<Excerpt>>,
    /// How to show an unknown value: the words as written.
    pub(crate) written: Option<Rc<str>>,
    /// The text with its unknown pieces as [`UNKNOWN`], if it begins with known ones.
    pub(crate) sketch: Option<Rc<str>>,
    /// True for a variable that nothing seen sets; the environment may.
    pub(crate) unset: bool,
    /// True for a stand-in for any number of arguments.
    pub(crate) rest: bool,
}

impl Field {
    pub(crate) fn known(text: impl Into<Rc<str>>) -> Self {
        Self { text: Some(text.into()), ..Self::default() }
    }

    pub(crate) fn unknown(written: &str) -> Self {
        Self { written: Some(written.into()), ..Self::default() }
    }

    /// The words of a text; one that is not known if the text is not.
    pub(super) fn words(text: Option<&str>) -> Vec<Self> {
        text.map_or_else(|| vec![Self::default()], |text| text.split_whitespace().map(Self::known).collect())
    }

    /// Arguments that the caller gives when the container starts.
    pub(crate) fn rest(written: &str) -> Self {
        Self { rest: true, ..Self::unknown(written) }
    }

    /// True if nothing tells them apart, not even where they are written.
    pub(super) fn is_same(&self, other: &Field) -> bool {
        let is_written_there = match (&self.excerpt, &other.excerpt) {
            (Some(one), Some(other)) => one.is_same(other),
            (one, other) => one.is_none() && other.is_none(),
        };
        let flags = |field: &Field| (field.overridable, field.unset, field.rest);
        self.text == other.text
            && flags(self) == flags(other)
            && self.sketch == other.sketch
            && self.written == other.written
            && is_written_there
    }

    pub(crate) fn is_rest(&self) -> bool {
        self.rest
    }

    pub(crate) fn written(excerpt: &Arc<Excerpt>) -> Self {
        Self { text: Some(excerpt.text().into()), excerpt: Some(Arc::clone(excerpt)), ..Self::default() }
    }

    /// Known text with unknown pieces in it, as an argument that is not known as a whole.
    pub(crate) fn sketched(text: &str) -> Self {
        Self { sketch: Some(text.into()), ..Self::unknown(&text.replace(UNKNOWN, "...")) }
    }

    pub(crate) fn overridable(mut self, overridable: bool) -> Self {
        self.overridable = overridable;
        self
    }

    pub(crate) fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// The text as far as it tells a command line from its arguments: what is unknown is an argument's own, or the program's folder.
    pub(crate) fn sketch(&self) -> Option<&str> {
        let sketch = self.sketch.as_deref()?;
        let first = sketch.split_whitespace().next()?;
        let (_, name) = first.rsplit_once('/').unwrap_or(("", first));
        (!name.contains(UNKNOWN)).then_some(sketch)
    }

    /// As an argument whose form matters: an option whose value is not known is still an option, and `NAME=` an assignment.
    pub(crate) fn option(&self) -> Option<&str> {
        if self.rest {
            return None;
        }
        self.text().or(self.sketch.as_deref().filter(|sketch| sketch.starts_with('-') || assigns(sketch)))
    }

    /// For people.
    pub(crate) fn shown(&self) -> String {
        match (&self.text, &self.written) {
            (Some(text), _) => text.replace(UNKNOWN, "..."),
            (None, Some(written)) => written.replace(UNKNOWN, "..."),
            (None, None) => "...".to_owned(),
        }
    }
}

/// `NAME=...`
fn assigns(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let name = text.split_once('=').map_or("", |(name, _)| name);
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(is_part)
}

/// A shell variable.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Scalar(Field),
    Array(Rc<Vec<Field>>),
}

impl Value {
    pub(crate) fn unknown() -> Self {
        Value::Scalar(Field::default())
    }

    /// Its texts, as far as they are known.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        let fields = match self {
            Value::Scalar(field) => std::slice::from_ref(field),
            Value::Array(fields) => fields.as_slice(),
        };
        fields.iter().filter_map(|field| field.text().or(field.sketch.as_deref()))
    }

    /// What `$name` gives: for an array its first element.
    pub(crate) fn scalar(&self) -> Field {
        match self {
            Value::Scalar(field) => field.clone(),
            Value::Array(fields) => fields.first().cloned().unwrap_or_else(|| Field::known("")),
        }
    }
}
