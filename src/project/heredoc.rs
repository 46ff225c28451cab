//! The content that a heredoc's body becomes.

use crate::source::{Encoding, Excerpt, Span};

use super::vars::Reference;

/// How much variables may add to a body, in bytes and in multiples of its length.
const MAX_ADDED: (usize, usize) = (1 << 10, 8);

/// Who expands the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expander {
    /// BuildKit, for COPY and ADD: every backslash is dropped, quotes mean nothing, `$@` and `$!` are empty.
    BuildKit,
    /// A shell, for `cat <<EOF` in RUN: only some characters can be escaped, and commands are substituted.
    Shell,
}

/// The body with its variables substituted; an unknown variable stays as it is written. `None` if a command's output stands
/// in it.
pub(super) fn expand(
    body: &Excerpt,
    expander: Expander,
    get: &dyn Fn(&str) -> Option<String>,
) -> Option<Excerpt> {
    let text = body.text();
    let mut changes = Vec::new();
    let mut room = MAX_ADDED.0 + MAX_ADDED.1 * text.len();
    let mut rest = text;
    while let Some(found) = rest.find(['$', '\\', '`']) {
        let at = text.len() - rest.len() + found;
        let behind = &text[at + 1..];
        let next = behind.chars().next();
        let len = match text.as_bytes()[at] {
            b'$' => match Reference::parse(behind) {
                Some((reference, len)) => {
                    if let Some(value) = value(&reference, expander, get)
                        && let Some(less) = room.checked_sub(value.len())
                    {
                        room = less;
                        changes.push((Span::new(at, at + 1 + len), value));
                    }
                    len
                }
                None if expander == Expander::Shell && next == Some('(') => return None,
                None => 0,
            },
            b'\\' => {
                let kept = next.filter(|c| match expander {
                    Expander::BuildKit => true,
                    Expander::Shell => matches!(c, '$' | '\\' | '`'),
                });
                if let Some(c) = kept {
                    changes.push((Span::new(at, at + 1), String::new()));
                    c.len_utf8()
                } else if next == Some('\n') {
                    changes.push((Span::new(at, at + 2), String::new()));
                    1
                } else {
                    0
                }
            }
            _ if expander == Expander::Shell => return None,
            _ => 0,
        };
        rest = &behind[len..];
    }
    Some(body.with_changes(&changes, Encoding::Expanded))
}

fn value(
    reference: &Reference<'_>,
    expander: Expander,
    get: &dyn Fn(&str) -> Option<String>,
) -> Option<String> {
    if !reference.is_special() {
        return reference.value(get);
    }
    match expander {
        Expander::BuildKit => reference.value(&|_| Some(String::new())),
        Expander::Shell => reference.value(&special),
    }
}

/// The value of a special parameter in the shell of a RUN, which has no arguments and no jobs.
pub(super) fn special(name: &str) -> Option<String> {
    match name {
        "#" | "?" => Some("0".to_owned()),
        "$" | "-" | "0" => None,
        _ => Some(String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    fn expanded(text: &str, expander: Expander) -> Option<Excerpt> {
        let source = Source::new("Dockerfile", text);
        expand(&Excerpt::whole(&source), expander, &|name| (name == "PORT").then(|| "80".to_owned()))
    }

    #[test]
    fn expands() {
        use Expander::{BuildKit, Shell};
        for (text, expander, expected) in [
            ("serve $PORT\n", BuildKit, Some("serve 80\n")),
            ("exec \"$@\"\n", BuildKit, Some("exec \"\"\n")),
            ("exec \"\\$@\"\n", BuildKit, Some("exec \"$@\"\n")),
            ("echo '\\n'\n", BuildKit, Some("echo 'n'\n")),
            ("a \\\n b\n", BuildKit, Some("a \n b\n")),
            ("x=$(date) `id`\n", BuildKit, Some("x=$(date) `id`\n")),
            ("serve $HOST\n", BuildKit, Some("serve $HOST\n")),
            ("serve ${PORT}${X:-1}\n", Shell, Some("serve 801\n")),
            ("echo '\\n' \\$x \\\\\n", Shell, Some("echo '\\n' $x \\\n")),
            ("a \\\n b\n", Shell, Some("a  b\n")),
            ("x=$(date)\n", Shell, None),
            ("x=`date`\n", Shell, None),
        ] {
            let found = expanded(text, expander);
            assert_eq!(found.as_ref().map(Excerpt::text), expected, "{text:?} by {expander:?}");
        }
    }

    #[test]
    fn keeps_places() {
        let body = expanded("a $PORT b\n", Expander::BuildKit).unwrap();
        let at = body.text().find('b').unwrap();
        assert_eq!(body.to_source(Span::new(at, at + 1)), Span::new(8, 9));
        let port = body.text().find("80").unwrap();
        assert_eq!(body.to_source(Span::new(port, port + 2)), Span::new(2, 7));
        assert_eq!(body.edit(Span::at(at), "$!").unwrap().text, "\\$!");
    }
}
