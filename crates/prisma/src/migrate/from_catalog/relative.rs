//! Deparsed text as a session sees it whose search path is one namespace.
//!
//! A [`Catalog`](underpin_catalog::Catalog) is read under an empty search path, so every name in it is
//! qualified. Prisma reads under the connection's namespace, and compares the text with the schema's
//! `dbgenerated("…")`.

use underpin_catalog::Name;

/// The text without the namespace in front of names, also in constants that are names of relations.
///
/// One thing is not known here: an object whose name one of PostgreSQL's own has too is qualified for Prisma
/// as well.
pub(super) fn relative(text: &str, namespace: &Name) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut is_behind_dot = false;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' => quoted_length(rest, '\''),
            '"' => quoted_length(rest, '"'),
            _ if is_word(first) => rest.find(|sign| !is_word(sign)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let (piece, behind) = rest.split_at(length);
        rest = behind;
        let names_it = match first {
            '"' => piece.len() >= 2 && piece[1..piece.len() - 1].replace("\"\"", "\"") == namespace.as_str(),
            _ => piece == namespace.as_str(),
        };
        if names_it && !is_behind_dot && behind.starts_with('.') {
            rest = &behind[1..];
        } else if first == '\'' && behind.starts_with("::regclass") {
            out.push_str(&relative_name(piece, namespace));
        } else {
            out.push_str(piece);
        }
        is_behind_dot = piece == ".";
    }
    out
}

/// A constant that is the name of a relation. A quote inside of it is doubled, and stays so.
fn relative_name(constant: &str, namespace: &Name) -> String {
    let inside = constant.trim_matches('\'');
    format!("'{}'", relative(inside, namespace))
}

fn is_word(sign: char) -> bool {
    sign.is_alphanumeric() || sign == '_' || sign == '$'
}

/// How long a quoted piece is, with both quotes; a doubled quote is inside.
fn quoted_length(text: &str, quote: char) -> usize {
    let mut signs = text.char_indices().skip(1).peekable();
    while let Some((at, sign)) = signs.next() {
        if sign == quote && signs.next_if(|(_, next)| *next == quote).is_none() {
            return at + 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use underpin_catalog::Name;

    use super::relative;

    #[test]
    fn names_of_the_namespace_lose_it_and_others_keep_theirs() {
        for (text, wanted) in [
            ("public.f('public.x'::text)", "f('public.x'::text)"),
            ("nextval('public.\"A_seq\"'::regclass)", "nextval('\"A_seq\"'::regclass)"),
            ("'it''s public.f'::public.\"Role\"", "'it''s public.f'::\"Role\""),
            ("other.public.f(\"public\".g(), mypublic.h)", "other.public.f(g(), mypublic.h)"),
            ("(a = 'x'::public.e)", "(a = 'x'::e)"),
            ("'unterminated public.x", "'unterminated public.x"),
        ] {
            assert_eq!(relative(text, &Name::new("public")), wanted);
        }
        assert_eq!(relative("\"My \"\"S\"\"\".f()", &Name::new("My \"S\"")), "f()");
    }
}
