#![allow(clippy::unwrap_used)]

use super::*;

fn look_at(files: &[(&str, &str)]) -> Vec<FileReport> {
    let files: Vec<_> = files
        .iter()
        .map(|(path, text)| RepositoryFile { path: (*path).to_owned(), text: (*text).to_owned() })
        .collect();
    look(&files)
}

/// The bytes that a finding points at.
fn commands(files: &[(&str, &str)]) -> Vec<String> {
    let reports = look_at(files);
    let text = |path: &str| files.iter().find(|(own, _)| *own == path).unwrap().1;
    reports
        .iter()
        .flat_map(|report| {
            report.findings.iter().map(|one| text(&report.path)[one.span.clone().unwrap().bytes].to_owned())
        })
        .collect()
}

#[test]
fn a_finding_points_at_the_command_whatever_is_around_it() {
    let push = "prisma db push";
    for (path, text) in [
        ("package.json", "{ \"scripts\": {\r\n \"start\": \"A=\\\"ä\\\" prisma db push && x\" } }"),
        ("Dockerfile", "FROM x\r\nRUN a \\\r\n  && prisma db push \\\r\n  && b\r\n"),
        ("Dockerfile", "CMD [\"prisma\", \"db\", \"push\"]"),
        ("compose.yml", "services:\n  ä:\n    command: >-\n      sh -c 'prisma db push'\n"),
        (
            "compose.yml",
            "services:\n  a:\n    command:\n      - sh\n      - -c\n      - \"prisma db push && y\"\n",
        ),
        ("netlify.toml", "[build]\ncommand = \"prisma db push && y\"\n"),
        ("railway.toml", "[deploy]\nstartCommand = '''prisma db push'''\n"),
        ("render.yaml", "services:\n  - type: web\n    buildCommand: npm ci && prisma db push\n"),
        ("Procfile", "web: prisma db push; node x"),
    ] {
        let found = commands(&[(path, text)]);
        assert_eq!(found.len(), 1, "{path}: {text}: {found:?}");
        let words: Vec<&str> =
            found[0].split(|sign: char| " ,\"".contains(sign)).filter(|word| !word.is_empty()).collect();
        assert_eq!(words.join(" "), push, "{path}");
    }
}

#[test]
fn every_rule_here_is_a_rule_of_its_group() {
    let listed = crate::lint::rules().filter(|rule| rule.group == crate::lint::Group::Repository);
    let listed: Vec<&str> = listed.map(crate::lint::Rule::name).collect();
    assert_eq!(rules::RULES.map(|(name, _)| name).as_slice(), listed);
}

#[test]
fn scripts_that_call_each_other_end() {
    let package =
        r#"{ "scripts": { "a": "npm run b", "b": "npm run a && prisma db push", "c": "npm run c" } }"#;
    let found = commands(&[("package.json", package), ("Procfile", "web: npm run a && npm run c")]);
    assert_eq!(found, ["npm run a"]);
}

#[test]
fn the_nearest_package_is_meant() {
    let root = r#"{ "scripts": { "go": "prisma migrate deploy" } }"#;
    let web = r#"{ "scripts": { "go": "node x" } }"#;
    let files =
        [("package.json", root), ("apps/web/package.json", web), ("apps/web/Procfile", "web: npm run go")];
    assert!(look_at(&files).is_empty());
}

#[test]
fn a_command_that_is_started_twice_is_told_once() {
    let files = [
        ("package.json", r#"{ "scripts": { "start": "prisma db push" } }"#),
        ("Dockerfile", "CMD [\"npm\", \"start\"]"),
    ];
    let found = look_at(&files);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].path, "package.json");
}

#[test]
fn what_is_broken_is_read_as_far_as_it_goes() {
    let texts = [
        "",
        "\u{feff}",
        "{",
        "[",
        "a:\n\t- b",
        "FROM",
        "RUN \\",
        "<<",
        "RUN <<",
        "\"",
        "[build",
        "é: [\"",
        "sh -c \"\\",
    ];
    let paths = [
        "package.json",
        "Dockerfile",
        "compose.yml",
        ".github/workflows/a.yml",
        ".gitlab-ci.yml",
        "Procfile",
        "start.sh",
        "vercel.json",
        "fly.toml",
        "render.yaml",
        "k8s/a.yaml",
    ];
    for path in paths {
        assert!(is_wanted(path), "{path}");
        for text in texts {
            assert!(look_at(&[(path, text)]).is_empty(), "{path}: {text}");
        }
    }
    assert!(
        !is_wanted("README.md")
            && !is_wanted("src/index.ts")
            && !is_wanted("prisma/migrations/1/migration.sql")
    );
}
