//! The shapes of the Language Server Protocol 3.17 that this server reads and writes, and no others.
//!
//! Fields have the protocol's names. What a client says beyond them is not read, so that a client of a later
//! version is understood.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A place: lines from 0, columns in units of UTF-16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Position {
    pub(super) line: u32,
    pub(super) character: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Range {
    pub(super) start: Position,
    pub(super) end: Position,
}

impl Range {
    /// Whether the two have a place in common; ranges that touch do.
    pub(super) fn touches(&self, other: &Self) -> bool {
        self.start <= other.end && other.start <= self.end
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Diagnostic {
    pub(super) range: Range,
    /// 1 error, 2 warning, 3 information, 4 hint.
    pub(super) severity: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<String>,
    pub(super) source: &'static str,
    pub(super) message: String,
    /// 1 unnecessary, 2 deprecated.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tags: Vec<u8>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) related_information: Vec<Related>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Related {
    pub(super) location: Location,
    pub(super) message: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Location {
    pub(super) uri: String,
    pub(super) range: Range,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct PublishDiagnostics<'a> {
    pub(super) uri: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<i64>,
    pub(super) diagnostics: Vec<Diagnostic>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TextEdit {
    pub(super) range: Range,
    pub(super) new_text: String,
}

/// What a client can do that changes what it is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Client {
    pub(super) related_information: bool,
    pub(super) versioned_edits: bool,
    /// An edit may make files.
    pub(super) makes_files: bool,
    pub(super) watches_files: bool,
    pub(super) markdown: bool,
    pub(super) code_action_literals: bool,
}

impl Client {
    /// From the parameters of `initialize`.
    pub(super) fn of(params: &Value) -> Self {
        let says = |path: &str| params.pointer(&format!("/capabilities/{path}"));
        let can = |path: &str| says(path).and_then(Value::as_bool).unwrap_or_default();
        let formats = says("textDocument/hover/contentFormat").and_then(Value::as_array);
        let operations = says("workspace/workspaceEdit/resourceOperations").and_then(Value::as_array);
        Self {
            // Whoever makes files reads the list in which they stand, also where it does not say so (Neovim 0.7).
            makes_files: operations.is_some_and(|known| known.iter().any(|operation| operation == "create")),
            related_information: can("textDocument/publishDiagnostics/relatedInformation"),
            versioned_edits: can("workspace/workspaceEdit/documentChanges"),
            watches_files: can("workspace/didChangeWatchedFiles/dynamicRegistration"),
            markdown: formats.is_some_and(|formats| formats.iter().any(|format| format == "markdown")),
            code_action_literals: says("textDocument/codeAction/codeActionLiteralSupport").is_some(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DidOpen {
    pub(super) text_document: Opened,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Opened {
    pub(super) uri: String,
    pub(super) language_id: String,
    pub(super) version: i64,
    pub(super) text: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DidChange {
    pub(super) text_document: Versioned,
    pub(super) content_changes: Vec<Change>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Versioned {
    pub(super) uri: String,
    pub(super) version: i64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Change {
    /// Without one the text is all of the document.
    pub(super) range: Option<Range>,
    pub(super) text: String,
}

/// Parameters that name a document, of `didClose` and `didSave`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OfDocument {
    pub(super) text_document: Named,
}

#[derive(Debug, Deserialize)]
pub(super) struct Named {
    pub(super) uri: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AtPlace {
    pub(super) text_document: Named,
    pub(super) position: Position,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ForActions {
    pub(super) text_document: Named,
    pub(super) range: Range,
    pub(super) context: ActionContext,
}

/// Of `workspace/executeCommand`.
#[derive(Debug, Deserialize)]
pub(super) struct Command {
    pub(super) command: String,
    #[serde(default)]
    pub(super) arguments: Vec<Value>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ActionContext {
    /// Kinds that are wanted; without it, all.
    pub(super) only: Option<Vec<String>>,
}
