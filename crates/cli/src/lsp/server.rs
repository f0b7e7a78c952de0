//! The protocol's order: what is answered when, and with what.
//!
//! Every request gets an answer. Nothing is judged when a message comes: changes follow each other while somebody
//! types, and `settle` judges once when they have stopped, or before a question is answered.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use underpin_core::exit;
use underpin_core::lint::fix::NewFile;

use super::actions::Change;
use super::desk::{BYTES_MAX, Desk, Found};
use super::position::Places;
use super::protocol::{
    AtPlace, Client, Command, DidChange, DidOpen, ForActions, OfDocument, Position, PublishDiagnostics,
    Range, TextEdit,
};
use super::settings::Wrong;
use super::wire::{Failure, Incoming, Writer};
use super::{UNFINISHED, actions, diagnostics, hover, uri};

/// The only kind of action that there is.
const QUICK_FIX: &str = "quickfix";

/// The command of an editor that cannot make files: it is told how else.
const SAY_HOW: &str = "underpin.sayHowToFix";

/// Changes of these files on disk are asked for.
const WATCHED: [&str; 4] =
    ["**/migration.sql", "**/underpin.toml", "**/underpin-baseline.json", "**/package.json"];

/// A server.
#[derive(Debug)]
pub(super) struct Server<W> {
    writer: Writer<W>,
    desk: Desk,
    client: Client,
    phase: Phase,
    settled: bool,
    /// Warnings that were shown, so that none is shown twice.
    warned: BTreeSet<String>,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Go,
    /// With this exit code.
    Exit(u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nobody has said `initialize`.
    Started,
    Serving,
    /// Somebody has said `shutdown`.
    Closed,
}

impl<W: Write> Server<W> {
    pub(super) fn new(desk: Desk, writer: Writer<W>) -> Self {
        Self {
            writer,
            desk,
            client: Client::default(),
            phase: Phase::Started,
            settled: true,
            warned: BTreeSet::new(),
        }
    }

    /// Whether everything is judged.
    pub(super) fn is_settled(&self) -> bool {
        self.settled
    }

    /// Takes a message.
    ///
    /// # Errors
    /// When nobody reads the answers.
    pub(super) fn take(&mut self, message: Incoming) -> io::Result<Next> {
        match message {
            Incoming::Request { id, method, params } => {
                let result = self.answer(&method, params)?;
                self.writer.answer(&id, result)?;
            }
            Incoming::Notification { method, .. } if method == "exit" => {
                let after_shutdown = self.phase == Phase::Closed;
                return Ok(Next::Exit(if after_shutdown { exit::CLEAN } else { UNFINISHED }));
            }
            Incoming::Notification { method, params } => self.hear(&method, params)?,
            Incoming::Response => {}
            Incoming::Malformed(failure) => self.writer.answer(&Value::Null, Err(failure))?,
        }
        Ok(Next::Go)
    }

    /// Judges what is not judged, and publishes it.
    ///
    /// # Errors
    /// When nobody reads it.
    pub(super) fn settle(&mut self) -> io::Result<()> {
        if self.settled {
            return Ok(());
        }
        self.settled = true;
        for uri in self.desk.judge() {
            self.publish(&uri)?;
        }
        let warnings: Vec<String> = self.desk.warnings().into_iter().map(str::to_owned).collect();
        for warning in warnings {
            if self.warned.insert(warning.clone()) {
                let shown = json!({ "type": 2, "message": format!("underpin: {warning}") });
                self.writer.notify("window/showMessage", &shown)?;
            }
        }
        Ok(())
    }

    fn answer(&mut self, method: &str, params: Value) -> io::Result<Result<Value, Failure>> {
        match (self.phase, method) {
            (Phase::Started, "initialize") => {
                self.client = Client::of(&params);
                self.phase = Phase::Serving;
                return Ok(Ok(capabilities()));
            }
            (Phase::Started, _) => return Ok(Err(Failure::not_initialized())),
            (Phase::Closed, _) => {
                return Ok(Err(Failure::invalid_request("the server was told to shut down")));
            }
            (Phase::Serving, _) => {}
        }
        Ok(match method {
            "initialize" => Err(Failure::invalid_request("initialize is said once")),
            "shutdown" => {
                self.phase = Phase::Closed;
                Ok(Value::Null)
            }
            "textDocument/hover" => {
                self.settle()?;
                read(params).map(|asked| self.hover(&asked))
            }
            "textDocument/codeAction" => {
                self.settle()?;
                read(params).map(|asked| self.actions(&asked))
            }
            "workspace/executeCommand" => match read(params) {
                Ok(asked) => self.execute(&asked)?,
                Err(failure) => Err(failure),
            },
            other => Err(Failure::unknown_method(other)),
        })
    }

    /// Notifications that cannot be read are passed over: there is nobody to tell.
    fn hear(&mut self, method: &str, params: Value) -> io::Result<()> {
        if self.phase != Phase::Serving {
            return Ok(());
        }
        match method {
            "initialized" if self.client.watches_files => return self.watch(),
            "textDocument/didOpen" => {
                let Ok(DidOpen { text_document }) = read(params) else { return Ok(()) };
                self.desk.open(text_document);
            }
            "textDocument/didChange" => {
                let Ok(DidChange { text_document, content_changes }) = read(params) else { return Ok(()) };
                if !self.desk.change(&text_document.uri, text_document.version, &content_changes) {
                    return Ok(());
                }
            }
            "textDocument/didSave" | "workspace/didChangeWatchedFiles" => self.desk.look_again(),
            "textDocument/didClose" => {
                let Ok(OfDocument { text_document }) = read(params) else { return Ok(()) };
                if self.desk.close(&text_document.uri) {
                    // Its underlines would stay in lists of problems.
                    let uri = text_document.uri.as_str();
                    let none = PublishDiagnostics { uri, version: None, diagnostics: Vec::new() };
                    self.writer.notify("textDocument/publishDiagnostics", &none)?;
                }
            }
            _ => return Ok(()),
        }
        self.settled = false;
        Ok(())
    }

    fn publish(&mut self, uri: &str) -> io::Result<()> {
        let Some(document) = self.desk.document(uri) else { return Ok(()) };
        let diagnostics = match document.found() {
            Some(Found::Report { file, .. }) => {
                diagnostics::diagnostics(uri, &document.text, file, self.client)
            }
            Some(Found::Settings(wrong)) => diagnostics::of_settings(&document.text, wrong),
            Some(Found::TooLarge) => vec![diagnostics::too_large(&document.text, BYTES_MAX)],
            None => return Ok(()),
        };
        let told = PublishDiagnostics { uri, version: Some(document.version), diagnostics };
        self.writer.notify("textDocument/publishDiagnostics", &told)
    }

    fn hover(&self, asked: &AtPlace) -> Value {
        let Some(document) = self.desk.document(&asked.text_document.uri) else { return Value::Null };
        let Some(Found::Report { file, prisma }) = document.found() else { return Value::Null };
        let Some(hover) = hover::hover(&document.text, file, *prisma, asked.position) else {
            return Value::Null;
        };
        // Its Markdown can be read as it is, where nobody renders it.
        let kind = if self.client.markdown { "markdown" } else { "plaintext" };
        json!({ "contents": { "kind": kind, "value": hover.markdown }, "range": hover.range })
    }

    fn actions(&mut self, asked: &ForActions) -> Value {
        let none = json!([]);
        let wanted = |kinds: &Vec<String>| kinds.iter().any(|kind| kind.is_empty() || kind == QUICK_FIX);
        if !self.client.code_action_literals || !asked.context.only.as_ref().is_none_or(wanted) {
            return none;
        }
        let uri = asked.text_document.uri.as_str();
        let Some(document) = self.desk.document(uri) else { return none };
        let (version, text) = (document.version, document.text.clone());
        let places = Places::of(&text);
        let file = match document.found() {
            Some(Found::Report { file, .. }) => file.clone(),
            Some(Found::Settings(wrong)) => {
                let here = wrong.iter().filter(|wrong| places.range(&wrong.bytes).touches(&asked.range));
                let meant = |wrong: &Wrong| {
                    let instead = wrong.instead?;
                    let range = places.range(&wrong.bytes);
                    let edit = TextEdit { range, new_text: instead.to_owned() };
                    Some(json!({
                        "title": format!("write `{instead}`"),
                        "kind": QUICK_FIX,
                        "diagnostics": [diagnostics::of_setting(&places, wrong)],
                        "isPreferred": true,
                        "edit": self.edit(uri, version, &edit),
                    }))
                };
                return here.filter_map(meant).collect();
            }
            Some(Found::TooLarge) | None => return none,
        };
        let mut shown = Vec::new();
        for action in actions::actions(&text, &file, asked.range) {
            let resolves = diagnostics::diagnostic(uri, &places, &file, action.finding, self.client);
            let mut told = json!({
                "title": action.title,
                "kind": QUICK_FIX,
                "diagnostics": [resolves],
                "isPreferred": action.preferred,
            });
            match &action.change {
                Change::Edit(edit) => told["edit"] = self.edit(uri, version, edit),
                Change::SafeForm { statement } => {
                    let Some(form) = self.desk.safe_form(uri, *statement) else { continue };
                    let whole = places.range(&(0..text.len()));
                    match form.files.as_slice() {
                        [only] => {
                            let edit = TextEdit { range: whole, new_text: only.text.clone() };
                            told["title"] = json!("replace by the online form");
                            told["edit"] = self.edit(uri, version, &edit);
                        }
                        [own, behind @ ..] if self.client.makes_files => {
                            let edit = TextEdit { range: whole, new_text: own.text.clone() };
                            let Some(edit) = in_files(uri, version, &edit, behind) else { continue };
                            told["title"] = json!(format!(
                                "replace by the online form, in {} migrations",
                                form.files.len()
                            ));
                            told["edit"] = edit;
                        }
                        _ => {
                            told["command"] =
                                json!({ "title": action.title, "command": SAY_HOW, "arguments": [uri] });
                        }
                    }
                }
            }
            shown.push(told);
        }
        Value::Array(shown)
    }

    /// An edit of one document, in the form that the client knows.
    fn edit(&self, uri: &str, version: i64, edit: &TextEdit) -> Value {
        match self.client.versioned_edits {
            true => {
                let identified = json!({ "uri": uri, "version": version });
                json!({ "documentChanges": [{ "textDocument": identified, "edits": [edit] }] })
            }
            false => json!({ "changes": { uri: [edit] } }),
        }
    }

    fn execute(&mut self, asked: &Command) -> io::Result<Result<Value, Failure>> {
        if asked.command != SAY_HOW {
            return Ok(Err(Failure::invalid_params(format!("there is no command {}", asked.command))));
        }
        let path = asked.arguments.first().and_then(Value::as_str).and_then(uri::path);
        let path = path.map_or_else(String::new, |path| format!(" {}", path.display()));
        let message = format!(
            "underpin: the form takes several migrations, and this editor makes no files for a server; save the file, \
             and `underpin lint --fix --dry-run{path}` shows them"
        );
        self.writer.notify("window/showMessage", &json!({ "type": 3, "message": message }))?;
        Ok(Ok(Value::Null))
    }

    fn watch(&mut self) -> io::Result<()> {
        let watchers: Vec<Value> = WATCHED.iter().map(|glob| json!({ "globPattern": glob })).collect();
        let registration = json!({
            "id": "files",
            "method": "workspace/didChangeWatchedFiles",
            "registerOptions": { "watchers": watchers },
        });
        let asked = json!({ "registrations": [registration] });
        self.writer.ask("watch", "client/registerCapability", &asked)
    }
}

/// Files that do not exist yet, and the edit of the one that does. All of it or nothing is up to the editor.
fn in_files(uri: &str, version: i64, own: &TextEdit, behind: &[NewFile]) -> Option<Value> {
    let start = Position { line: 0, character: 0 };
    let mut changes = Vec::with_capacity(1 + 2 * behind.len());
    for file in behind {
        let new = uri::beside(uri, &file.folder)?;
        let text = TextEdit { range: Range { start, end: start }, new_text: file.text.clone() };
        changes.push(json!({ "kind": "create", "uri": new, "options": { "overwrite": false } }));
        changes.push(json!({ "textDocument": { "uri": new, "version": null }, "edits": [text] }));
    }
    changes.push(json!({ "textDocument": { "uri": uri, "version": version }, "edits": [own] }));
    Some(json!({ "documentChanges": changes }))
}

fn capabilities() -> Value {
    json!({
        "capabilities": {
            // The one encoding that every client has.
            "positionEncoding": "utf-16",
            "textDocumentSync": { "openClose": true, "change": 2, "save": { "includeText": false } },
            "hoverProvider": true,
            "codeActionProvider": { "codeActionKinds": [QUICK_FIX] },
            "executeCommandProvider": { "commands": [SAY_HOW] },
            // A document's project is found from where it is, so there may be any number of folders.
            "workspace": { "workspaceFolders": { "supported": true } },
        },
        "serverInfo": { "name": "underpin", "version": env!("CARGO_PKG_VERSION") },
    })
}

fn read<T: DeserializeOwned>(params: Value) -> Result<T, Failure> {
    serde_json::from_value(params).map_err(|error| Failure::invalid_params(error.to_string()))
}
