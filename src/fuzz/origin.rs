//! Where a request says that it comes from: what the CSRF layer goes by.

use crate::fuzz::head::{Head, lines};
use crate::web::csrf::handshake::is_websocket;
use crate::web::csrf::origin::{Evidence, Source, checked};

const NAMES: [&str; 4] = ["host", "origin", "sec-fetch-site", "upgrade"];
const TRUSTED: &str = "https://app.example";

/// The first lines are `Host`, `Origin`, `Sec-Fetch-Site`, `Upgrade`, and so on again; an empty one is no header. Only
/// what a browser says of our own pages makes a request ours.
///
/// # Panics
/// If a property does not hold.
pub fn origin(bytes: &[u8]) {
    let headers = NAMES.into_iter().cycle().zip(lines(bytes)).filter(|(_, value)| !value.is_empty());
    let request = Head { peer: None, headers: headers.collect() };
    let values = |wanted: &str| -> Vec<&[u8]> {
        let named = request.headers.iter().filter(|(name, _)| *name == wanted);
        named.map(|(_, value)| *value).collect()
    };
    let evidence = Evidence::of(&request);
    let said = (&values("sec-fetch-site")[..], &values("origin")[..], &values("host")[..]);
    let expected = match said {
        ([b"same-origin" | b"none"], _, _) => Source::Ours,
        ([] | [b"same-site" | b"cross-site"], [origin], _) if *origin == TRUSTED.as_bytes() => Source::Ours,
        ([], [origin], [host]) if written(origin).contains(host) => Source::Ours,
        ([], [], _) => Source::Unknown,
        _ => Source::Other,
    };
    assert_eq!(evidence.source(&[TRUSTED.to_owned()]), expected);
    assert!(expected != Source::Ours || !evidence.is_cross_site() || said.1 == [TRUSTED.as_bytes()]);
    let upgrades =
        values("upgrade").iter().any(|value| value.to_ascii_lowercase().windows(9).any(|it| it == b"websocket"));
    assert_eq!(is_websocket(&request), upgrades);
    if let Ok(text) = str::from_utf8(bytes)
        && checked(text).is_ok()
    {
        assert!(text.is_ascii() && !text.contains('*') && text.starts_with("http"));
        assert!(text.splitn(4, '/').nth(3).is_none(), "an origin has no path");
    }
}

/// The hosts whose pages have this origin.
fn written(origin: &[u8]) -> Vec<&[u8]> {
    [&b"https://"[..], b"http://"].into_iter().filter_map(|scheme| origin.strip_prefix(scheme)).collect()
}
