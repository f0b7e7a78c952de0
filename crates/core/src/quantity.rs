//! How sizes, counts and durations are said to people.
//!
//! Two digits that count are enough: nobody decides between 2.13 and 2.14 GB. Values that mean
//! nothing (a NaN, a negative count) are said as 0 rather than refused, because a sentence that
//! cannot be printed helps nobody.

/// A size: `234 MB`, `2.1 GB`. Units of 1,024, as `pg_size_pretty` and everybody who reads it.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut unit = 0;
    // Sizes below 2^53 are exact in a float, and these are for reading.
    let mut size = bytes as f64;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    if unit == 0 || size >= 10.0 {
        format!("{size:.0} {}", UNITS[unit])
    } else {
        format!("{size:.1} {}", UNITS[unit])
    }
}

/// A count with separators: `12,000,000`.
pub fn thousands(count: f64) -> String {
    let digits = format!("{:.0}", known(count));
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many of something that has an ordinary plural: `1 row`, `12,000 rows`.
pub fn counted(count: u64, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        // Below 2^53 it is exact, and this is for reading.
        many => format!("{} {noun}s", thousands(many as f64)),
    }
}

/// The same with its verb: `1 row is`, `3 rows are`.
pub fn there_are(count: u64, noun: &str) -> String {
    format!("{} {}", counted(count, noun), if count == 1 { "is" } else { "are" })
}

/// A count as it is said aloud: `900`, `45 thousand`, `30 million`, `1.5 billion`.
pub fn count(count: f64) -> String {
    let count = known(count);
    let (divisor, word) = match count {
        ..1e4 => return thousands(count),
        ..1e6 => (1e3, " thousand"),
        ..1e9 => (1e6, " million"),
        _ => (1e9, " billion"),
    };
    let scaled = two_digits(count / divisor);
    format!("{scaled}{word}")
}

/// A span of time from `least_ms` to `most_ms` milliseconds: `40 to 160 s`, `20 to 90 min`,
/// `800 ms to 4 s`, `under 10 ms`. The unit is said once when both ends have the same.
pub fn duration(least_ms: f64, most_ms: f64) -> String {
    let most_ms = known(most_ms);
    let least_ms = known(least_ms).min(most_ms);
    if most_ms <= BRIEF_MS {
        return format!("under {BRIEF_MS:.0} ms");
    }
    let unit = Unit::of(most_ms);
    // The smaller end keeps the unit of the larger one as long as it has a digit there.
    let most = unit.amount(most_ms);
    let least = unit.amount(least_ms);
    if unit.exact(least_ms) >= 1.0 {
        return if least == most {
            format!("about {most} {}", unit.word)
        } else {
            format!("{least} to {most} {}", unit.word)
        };
    }
    if least_ms < BRIEF_MS {
        return format!("up to {most} {}", unit.word);
    }
    let small = Unit::of(least_ms);
    format!("{} {} to {most} {}", small.amount(least_ms), small.word, unit.word)
}

/// What is shorter is not worth a number.
const BRIEF_MS: f64 = 10.0;

struct Unit {
    ms: f64,
    word: &'static str,
}

impl Unit {
    /// Seconds up to three minutes and minutes up to three hours, as they are said.
    fn of(ms: f64) -> Self {
        match ms {
            ..1e3 => Self { ms: 1.0, word: "ms" },
            ..180e3 => Self { ms: 1e3, word: "s" },
            ..10_800e3 => Self { ms: 60e3, word: "min" },
            ..259_200e3 => Self { ms: 3_600e3, word: "h" },
            _ => Self { ms: 86_400e3, word: "days" },
        }
    }

    fn exact(&self, ms: f64) -> f64 {
        ms / self.ms
    }

    fn amount(&self, ms: f64) -> String {
        two_digits(self.exact(ms))
    }
}

/// Two digits that count, without a fraction of zero: `4`, `4.2`, `42`, `160`.
fn two_digits(value: f64) -> String {
    if value < 9.95 {
        let text = format!("{value:.1}");
        return text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned);
    }
    if value < 100.0 {
        return format!("{value:.0}");
    }
    format!("{:.0}", (value / 10.0).round() * 10.0)
}

fn known(value: f64) -> f64 {
    if value.is_finite() { value.max(0.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_shown_as_people_say_them() {
        let shown = [0, 512, 1536, 1024 * 1024, 2_254_857_830, 60 << 30].map(bytes);
        assert_eq!(shown, ["0 B", "512 B", "1.5 kB", "1.0 MB", "2.1 GB", "60 GB"]);
        assert_eq!([0.0, 999.0, 12_000_000.0].map(thousands), ["0", "999", "12,000,000"]);
    }

    #[test]
    fn counts_are_said_aloud() {
        let said = [0.0, 950.0, 9_400.0, 45_000.0, 1_500_000.0, 30_000_000.0, 2_345_678_901.0].map(count);
        assert_eq!(said, ["0", "950", "9,400", "45 thousand", "1.5 million", "30 million", "2.3 billion"]);
        assert_eq!([f64::NAN, -1.0].map(count), ["0", "0"]);
    }

    #[test]
    fn spans_of_time_have_one_unit_where_they_can() {
        assert_eq!(duration(40_100.0, 161_000.0), "40 to 160 s");
        assert_eq!(duration(1_200.0, 4_000.0), "1.2 to 4 s");
        assert_eq!(duration(800.0, 4_000.0), "800 ms to 4 s");
        assert_eq!(duration(90_000.0, 1_200_000.0), "1.5 to 20 min");
        assert_eq!(duration(30_000.0, 600_000.0), "30 s to 10 min");
        assert_eq!(duration(5_000_000.0, 40_000_000.0), "1.4 to 11 h");
        assert_eq!(duration(2_000.0, 2_000.0), "about 2 s");
        assert_eq!(duration(0.4, 3.0), "under 10 ms");
        assert_eq!(duration(0.4, 700.0), "up to 700 ms");
    }

    #[test]
    fn an_interval_that_is_the_wrong_way_round_ends_where_it_says() {
        assert_eq!(duration(9_000.0, 2_000.0), "about 2 s");
    }
}
