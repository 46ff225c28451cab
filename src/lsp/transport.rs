//! Messages in and out, as the base protocol frames them.
//!
//! The frames are read here and not by `lsp_server`, whose reader gives up at the first message that it cannot read: a client that sends
//! one is to be told, and the session goes on.

use std::io::{self, BufRead};

use lsp_server::{ErrorCode, Message};
use serde_json::{Value, json};

/// Nothing that an editor sends is larger; what claims to be is not worth the memory.
const MAX_MESSAGE: usize = 64 * 1024 * 1024;

/// What came in.
pub(super) enum Incoming {
    /// A message.
    Message(Message),
    /// Something that is none, with the response that tells the client so.
    Malformed(Value),
}

/// Reads the next message; `None` at the end of the input, an error if it cannot be told where the next message begins.
pub(super) fn read(input: &mut impl BufRead) -> io::Result<Option<Incoming>> {
    let mut length = None;
    loop {
        let mut line = Vec::new();
        // A header that does not end is not read until the memory is full.
        io::Read::take(&mut *input, 4096).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(None);
        }
        let line = String::from_utf8_lossy(&line);
        let header = line.trim_end();
        if header.is_empty() {
            break;
        }
        let (name, value) =
            header.split_once(':').ok_or_else(|| invalid(format!("not a header: {header:?}")))?;
        if name.eq_ignore_ascii_case("content-length") {
            length =
                Some(value.trim().parse::<usize>().map_err(|error| invalid(format!("{header:?}: {error}")))?);
        }
    }
    let length = length.ok_or_else(|| invalid("no Content-Length".to_owned()))?;
    if length > MAX_MESSAGE {
        return Err(invalid(format!("a message of {length} bytes")));
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body)?;
    Ok(Some(parse(&body)))
}

fn invalid(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

fn parse(body: &[u8]) -> Incoming {
    let refuse = |id: Value, code: ErrorCode, message: String| {
        Incoming::Malformed(
            json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code as i32, "message": message } }),
        )
    };
    let value: Value = match serde_json::from_slice(body) {
        Ok(value) => value,
        Err(error) => return refuse(Value::Null, ErrorCode::ParseError, error.to_string()),
    };
    let id = value.get("id").filter(|id| id.is_number() || id.is_string()).cloned().unwrap_or_default();
    match serde_json::from_value(value) {
        // A request whose id is none that we can give back would pass for a notification, and wait for its answer.
        Ok(Message::Notification(_)) if !id.is_null() => {
            refuse(id, ErrorCode::InvalidRequest, "not an id: it does not fit".to_owned())
        }
        Ok(message) => Incoming::Message(message),
        Err(error) => refuse(id, ErrorCode::InvalidRequest, format!("not a message: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(mut input: &[u8]) -> Vec<Result<Incoming, String>> {
        let mut all = Vec::new();
        loop {
            match read(&mut input) {
                Ok(Some(incoming)) => all.push(Ok(incoming)),
                Ok(None) => return all,
                Err(error) => {
                    all.push(Err(error.to_string()));
                    return all;
                }
            }
        }
    }

    fn frame(body: &str) -> String {
        format!("Content-Length: {}\r\nContent-Type: application/vscode-jsonrpc\r\n\r\n{body}", body.len())
    }

    #[test]
    fn what_is_no_message_is_answered_and_skipped() {
        let input =
            ["{", "[]", r#"{"id":9000000000,"method":"x"}"#, r#"{"method":"exit"}"#].map(frame).concat();
        let read = read_all(input.as_bytes());
        let code = |at: usize| match &read[at] {
            Ok(Incoming::Malformed(answer)) => {
                (answer["error"]["code"].as_i64().unwrap(), answer["id"].clone())
            }
            _ => panic!("{at} is a message"),
        };
        assert_eq!(code(0), (-32700, Value::Null));
        assert_eq!(code(1), (-32600, Value::Null));
        assert_eq!(code(2), (-32600, json!(9_000_000_000_u64)));
        assert!(
            matches!(&read[3], Ok(Incoming::Message(Message::Notification(exit))) if exit.method == "exit")
        );
    }

    #[test]
    fn frames_that_are_none_end_the_session() {
        for input in [
            "hello\r\n\r\n",
            "Content-Length: x\r\n\r\n",
            "\r\n",
            "Content-Length: 99999999999\r\n\r\n",
            "Content-Length: 5\r\n\r\n{",
        ] {
            assert!(matches!(read_all(input.as_bytes()).as_slice(), [Err(_)]), "{input:?}");
        }
    }
}
