//! Names of documents: `file:` URIs as paths.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use underpin_engine::files::normal;

/// The path of a `file:` URI. None for what is not on this machine's disk: a document that was never saved, a
/// revision that an editor shows, a file of another host.
pub(super) fn path(uri: &str) -> Option<PathBuf> {
    let rest = uri.get(..5).filter(|scheme| scheme.eq_ignore_ascii_case("file:")).map(|_| &uri[5..])?;
    let path = match rest.strip_prefix("//") {
        None => rest,
        Some(rest) => {
            let (host, _) = rest.split_once('/')?;
            if !host.is_empty() && host != "localhost" {
                return None;
            }
            &rest[host.len()..]
        }
    };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let path = PathBuf::from(OsString::from_vec(decoded(path)?));
    path.is_absolute().then(|| normal(&path))
}

/// The document in a folder beside that of another: `file:///m/1_a/migration.sql` and `1_b` are
/// `file:///m/1_b/migration.sql`.
pub(super) fn beside(uri: &str, folder: &str) -> Option<String> {
    let (rest, file) = uri.rsplit_once('/')?;
    let (above, _) = rest.rsplit_once('/')?;
    Some(format!("{above}/{}/{file}", encoded(folder)))
}

fn encoded(name: &str) -> String {
    let sign = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    name.bytes().map(sign).collect()
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        let value = digit()? * 16 + digit()?;
        decoded.push(u8::try_from(value).ok().filter(|byte| *byte != 0)?);
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_beside_another_is_named_as_uris_are() {
        let beside = |folder| beside("file:///m%20n/1_a/migration.sql", folder);
        assert_eq!(beside("1_é b").as_deref(), Some("file:///m%20n/1_%C3%A9%20b/migration.sql"));
        assert_eq!(super::beside("untitled:a", "b"), None);
    }

    #[test]
    fn files_have_paths_and_other_documents_have_none() {
        let path = |uri: &str| path(uri).map(|path| path.display().to_string());
        assert_eq!(path("file:///a/b.sql").as_deref(), Some("/a/b.sql"));
        assert_eq!(path("FILE://localhost/a%20b/%C3%A9%2b.sql").as_deref(), Some("/a b/é+.sql"));
        assert_eq!(path("file:/a/../b.sql").as_deref(), Some("/b.sql"));
        for none in [
            "untitled:Untitled-1",
            "git:/a/b.sql?ref",
            "file://host/a.sql",
            "file:a.sql",
            "file:",
            "file:///a%2",
            "file:///a%zz",
            "file:///a%00b",
            "",
            "é",
        ] {
            assert_eq!(path(none), None, "{none}");
        }
    }
}
