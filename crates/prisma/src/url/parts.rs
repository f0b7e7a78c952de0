//! Cutting a URL into its parts, still encoded, where the URL standard cuts it.

use super::UrlError;

/// The parts of `postgresql://user:password@host:port/database?query`, not yet decoded.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    pub(super) user: &'a str,
    pub(super) password: Option<&'a str>,
    pub(super) host: &'a str,
    pub(super) port: Option<u16>,
    pub(super) database: &'a str,
    pub(super) query: &'a str,
}

impl<'a> Parts<'a> {
    pub(super) fn split(url: &'a str) -> Result<Self, UrlError> {
        if url.is_empty() {
            return Err(UrlError::Empty);
        }
        let (protocol, rest) = url.split_once("://").ok_or(UrlError::NoProtocol)?;
        // What is not a word is perhaps a secret with `://` in it: it is not repeated.
        let is_word = protocol.starts_with(|c: char| c.is_ascii_alphabetic())
            && protocol.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
        match protocol.to_ascii_lowercase().as_str() {
            "postgresql" | "postgres" => {}
            _ if !is_word => return Err(UrlError::NoProtocol),
            lower @ ("prisma" | "prisma+postgres" | "prisma+postgresql") => {
                return Err(UrlError::PrismaProxy { protocol: lower.to_owned() });
            }
            lower => return Err(UrlError::OtherProtocol { protocol: lower.to_owned() }),
        }

        let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        // The last @ ends the user's part, so a password may hold an unescaped one.
        let (credentials, server) = match authority.rsplit_once('@') {
            Some((credentials, server)) => (Some(credentials), server),
            None => (None, authority),
        };
        let (user, password) = match credentials.map(|text| text.split_once(':').unwrap_or((text, ""))) {
            Some((user, "")) => (user, None),
            Some((user, password)) => (user, Some(password)),
            None => ("", None),
        };
        let (host, port) = split_server(server)?;
        // Only the path's first segment names the database.
        let database = path.split_once('/').map_or(path, |(first, _)| first);
        Ok(Self { user, password, host, port, database, query })
    }
}

fn split_server(server: &str) -> Result<(&str, Option<u16>), UrlError> {
    if server.contains(',') {
        return Err(UrlError::SeveralHosts);
    }
    let (host, port) = match server.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']').ok_or(UrlError::Host)?;
            address.parse::<std::net::Ipv6Addr>().map_err(|_| UrlError::Host)?;
            match after.strip_prefix(':') {
                Some(port) => (address, port),
                None if after.is_empty() => (address, ""),
                None => return Err(UrlError::Host),
            }
        }
        None => {
            let (host, port) = server.split_once(':').unwrap_or((server, ""));
            if host.contains(|c: char| c <= ' ' || "<>[]^|\\\"`{}".contains(c)) {
                return Err(UrlError::Host);
            }
            (host, port)
        }
    };
    match port {
        "" => Ok((host, None)),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().map(|port| (host, Some(port))).map_err(|_| UrlError::Port)
        }
        _ => Err(UrlError::Port),
    }
}

/// Decodes `%XX`.
///
/// Prisma lets a lone `%` stand for itself. So do we, since a password that works there must work
/// here; only a result that is not UTF-8 is an error.
pub(super) fn percent_decoded(text: &str, part: &'static str) -> Result<String, UrlError> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        let digit = |offset: usize| {
            bytes.get(index + offset).and_then(|&byte| char::from(byte).to_digit(16)).map(|digit| digit as u8)
        };
        match (bytes[index], digit(1), digit(2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(high << 4 | low);
                index += 3;
            }
            (byte, _, _) => {
                decoded.push(byte);
                index += 1;
            }
        }
    }
    String::from_utf8(decoded).map_err(|_| UrlError::Encoding { part })
}

/// The parameters of a query, decoded; `+` is a space, as in forms.
pub(super) fn query_pairs(query: &str) -> Result<Vec<(String, String)>, UrlError> {
    let decoded = |text: &str| percent_decoded(&text.replace('+', " "), "query");
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decoded(name)?, decoded(value)?))
        })
        .collect()
}
