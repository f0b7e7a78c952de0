//! How PostgreSQL reads the values of settings.

use underpin_catalog::Name;

/// A time as PostgreSQL reads it for a setting in milliseconds: `2s`, `2000`, ` 1.5 min `, `500us`. A number
/// without a unit is milliseconds; fractions are rounded to the nearest, so that `100us` is 0, no limit.
/// `None` for what it refuses (22023): other units, which are case-sensitive, and values below zero or
/// above 2147483647 ms.
pub fn milliseconds(text: &str) -> Option<u64> {
    let text = text.trim_matches(|c: char| c.is_ascii_whitespace());
    let (number, unit) = number(text)?;
    let factor = match unit.trim_start_matches(|c: char| c.is_ascii_whitespace()) {
        "" | "ms" => 1.0,
        "us" => 0.001,
        "s" => 1_000.0,
        "min" => 60_000.0,
        "h" => 3_600_000.0,
        "d" => 86_400_000.0,
        _ => return None,
    };
    let ms = (number * factor).round_ties_even();
    // Exact: every whole number of this range has its own f64.
    (0.0..=f64::from(i32::MAX)).contains(&ms).then_some(ms as u64)
}

/// A number in C's notation, where a leading 0 means octal and 0x hexadecimal, and what follows it.
fn number(text: &str) -> Option<(f64, &str)> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        let end = hex.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(hex.len());
        let value = u32::from_str_radix(&hex[..end], 16).ok()?;
        return Some((negative * f64::from(value), &hex[end..]));
    }
    let whole = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    if !digits[whole..].starts_with(['.', 'e', 'E']) {
        let (radix, start) = if digits.starts_with('0') && whole > 1 { (8, 1) } else { (10, 0) };
        let value = u64::from_str_radix(&digits[start..whole], radix).ok()?;
        return Some((negative * value as f64, &digits[whole..]));
    }
    let mut end = digits.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(digits.len());
    if let Some(exponent) = digits[end..].strip_prefix(['e', 'E']) {
        let signed = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        let length = signed.find(|c: char| !c.is_ascii_digit()).unwrap_or(signed.len());
        if length > 0 {
            end += 1 + exponent.len() - signed.len() + length;
        }
    }
    Some((negative * digits[..end].parse::<f64>().ok()?, &digits[end..]))
}

/// The names of a list such as `search_path`: unquoted ones in lower case. `None` for a list that
/// PostgreSQL refuses.
pub fn namespaces(text: &str) -> Option<Vec<Name>> {
    let mut names = Vec::new();
    let mut rest = text.trim();
    if rest.is_empty() {
        return Some(names);
    }
    loop {
        let (name, behind) = if let Some(quoted) = rest.strip_prefix('"') {
            let mut name = String::new();
            let mut parts = quoted;
            loop {
                let end = parts.find('"')?;
                name.push_str(&parts[..end]);
                parts = &parts[end + 1..];
                match parts.strip_prefix('"') {
                    Some(more) => {
                        name.push('"');
                        parts = more;
                    }
                    None => break,
                }
            }
            (name, parts)
        } else {
            let end = rest.find(|c: char| c == ',' || c.is_ascii_whitespace()).unwrap_or(rest.len());
            (rest[..end].to_lowercase(), &rest[end..])
        };
        // `""` is a name that no namespace can have: it hides all others, and is often used for that.
        names.push(Name::new(name));
        match behind.trim_start().strip_prefix(',') {
            Some(more) => rest = more.trim_start(),
            None if behind.trim().is_empty() => return Some(names),
            None => return None,
        }
        if rest.is_empty() {
            return None;
        }
    }
}

/// One name as it stands in such a list.
pub(super) fn quoted_where_needed(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// Whether PostgreSQL knows the zone to have had the offset zero at all times. `Africa/Abidjan` and
/// `Europe/London` have had others.
pub fn is_utc(zone: &str) -> bool {
    const NAMES: &[&str] = &[
        "utc",
        "gmt",
        "uct",
        "zulu",
        "universal",
        "greenwich",
        "gmt0",
        "gmt+0",
        "gmt-0",
        "etc/utc",
        "etc/gmt",
        "etc/uct",
        "etc/zulu",
        "etc/universal",
        "etc/greenwich",
        "etc/gmt0",
        "etc/gmt+0",
        "etc/gmt-0",
        "0",
        "+0",
        "-0",
        "+00",
        "-00",
        "+00:00",
        "00:00",
        "<+00>+00",
        "<+00>-00",
    ];
    NAMES.contains(&zone.trim().to_lowercase().as_str())
}

/// What the `options` of a connection set: `-c name=value`, `-cname=value` and `--name=value`, divided by
/// white space; a backslash takes the meaning from the character behind it. In the last form `-` in a name
/// is `_`. Other switches of the server are passed over.
pub fn startup_options(options: &str) -> Vec<(String, String)> {
    let mut words = words(options).into_iter();
    let mut found = Vec::new();
    while let Some(word) = words.next() {
        let assignment = if let Some(long) = word.strip_prefix("--") {
            Some(long.to_owned())
        } else if word == "-c" {
            words.next()
        } else {
            word.strip_prefix("-c").map(str::to_owned)
        };
        if let Some((name, value)) = assignment.as_deref().and_then(|text| text.split_once('=')) {
            found.push((name.replace('-', "_").to_lowercase(), value.to_owned()));
        }
    }
    found
}

fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => word.get_or_insert_default().extend(characters.next()),
            c if c.is_ascii_whitespace() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}
