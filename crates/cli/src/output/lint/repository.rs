//! Paths as code hosts know them: from the top of the repository.

/// `path` from the top, when the report's paths are from `below`. A path that is absolute or leads out
/// of the repository stays as it is.
pub(super) fn from_top(below: &str, path: &str) -> String {
    if path.starts_with('/') {
        return path.to_owned();
    }
    let mut parts: Vec<&str> = below.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if parts.pop().is_none() {
                    return path.to_owned();
                }
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// A path as the reference of a URI: everything but letters, digits and `-._~/` is encoded.
pub(super) fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    if path.starts_with('/') {
        uri.push_str("file://");
    }
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(byte.into())
            }
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_start_at_the_top() {
        assert_eq!(from_top("", "a/b.sql"), "a/b.sql");
        assert_eq!(from_top("packages/db/", "./prisma/a.sql"), "packages/db/prisma/a.sql");
        assert_eq!(from_top("packages/db/", "../../x/a.sql"), "x/a.sql");
        assert_eq!(from_top("packages/", "../../a.sql"), "../../a.sql");
        assert_eq!(from_top("packages/", "/tmp/a.sql"), "/tmp/a.sql");
        assert_eq!(uri("a b/ü#?.sql"), "a%20b/%C3%BC%23%3F.sql");
        assert_eq!(uri("/tmp/a.sql"), "file:///tmp/a.sql");
    }
}
