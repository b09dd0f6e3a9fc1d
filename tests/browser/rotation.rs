//! A new secret in one tab while others load.

use serde_json::json;

use crate::Failure;
use crate::browser::Kind;
use crate::stage::Stage;

/// Opens four tabs. In each round all of them load anew, while this one rotates the session three times at once and
/// asks for it three times; then every one has to be signed in. Answers which were not.
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
            Promise.all([rotate(), rotate(), rotate()]),
            Promise.all([user(), user(), user()]),
        ]);
        pages.forEach((text, tab) => text.includes('Signed in as ada') || lost.push({ round, tab, text }));
        statuses.forEach((status) => status === 200 || lost.push({ round, status }));
        users.forEach((user) => user === 'ada' || lost.push({ round, user }));
    }
    return lost;
";

#[tokio::test]
async fn rotations_while_other_tabs_load_never_lose_the_login() -> Result<(), Failure> {
    let stage = Stage::up().await?;
    let laptop = stage.browser(Kind::Laptop).await?;
    laptop.sign_in(&stage.a, "ada").await?;
    let before = laptop.cookies().await?;
    let lost = laptop.run_async(ROUNDS).await?;
    assert_eq!(lost, json!([]));
    let after = laptop.cookies().await?;
    assert!(before[0]["value"] != after[0]["value"], "it did rotate");
    laptop.visit(&stage.b).await?;
    laptop.shows("Signed in as ada").await?;
    assert_eq!(laptop.devices().await?.len(), 1, "it is the same session still");
    stage.down().await
}
