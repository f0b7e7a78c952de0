//! An editor that speaks to the built binary over its standard input and output.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

/// Nothing that is asked for takes longer on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

pub(super) struct Editor {
    child: Child,
    input: Option<ChildStdin>,
    said: Receiver<Value>,
    /// What came while an answer was waited for.
    aside: Vec<Value>,
    asked: u64,
}

impl Editor {
    /// Starts a server, in a folder that has nothing to do with any project.
    pub(super) fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_underpin"))
            .arg("lsp")
            .args(arguments)
            .current_dir("/")
            .env_remove("DATABASE_URL")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let (sender, said) = channel();
        std::thread::spawn(move || {
            while let Some(message) = next(&mut output) {
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let input = child.stdin.take();
        Self { child, input, said, aside: Vec::new(), asked: 0 }
    }

    /// Starts one and greets it, as an editor that can do everything.
    pub(super) fn greeted(arguments: &[&str]) -> Self {
        Self::greeted_as(arguments, json!({}))
    }

    /// The same, and what its workspace can do.
    pub(super) fn greeted_as(arguments: &[&str], workspace: Value) -> Self {
        let mut editor = Self::start(arguments);
        let capabilities = json!({
            "workspace": workspace,
            "textDocument": {
                "publishDiagnostics": { "relatedInformation": true },
                "hover": { "contentFormat": ["markdown", "plaintext"] },
                "codeAction": { "codeActionLiteralSupport": { "codeActionKind": { "valueSet": ["quickfix"] } } },
            },
        });
        let told = editor
            .ask("initialize", json!({ "processId": null, "rootUri": null, "capabilities": capabilities }));
        assert_eq!(told["result"]["serverInfo"]["name"], "underpin");
        editor.tell("initialized", json!({}));
        editor
    }

    /// Bytes, whatever they are.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().unwrap();
        input.write_all(bytes).unwrap();
        input.flush().unwrap();
    }

    pub(super) fn send(&mut self, message: &Value) {
        let body = message.to_string();
        self.write(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    }

    pub(super) fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// Asks, and answers the whole message that comes back.
    pub(super) fn ask(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        let id = self.asked;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        self.answer(&json!(id))
    }

    /// The answer with an id.
    pub(super) fn answer(&mut self, id: &Value) -> Value {
        self.wait(|message| &message["id"] == id && message.get("method").is_none())
    }

    /// The first message that was not waited for yet and is like this.
    pub(super) fn wait(&mut self, is: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.aside.iter().position(&is) {
            return self.aside.remove(at);
        }
        loop {
            let message = self.said.recv_timeout(LIMIT).expect("the server says nothing");
            if is(&message) {
                return message;
            }
            self.aside.push(message);
        }
    }

    pub(super) fn open(&mut self, uri: &str, text: &str) {
        self.tell(
            "textDocument/didOpen",
            json!({ "textDocument": { "uri": uri, "languageId": "sql", "version": 1, "text": text } }),
        );
    }

    pub(super) fn change(&mut self, uri: &str, version: i64, changes: Value) {
        let document = json!({ "uri": uri, "version": version });
        self.tell("textDocument/didChange", json!({ "textDocument": document, "contentChanges": changes }));
    }

    /// The diagnostics of a version of a document.
    pub(super) fn diagnostics(&mut self, uri: &str, version: i64) -> Vec<Value> {
        let told = self.wait(|message| {
            message["method"] == "textDocument/publishDiagnostics"
                && message["params"]["uri"] == uri
                && message["params"]["version"] == version
        });
        told["params"]["diagnostics"].as_array().unwrap().clone()
    }

    pub(super) fn hover(&mut self, uri: &str, line: u32, character: u32) -> Value {
        let position = json!({ "line": line, "character": character });
        let document = json!({ "uri": uri });
        let told = self.ask("textDocument/hover", json!({ "textDocument": document, "position": position }));
        assert!(told.get("error").is_none(), "{told}");
        told["result"].clone()
    }

    /// The quick fixes at a place.
    pub(super) fn actions(&mut self, uri: &str, line: u32, character: u32) -> Vec<Value> {
        let place = json!({ "line": line, "character": character });
        let asked = json!({
            "textDocument": { "uri": uri },
            "range": { "start": place, "end": place },
            "context": { "diagnostics": [] },
        });
        self.ask("textDocument/codeAction", asked)["result"].as_array().unwrap().clone()
    }

    /// Says goodbye, and answers the exit code.
    pub(super) fn leave(mut self) -> i32 {
        let told = self.ask("shutdown", Value::Null);
        assert_eq!((told.get("result"), told.get("error")), (Some(&Value::Null), None));
        self.tell("exit", Value::Null);
        self.ended().0
    }

    /// Closes the server's input, and answers its exit code and last words.
    pub(super) fn ended(mut self) -> (i32, String) {
        drop(self.input.take());
        let mut words = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut words).unwrap();
        (self.child.wait().unwrap().code().unwrap(), words)
    }
}

/// `rule line` of each diagnostic, lines from 1.
pub(super) fn rules(diagnostics: &[Value]) -> Vec<String> {
    let told = |one: &Value| {
        format!("{} {}", one["code"].as_str().unwrap(), one["range"]["start"]["line"].as_u64().unwrap() + 1)
    };
    diagnostics.iter().map(told).collect()
}

/// The `file:` URI of a path, with everything encoded that an editor might encode.
pub(super) fn uri(path: &Path) -> String {
    let encoded = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    format!("file://{}", path.to_str().unwrap().bytes().map(encoded).collect::<String>())
}

fn next(output: &mut impl BufRead) -> Option<Value> {
    let mut size = 0;
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end().strip_prefix("Content-Length: ") {
            Some(length) => size = length.parse().unwrap(),
            None if line == "\r\n" => break,
            None => panic!("no header: {line:?}"),
        }
    }
    let mut body = vec![0; size];
    output.read_exact(&mut body).ok()?;
    Some(serde_json::from_slice(&body).unwrap())
}
