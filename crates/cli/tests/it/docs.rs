//! The documents say what is so: every `console` block of the README and of `docs/` is executed and
//! compared, and every reason code, setting and exit code has its place.
//!
//! A block is lines `$ COMMAND` followed by what the command prints, words and data as a terminal
//! shows them. It runs in the project that the comment `<!-- project: NAME -->` above it sets up (see
//! `projects`); blocks below without such a comment go on in the same project. `[..]` stands for any
//! text within a line, a line `[...]` for any number of lines. Durations, backend pids, the server's
//! address, the database's name and the role are whatever they are. An edit is shown as a `diff` block and made
//! before the next command; `COMMAND &` goes on until `kill %1`.

mod console;
mod pages;
mod projects;
mod shell;
mod tutorial;
