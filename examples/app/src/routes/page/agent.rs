//! A browser's short name, for a list of devices.

/// A part of the user agent → the browser's name. Many also claim to be others, so the order matters.
const BROWSERS: [(&str, &str); 9] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
    ("MSIE ", "Internet Explorer"),
];

const SYSTEMS: [(&str, &str); 7] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

/// The length to which an unknown name is cut.
const MOST: usize = 40;

/// "Firefox on Android", or a program's own name.
pub(super) fn named(agent: Option<&str>) -> String {
    let agent = agent.map(str::trim).filter(|agent| !agent.is_empty());
    let Some(agent) = agent else { return "Unknown device".to_owned() };
    match (find(&BROWSERS, agent), find(&SYSTEMS, agent)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => agent.split(['/', '(']).next().unwrap_or(agent).trim().chars().take(MOST).collect(),
    }
}

fn find(names: &[(&'static str, &'static str)], agent: &str) -> Option<&'static str> {
    names.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_gets_its_own_name_not_one_that_it_also_claims() {
        let gecko = "Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0";
        let chrome =
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
        let safari =
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1";
        let edge =
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36 Edg/140.0";
        for (agent, name) in [
            (Some(gecko), "Firefox on Android"),
            (Some(chrome), "Chrome on Linux"),
            (Some(safari), "Safari on iPhone"),
            (Some(edge), "Edge on Windows"),
            (Some("curl/8.9.1"), "curl"),
            (Some("laptop"), "laptop"),
            (Some("  "), "Unknown device"),
            (None, "Unknown device"),
        ] {
            assert_eq!(named(agent), name);
        }
        assert_eq!(named(Some(&"x".repeat(300))).len(), MOST);
    }
}
