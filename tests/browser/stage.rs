//! Two app servers over one private Redis, and a driver for browsers. All end with the stage, also when a test fails.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::Failure;
use crate::browser::{Browser, Kind};
use crate::kept::Kept;
use crate::redis::PrivateRedis;

const LISTENING: &str = "listening on ";
const DRIVING: &str = "started successfully on port ";

/// The servers and the driver of a test.
pub(crate) struct Stage {
    /// The addresses of two servers that share their sessions, `http://127.0.0.1:port`.
    pub(crate) a: String,
    pub(crate) b: String,
    driver: Kept,
    driver_url: String,
    browsers: Mutex<Vec<Browser>>,
    apps: [Kept; 2],
    /// `None` once Redis has been ended.
    redis: Option<PrivateRedis>,
}

impl Stage {
    pub(crate) async fn up() -> Result<Self, Failure> {
        Self::with(&[]).await
    }

    /// With these further arguments of the app.
    pub(crate) async fn with(args: &[&str]) -> Result<Self, Failure> {
        let program = PrivateRedis::program().ok_or("no redis-server: run `make browser-test`")?;
        let redis = PrivateRedis::start(&program).await?;
        let (first, a) = app(redis.url(), args).await?;
        let (second, b) = app(redis.url(), args).await?;
        let (driver, line) = Kept::start("chromedriver", Path::new("chromedriver"), &["--port=0"], DRIVING).await?;
        let port = line.rsplit(' ').next().unwrap_or_default().trim_end_matches('.');
        let driver_url = format!("http://127.0.0.1:{port}");
        Ok(Self { a, b, driver, driver_url, browsers: Mutex::default(), apps: [first, second], redis: Some(redis) })
    }

    /// Another device of a visitor: a browser with a profile of its own.
    pub(crate) async fn browser(&self, kind: Kind) -> Result<Browser, Failure> {
        let browser = Browser::open(&self.driver_url, kind).await?;
        self.browsers.lock().map_err(|_| "a test panicked")?.push(browser.clone());
        Ok(browser)
    }

    /// Ends Redis under the servers.
    pub(crate) async fn lose_redis(&mut self) -> Result<(), Failure> {
        match self.redis.take() {
            Some(redis) => redis.stop().await,
            None => Ok(()),
        }
    }

    /// Ends everything; returns when it has ended.
    pub(crate) async fn down(self) -> Result<(), Failure> {
        let browsers = std::mem::take(&mut *self.browsers.lock().map_err(|_| "a test panicked")?);
        for browser in browsers {
            browser.close().await?;
        }
        self.driver.stop().await?;
        for app in self.apps {
            app.stop().await?;
        }
        match self.redis {
            Some(redis) => redis.stop().await,
            None => Ok(()),
        }
    }
}

async fn app(store: &str, args: &[&str]) -> Result<(Kept, String), Failure> {
    let all = [&["--listen", "127.0.0.1:0", "--store", store, "--namespace", "browser"], args].concat();
    let (app, line) = Kept::start("app", &target().join("debug/app"), &all, LISTENING).await?;
    Ok((app, line.trim_start_matches(LISTENING).to_owned()))
}

/// The folder of the crate's build and of the screenshots.
pub(crate) fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target")
}
