//! The checksum that the ledger keeps of each script.

use std::fmt;

use sha2::{Digest, Sha256};

/// SHA-256 of a script's text, as the ledger stores it: 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Checksum([u8; 32]);

impl Checksum {
    /// The checksum of a text, exactly as it is: no line ending is changed.
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// The raw digest.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether `stored` is this checksum as any engine wrote it.
    ///
    /// The first engines left out the leading zero of each byte, so such a value is shorter than
    /// 64 digits; only a value of another length is compared in that form.
    pub fn is(&self, stored: &str) -> bool {
        match stored.len() {
            0 => false,
            64 => stored == self.to_string(),
            _ => stored == self.unpadded(),
        }
    }

    fn unpadded(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:x}")).collect()
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_what_prisma_writes() {
        for (text, expected) in [
            ("hello", "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"),
            (
                r#"CREATE ENUM MyBoolean ( "TRUE", "FALSE" )"#,
                "e0c9674d3b332d71b8bc304aae5b7b8a8bb8ec720e07072429fb20d8cc69a864",
            ),
            ("DROP ENUM MyBoolean", "822db1ee793d76eaa1319eb2c453a7ec92ab6ec235268b4d27ac395c6c5a6e0f"),
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (
                "-- This is an empty migration.",
                "122d743a0403e77ad7e0ed9447f5b8826f2fbdbc55612d936eff004dd13c2eec",
            ),
        ] {
            assert_eq!(Checksum::of(text).to_string(), expected, "{text}");
        }
    }

    #[test]
    fn accepts_the_form_without_leading_zeros_only_where_it_is_shorter() {
        // The digest of the first one has a byte 0b, of which old engines wrote only `b`.
        let hello = Checksum::of("hello");
        let short = "2cf24dba5fb0a3e26e83b2ac5b9e29e1b161e5c1fa7425e7343362938b9824";
        assert_eq!(hello.unpadded(), short);
        assert!(hello.is(short));
        assert!(!hello.is(""));
        assert!(!hello.is("x"));
        assert!(!Checksum::of("Hello").is(short));
    }
}
