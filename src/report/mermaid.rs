//! Process trees as a Mermaid flowchart, which GitHub and GitLab draw in comments and Markdown.
//! See <https://mermaid.js.org/syntax/flowchart.html>.

use std::io::{self, Write};

use crate::{ProcessNode, Receives};

use super::tree::{self, Way};
use super::{Format, Results, View};

/// The row of this format.
pub(super) const FORMAT: Format = Format {
    name: "mermaid",
    help: "A Mermaid flowchart, for pull requests",
    for_people: false,
    check: None,
    tree: Some(print),
};

fn print(results: &Results, view: &View, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "flowchart TD")?;
    let mut chart = Chart { out, boxes: 0 };
    let ways = results.images().flat_map(|(root, image)| tree::ways(root, image, view));
    for (index, way) in ways.enumerate() {
        chart.way(index + 1, &way)?;
    }
    writeln!(out, "  classDef yes stroke:#2da44e")?;
    writeln!(out, "  classDef no stroke:#cf222e")?;
    writeln!(out, "  classDef unknown stroke:#6e7781")?;
    writeln!(out, "  classDef service font-weight:bold")
}

struct Chart<'a> {
    out: &'a mut dyn Write,
    /// Boxes drawn so far; each is called by its number.
    boxes: usize,
}

impl Chart<'_> {
    fn way(&mut self, number: usize, way: &Way<'_>) -> io::Result<()> {
        let title: Vec<String> = tree::captions(way).iter().map(|line| escape(line)).collect();
        writeln!(self.out, "  subgraph image{number}[\"{}\"]", title.join("<br>"))?;
        for process in way.processes {
            self.process(process, way)?;
        }
        writeln!(self.out, "  end")
    }

    /// Draws a process and those below it; its number.
    fn process(&mut self, process: &ProcessNode, way: &Way<'_>) -> io::Result<usize> {
        self.boxes += 1;
        let this = self.boxes;
        let class = match process.receives {
            Receives::Yes => "yes",
            Receives::No => "no",
            Receives::Unknown => "unknown",
        };
        let label: Vec<String> = tree::labels(process, way).iter().map(|line| escape(line)).collect();
        writeln!(self.out, "    p{this}[\"{}\"]:::{class}", label.join("<br>"))?;
        if process.service {
            writeln!(self.out, "    class p{this} service")?;
        }
        for child in &process.children {
            let below = self.process(child, way)?;
            match tree::how(child.started) {
                "" => writeln!(self.out, "    p{this} --> p{below}")?,
                how => writeln!(self.out, "    p{this} -- {how} --> p{below}")?,
            }
        }
        Ok(this)
    }
}

/// What could mean something to Mermaid or to HTML is written as its number.
fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        if c.is_ascii_punctuation() && !"-./:=,_+()$".contains(c) {
            out.push_str(&format!("#{};", u32::from(c)));
        } else {
            out.push(c);
        }
        out
    })
}
