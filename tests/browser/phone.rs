//! The page on a phone, and for people with impaired sight.

use serde_json::{Value, json};

use crate::Failure;
use crate::browser::{Browser, Kind};
use crate::stage::Stage;

/// The faults of the page: too wide, too small to hit, without a name, or too faint (WCAG 2.2, 1.4.3: 4.5 to 1).
const FAULTS: &str = r"
    const faults = [];
    const root = document.documentElement;
    if (root.scrollWidth > root.clientWidth) faults.push(`${root.scrollWidth} pixels wide`);
    if (root.lang !== 'en') faults.push('no language');
    for (const input of document.querySelectorAll('input:not([type=hidden])')) {
        if (!input.labels.length) faults.push(`no label: ${input.outerHTML}`);
    }
    for (const target of document.querySelectorAll('button, input:not([type=hidden])')) {
        const { width, height } = target.getBoundingClientRect();
        if (width < 44 || height < 44) faults.push(`${width} x ${height}: ${target.outerHTML}`);
    }
    const names = [...document.querySelectorAll('button')].map((button) => button.textContent);
    if (new Set(names).size !== names.length) faults.push(`two buttons of one name: ${names}`);
    const headings = [...document.querySelectorAll('h1, h2, h3')].map((heading) => heading.tagName);
    if (headings.filter((name) => name === 'H1').length !== 1 || headings[0] !== 'H1') faults.push(`headings ${headings}`);
    for (const name of ['header', 'main', 'footer', '[role=status]']) {
        if (!document.querySelector(name)) faults.push(`no ${name}`);
    }
    const parse = (color) => color.match(/[\d.]+/g).map(Number);
    const light = (color) => {
        const [r, g, b] = parse(color).map((part) => {
            const share = part / 255;
            return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const color = getComputedStyle(at).backgroundColor;
            if (parse(color)[3] !== 0) return color;
        }
        return 'rgb(255, 255, 255)';
    };
    let seen = 0;
    for (const element of document.querySelectorAll('body *')) {
        if (![...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) continue;
        const [faint, strong] = [light(getComputedStyle(element).color), light(behind(element))].sort((a, b) => a - b);
        const ratio = (strong + 0.05) / (faint + 0.05);
        if (ratio < 4.5) faults.push(`contrast ${ratio.toFixed(2)}: ${element.outerHTML}`);
        seen++;
    }
    if (seen < 10) faults.push(`only ${seen} texts`);
    return faults;
";

async fn check(browser: &Browser, when: &str) -> Result<(), Failure> {
    assert_eq!(browser.run(FAULTS, vec![]).await?, json!([]), "{when}");
    Ok(())
}

#[tokio::test]
async fn on_a_phone_nothing_is_too_wide_too_small_too_faint_or_without_a_name() -> Result<(), Failure> {
    let stage = Stage::up().await?;
    let phone = stage.browser(Kind::Phone).await?;
    phone.visit(&stage.a).await?;
    check(&phone, "guest").await?;
    phone.picture("phone-guest").await?;

    // The longest words that the page takes.
    phone.fill("Add to the cart", &"w".repeat(80)).await?;
    phone.press("Add").await?;
    phone.shows("Remove").await?;
    phone.sign_in(&stage.a, &"m".repeat(64)).await?;
    check(&phone, "long words").await?;
    phone.picture("phone-long").await?;

    phone.press("Sign out").await?;
    phone.shows("You are signed out.").await?;
    check(&phone, "signed out").await?;
    let laptop = stage.browser(Kind::Laptop).await?;
    laptop.sign_in(&stage.b, "ada").await?;
    phone.sign_in(&stage.b, "ada").await?;
    check(&phone, "devices").await?;
    phone.darken().await?;
    check(&phone, "dark").await?;
    phone.picture("phone-dark").await?;
    phone.narrow().await?;
    assert_eq!(phone.run("return innerWidth", vec![]).await?, 320);
    check(&phone, "narrow").await?;
    phone.picture("phone-narrow").await?;
    laptop.visit(&stage.b).await?;
    laptop.darken().await?;
    check(&laptop, "dark, wide").await?;
    laptop.picture("laptop-dark").await?;
    stage.down().await
}

#[tokio::test]
async fn everything_is_reached_by_keyboard_and_notices_are_announced() -> Result<(), Failure> {
    let stage = Stage::up().await?;
    let laptop = stage.browser(Kind::Laptop).await?;
    laptop.visit(&stage.a).await?;
    laptop.type_keys("\u{e004}ada\u{e007}").await?;
    laptop.shows("Signed in as ada").await?;
    let focus = laptop.run("return document.activeElement.id", vec![]).await?;
    assert_eq!(focus, "main", "the focus is not lost with the form that was sent");

    // One that stays in the page, so that screen readers notice the change.
    laptop.run("window.status_line = document.querySelector('[role=status]')", vec![]).await?;
    laptop.press("Sign out").await?;
    laptop.shows("You are signed out.").await?;
    let said = "return window.status_line === document.querySelector('[role=status]') && status_line.textContent";
    assert_eq!(laptop.run(said, vec![]).await?, Value::from("You are signed out."));
    stage.down().await
}
