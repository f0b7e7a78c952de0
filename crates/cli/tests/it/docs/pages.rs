//! What the pages list is what there is.

use std::process::Command;

use underpin_core::plan::ReasonCode;
use underpin_core::settings::Settings;

use super::console::read;

#[test]
fn every_reason_code_has_its_section() {
    let page = read("docs/refusals.md");
    let sections: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .flat_map(|codes| codes.split(", "))
        .collect();
    for code in ReasonCode::ALL {
        assert!(sections.contains(&code.as_str()), "docs/refusals.md has no section {code}");
    }
    for section in sections {
        assert!(
            section.parse::<ReasonCode>().is_ok(),
            "docs/refusals.md explains {section}, which is no reason"
        );
    }
}

#[test]
fn every_setting_is_listed_with_its_default() {
    let page = read("docs/settings.md");
    let block = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert_eq!(Settings::from_toml(block).unwrap(), Settings::default());
    // The block must not be equal by leaving keys out.
    let listed: toml::Table = block.parse().unwrap();
    let all = toml::Table::try_from(Settings::default()).unwrap();
    for (section, keys) in &all {
        let keys: Vec<&String> = keys.as_table().unwrap().keys().collect();
        let shown: Vec<&String> = listed[section].as_table().unwrap().keys().collect();
        assert_eq!(shown.len(), keys.len(), "[{section}] of docs/settings.md");
        for key in keys {
            assert!(shown.contains(&key), "docs/settings.md does not show {section}.{key}");
            assert!(
                page.contains(&format!("| `{key}` |")),
                "docs/settings.md does not explain {section}.{key}"
            );
        }
    }
}

#[test]
fn the_exit_codes_are_those_of_the_help() {
    let help = Command::new(env!("CARGO_BIN_EXE_underpin")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let codes = help.split("Exit codes:\n").nth(1).unwrap();
    let of_help: Vec<&str> = codes.lines().filter_map(|line| line.trim().split("  ").next()).collect();
    for page in ["README.md", "docs/operations.md"] {
        let text = read(page);
        let table =
            text.split("| exit | meaning |\n").nth(1).unwrap_or_else(|| panic!("{page} has no exit codes"));
        let of_page: Vec<&str> =
            table.lines().skip(1).map_while(|line| line.strip_prefix("| ")?.split(" |").next()).collect();
        assert_eq!(of_page, of_help, "{page}");
    }
}

/// Every test that a table of `docs/comparison.md` names is there.
#[test]
fn the_scenarios_are_tests() {
    let page = read("docs/comparison.md");
    let table = page.split("scenario-table -->\n").nth(1).unwrap();
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert_eq!(rows.len(), 15, "as many as there are scenarios");
    for row in rows {
        let named = row.rsplit(" | ").next().unwrap();
        let mut parts = named.split('`').skip(1).step_by(2);
        let (file, test) = (parts.next().unwrap(), parts.next().unwrap());
        assert!(read(file).contains(&format!("async fn {test}(")), "{file} has no test {test}");
    }
}
