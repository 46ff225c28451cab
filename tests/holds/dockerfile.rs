//! The Dockerfile reader: instructions in order, every span inside the file, every excerpt the bytes that it claims.

use std::sync::Arc;

use pidone::dockerfile::{Dockerfile, Form, Instruction, image, images, parse};
use pidone::programs::Tables;
use pidone::source::{Excerpt, Source, Span};

/// Holds for every text.
pub fn check(text: &str) {
    let dockerfile = Arc::new(parse(&Source::new("Dockerfile", text)));
    let mut end = 0;
    for instruction in &dockerfile.instructions {
        assert!(instruction.span.start >= end, "instructions overlap");
        end = instruction.span.end;
        check_instruction(&dockerfile, instruction);
    }
    for problem in &dockerfile.problems {
        in_bounds(&dockerfile, problem.span);
    }
    assert!(dockerfile.problems.is_sorted_by_key(|problem| problem.span));
    let stages = dockerfile.stages();
    for stage in stages.iter() {
        in_bounds(&dockerfile, stage.from);
    }
    for image in images(&dockerfile, Tables::builtin()) {
        let steps = dockerfile.steps(stages, image.stage, &image.base);
        assert_eq!(steps.len(), image.instructions().len());
        for step in steps {
            step.expand(step.instruction.body.text());
        }
        for place in
            [image.entrypoint.and_then(|s| s.place), image.cmd.and_then(|s| s.place)].into_iter().flatten()
        {
            assert!(dockerfile.instructions.iter().any(|i| contains(i.span, place.span)));
        }
    }
    assert!((0..stages.len()).all(|stage| image(&dockerfile, stage, Tables::builtin()).is_some()));
}

fn check_instruction(dockerfile: &Dockerfile, instruction: &Instruction) {
    let Instruction { span, keyword_span, flags, body, form, heredocs, inner, .. } = instruction;
    in_bounds(dockerfile, *span);
    let mut order = vec![*keyword_span];
    order.extend(flags.iter().map(|flag| flag.span));
    order.push(body.span());
    order.extend(heredocs.iter().map(|heredoc| heredoc.body.span()).filter(|_| inner.is_none()));
    for pair in order.windows(2) {
        assert!(pair[0].end <= pair[1].start, "out of order: {order:?}");
    }
    assert!(order.iter().all(|&part| contains(*span, part)), "{span:?} does not hold {order:?}");
    check_excerpt(dockerfile, body, false);
    if let Form::Exec(elements) = form {
        for element in elements {
            assert!(contains(body.span(), element.span()));
            check_excerpt(dockerfile, element, true);
        }
    }
    for heredoc in heredocs {
        in_bounds(dockerfile, heredoc.opener);
        assert!(contains(*span, heredoc.body.span()));
        check_excerpt(dockerfile, &heredoc.body, false);
    }
    if let Some(inner) = inner {
        assert!(contains(*span, inner.span));
        check_instruction(dockerfile, inner);
    }
}

/// Every character stands where the excerpt says, or an escape that stands for it does.
fn check_excerpt(dockerfile: &Dockerfile, excerpt: &Excerpt, escapes: bool) {
    in_bounds(dockerfile, excerpt.span());
    let mut end = excerpt.span().start;
    for (at, c) in excerpt.text().char_indices() {
        let span = excerpt.to_source(Span::new(at, at + c.len_utf8()));
        in_bounds(dockerfile, span);
        assert!(span.start >= end, "not ascending");
        end = span.end;
        let written = dockerfile.source.slice(span);
        assert!(
            written.chars().eq([c]) || escapes && unescaped(written, dockerfile.escape) == c.to_string(),
            "{written:?} for {c:?}"
        );
    }
    assert!(end <= excerpt.span().end);
}

/// What an escape in JSON means, by another reader than ours. A continuation may stand inside the escape.
fn unescaped(written: &str, continuation: char) -> String {
    let (continued, last) =
        written.rsplit_once('\n').map_or((None, written), |(all, last)| (Some(all), last));
    let continued = continued.into_iter().flat_map(|all| all.split('\n')).map(|line| {
        let line = line.trim_end_matches(['\r', ' ', '\t']);
        line.strip_suffix(continuation).unwrap_or(line)
    });
    let lines = continued.chain([last]).filter(|line| !line.trim_start().starts_with('#'));
    let mut joined: String = lines.collect();
    if joined.starts_with('u') || continuation == '\\' && !joined.starts_with('\\') {
        joined.insert(0, '\\');
    }
    serde_json::from_str(&format!("\"{joined}\"")).unwrap_or_else(|_| char::REPLACEMENT_CHARACTER.to_string())
}

fn in_bounds(dockerfile: &Dockerfile, span: Span) {
    super::in_text(&dockerfile.source, span);
}

fn contains(outer: Span, inner: Span) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}
