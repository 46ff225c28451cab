//! Repairs of a trap that is there.

use std::sync::Arc;

use crate::launch::{Fault, ShellState, Signal, Site, TrapFlaw};
use crate::shell::{self, List, Node, NodeKind, Word};
use crate::source::{Edit, Encoding, Excerpt, Place, Span};

use super::blocks::{holds, in_front_of_all, is_repeated, simple_statements};
use super::insertion::{Line, ampersand, free_name, free_number, number_in, rest_of_line};
use super::targets::Targets;
use super::trap::{self, number, or_not};
use super::{Repair, repair, telling, waiting};

/// A trap completed: who is not told is told, and who is told is waited for.
pub(super) fn complete(fault: &Fault, flaw: TrapFlaw, stop: Signal) -> Option<Repair> {
    let Site::Trap { action, functions, jobs, is_job } = &fault.site else { return None };
    if expands_early(fault) {
        return quote_singly(fault);
    }
    if spills_an_array(&fault.place) {
        return None;
    }
    let written = telling::as_written(action);
    let action = written.as_ref().unwrap_or(action);
    let kill = kill_of(action, functions);
    match (flaw, kill) {
        // No `wait` takes what is somebody else's child.
        (TrapFlaw::NotWaited, _) if !is_job => None,
        (TrapFlaw::NotWaited, Some(kill)) => {
            // Another trap tells it, and this one has a `wait` for those that it tells itself.
            let is_one = [action.as_ref(), functions].into_iter().flat_map(waiting::tellings).count() == 1;
            let waits = is_one && find_in(action, functions, &["wait"]).is_some();
            let own = || add_targets(kill, action, functions, jobs, &fault.shell).filter(|_| waits);
            let repair = match own() {
                Some(repair) => repair,
                None => waiting::add(action, functions, &fault.shell, has_others(jobs))?,
            };
            Some(if may_be_ignored(kill, fault) { unless_ignored(repair) } else { repair })
        }
        (TrapFlaw::NotWaited, None) => waiting::add(action, functions, &fault.shell, has_others(jobs)),
        (TrapFlaw::OtherSignal { wanted, .. }, Some(kill)) if jobs.len() == 1 => send(kill, wanted),
        (TrapFlaw::NotTold, Some(kill)) => {
            name_signal(kill).or_else(|| add_targets(kill, action, functions, jobs, &fault.shell))
        }
        (TrapFlaw::ExitsWithoutTelling, Some(kill)) => {
            add_targets(kill, action, functions, jobs, &fault.shell)
        }
        (TrapFlaw::ExitsWithoutTelling, None) => tell_before_exit(fault, action, functions, jobs),
        (TrapFlaw::ExitOnly, _) => Some(exit_on_signal(&fault.place, stop)),
        (TrapFlaw::Endless, _) => exit_in_the_end(fault, action, functions, jobs, stop),
        (TrapFlaw::Recursion, _) => spare_itself(action, functions, &fault.shell),
        _ => None,
    }
}

/// A handler behind which the shell goes on, with an `exit` at its end.
fn exit_in_the_end(
    fault: &Fault,
    action: &List,
    functions: &[Node],
    jobs: &[Node],
    stop: Signal,
) -> Option<Repair> {
    // What runs on a reload as well is not to end the container, nor to change the status with which it ends.
    if trap::traps_reload(&fault.shell) || !is_for_stops(&fault.place) {
        return None;
    }
    let last = action.last().filter(|last| !matches!(last.kind, NodeKind::Background(_)))?;
    if waiting::has_heredoc(last) {
        return None;
    }
    let tells = [action.as_ref(), functions].into_iter().any(|list| !waiting::tellings(list).is_empty());
    let waits = find_in(action, functions, &["wait"]).is_some();
    let mut repair = match tells && !waits {
        true => waiting::add(action, functions, &fault.shell, has_others(jobs))?,
        false => Repair::safe("", Vec::new()),
    };
    let exit = format!("; exit {}", 128 + u32::from(stop.number()));
    let Span { start, end } = last.span;
    if trap::is_bare(last) {
        repair.edits.push(last.excerpt.edit(Span::at(start), "'")?);
        repair.edits.push(last.excerpt.edit(Span::at(end), &format!("{exit}'"))?);
    } else {
        repair.edits.push(last.excerpt.edit(Span::at(end), &exit)?);
    }
    repair.message = "Let the handler end the shell".to_owned();
    Some(repair)
}

/// True where the script that starts these jobs starts others, too, which may never end.
fn has_others(jobs: &[Node]) -> bool {
    let Some(first) = jobs.first() else { return true };
    let script = shell::parse(Arc::clone(&first.excerpt));
    let is_told = |node: &Node| jobs.iter().any(|job| holds(node, job.span));
    script.statements.iter().any(|node| trap::has_other_job(node, &is_told))
}

/// `trap "kill ${pids[@]}" TERM`: each value but the first becomes a word of its own, and the rest of the handler with the last one.
fn spills_an_array(trap: &Place) -> bool {
    let quoted = trap.text().strip_prefix("trap").and_then(|rest| rest.trim_start().strip_prefix('"'));
    quoted.and_then(|rest| rest.split('"').next()).is_some_and(|handler| handler.contains("[@]"))
}

/// True for a trap that no end of the script runs, and no command that fails.
fn is_for_stops(trap: &Place) -> bool {
    let script = shell::parse(Arc::new(Excerpt::verbatim(&trap.source, trap.span)));
    let [node] = script.statements.as_ref() else { return false };
    let words = repair::simple(node).map(|command| &command.words[..]).unwrap_or_default();
    let is_stop = |word: &Word| {
        let signal = word.literal().as_deref().and_then(Signal::parse);
        signal.is_some_and(|signal| signal != Signal::EXIT)
    };
    words.iter().skip(2).all(is_stop)
}

/// `kill 0` for all but the handler's own shell, which would come back to the handler.
fn spare_itself(action: &List, functions: &[Node], shell: &ShellState) -> Option<Repair> {
    let bodies = functions.iter().filter_map(|body| match &body.kind {
        NodeKind::Group(list) => list.iter().find(|node| telling::signals_group(node)),
        _ => None,
    });
    let own = action.iter().find(|node| telling::signals_group(node));
    let kill = own.into_iter().chain(bodies).next()?;
    let words = &repair::simple(kill)?.words;
    let sent = words.get(1).and_then(Word::literal).and_then(|word| Signal::parse(word.strip_prefix('-')?));
    let excerpt = &kill.excerpt;
    let in_double_quotes = excerpt.source().text()[..excerpt.span().start].ends_with('"');
    let line = Line::of(excerpt.text(), kill.span.start, excerpt.encoding());
    let ignored = format!(
        "trap {} {}{}",
        if in_double_quotes { "''" } else { "\"\"" },
        sent.unwrap_or(Signal::TERM).name(),
        if line.own_line && own.is_none() { line.separator() } else { "; ".to_owned() }
    );
    let mut edits = vec![excerpt.edit(Span::at(kill.span.start), &ignored)?];
    if find_in(action, functions, &["wait"]).is_none() {
        edits.extend(waiting::add(action, functions, shell, false)?.edits);
    }
    Some(Repair::safe("Let the shell ignore its own signal, and wait for all others", edits))
}

/// The trap for the interrupt key does all that a stop needs, and runs on it as well.
pub(super) fn on_stop(fault: &Fault, stop: Signal) -> Option<Repair> {
    let Site::Jobs(jobs) = &fault.site else { return None };
    let excerpt = &jobs.at.node.excerpt;
    let script = shell::parse(Arc::clone(excerpt));
    let last_words = simple_statements(&script.statements).into_iter().filter_map(|node| {
        let command = repair::simple(node).filter(|_| node.is_command(&["trap"]))?;
        let is_interrupt =
            |word: &Word| word.literal().as_deref().and_then(Signal::parse) == Some(Signal::INT);
        command.words.iter().skip(2).any(is_interrupt).then(|| command.words.last())?
    });
    let last_words: Vec<Word> = last_words.cloned().collect();
    let ([last], true) = (last_words.as_slice(), fault.shell.traps.contains(&Signal::INT)) else {
        return None;
    };
    let name = if last.literal()?.starts_with("SIG") { stop.to_string() } else { stop.name() };
    let edit = excerpt.edit(Span::at(last.span.end), &format!(" {name}"))?;
    Some(Repair::safe(format!("Let the trap for SIGINT run on {stop}, too"), vec![edit]))
}

/// A second trap that lets the shell exit, behind the one for EXIT: with the signal's name in the same trap, it would run twice.
fn exit_on_signal(place: &Place, stop: Signal) -> Repair {
    let text = place.source.text();
    let line = Line::of(text, place.span.start, Encoding::Verbatim);
    let alone = line.own_line && rest_of_line(text, place.span.end).is_empty();
    let separator = if alone { line.separator() } else { "; ".to_owned() };
    let mut names = vec![stop.name()];
    if stop != Signal::TERM {
        names.push(Signal::TERM.name());
    }
    let (names, status) = (names.join(" "), 128 + u32::from(stop.number()));
    // A second signal would end the shell in the middle of what the trap for EXIT does.
    let edit = Edit::new(
        &place.source,
        Span::at(place.span.end),
        format!("{separator}trap 'trap \"\" {names}; exit {status}' {names}"),
    );
    Repair::safe("Let the shell exit on the signal, which runs the trap for EXIT", vec![edit])
}

/// True for `kill -INT $pid` where nothing is known of the program: what starts in the background ignores SIGINT and SIGQUIT until it
/// installs a handler, and most runtimes then leave that as it is.
fn may_be_ignored(kill: &Node, fault: &Fault) -> bool {
    let words = repair::simple(kill).map(|command| &command.words[1..]).unwrap_or_default();
    let signals = words.iter().filter_map(Word::literal);
    let mut signals = signals.filter_map(|word| Signal::parse(word.strip_prefix('-').unwrap_or(&word)));
    !fault.known_service && signals.any(|signal| matches!(signal, Signal::INT | Signal::QUIT))
}

/// A repair that waits for what may not end.
fn unless_ignored(repair: Repair) -> Repair {
    let message = format!("{}, if it hears the signal: in the background it may ignore it", repair.message);
    Repair::unsafe_(message, repair.edits)
}

/// Another signal in the `kill` of a handler. Somebody may have chosen the one that is written there.
fn send(kill: &Node, wanted: Signal) -> Option<Repair> {
    let words = &repair::simple(kill)?.words;
    let first = words.get(1)?;
    let option = format!("-{}", wanted.name());
    let message = format!("Send {wanted} in the trap");
    if names_signal(first) {
        let edit = kill.excerpt.edit(first.span, &option)?;
        return Some(Repair::unsafe_(format!("{message}, where another signal is written"), vec![edit]));
    }
    if first.literal().is_some_and(|text| text.starts_with('-')) {
        return None;
    }
    let edit = kill.excerpt.edit(Span::at(first.span.start), &format!("{option} "))?;
    Some(Repair::safe(message, vec![edit]))
}

/// `-TERM`, `-15`
fn names_signal(word: &Word) -> bool {
    word.literal()
        .is_some_and(|text| text.strip_prefix('-').is_some_and(|name| Signal::parse(name).is_some()))
}

/// True for a handler with the name of a signal in its `kill`.
pub(super) fn chooses_signal(fault: &Fault) -> bool {
    let Site::Trap { action, functions, .. } = &fault.site else { return false };
    let kill = kill_of(action, functions).and_then(repair::simple);
    kill.and_then(|command| command.words.get(1)).is_some_and(names_signal)
}

/// The variables with the numbers of jobs that a `kill` does not name; `None` if it is not known which they are.
fn left_out(kill: &Node, jobs: &[Node]) -> Option<Vec<String>> {
    let told = kill.excerpt.text().get(kill.span.start..kill.span.end)?;
    let number = |job: &Node| number_in(job.excerpt.text(), ampersand(job.excerpt.text(), job.span.end)?);
    let names: Vec<String> = jobs.iter().map(number).collect::<Option<_>>()?;
    let is_named =
        |name: &String| told.contains(&format!("${name}")) || told.contains(&format!("${{{name}}}"));
    Some(names.into_iter().filter(|name| !is_named(name)).collect())
}

/// True for a handler that sends its jobs SIGINT or SIGQUIT, which they were started to ignore.
pub(super) fn sends_what_jobs_ignore(fault: &Fault) -> bool {
    let Site::Trap { action, functions, jobs, .. } = &fault.site else { return false };
    let Some(kill) = kill_of(action, functions) else { return false };
    let option = repair::simple(kill).and_then(|command| command.words.get(1)?.literal());
    let sent = option.and_then(|option| Signal::parse(option.strip_prefix('-')?));
    matches!(sent, Some(Signal::INT | Signal::QUIT))
        && left_out(kill, jobs).is_some_and(|names| names.is_empty())
}

/// The jobs that a handler's `kill` leaves out, by the variables that hold their numbers; and for its `wait`.
fn add_targets(
    kill: &Node,
    action: &List,
    functions: &[Node],
    jobs: &[Node],
    shell: &ShellState,
) -> Option<Repair> {
    let excerpt = &kill.excerpt;
    let missing = left_out(kill, jobs)?;
    let command = repair::simple(kill)?;
    let last = command.words.last()?;
    if missing.is_empty() || command.words.len() < 2 {
        return None;
    }
    let more: String = missing.iter().map(|name| format!(" {}", number(name, shell))).collect();
    let mut edits = vec![excerpt.edit(Span::at(last.span.end), &more)?];
    // `wait` alone waits for them, too.
    let wait = find_in(action, functions, &["wait"]);
    if let Some(last) =
        wait.and_then(repair::simple).filter(|wait| wait.words.len() > 1).and_then(|wait| wait.words.last())
    {
        edits.push(wait?.excerpt.edit(Span::at(last.span.end), &more)?);
    }
    Some(Repair::safe("Tell the other services too", edits))
}

/// A handler behind which the shell ends, and that tells nobody: first the services are told and waited for.
fn tell_before_exit(fault: &Fault, action: &List, functions: &[Node], jobs: &[Node]) -> Option<Repair> {
    let function = functions.first().filter(|_| action.len() == 1);
    let (handler, mut edits) = match function.map(|body| &body.kind) {
        Some(NodeKind::Group(list)) => (list, Vec::new()),
        Some(_) => return None,
        None => {
            (action, action.first().filter(|first| !trap::is_bare(first)).and_then(telling::expanded_late)?)
        }
    };
    let first = handler.first()?;
    let ends = |node: &Node| node.is_command(&["exit"]);
    // What reads `$?` would read that of `wait`.
    let exits = handler.last().is_some_and(ends);
    if trap::reads_status(action) || trap::reads_status(handler) {
        return None;
    }
    // SIGTERM would come in the middle of what it has been asked for.
    if telling::asks_to_stop(handler) {
        return None;
    }
    let comes_again = |job: &Node| is_repeated(&shell::parse(Arc::clone(&job.excerpt)).statements, job.span);
    let tell = match jobs {
        [job] if !comes_again(job) => {
            let may_take = handler.len() > 1 || !exits || !job.excerpt.text().contains("pid");
            let name = number_of(job, may_take, &mut edits)?;
            match handler.len() {
                1 if exits => format!("kill -TERM ${name}; wait ${name}"),
                _ => telling::tell(&name, &fault.shell),
            }
        }
        _ => tell_all(fault, jobs, &mut edits)?,
    };
    let line = Line::of(first.excerpt.text(), first.span.start, first.excerpt.encoding());
    // On a line of its own where the first statement has one.
    let separator = if function.is_none() { "; ".to_owned() } else { line.separator() };
    let (edit, is_first) = telling::put_into(handler, &tell, &separator)?;
    edits.push(edit);
    let is_one = matches!(jobs, [job] if !comes_again(job));
    let whom = if is_one { "the service in the trap" } else { "every service in the trap" };
    let then = if is_one { "wait for it" } else { "wait for them" };
    Some(if is_first {
        Repair::safe(format!("Tell {whom}, and {then}"), edits)
    } else {
        Repair::unsafe_(format!("Tell {whom} behind what it does now, and {then}"), edits)
    })
}

/// The variable that holds the number of a job; one that is free where the script has none, if it may be taken.
fn number_of(job: &Node, may_take: bool, edits: &mut Vec<Edit>) -> Option<String> {
    let text = job.excerpt.text();
    let end = ampersand(text, job.span.end)?;
    if let Some(name) = number_in(text, end) {
        return Some(name);
    }
    let name = may_take.then(|| free_number(text))?;
    edits.push(behind(job, end, &format!("{name}=$!"))?);
    Some(name.to_owned())
}

/// What tells several jobs, and waits for all of them.
fn tell_all(fault: &Fault, jobs: &[Node], edits: &mut Vec<Edit>) -> Option<String> {
    let (shell, excerpt) = (&fault.shell, &jobs.first()?.excerpt);
    let mut targets = Targets::new(free_name(excerpt.text()));
    let script = shell::parse(Arc::clone(excerpt));
    for (index, job) in jobs.iter().enumerate() {
        if !Arc::ptr_eq(&job.excerpt, excerpt) {
            return None;
        }
        let is_repeated = is_repeated(&script.statements, job.span);
        if jobs[..index].iter().any(|other| other.span == job.span) {
            continue;
        }
        let end = ampersand(excerpt.text(), job.span.end)?;
        match number_in(excerpt.text(), end).filter(|_| !is_repeated) {
            Some(name) => targets.add(Signal::TERM, name),
            None => edits.push(behind(job, end, &targets.collect(Signal::TERM))?),
        }
    }
    if let Some(list) = targets.lists().next() {
        // It is not split where the script has set IFS.
        if shell.separated {
            return None;
        }
        // The handler may run before there is one.
        let trap = simple_statements(&script.statements).into_iter().find(|node| node.place() == fault.place);
        let spans: Vec<Span> = jobs.iter().chain(trap).map(|node| node.span).collect();
        let first = in_front_of_all(&script.statements, &spans)?;
        let line = Line::of(excerpt.text(), first, excerpt.encoding()).above_comments(excerpt.text());
        let setup = format!("{}{list}=''{}", line.lead(), line.tail());
        edits.push(excerpt.edit(Span::at(line.insertion), &setup)?);
    }
    let all = targets.all(shell).join(" ");
    Some(format!("{}wait {all}{}", targets.told(shell), or_not(shell)))
}

/// What is put behind the `&` of a job.
fn behind(job: &Node, end: usize, text: &str) -> Option<Edit> {
    let rest = rest_of_line(job.excerpt.text(), end);
    let semicolon = if rest.is_empty() || rest.starts_with('#') { "" } else { ";" };
    job.excerpt.edit(Span::at(end), &format!(" {text}{semicolon}"))
}

/// True for a handler that asks the service to end in its own way.
pub(super) fn asks_to_stop(fault: &Fault) -> bool {
    let Site::Trap { action, functions, .. } = &fault.site else { return false };
    telling::asks_to_stop(action)
        || functions.iter().any(|body| telling::asks_to_stop(std::slice::from_ref(body)))
}

/// True for `trap "kill $pid" TERM` in front of `pid=$!`.
pub(super) fn expands_early(fault: &Fault) -> bool {
    let Site::Trap { action, .. } = &fault.site else { return false };
    let handler = fault.place.text().split('"').nth(1).unwrap_or("");
    let targets = |node| repair::simple(node).map(|command| &command.words[..]);
    let is_option = |word: &Word| word.literal().is_some_and(|text| text.starts_with('-'));
    let lost = |words: &[Word]| {
        words.first().and_then(Word::literal).as_deref() == Some("kill") && words[1..].iter().all(is_option)
    };
    handler.contains('$') && action.iter().filter_map(targets).any(lost)
}

/// Single quotes around a handler in which every variable holds the number of a job that is started later.
fn quote_singly(fault: &Fault) -> Option<Repair> {
    let place = &fault.place;
    let text = place.text();
    let start = text.find('"')?;
    let end = start + 1 + text[start + 1..].find('"')?;
    let handler = &text[start + 1..end];
    let is_job = |name: &str| {
        let length = name.bytes().take_while(|c| c.is_ascii_alphanumeric() || *c == b'_').count();
        let name = &name[..length];
        let taken = [format!("{name}=$!"), format!("{name}=\"$!\""), format!("{name}=${{!}}")];
        !name.is_empty() && taken.iter().any(|taken| place.source.text().contains(taken.as_str()))
    };
    if handler.contains(['\'', '\\', '`']) || !handler.replace("${", "$").split('$').skip(1).all(is_job) {
        return None;
    }
    let quote = |at: usize| {
        Edit::new(&place.source, Span::new(place.span.start + at, place.span.start + at + 1), "'")
    };
    let message = "Put the handler into single quotes, so that it is expanded when it runs";
    Some(Repair::safe(message, vec![quote(start), quote(end)]))
}

/// True for `kill TERM $pid` and `kill -TERM -- $pid` in a handler.
pub(super) fn misnames_signal(fault: &Fault) -> bool {
    let Site::Trap { action, functions, .. } = &fault.site else { return false };
    kill_of(action, functions).and_then(name_signal).is_some()
}

/// `-TERM` for a signal without its dash, and for one with two dashes behind it.
fn name_signal(kill: &Node) -> Option<Repair> {
    let words = &repair::simple(kill)?.words;
    let first = words.get(1)?.literal()?;
    let edit = if Signal::parse(&first).is_some() && !first.starts_with(|c: char| c.is_ascii_digit()) {
        kill.excerpt.edit(Span::at(words[1].span.start), "-")?
    } else if first.starts_with('-') && words.get(2)?.literal()? == "--" {
        kill.excerpt.edit(Span::new(words[1].span.end, words[2].span.end), "")?
    } else {
        return None;
    };
    Some(Repair::safe("Name the signal as every shell's `kill` takes it", vec![edit]))
}

fn kill_of<'n>(action: &'n List, functions: &'n [Node]) -> Option<&'n Node> {
    find_in(action, functions, &["kill"])
}

/// The first command of one of these names in a handler, or in a function that it calls.
fn find_in<'n>(action: &'n List, functions: &'n [Node], names: &[&str]) -> Option<&'n Node> {
    find(action, names).or_else(|| functions.iter().find_map(|body| find(std::slice::from_ref(body), names)))
}

fn find<'n>(list: &'n [Node], names: &[&str]) -> Option<&'n Node> {
    list.iter().find_map(|node| match &node.kind {
        NodeKind::Command(_) => (node.is_command(names) && !only_asks(node)).then_some(node),
        NodeKind::Group(list) => find(list, names),
        NodeKind::And(left, right) | NodeKind::Or(left, right) => {
            [left, right].into_iter().find_map(|side| find(std::slice::from_ref(side.as_ref()), names))
        }
        NodeKind::If(branches) => branches.arms.iter().find_map(|(_, body)| find(body, names)),
        NodeKind::For(each) => find(&each.body, names),
        _ => None,
    })
}

/// `kill -0`
fn only_asks(node: &Node) -> bool {
    let word = repair::simple(node).and_then(|command| command.words.get(1));
    word.and_then(Word::literal).is_some_and(|word| word == "-0")
}

/// `SIGTERM` as `TERM`, in the words at the end of a trap command.
pub(super) fn plain_names(place: &Place) -> Option<Repair> {
    let text = place.text();
    let mut edits = Vec::new();
    let mut end = text.trim_end().len();
    while let Some(start) = text[..end].rfind([' ', '\t']).map(|at| at + 1) {
        let word = &text[start..end];
        Signal::parse(word)?;
        if word.len() > 3 && word.get(..3).is_some_and(|prefix| prefix.eq_ignore_ascii_case("SIG")) {
            let at = place.span.start + start;
            edits.push(Edit::new(&place.source, Span::new(at, at + 3), ""));
        }
        end = text[..start].trim_end().len();
        if text[..end].ends_with(['\'', '"'])
            || Signal::parse(text[..end].rsplit([' ', '\t']).next().unwrap_or("")).is_none()
        {
            break;
        }
    }
    (!edits.is_empty()).then(|| Repair::safe("Name the signal without SIG, which every shell knows", edits))
}
