//! When a migration was made, from its folder's name, and the history cut into periods that fit on a page.

use super::Bar;

/// A month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Period {
    year: u32,
    month: u32,
}

/// More bars than this are no picture any more.
const BARS_MAX: usize = 24;

impl Period {
    /// `20240302143000_name` and `20240302_name` are of March 2024.
    pub(super) fn of_migration(name: &str) -> Option<Self> {
        let digits = name.get(..8).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        let year = digits.get(..4)?.parse().ok()?;
        let month = digits.get(4..6)?.parse().ok()?;
        ((1990..2200).contains(&year) && (1..=12).contains(&month)).then_some(Self { year, month })
    }

    fn next(self) -> Self {
        match self.month {
            12 => Self { year: self.year + 1, month: 1 },
            month => Self { year: self.year, month: month + 1 },
        }
    }
}

/// A bar for each month, quarter or year, as long as they fit, empty ones too. Where even years do not fit, because
/// a folder's name says a year far away, those that are empty are left out.
pub(super) fn timeline(migrations: &[(Option<Period>, bool, bool)]) -> Vec<Bar> {
    let known = || migrations.iter().filter_map(|(period, ..)| *period);
    let (Some(first), Some(last)) = (known().min(), known().max()) else { return Vec::new() };
    let months =
        std::iter::successors(Some(first), |month| Some(month.next())).take_while(|month| *month <= last);
    let count = months.clone().count();
    let word = |period: Period| match count {
        ..=BARS_MAX => format!("{}-{:02}", period.year, period.month),
        count if count <= 3 * BARS_MAX => format!("{}-Q{}", period.year, (period.month - 1) / 3 + 1),
        _ => period.year.to_string(),
    };
    let mut bars: Vec<Bar> = Vec::new();
    for month in months {
        let period = word(month);
        if bars.last().is_none_or(|bar| bar.period != period) {
            bars.push(Bar { period, ..Bar::default() });
        }
    }
    for (period, blocking, breaking) in migrations {
        let Some(period) = period.map(word) else { continue };
        if let Some(bar) = bars.iter_mut().find(|bar| bar.period == period) {
            bar.migrations += 1;
            bar.blocking += usize::from(*blocking);
            bar.breaking += usize::from(*breaking);
        }
    }
    if bars.len() > BARS_MAX {
        bars.retain(|bar| bar.migrations > 0);
    }
    bars
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_has_months_quarters_or_years() {
        let of = |names: &[&str]| {
            let all: Vec<_> = names.iter().map(|name| (Period::of_migration(name), true, false)).collect();
            timeline(&all).into_iter().map(|bar| (bar.period, bar.blocking)).collect::<Vec<_>>()
        };
        let bar = |period: &str, count| (period.to_owned(), count);
        assert_eq!(
            of(&["20240102_a", "20240302120000_b", "0_init"]),
            [bar("2024-01", 1), bar("2024-02", 0), bar("2024-03", 1)]
        );
        assert_eq!(of(&["20220501_a", "20240601_b"]).first(), Some(&bar("2022-Q2", 1)));
        assert_eq!(of(&["20150101_a", "20240401_b"]).len(), 10);
        assert!(of(&["init"]).is_empty());
        assert_eq!(
            of(&["20240201_a", "20250301_b", "20990101_c"]),
            [bar("2024", 1), bar("2025", 1), bar("2099", 1)]
        );
    }
}
