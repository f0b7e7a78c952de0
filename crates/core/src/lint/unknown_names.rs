//! Names in the settings that there are none of: a rule that is misspelt would be a rule that is not set.

use std::collections::BTreeSet;

use super::page::nearest;
use super::rule::{Group, pages, rules};
use crate::settings::LintSettings;

/// A name that means nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownName {
    /// `rule` or `group`.
    pub what: &'static str,
    /// As it is written.
    pub name: String,
    /// The one that is probably meant.
    pub near: Option<&'static str>,
    /// Where to look, when none is near.
    list: String,
}

impl UnknownName {
    /// As a sentence.
    pub fn message(&self) -> String {
        format!("the settings speak of a {} `{}`, and there is none", self.what, self.name)
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        self.near.map_or_else(|| self.list.clone(), |near| format!("did you mean `{near}`?"))
    }
}

/// The names of rules and groups that there are none of, each once.
pub fn unknown_names(settings: &LintSettings) -> Vec<UnknownName> {
    let known: BTreeSet<&'static str> = pages().map(|page| page.name).collect();
    let groups: BTreeSet<&'static str> =
        rules().map(|rule| rule.group).filter(|group| group.is_opt_in()).map(Group::as_str).collect();
    let unknown = |what, name: &str, among: &BTreeSet<&'static str>, list: &str| UnknownName {
        what,
        name: name.to_owned(),
        near: nearest(name, among.iter().copied()),
        list: list.to_owned(),
    };
    let all = groups.iter().copied().collect::<Vec<_>>().join(", ");
    let asked_for = format!("groups that can be asked for: {all}");
    let rules = settings
        .rules_named()
        .filter(|name| !known.contains(name))
        .map(|name| unknown("rule", name, &known, "`underpin explain` lists the rules"));
    let groups = settings
        .groups
        .iter()
        .filter(|name| !groups.contains(name.as_str()))
        .map(|name| unknown("group", name, &groups, &asked_for));
    let mut found: Vec<UnknownName> = Vec::new();
    for one in rules.chain(groups) {
        if !found.contains(&one) {
            found.push(one);
        }
    }
    found
}
