//! The language server: what pidone says, while it is being written. The only room that knows the Language Server Protocol.
//!
//! One thread answers messages in the order in which they come, and checks what has become stale when none is waiting. There is no state
//! but the open documents and what they led to.

use std::io::{self, BufReader};
use std::process::ExitCode;
use std::sync::mpsc::{self, Sender};
use std::thread;

mod actions;
mod client;
mod diagnostics;
mod documents;
mod edits;
mod encoding;
mod held;
mod initialize;
mod loader;
mod picture;
mod requests;
mod session;
mod transport;
mod uri;
mod workspace;

use session::{Event, Session};
use transport::Incoming;

/// Serves the client at standard input and output until it leaves. The exit code is the one that the protocol asks for.
pub fn serve() -> ExitCode {
    let (sender, events) = mpsc::channel();
    let reader = sender.clone();
    // Ends with the process: nothing can call it back from a read.
    thread::spawn(move || read(&reader));
    Session::new(io::stdout(), sender).run(&events)
}

fn read(events: &Sender<Event>) {
    let mut input = BufReader::new(io::stdin());
    loop {
        let event = match transport::read(&mut input) {
            Ok(Some(Incoming::Message(message))) => Event::Message(message),
            Ok(Some(Incoming::Malformed(answer))) => Event::Malformed(answer),
            Ok(None) => Event::Closed(None),
            Err(error) => Event::Closed(Some(error)),
        };
        let is_last = matches!(event, Event::Closed(_));
        if events.send(event).is_err() || is_last {
            return;
        }
    }
}
