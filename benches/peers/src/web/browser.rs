//! The load: keep-alive connections that send a request and wait for the response.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use super::FILLED;
use super::app::App;
use crate::Failure;
use crate::fixture::{SMALL, STORED};

/// Visitors with cookies, over the given number of connections.
pub struct Browser {
    _app: App,
    connections: Vec<Mutex<Connection>>,
    cookies: Vec<String>,
}

impl Browser {
    pub async fn new(app: App, connections: usize) -> Result<Self, Failure> {
        let mut first = Connection::open(app.port).await?;
        let mut cookies = Vec::new();
        for _ in 0..STORED {
            let (head, _) = first.get("/write", "").await?;
            cookies.push(cookies_set(&head).ok_or("the app set no cookie")?);
        }
        let before = first.visit("/read", &cookies[0]).await?;
        first.visit("/write", &cookies[0]).await?;
        if first.visit("/read", &cookies[0]).await? == before {
            return Err("a write changed nothing".into());
        }
        let mut open = Vec::new();
        for _ in 0..connections {
            open.push(Mutex::new(Connection::open(app.port).await?));
        }
        Ok(Self { _app: app, connections: open, cookies })
    }

    pub async fn get(&self, path: &str, visitor: usize) -> Result<(), Failure> {
        // There are as many tasks as connections, so one is free: the first one from here on.
        let from = visitor % self.connections.len();
        let (before, after) = self.connections.split_at(from);
        let free = after.iter().chain(before).find_map(|connection| connection.try_lock().ok());
        let mut connection = match free {
            Some(free) => free,
            None => self.connections[from].lock().await,
        };
        connection.visit(path, &self.cookies[visitor]).await.map(drop)
    }
}

struct Connection {
    stream: TcpStream,
    port: u16,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(port: u16) -> Result<Self, Failure> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, port, buffer: Vec::with_capacity(4096) })
    }

    /// Returns the body. A lost session need not show in the status: it may read as empty or be filled again.
    async fn visit(&mut self, path: &str, cookie: &str) -> Result<String, Failure> {
        let (_, body) = self.get(path, cookie).await?;
        let kept = if path == "/read" { body.len() == SMALL.bytes } else { body != FILLED };
        if kept { Ok(body) } else { Err(format!("{path}: the session was lost").into()) }
    }

    /// Returns head and body; anything but success is a failure.
    async fn get(&mut self, path: &str, cookie: &str) -> Result<(String, String), Failure> {
        let line = if cookie.is_empty() { String::new() } else { format!("cookie: {cookie}\r\n") };
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost:{}\r\n{line}\r\n", self.port);
        self.stream.write_all(request.as_bytes()).await?;
        self.buffer.clear();
        let end = loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the app closed the connection".into());
            }
            if let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
        };
        let head = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
        let body = headers(&head, "content-length").next().map_or(Ok(0), str::parse::<usize>)?;
        while self.buffer.len() < end + 4 + body {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the app closed the connection".into());
            }
        }
        let body = String::from_utf8_lossy(&self.buffer[end + 4..]).into_owned();
        if head.starts_with("HTTP/1.1 200") { Ok((head, body)) } else { Err(format!("{path}: {head}").into()) }
    }
}

/// Cookies as they are sent back: removed ones have no value.
fn cookies_set(head: &str) -> Option<String> {
    let set = headers(head, "set-cookie").filter_map(|value| value.split(';').next());
    let kept: Vec<_> = set.filter(|cookie| !cookie.ends_with('=')).collect();
    (!kept.is_empty()).then(|| kept.join("; "))
}

fn headers<'a>(head: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    head.lines().filter_map(move |line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
