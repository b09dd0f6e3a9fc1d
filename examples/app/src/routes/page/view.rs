//! The page's HTML. All external text passes through `escaped`.

use std::time::SystemTime;

use cloakroom::{Error, Session, SessionInfo};

use super::notice::Notice;
use super::text::{ago, escaped};
use super::{agent, cart};

/// The whole page as this visitor sees it.
pub(super) async fn page(session: &Session, notice: Option<Notice>) -> Result<String, Error> {
    // A form is valid for the session that it was made for; empty before there is one.
    let csrf = session.csrf_token().unwrap_or_default();
    let token = format!("<input type=\"hidden\" name=\"csrf\" value=\"{csrf}\">");
    let (who, devices) = match session.user() {
        Some(user) => {
            let list = session.sessions().user(&user).list().await?;
            (account(&user, &token), devices(session, &list, &token))
        }
        None => (sign_in(&token), String::new()),
    };
    Ok(framed(notice, &[who, basket(session, &token), devices].concat()))
}

/// Only a notice, and the way back.
pub(super) fn bare(notice: Notice) -> String {
    framed(Some(notice), "<section><p><a href=\"/\">Back to the page</a></p></section>\n")
}

fn framed(notice: Option<Notice>, main: &str) -> String {
    let said = notice.map(Notice::text);
    // A screen reader reads the title first.
    let title = said.map_or_else(|| "Cloakroom".to_owned(), |said| format!("{said} – Cloakroom"));
    format!(include_str!("page.html"), title = title, notice = said.unwrap_or_default(), main = main)
}

fn sign_in(token: &str) -> String {
    format!(
        r#"<section aria-labelledby="account">
<h2 id="account">Sign in</h2>
<form method="post" action="/sign-in">{token}
<label for="name">Name</label>
<div class="line">
<input id="name" name="name" required maxlength="64" autocomplete="username" autocapitalize="none" spellcheck="false" aria-describedby="about-name">
<button class="main">Sign in</button>
</div>
<p class="hint" id="about-name">This is a demo: any name will do, and there is no password.</p>
</form>
</section>
"#
    )
}

fn account(user: &str, token: &str) -> String {
    let user = escaped(user);
    format!(
        r#"<section aria-labelledby="account" class="line">
<h2 id="account">Signed in as <bdi>{user}</bdi></h2>
<form method="post" action="/sign-out">{token}<button>Sign out</button></form>
</section>
"#
    )
}

fn basket(session: &Session, token: &str) -> String {
    let list: String = cart::items(session).iter().map(|item| article(&escaped(item))).collect();
    let list = if list.is_empty() {
        let kept = if session.is_guest() { " What you put here stays when you sign in." } else { "" };
        format!("<p class=\"none\">Nothing yet.{kept}</p>\n")
    } else {
        format!("<form method=\"post\" action=\"/cart/remove\">{token}\n<ul>\n{list}</ul>\n</form>\n")
    };
    let most = cart::LONGEST;
    format!(
        r#"<section aria-labelledby="cart">
<h2 id="cart">Cart</h2>
{list}<form method="post" action="/cart/add">{token}
<label for="item">Add to the cart</label>
<div class="line">
<input id="item" name="item" required maxlength="{most}" autocomplete="off" enterkeyhint="done">
<button class="main">Add</button>
</div>
</form>
</section>
"#
    )
}

fn article(item: &str) -> String {
    format!(
        "<li><div>{item}</div><button name=\"item\" value=\"{item}\">Remove<span class=\"unseen\"> {item}</span></button></li>\n"
    )
}

fn devices(session: &Session, list: &[SessionInfo], token: &str) -> String {
    let (own, now) = (session.id(), SystemTime::now());
    let rows: String = list.iter().map(|info| device(info, Some(info.id) == own, now)).collect();
    let others = if list.len() > 1 {
        format!(
            "<form method=\"post\" action=\"/devices/end-others\">{token}<button>Sign out all others</button></form>\n"
        )
    } else {
        String::new()
    };
    format!(
        r#"<section aria-labelledby="devices">
<h2 id="devices">Your devices</h2>
<form method="post" action="/devices/end">{token}
<ul>
{rows}</ul>
</form>
<div class="line both">
{others}<form method="post" action="/devices/end-all">{token}<button class="danger">Sign out everywhere</button></form>
</div>
</section>
"#
    )
}

fn device(info: &SessionInfo, here: bool, now: SystemTime) -> String {
    let name = escaped(&agent::named(info.user_agent.as_deref()));
    let address = info.address.map_or_else(|| "unknown address".to_owned(), |address| address.to_string());
    let seen = ago(info.last_access, now);
    let (mark, button) = if here {
        (" <span class=\"here\">This device</span>", String::new())
    } else {
        let unseen = format!("<span class=\"unseen\"> {name}, {address}</span>");
        ("", format!("<button name=\"id\" value=\"{}\">Sign out{unseen}</button>", info.id))
    };
    format!(
        "<li><div><p>{name}{mark}</p><p>{address}, <span class=\"seen\">last seen {seen}</span></p></div>{button}</li>\n"
    )
}
