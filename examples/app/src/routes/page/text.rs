//! Text into HTML, and times into words.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;

/// Escapes text for use between tags and in a quoted attribute.
pub(super) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}

/// A time as a `<time>` element with the time since then.
pub(super) fn ago(time: SystemTime, now: SystemTime) -> String {
    let exact =
        Timestamp::try_from(time).map(|time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()).unwrap_or_default();
    let words = since(now.duration_since(time).unwrap_or_default());
    format!("<time datetime=\"{exact}\">{words}</time>")
}

/// Use is noted once a minute, so less than two minutes ago is now.
fn since(span: Duration) -> String {
    let minutes = span.as_secs() / 60;
    match (minutes, minutes / 60, minutes / (24 * 60)) {
        (0 | 1, ..) => "just now".to_owned(),
        (minutes, 0, _) => format!("{minutes} minutes ago"),
        (_, 1, _) => "an hour ago".to_owned(),
        (_, hours, 0) => format!("{hours} hours ago"),
        (.., 1) => "yesterday".to_owned(),
        (.., days) => format!("{days} days ago"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_leave_its_place_in_a_page() {
        assert_eq!(escaped(r#"<b a="1" c='2'>&amp;é"#), "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;amp;é");
    }

    #[test]
    fn the_age_is_shown_in_one_unit() {
        let said = [(0, "just now"), (119, "just now"), (120, "2 minutes ago"), (3599, "59 minutes ago")];
        let later = [(3600, "an hour ago"), (7200, "2 hours ago"), (86_400, "yesterday"), (172_800, "2 days ago")];
        for (seconds, words) in said.into_iter().chain(later) {
            assert_eq!(since(Duration::from_secs(seconds)), words, "{seconds}");
        }
    }

    #[test]
    fn a_time_in_the_future_is_shown_as_now() {
        let (time, now) = (SystemTime::UNIX_EPOCH + Duration::from_secs(9), SystemTime::UNIX_EPOCH);
        assert_eq!(ago(time, now), "<time datetime=\"1970-01-01T00:00:09Z\">just now</time>");
    }
}
