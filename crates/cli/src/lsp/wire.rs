//! Messages on the wire: the frame around each, and JSON-RPC 2.0 inside.
//!
//! What is not JSON is told apart from what is not even framed: after a frame the next message can be found,
//! and the sender is told; without one nothing behind it can be read, and reading ends.

use std::io::{self, BufRead, ErrorKind, Read, Write};

use serde::Serialize;
use serde_json::{Value, json};

/// Larger messages are not read. An editor sends a whole file when it opens it, and JSON doubles it at most.
const MESSAGE_BYTES_MAX: usize = 256 << 20;

/// Longer lines are no header.
const HEADER_BYTES_MAX: u64 = 4_096;

/// What a client said.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Incoming {
    /// It waits for an answer.
    Request {
        id: Value,
        method: String,
        params: Value,
    },
    Notification {
        method: String,
        params: Value,
    },
    /// The answer to a question of ours.
    Response,
    /// It is framed, and it is nothing that JSON-RPC knows.
    Malformed(Failure),
}

/// Why a message is not answered with a result. The codes are those of JSON-RPC and of the protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Failure {
    pub(super) code: i32,
    pub(super) message: String,
}

impl Failure {
    pub(super) fn no_json(message: String) -> Self {
        Self { code: -32_700, message }
    }

    pub(super) fn invalid_request(message: &str) -> Self {
        Self { code: -32_600, message: message.to_owned() }
    }

    pub(super) fn unknown_method(method: &str) -> Self {
        Self { code: -32_601, message: format!("{method} is not something that this server does") }
    }

    pub(super) fn invalid_params(message: String) -> Self {
        Self { code: -32_602, message }
    }

    pub(super) fn not_initialized() -> Self {
        Self { code: -32_002, message: "the first request is initialize".to_owned() }
    }
}

/// The next message; `None` when the client has gone.
///
/// # Errors
/// When it cannot be read, or what comes has no frame.
pub(super) fn read(from: &mut impl BufRead) -> io::Result<Option<Incoming>> {
    let Some(size) = frame(from)? else { return Ok(None) };
    let mut body = Vec::new();
    // Memory is taken for what arrives, not for what was promised.
    if from.by_ref().take(size as u64).read_to_end(&mut body)? < size {
        return Ok(None);
    }
    Ok(Some(match serde_json::from_slice(&body) {
        Ok(value) => meaning(value),
        Err(error) => Incoming::Malformed(Failure::no_json(format!("the message is no JSON: {error}"))),
    }))
}

/// The headers; how many bytes follow.
fn frame(from: &mut impl BufRead) -> io::Result<Option<usize>> {
    let broken = |what: String| Err(io::Error::new(ErrorKind::InvalidData, what));
    let mut size = None;
    loop {
        let mut line = Vec::new();
        from.by_ref().take(HEADER_BYTES_MAX).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(None);
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end();
        if line.is_empty() {
            return match size {
                Some(size) => Ok(Some(size)),
                None => broken("a message came without Content-Length".to_owned()),
            };
        }
        let Some((name, value)) = line.split_once(':') else {
            return broken(format!("`{line}` is no header of a message"));
        };
        if name.trim().eq_ignore_ascii_case("content-length") {
            size = match value.trim().parse() {
                Ok(size) if size <= MESSAGE_BYTES_MAX => Some(size),
                _ => return broken(format!("`{}` is no length of a message", value.trim())),
            };
        }
    }
}

fn meaning(value: Value) -> Incoming {
    let Value::Object(mut fields) = value else {
        return Incoming::Malformed(Failure::invalid_request("a message is one JSON object"));
    };
    let id = fields.remove("id");
    let params = fields.remove("params").unwrap_or_default();
    match (fields.remove("method"), id) {
        (Some(Value::String(method)), Some(id @ (Value::Number(_) | Value::String(_)))) => {
            Incoming::Request { id, method, params }
        }
        (Some(Value::String(method)), None) => Incoming::Notification { method, params },
        (None, Some(_)) if fields.contains_key("result") || fields.contains_key("error") => {
            Incoming::Response
        }
        _ => Incoming::Malformed(Failure::invalid_request(
            "a message has a method, and an id that is a number or a string when it waits for an answer",
        )),
    }
}

/// Writes messages.
#[derive(Debug)]
pub(super) struct Writer<W>(pub(super) W);

impl<W: Write> Writer<W> {
    /// Answers a request. The id of what could not be read is null.
    pub(super) fn answer(&mut self, id: &Value, result: Result<Value, Failure>) -> io::Result<()> {
        self.send(&match result {
            Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
            Err(error) => json!({ "jsonrpc": "2.0", "id": id, "error": error }),
        })
    }

    /// Tells without waiting.
    pub(super) fn notify(&mut self, method: &str, params: &impl Serialize) -> io::Result<()> {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }))
    }

    /// Asks the client. Its answer comes as [`Incoming::Response`].
    pub(super) fn ask(&mut self, id: &str, method: &str, params: &impl Serialize) -> io::Result<()> {
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))
    }

    fn send(&mut self, message: &Value) -> io::Result<()> {
        let body = message.to_string();
        write!(self.0, "Content-Length: {}\r\n\r\n{body}", body.len())?;
        self.0.flush()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn framed(body: &str) -> String {
        format!("Content-Length: {}\r\n\r\n{body}", body.len())
    }

    fn one(body: &str) -> Incoming {
        read(&mut framed(body).as_bytes()).unwrap().unwrap()
    }

    fn code(body: &str) -> i32 {
        match one(body) {
            Incoming::Malformed(failure) => failure.code,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_message_is_a_request_a_notification_or_an_answer() {
        let method = "m".to_owned();
        assert_eq!(
            one(r#"{"jsonrpc":"2.0","id":"a","method":"m","params":[1]}"#),
            Incoming::Request { id: json!("a"), method: method.clone(), params: json!([1]) }
        );
        assert_eq!(one(r#"{"method":"m"}"#), Incoming::Notification { method, params: Value::Null });
        assert_eq!(one(r#"{"id":1,"result":null}"#), Incoming::Response);
    }

    #[test]
    fn behind_a_broken_message_the_next_one_is_read() {
        assert_eq!([code("{"), code("\u{e9}"), code("")], [-32_700; 3]);
        assert_eq!([code("[]"), code("{}"), code(r#"{"id":null,"method":"m"}"#)], [-32_600; 3]);
        let two = framed("{\"") + &framed(r#"{"method":"m"}"#);
        let mut from = two.as_bytes();
        assert!(matches!(read(&mut from).unwrap(), Some(Incoming::Malformed(_))));
        assert!(matches!(read(&mut from).unwrap(), Some(Incoming::Notification { .. })));
        assert_eq!(read(&mut from).unwrap(), None);
    }

    #[test]
    fn nesting_without_end_is_refused() {
        assert_eq!(code(&"[".repeat(1_000_000)), -32_700);
    }

    #[test]
    fn headers_are_read_as_people_write_them() {
        let text = "content-length:13\nContent-Type: x\r\n\r\n{\"method\":\"\"}";
        assert!(matches!(read(&mut text.as_bytes()).unwrap(), Some(Incoming::Notification { .. })));
        for broken in [
            "GET / HTTP/1.1\r\n\r\n",
            "Content-Length: -1\r\n\r\n",
            "a: b\r\n\r\n",
            "Content-Length: 99999999999\r\n\r\n",
        ] {
            assert_eq!(read(&mut broken.as_bytes()).unwrap_err().kind(), ErrorKind::InvalidData, "{broken}");
        }
        for over in ["", "Content-Length: 5", "Content-Length: 5\r\n\r\n{"] {
            assert!(!matches!(read(&mut over.as_bytes()), Ok(Some(_))), "{over}");
        }
    }

    #[test]
    fn what_is_written_can_be_read() {
        let mut writer = Writer(Vec::new());
        writer.answer(&json!(1), Ok(json!("é"))).unwrap();
        writer.notify("m", &json!({ "a": 1 })).unwrap();
        let written = String::from_utf8(writer.0).unwrap();
        let mut from = written.as_bytes();
        assert_eq!(read(&mut from).unwrap(), Some(Incoming::Response));
        assert!(matches!(read(&mut from).unwrap(), Some(Incoming::Notification { .. })));
    }
}
