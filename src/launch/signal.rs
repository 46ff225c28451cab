//! Signals by name and number.

use std::fmt;

/// A signal, by its Linux number on x86 and ARM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(u8);

/// Names without SIG; a signal's number is its index.
const NAMES: [&str; 32] = [
    "EXIT", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ",
    "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];

impl Signal {
    /// Not a signal: the pseudo-signal of `trap ... EXIT` and the probe of `kill -0`.
    pub const EXIT: Signal = Signal(0);
    #[allow(missing_docs)]
    pub const HUP: Signal = Signal(1);
    #[allow(missing_docs)]
    pub const INT: Signal = Signal(2);
    #[allow(missing_docs)]
    pub const QUIT: Signal = Signal(3);
    #[allow(missing_docs)]
    pub const KILL: Signal = Signal(9);
    #[allow(missing_docs)]
    pub const TERM: Signal = Signal(15);
    #[allow(missing_docs)]
    pub const STOP: Signal = Signal(19);
    #[allow(missing_docs)]
    pub const CHLD: Signal = Signal(17);

    /// `TERM`, `SIGTERM`, `15`, `RTMIN+3`; in any case. `None` if there is no such signal.
    pub fn parse(text: &str) -> Option<Signal> {
        let text = text.trim();
        if let Ok(number) = text.parse::<u8>() {
            return (number <= 64).then_some(Signal(number));
        }
        let upper = text.to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        if let Some(offset) = name.strip_prefix("RTMIN") {
            let offset: u8 = if offset.is_empty() { 0 } else { offset.strip_prefix('+')?.parse().ok()? };
            return (offset <= 30).then(|| Signal(34 + offset));
        }
        if let Some(offset) = name.strip_prefix("RTMAX") {
            let offset: u8 = if offset.is_empty() { 0 } else { offset.strip_prefix('-')?.parse().ok()? };
            return (offset <= 30).then(|| Signal(64 - offset));
        }
        let number = NAMES.iter().position(|known| *known == name)?;
        u8::try_from(number).ok().map(Signal)
    }

    /// The number.
    pub fn number(self) -> u8 {
        self.0
    }

    /// The name without SIG.
    pub fn name(self) -> String {
        match NAMES.get(usize::from(self.0)) {
            Some(name) => (*name).to_owned(),
            None => format!("RTMIN+{}", self.0.saturating_sub(34)),
        }
    }

    /// True for signals whose default action leaves the process alone.
    pub fn ignored_by_default(self) -> bool {
        matches!(self.name().as_str(), "CHLD" | "CONT" | "URG" | "WINCH")
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIG{}", self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_signal_is_read() {
        for (text, expected) in [
            ("TERM", 15),
            ("SIGTERM", 15),
            ("term", 15),
            ("15", 15),
            ("SIGRTMIN+3", 37),
            ("WINCH", 28),
            ("EXIT", 0),
        ] {
            assert_eq!(Signal::parse(text).map(Signal::number), Some(expected), "{text}");
        }
        for text in ["", "SIGFOO", "99", "RTMIN+x"] {
            assert_eq!(Signal::parse(text), None, "{text}");
        }
        assert_eq!(Signal::TERM.to_string(), "SIGTERM");
    }
}
