//! A rotation in one tab while others load.

use serde_json::json;

use crate::Failure;
use crate::browser::{Browser, Kind};
use crate::stage::Stage;

/// Opens four tabs. In each round all of them reload, while this one asks for the session three times, and rotates it the
/// given number of times at once. Returns what was not signed in.
const ROUNDS: &str = r"
    const tabs = Array.from({ length: 4 }, () => window.open('/'));
    const loaded = async (tab) => {
        while (tab.old || tab.document.readyState !== 'complete' || !tab.document.getElementById('main')) {
            await new Promise((later) => setTimeout(later, 5));
        }
        return tab.document.body.innerText;
    };
    const reload = (tab) => { tab.old = true; tab.location.reload(); return loaded(tab); };
    const rotate = async () => (await fetch('/api/rotate', { method: 'POST' })).status;
    const user = async () => (await (await fetch('/api/session')).json()).user;
    await Promise.all(tabs.map(loaded));
    const lost = [];
    for (let round = 0; round < 10; round++) {
        const [pages, statuses, users] = await Promise.all([
            Promise.all(tabs.map(reload)),
            Promise.all(Array.from({ length: AT_ONCE }, rotate)),
            Promise.all([user(), user(), user()]),
        ]);
        pages.forEach((text, tab) => text.includes('Signed in as ada') || lost.push({ round, tab, text }));
        statuses.forEach((status) => status === 200 || lost.push({ round, status }));
        users.forEach((user) => user === 'ada' || lost.push({ round, user }));
    }
    const after = await Promise.all(tabs.map(reload));
    after.forEach((text, tab) => text.includes('Signed in as ada') || lost.push({ round: 'after', tab, text }));
    return lost;
";

async fn rounds(browser: &Browser, at_once: u32) -> Result<serde_json::Value, Failure> {
    browser.run_async(&ROUNDS.replace("AT_ONCE", &at_once.to_string())).await
}

#[tokio::test]
async fn a_rotation_while_other_tabs_load_shows_no_page_without_the_login() -> Result<(), Failure> {
    let stage = Stage::up().await?;
    let laptop = stage.browser(Kind::Laptop).await?;
    laptop.sign_in(&stage.a, "ada").await?;
    let before = laptop.cookies().await?;
    assert_eq!(rounds(&laptop, 1).await?, json!([]));
    let after = laptop.cookies().await?;
    assert!(before[0]["value"] != after[0]["value"], "it did rotate");
    laptop.visit(&stage.b).await?;
    laptop.shows("Signed in as ada").await?;
    assert_eq!(laptop.devices().await?.len(), 1, "it is the same session still");
    stage.down().await
}

/// Of several overlapping rotations, one may come with the secret of the previous one and drop the secret from before
/// both. A request in flight with that secret shows a guest's page, once; it takes nothing away.
#[tokio::test]
async fn a_burst_of_rotations_while_other_tabs_load_does_not_end_the_login() -> Result<(), Failure> {
    let stage = Stage::up().await?;
    let laptop = stage.browser(Kind::Laptop).await?;
    laptop.sign_in(&stage.a, "ada").await?;
    let lost = rounds(&laptop, 3).await?;
    let after: Vec<_> = lost.as_array().into_iter().flatten().filter(|lost| lost["round"] == "after").collect();
    assert!(after.is_empty(), "{after:?}");
    laptop.visit(&stage.b).await?;
    laptop.shows("Signed in as ada").await?;
    assert_eq!(laptop.devices().await?.len(), 1, "it is the same session still");
    stage.down().await
}
