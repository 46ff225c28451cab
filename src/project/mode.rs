//! File modes as `chmod` and `--chmod` write them, as far as they decide who may execute a file.

/// What the mode says about executing: `None` nothing, `Some(None)` something unknown.
pub(super) fn executable(mode: &str) -> Option<Option<bool>> {
    if !mode.is_empty() && mode.bytes().all(|b| b.is_ascii_digit()) {
        return Some(u32::from_str_radix(mode, 8).ok().map(|bits| bits & 0o111 != 0));
    }
    let mut decided = None;
    for clause in mode.split(',') {
        let Some(at) = clause.find(['+', '-', '=']) else { return Some(None) };
        let (who, change) = clause.split_at(at);
        if !who.bytes().all(|b| b"ugoa".contains(&b)) {
            return Some(None);
        }
        let everybody = who.is_empty() || who.contains('a');
        match (change.as_bytes()[0], change.contains('x')) {
            (b'+' | b'=', true) => decided = Some(Some(true)),
            (b'-', true) | (b'=', false) if everybody => decided = Some(Some(false)),
            _ => {}
        }
    }
    decided
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_modes() {
        for (mode, expected) in [
            ("755", Some(Some(true))),
            ("0644", Some(Some(false))),
            ("500", Some(Some(true))),
            ("+x", Some(Some(true))),
            ("u+x,g+x", Some(Some(true))),
            ("a+rx", Some(Some(true))),
            ("u=rwx,go=rx", Some(Some(true))),
            ("-x", Some(Some(false))),
            ("a=r", Some(Some(false))),
            ("go-w", None),
            ("o-x", None),
            ("g+s", None),
            ("${MODE}", Some(None)),
            ("999", Some(None)),
            ("", Some(None)),
        ] {
            assert_eq!(executable(mode), expected, "{mode}");
        }
    }
}
