//! The parts of a URL, split before percent-decoding.

use std::net::Ipv6Addr;

use percent_encoding::percent_decode_str;

use super::wrong;
use crate::config::ConfigError;
use crate::config::servers::Addr;

/// The part after the scheme.
pub(super) struct UrlParts<'a> {
    /// Between `//` and the path.
    pub(super) authority: &'a str,
    /// Empty, or from the first slash.
    pub(super) path: &'a str,
    pub(super) query: Option<&'a str>,
}

impl<'a> UrlParts<'a> {
    pub(super) fn split(rest: &'a str) -> Result<Self, ConfigError> {
        if rest.contains('#') {
            return Err(wrong("has a `#`: percent-encode it as %23"));
        }
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, Some(query)),
            None => (rest, None),
        };
        let Some(rest) = rest.strip_prefix("//") else { return Ok(Self { authority: "", path: rest, query }) };
        let slash = rest.find('/').unwrap_or(rest.len());
        Ok(Self { authority: &rest[..slash], path: &rest[slash..], query })
    }

    /// User and password.
    pub(super) fn login(&self) -> Result<(Option<String>, Option<String>), ConfigError> {
        let Some((login, _)) = self.authority.rsplit_once('@') else { return Ok((None, None)) };
        if login.contains('@') {
            return Err(wrong("has more than one `@`: user and password are percent-encoded"));
        }
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        Ok((present(decoded(user)?), present(decoded(password)?)))
    }

    /// The hosts, at least one.
    pub(super) fn addrs(&self, port: u16) -> Result<Vec<Addr>, ConfigError> {
        let hosts = self.authority.rsplit_once('@').map_or(self.authority, |(_, hosts)| hosts);
        hosts.split(',').map(|text| addr(text, port)).collect()
    }

    /// The query's pairs. `+` stays a plus: as a space it would change a password.
    pub(super) fn pairs(&self, known: &'static str) -> Result<Vec<(&'a str, &'a str)>, ConfigError> {
        let pairs = self.query.unwrap_or("").split('&').filter(|pair| !pair.is_empty());
        pairs.map(|pair| pair.split_once('=').ok_or_else(|| wrong(known))).collect()
    }
}

fn addr(text: &str, default: u16) -> Result<Addr, ConfigError> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or_else(|| wrong("an IPv6 host has to be in brackets"))?;
            let host: Ipv6Addr = host.parse().map_err(|_| wrong("the host in brackets is not an IPv6 address"))?;
            (host.to_string(), port)
        }
        None => {
            let (host, port) = text.find(':').map_or((text, ""), |colon| text.split_at(colon));
            (decoded(host)?, port)
        }
    };
    if host.is_empty() || host.contains(|each: char| each.is_whitespace() || each.is_control()) {
        return Err(wrong("names no host, or an empty one"));
    }
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => default,
        Some(digits) if digits.bytes().all(|each| each.is_ascii_digit()) => port_of(digits)?,
        _ => return Err(wrong("a port is a number, 1 to 65535; user and password are percent-encoded")),
    };
    Ok(Addr::Tcp { host, port })
}

/// The error quotes no value but 0: any other may be part of a password.
fn port_of(digits: &str) -> Result<u16, ConfigError> {
    match digits.parse() {
        Ok(0) => Err(wrong("port 0 is not valid: a port is a number, 1 to 65535")),
        port => port.map_err(|_| wrong("a port is a number, 1 to 65535")),
    }
}

pub(super) fn decoded(part: &str) -> Result<String, ConfigError> {
    percent_decode_str(part).decode_utf8().map(Into::into).map_err(|_| wrong("is not UTF-8 once percent-decoded"))
}

pub(super) fn present(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}
