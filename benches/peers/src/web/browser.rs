//! The load: kept-open connections that send a request and wait for its answer.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use super::app::App;
use crate::Failure;
use crate::fixture::STORED;

/// Visitors with cookies, over so many connections.
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
            let head = first.get("/write", "").await?;
            let cookie = header(&head, "set-cookie").and_then(|value| value.split(';').next());
            cookies.push(cookie.ok_or("the app set no cookie")?.to_owned());
        }
        let mut open = Vec::new();
        for _ in 0..connections {
            open.push(Mutex::new(Connection::open(app.port).await?));
        }
        Ok(Self { _app: app, connections: open, cookies })
    }

    pub async fn get(&self, path: &str, visitor: usize) -> Result<(), Failure> {
        // As many tasks as connections, so one is free: the first that is, from here on.
        let from = visitor % self.connections.len();
        let (before, after) = self.connections.split_at(from);
        let free = after.iter().chain(before).find_map(|connection| connection.try_lock().ok());
        let mut connection = match free {
            Some(free) => free,
            None => self.connections[from].lock().await,
        };
        connection.get(path, &self.cookies[visitor]).await.map(drop)
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

    /// Answers the response's head; anything but success is a failure.
    async fn get(&mut self, path: &str, cookie: &str) -> Result<String, Failure> {
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
        let body = header(&head, "content-length").map_or(Ok(0), str::parse::<usize>)?;
        while self.buffer.len() < end + 4 + body {
            self.stream.read_buf(&mut self.buffer).await?;
        }
        if head.starts_with("HTTP/1.1 200") { Ok(head) } else { Err(format!("{path}: {head}").into()) }
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
