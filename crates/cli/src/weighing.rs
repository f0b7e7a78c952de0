//! What counts of what lint says about a script that is in no file: the settings decide, and no baseline knows
//! it.

use std::path::{Path, PathBuf};

use underpin_core::lint::baseline::{Baseline, Scope};
use underpin_core::lint::report::FileReport;
use underpin_core::lint::suppress::Known;
use underpin_core::lint::weigh::{Weights, weigh_file};
use underpin_core::lint::{idle_rules, pages};
use underpin_core::settings::LintSettings;
use underpin_engine::files::{normal, seen_from};

/// The settings, with the names that they may speak of.
pub(crate) struct Weighing<'a> {
    settings: &'a LintSettings,
    settings_folder: PathBuf,
    cwd: PathBuf,
    names: Vec<&'static str>,
    idle: Vec<&'static str>,
}

impl<'a> Weighing<'a> {
    pub(crate) fn of(settings: &'a LintSettings, settings_folder: PathBuf, cwd: &Path) -> Self {
        Self {
            settings,
            settings_folder,
            cwd: cwd.to_owned(),
            names: pages().map(|page| page.name).collect(),
            idle: idle_rules(&settings.groups).collect(),
        }
    }

    /// Weighs what was found in a text.
    pub(crate) fn weigh(&self, report: &mut FileReport, text: &str) {
        let rooted = |path: &str| seen_from(&self.settings_folder, &normal(&self.cwd.join(path)));
        let weights = Weights {
            settings: self.settings,
            known: Known { rules: &self.names, idle: &self.idle },
            baseline: &Baseline::default(),
            scope: Scope::Part,
            today: jiff::Zoned::now().date(),
            rooted: &rooted,
        };
        weigh_file(report, &weights, text);
    }
}
