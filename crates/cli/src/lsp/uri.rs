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
