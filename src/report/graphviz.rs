//! Process trees in the language of Graphviz. See <https://graphviz.org/doc/info/lang.html>.

use std::io::{self, Write};

use crate::{ProcessNode, Receives};

use super::tree::{self, Way};
use super::{Format, Results, View};

/// The row of this format.
pub(super) const FORMAT: Format = Format {
    name: "graphviz",
    help: "Graphviz: `dot -Tsvg` draws it",
    for_people: false,
    check: None,
    tree: Some(print),
};

fn print(results: &Results, view: &View, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "digraph pidone {{")?;
    writeln!(out, "  node [shape=box, fontname=\"monospace\"]")?;
    let mut graph = Graph { out, boxes: 0 };
    let ways = results.images().flat_map(|(root, image)| tree::ways(root, image, view));
    for (index, way) in ways.enumerate() {
        graph.way(index + 1, &way)?;
    }
    writeln!(out, "}}")
}

struct Graph<'a> {
    out: &'a mut dyn Write,
    /// Boxes drawn so far; each is called by its number.
    boxes: usize,
}

impl Graph<'_> {
    fn way(&mut self, number: usize, way: &Way<'_>) -> io::Result<()> {
        // Only what is called a cluster gets a frame.
        writeln!(self.out, "  subgraph cluster_{number} {{")?;
        writeln!(self.out, "    label={}", string(&tree::captions(way)))?;
        for process in way.processes {
            self.process(process, way)?;
        }
        writeln!(self.out, "  }}")
    }

    /// Draws a process and those below it; its number.
    fn process(&mut self, process: &ProcessNode, way: &Way<'_>) -> io::Result<usize> {
        self.boxes += 1;
        let this = self.boxes;
        let colour = match process.receives {
            Receives::Yes => "forestgreen",
            Receives::No => "firebrick",
            Receives::Unknown => "gray",
        };
        let width = if process.service { ", penwidth=2" } else { "" };
        let label = string(&tree::labels(process, way));
        writeln!(self.out, "    p{this} [label={label}, color={colour}{width}]")?;
        for child in &process.children {
            let below = self.process(child, way)?;
            writeln!(self.out, "    p{this} -> p{below} [label=\"{}\"]", tree::how(child.started))?;
        }
        Ok(this)
    }
}

/// A quoted string of several lines.
fn string(lines: &[String]) -> String {
    let lines: Vec<String> =
        lines.iter().map(|line| line.replace('\\', "\\\\").replace('"', "\\\"")).collect();
    format!("\"{}\"", lines.join("\\n"))
}
