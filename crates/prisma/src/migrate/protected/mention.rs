//! Whether a deparsed text names something.

use underpin_catalog::Name;

/// Whether a name stands in a text that PostgreSQL deparsed, quoted or not, outside of constants.
pub fn mentions(text: &str, name: &Name) -> bool {
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = |sign: char| sign.is_alphanumeric() || sign == '_' || sign == '$';
        let length = match first {
            '\'' | '"' => 1 + rest[1..].find(first).map_or(rest.len() - 1, |end| end + 1),
            _ if is_word(first) => rest.find(|sign| !is_word(sign)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let (piece, behind) = rest.split_at(length);
        let found = match first {
            // A doubled quote ends one piece and begins the next: such a name is found by its first part.
            '"' => {
                let shown = name.to_string();
                piece == shown || (behind.starts_with('"') && rest.starts_with(&shown))
            }
            _ => piece == name.as_str(),
        };
        if found {
            return true;
        }
        rest = behind;
    }
    false
}

#[cfg(test)]
mod tests {
    use underpin_catalog::Name;

    use super::mentions;

    #[test]
    fn names_are_found_and_constants_are_not() {
        for (text, name, is_there) in [
            ("lower(t.email)", "email", true),
            ("lower(email2)", "email", false),
            ("(kind = 'email'::text)", "email", false),
            ("(\"Email\" IS NULL)", "Email", true),
            ("(\"a\"\"b\" > 1)", "a\"b", true),
            ("'it''s' || email", "email", true),
            ("'unterminated email", "email", false),
            ("größe > 1", "größe", true),
        ] {
            assert_eq!(mentions(text, &Name::new(name)), is_there, "{text}");
        }
    }
}
