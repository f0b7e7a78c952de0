//! A command as a call of Prisma's CLI: which verb, which flags, and where the CLI comes from.

use std::ops::Range;

use super::shell::Command;

/// A call of Prisma's CLI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    /// `migrate deploy`, `db push`, or nothing.
    pub(super) verb: String,
    /// The flags as they are written.
    pub(super) flags: Vec<String>,
    /// Where the CLI comes from.
    pub(super) from: From,
    /// From the program that starts it to its last word.
    pub(super) bytes: Range<usize>,
    /// The conditions around it.
    pub(super) conditions: Vec<String>,
}

/// Where the CLI comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum From {
    /// From the project or the image: whatever is installed there.
    Installed,
    /// `npx`, `bunx`: from the project if it is there, from the registry otherwise.
    InstalledOrRegistry {
        /// What was asked for behind the `@`.
        version: Option<String>,
    },
    /// `pnpm dlx`, `yarn dlx`, `npm install -g`: always from the registry.
    Registry {
        /// What was asked for behind the `@`.
        version: Option<String>,
    },
}

impl Call {
    /// Whether a flag is there, `--flag` or `--flag=…`.
    pub(super) fn has(&self, flags: &[&str]) -> bool {
        self.flags.iter().any(|flag| flags.contains(&flag.split('=').next().unwrap_or_default()))
    }

    /// As people call it: `prisma db push --accept-data-loss`.
    pub(super) fn shown(&self) -> String {
        let mut text = String::from("prisma");
        for word in std::iter::once(self.verb.as_str()).filter(|verb| !verb.is_empty()) {
            text.push(' ');
            text.push_str(word);
        }
        for flag in self.flags.iter().filter(|flag| TELLING.contains(&flag.as_str())) {
            text.push(' ');
            text.push_str(flag);
        }
        text
    }
}

/// Flags that change what a call does.
const TELLING: [&str; 4] = ["--accept-data-loss", "--force-reset", "--force", "-f"];

/// Flags whose value is the next word.
const WITH_VALUE: [&str; 8] =
    ["--schema", "--config", "--name", "-n", "--applied", "--rolled-back", "--url", "--file"];

/// Programs that print their words or look at files.
const TALKING: [&str; 14] =
    ["echo", "printf", "grep", "rg", "cat", "ls", "rm", "cp", "mv", "git", "which", "test", "[", "[["];

/// The call that a command makes, if it is one.
pub(super) fn call(command: &Command) -> Option<Call> {
    let program = command.program()?;
    let words = &command.words;
    if TALKING.contains(&words[program].text.as_str()) {
        return None;
    }
    let at = words.iter().position(|word| is_cli(&word.text))?;
    if at < program {
        return None;
    }
    let before: Vec<&str> = words[program..at].iter().map(|word| word.text.as_str()).collect();
    let version = words[at].text.split_once('@').map(|(_, version)| version.to_owned());
    let end = words[words.len() - 1].bytes.end;
    if before.iter().any(|word| INSTALLING.contains(word)) {
        // With `-g` it is the CLI of the machine from then on; without, the lock file decides.
        let global =
            words[program..].iter().any(|word| ["-g", "--global", "global"].contains(&word.text.as_str()));
        return (global && before.first().is_some_and(|first| MANAGERS.contains(first))).then(|| Call {
            verb: String::new(),
            flags: Vec::new(),
            from: From::Registry { version },
            bytes: words[program].bytes.start..end,
            conditions: command.conditions.clone(),
        });
    }
    let mut flags = Vec::new();
    let mut verb: Vec<&str> = Vec::new();
    let mut last = at;
    let mut rest = words.iter().enumerate().skip(at + 1);
    while let Some((index, word)) = rest.next() {
        let text = word.text.as_str();
        if text.starts_with(['>', '<']) || text.ends_with('>') {
            break;
        }
        last = index;
        if text.starts_with('-') {
            flags.push(text.to_owned());
            if WITH_VALUE.contains(&text)
                && let Some((index, _)) = rest.next()
            {
                last = index;
            }
        } else if verb.len() < 2 {
            verb.push(text);
        }
    }
    let (from, begin) = origin(&before, version);
    Some(Call {
        verb: verb.join(" "),
        flags,
        from,
        bytes: words[program + begin].bytes.start..words[last].bytes.end,
        conditions: command.conditions.clone(),
    })
}

const MANAGERS: [&str; 4] = ["npm", "pnpm", "yarn", "bun"];
const INSTALLING: [&str; 4] = ["install", "i", "add", "uninstall"];

/// `prisma`, `prisma@7`, `node_modules/.bin/prisma`.
fn is_cli(word: &str) -> bool {
    let name = word.split_once('@').map_or(word, |(name, _)| name);
    name == "prisma" || word.ends_with("/.bin/prisma") || word.ends_with("prisma/build/index.js")
}

/// Where the CLI comes from, and the word with which its call begins.
fn origin(before: &[&str], version: Option<String>) -> (From, usize) {
    // `npx -p prisma@6 …` and `npx --package=prisma@6 prisma …`
    let package =
        before.iter().find_map(|word| word.split_once("prisma@").map(|(_, version)| version.to_owned()));
    let version = version.or(package);
    let last = |names: &[&str]| before.iter().rposition(|word| names.contains(word));
    if let Some(at) = last(&["dlx"]) {
        return (From::Registry { version }, at.saturating_sub(1));
    }
    if let Some(at) = last(&["npx", "bunx"]) {
        return (From::InstalledOrRegistry { version }, at);
    }
    if let Some(at) = last(&["exec", "x"])
        && at > 0
        && matches!(before[at - 1], "npm" | "bun")
    {
        return (From::InstalledOrRegistry { version }, at - 1);
    }
    let begin = last(&MANAGERS).unwrap_or(before.len());
    (From::Installed, begin)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::shell::commands;
    use super::*;

    fn calls(text: &str) -> Vec<(String, String)> {
        let found: Vec<Call> = commands(text).iter().filter_map(call).collect();
        found.iter().map(|call| (call.shown(), text[call.bytes.clone()].to_owned())).collect()
    }

    fn one(text: &str) -> (String, String) {
        let found = calls(text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        found[0].clone()
    }

    fn from(text: &str) -> From {
        commands(text).iter().find_map(call).unwrap().from
    }

    #[test]
    fn a_call_is_found_behind_whatever_starts_it() {
        for (text, bytes) in [
            ("npx prisma migrate deploy", "npx prisma migrate deploy"),
            ("timeout 320 npx prisma migrate deploy --schema x", "npx prisma migrate deploy --schema x"),
            ("dotenv -e ../../.env -- prisma migrate deploy", "prisma migrate deploy"),
            (
                "DATABASE_URL=x pnpm --filter db exec prisma migrate deploy",
                "pnpm --filter db exec prisma migrate deploy",
            ),
            ("node node_modules/.bin/prisma migrate deploy > log", "node_modules/.bin/prisma migrate deploy"),
            ("prisma --schema=a migrate deploy", "prisma --schema=a migrate deploy"),
            ("npx prisma --schema a migrate deploy", "npx prisma --schema a migrate deploy"),
        ] {
            assert_eq!(one(text), ("prisma migrate deploy".to_owned(), bytes.to_owned()), "{text}");
        }
    }

    #[test]
    fn talking_about_it_is_no_call() {
        for text in [
            "echo npx prisma migrate reset",
            "grep prisma migrate dev",
            "npm install prisma",
            "COPY prisma ./prisma",
            "cp -r prisma /app/prisma",
            "cd prisma",
        ] {
            assert!(
                calls(text).iter().all(|(shown, _)| !shown.contains("migrate")),
                "{text}: {:?}",
                calls(text)
            );
        }
    }

    #[test]
    fn where_the_cli_comes_from() {
        let version = |text: &str| Some(text.to_owned());
        assert_eq!(from("npx prisma generate"), From::InstalledOrRegistry { version: None });
        assert_eq!(
            from("npx --yes prisma@6.19 generate"),
            From::InstalledOrRegistry { version: version("6.19") }
        );
        assert_eq!(
            from("npx -p prisma@7 prisma generate"),
            From::InstalledOrRegistry { version: version("7") }
        );
        assert_eq!(from("pnpm dlx prisma@latest db push"), From::Registry { version: version("latest") });
        assert_eq!(from("npm install -g prisma"), From::Registry { version: None });
        assert_eq!(from("pnpm prisma migrate deploy"), From::Installed);
    }
}
