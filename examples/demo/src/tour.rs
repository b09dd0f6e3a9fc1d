//! Sends requests to the servers and writes the transcript.

use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, COOKIE, HOST, USER_AGENT};
use hyper::http::response::Parts;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Failure;
use super::answer::Answer;
use super::visitor::Visitor;

/// Longer than any request of the tour takes.
const LONGEST: Duration = Duration::from_secs(20);

/// Three servers, and a record of the requests to them.
pub(crate) struct Tour {
    servers: Vec<String>,
    started: Instant,
    asked: Vec<Duration>,
}

impl Tour {
    pub(crate) fn new(servers: Vec<String>) -> Self {
        Self { servers, started: Instant::now(), asked: Vec::new() }
    }

    /// Begins a chapter.
    pub(crate) fn tell(&self, what: &str) {
        println!("\n{what}");
    }

    pub(crate) async fn get(&mut self, server: usize, by: &mut Visitor, path: &str) -> Result<Answer, Failure> {
        self.ask(server, by, Method::GET, path, None).await
    }

    pub(crate) async fn put(
        &mut self,
        server: usize,
        by: &mut Visitor,
        path: &str,
        body: Value,
    ) -> Result<Answer, Failure> {
        self.ask(server, by, Method::PUT, path, Some(body)).await
    }

    pub(crate) async fn post(
        &mut self,
        server: usize,
        by: &mut Visitor,
        path: &str,
        body: impl Into<Option<Value>>,
    ) -> Result<Answer, Failure> {
        self.ask(server, by, Method::POST, path, body.into()).await
    }

    async fn ask(
        &mut self,
        server: usize,
        by: &mut Visitor,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Answer, Failure> {
        let asked = send(&self.servers[server - 1], by, method, path, body).await?;
        Ok(self.record(server, by.name(), asked))
    }

    /// Sends a request whose response is awaited later, with [`hear`](Self::hear).
    pub(crate) fn begin_post(&self, server: usize, by: &Visitor, path: &'static str, body: Value) -> Pending {
        let (base, by) = (self.servers[server - 1].clone(), by.clone());
        let name = by.name();
        let request = async move { send(&base, &mut by.clone(), Method::POST, path, Some(body)).await };
        Pending { server, name, answer: tokio::spawn(request) }
    }

    pub(crate) async fn hear(&mut self, pending: Pending) -> Result<Answer, Failure> {
        let asked = pending.answer.await??;
        Ok(self.record(pending.server, pending.name, asked))
    }

    fn record(&mut self, server: usize, name: &str, (answer, took): (Answer, Duration)) -> Answer {
        let ms = took.as_secs_f64() * 1000.0;
        println!("  {server}  {ms:6.1} ms  {name:<7} {}  ->  {answer}", answer.question);
        self.asked.push(took);
        Answer { question: format!("server {server}, {name}, {}", answer.question), ..answer }
    }

    /// The number of responses checked, and the time they took.
    pub(crate) fn summary(&self) -> String {
        let mut asked = self.asked.clone();
        asked.sort_unstable();
        let middle = asked.get(asked.len() / 2).map_or(0.0, |took| took.as_secs_f64() * 1000.0);
        let all = self.started.elapsed().as_millis();
        format!("{} answers checked in {all} ms; the middle one took {middle:.1} ms.", asked.len())
    }
}

/// A request in flight.
pub(crate) struct Pending {
    server: usize,
    name: &'static str,
    answer: tokio::task::JoinHandle<Result<(Answer, Duration), Failure>>,
}

/// Sends one request on a connection of its own.
async fn send(
    base: &str,
    by: &mut Visitor,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> Result<(Answer, Duration), Failure> {
    let sent = body.as_ref().map_or_else(String::new, |body| format!(" {body}"));
    let question = format!("{method} {path}{sent}");
    let host = base.strip_prefix("http://").unwrap_or(base);
    let mut request = Request::builder().method(method).uri(path).header(HOST, host).header(USER_AGENT, by.name());
    if let Some(cookie) = by.cookie() {
        request = request.header(COOKIE, cookie);
    }
    if body.is_some() {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    let request = request.body(Full::from(body.map_or_else(String::new, |body| body.to_string())))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(TcpStream::connect(host).await?)).await?;
    tokio::spawn(connection);
    let start = Instant::now();
    let (head, body) = timeout(LONGEST, exchange(&mut sender, request)).await??;
    let took = start.elapsed();
    by.hear(&head.headers);
    let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body)? };
    Ok((Answer { question, status: head.status.as_u16(), body }, took))
}

async fn exchange(
    sender: &mut http1::SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> Result<(Parts, Bytes), Failure> {
    let (head, body) = sender.send_request(request).await?.into_parts();
    Ok((head, body.collect().await?.to_bytes()))
}
