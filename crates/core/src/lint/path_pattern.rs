//! Which files a pattern of the settings means.
//!
//! `*` and `?` stay within a folder's or file's name, `**` crosses folders. A pattern that is a folder
//! means everything in it.

/// Whether `pattern` means `path`. Both with `/`, from the same folder.
pub(crate) fn matches(pattern: &str, path: &str) -> bool {
    let parts = |text: &'_ str| -> Vec<String> {
        text.split('/').filter(|part| !part.is_empty() && *part != ".").map(str::to_owned).collect()
    };
    let (pattern, path) = (parts(pattern), parts(path));
    !pattern.is_empty() && folders(&pattern, &path)
}

fn folders(pattern: &[String], path: &[String]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        // What is left of the path lies in the folder that the pattern names.
        (None, _) => true,
        (Some((first, rest)), _) if first == "**" => {
            (0..=path.len()).any(|skipped| folders(rest, &path[skipped..]))
        }
        (Some((first, rest)), Some((part, others))) => name(first, part) && folders(rest, others),
        (Some(_), None) => false,
    }
}

/// One name. Linear in both: the place behind the last `*` is where a mismatch goes on.
fn name(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(sign) if *sign == '?' || *sign == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|sign| *sign == '*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_stay_in_a_name_and_double_stars_do_not() {
        let path = "prisma/migrations/20230101_init/migration.sql";
        for pattern in [
            path,
            "./prisma/migrations/",
            "prisma/migrations/2023*",
            "prisma/*/*/migration.sql",
            "**/migration.sql",
            "**/20230101_????/**",
            "prisma/**/*.sql",
            "**",
        ] {
            assert!(matches(pattern, path), "{pattern}");
        }
        for pattern in
            ["", "migrations", "prisma/migrations/2024*", "prisma/*.sql", "**/*.md", "prisma/migrations/2023"]
        {
            assert!(!matches(pattern, path), "{pattern}");
        }
        assert!(!matches(&"*a".repeat(30), &"ab".repeat(2_500)), "and this ends soon");
    }
}
