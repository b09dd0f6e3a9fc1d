//! A browser, driven by what is written on the page.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Map, Value, json};

use crate::Failure;
use crate::stage::target;

mod webdriver;

use webdriver::Raw;

/// The limit for everything that takes a moment; a busy machine is slow.
const PATIENCE: Duration = Duration::from_secs(20);

/// Quiet, isolated, and ended with its driver, when the pipe breaks.
const FLAGS: [&str; 10] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-pipe",
];

const LAPTOP: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";
const PHONE: &str =
    "Mozilla/5.0 (Linux; Android 16; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Mobile Safari/537.36";

/// The kind of device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Laptop,
    /// A touch screen, 360 pixels wide.
    Phone,
    /// A laptop that runs no scripts.
    Scriptless,
}

/// One browser, with a profile of its own; clones are the same browser.
#[derive(Clone)]
pub(crate) struct Browser {
    client: Client,
    profile: Arc<Profile>,
}

impl Browser {
    pub(crate) async fn open(driver: &str, kind: Kind) -> Result<Self, Failure> {
        let profile = Arc::new(Profile::new()?);
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let client = builder.capabilities(capabilities(kind, &profile)).connect(driver).await?;
        client.set_window_size(900, 1000).await?;
        Ok(Self { client, profile })
    }

    pub(crate) async fn close(self) -> Result<(), Failure> {
        self.client.close().await?;
        drop(self.profile);
        Ok(())
    }

    pub(crate) async fn visit(&self, url: &str) -> Result<(), Failure> {
        Ok(self.client.goto(url).await?)
    }

    /// Types into the field with this label.
    pub(crate) async fn fill(&self, label: &str, text: &str) -> Result<(), Failure> {
        let field = self.client.find(Locator::XPath(&format!("//input[@id=//label[.='{label}']/@for]"))).await?;
        field.clear().await?;
        Ok(field.send_keys(text).await?)
    }

    /// Presses the button with this accessible name.
    pub(crate) async fn press(&self, button: &str) -> Result<(), Failure> {
        let button = format!("//button[normalize-space(.)='{button}']");
        Ok(self.client.find(Locator::XPath(&button)).await?.click().await?)
    }

    pub(crate) async fn sign_in(&self, server: &str, name: &str) -> Result<(), Failure> {
        self.visit(server).await?;
        self.fill("Name", name).await?;
        self.press("Sign in").await?;
        self.shows(&format!("Signed in as {name}")).await
    }

    /// All text that is visible on the page.
    pub(crate) async fn text(&self) -> Result<String, Failure> {
        // The page may be about to be replaced; then the next check finds the new one.
        Ok(self.run("return document.body.innerText", vec![]).await?.as_str().unwrap_or_default().to_owned())
    }

    /// Waits until the page shows this text.
    pub(crate) async fn shows(&self, wanted: &str) -> Result<(), Failure> {
        self.until(wanted, |text| text.contains(wanted)).await
    }

    /// Waits until the page no longer shows this text.
    pub(crate) async fn hides(&self, unwanted: &str) -> Result<(), Failure> {
        self.until(&format!("not {unwanted}"), |text| !text.contains(unwanted)).await
    }

    async fn until(&self, what: &str, fits: impl Fn(&str) -> bool) -> Result<(), Failure> {
        let limit = Instant::now() + PATIENCE;
        loop {
            let text = self.text().await.unwrap_or_default();
            if fits(&text) {
                return Ok(());
            }
            if Instant::now() > limit {
                return Err(format!("after {PATIENCE:?} the page is not as wanted ({what}):\n{text}").into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The rows of the list of devices.
    pub(crate) async fn devices(&self) -> Result<Vec<String>, Failure> {
        let rows = "return [...document.querySelectorAll('#devices ~ form li')].map(row => row.innerText)";
        let rows = self.run(rows, vec![]).await?;
        Ok(rows.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect())
    }

    /// The return value of this function body in the page.
    pub(crate) async fn run(&self, script: &str, args: Vec<Value>) -> Result<Value, Failure> {
        Ok(self.client.execute(script, args).await?)
    }

    /// The return value of this `async` function body in the page.
    pub(crate) async fn run_async(&self, script: &str) -> Result<Value, Failure> {
        let body = format!(
            "const done = arguments[arguments.length - 1];
             (async () => {{ {script} }})().then(done, error => done({{ failed: String(error) }}))"
        );
        let answer = self.client.execute_async(&body, vec![]).await?;
        match answer.get("failed") {
            Some(failed) => Err(format!("in the page: {failed}").into()),
            None => Ok(answer),
        }
    }

    /// The text that is visible in the page's first frame.
    pub(crate) async fn framed_text(&self) -> Result<String, Failure> {
        self.client.enter_frame(0).await?;
        let text = self.text().await;
        self.client.enter_parent_frame().await?;
        text
    }

    /// Types on the keyboard, wherever the focus is.
    pub(crate) async fn type_keys(&self, keys: &str) -> Result<(), Failure> {
        Ok(self.client.active_element().await?.send_keys(keys).await?)
    }

    /// The cookies for this page, as the browser stored them.
    pub(crate) async fn cookies(&self) -> Result<Vec<Value>, Failure> {
        let cookies = self.client.issue_cmd(Raw::get("cookie")).await?;
        Ok(cookies.as_array().cloned().unwrap_or_default())
    }

    /// Emulates a visitor who prefers the dark color scheme.
    pub(crate) async fn darken(&self) -> Result<(), Failure> {
        let features = json!([{ "name": "prefers-color-scheme", "value": "dark" }]);
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": features })).await
    }

    /// Makes the screen as narrow as any in use: 320 pixels.
    pub(crate) async fn narrow(&self) -> Result<(), Failure> {
        let screen = json!({ "width": 320, "height": 1200, "deviceScaleFactor": 2, "mobile": true });
        self.devtools("Emulation.setDeviceMetricsOverride", screen).await
    }

    async fn devtools(&self, command: &str, params: Value) -> Result<(), Failure> {
        let body = json!({ "cmd": command, "params": params });
        Ok(self.client.issue_cmd(Raw::post("goog/cdp/execute", body)).await.map(drop)?)
    }

    /// Saves a screenshot as `target/browser/NAME.png`.
    pub(crate) async fn picture(&self, name: &str) -> Result<(), Failure> {
        let folder = target().join("browser");
        fs::create_dir_all(&folder)?;
        Ok(fs::write(folder.join(format!("{name}.png")), self.client.screenshot().await?)?)
    }
}

fn capabilities(kind: Kind, profile: &Profile) -> Map<String, Value> {
    let mut args: Vec<String> = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
    args.push(format!("--user-data-dir={}", profile.0.display()));
    let mut options = json!({ "args": args });
    match kind {
        Kind::Laptop | Kind::Scriptless => {
            options["args"]
                .as_array_mut()
                .into_iter()
                .for_each(|args| args.push(format!("--user-agent={LAPTOP}").into()));
        }
        Kind::Phone => {
            let screen = json!({ "width": 360, "height": 800, "pixelRatio": 2.0, "touch": true, "mobile": true });
            options["mobileEmulation"] = json!({ "deviceMetrics": screen, "userAgent": PHONE });
        }
    }
    if kind == Kind::Scriptless {
        options["prefs"] = json!({ "profile.managed_default_content_settings.javascript": 2 });
    }
    let timeouts = json!({ "pageLoad": 30_000, "script": 60_000 });
    Map::from_iter([
        ("browserName".to_owned(), json!("chrome")),
        ("goog:chromeOptions".to_owned(), options),
        ("timeouts".to_owned(), timeouts),
    ])
}

/// A new folder for a browser's profile, removed when dropped.
struct Profile(PathBuf);

impl Profile {
    fn new() -> Result<Self, Failure> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = target().join(format!("browser/profiles/{}-{number}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
