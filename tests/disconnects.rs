//! Clients that disconnect while they log in, over real sockets: no session is left whose token nobody has. R29.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use cloakroom::{Cap, ClientInfo, Error, Login, Session, SessionLayer, Sessions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::common::proxy::Proxy;
use crate::common::server::Server;
use crate::common::{Stage, connected, login, redis_stage, redis_stage_on, until};

/// Where the handlers wait, and which are running.
#[derive(Debug, Clone)]
struct Gate {
    under_way: Arc<Mutex<HashSet<usize>>>,
    begun: Arc<Mutex<HashSet<usize>>>,
    open: watch::Sender<bool>,
}

/// A running handler, until it is dropped.
struct Handler<'a>(&'a Gate, usize);

impl Drop for Handler<'_> {
    fn drop(&mut self) {
        lock(&self.0.under_way).remove(&self.1);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Gate {
    fn new() -> Self {
        Self { under_way: Arc::default(), begun: Arc::default(), open: watch::channel(false).0 }
    }

    /// The handler: logs in, and responds when the gate is open.
    async fn serve(&self, number: usize, session: Session) -> Result<&'static str, Error> {
        let mut open = self.open.subscribe();
        lock(&self.under_way).insert(number);
        let _handler = Handler(self, number);
        lock(&self.begun).insert(number);
        let _ = session.login(Login::new("ada").cap(Cap::evict(256))).await?;
        drop(open.wait_for(|open| *open).await);
        Ok("in")
    }

    async fn has_begun(&self, number: usize) {
        until("the handler runs", async || lock(&self.begun).contains(&number)).await;
    }
}

/// The behaviour of a client once its request is being served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Client {
    Stays,
    /// Closes its connection.
    Leaves,
    /// Stops sending, and goes on reading.
    HalfCloses,
}

impl Client {
    /// The token that it was given.
    async fn visit(self, gate: Gate, server: SocketAddr, number: usize) -> Option<String> {
        let mut stream = TcpStream::connect(server).await.expect("the server listens");
        let request = format!("GET /{number} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        gate.has_begun(number).await;
        tokio::time::sleep(Duration::from_micros(fastrand::u64(..3_000))).await;
        match self {
            Self::Stays => {}
            Self::Leaves => return None,
            Self::HalfCloses => stream.shutdown().await.expect("open"),
        }
        let mut response = Vec::new();
        // A server that does not serve such clients may reset the connection.
        let _reset = stream.read_to_end(&mut response).await;
        let response = String::from_utf8(response).expect("text");
        let cookie = response.lines().find_map(|line| line.strip_prefix("set-cookie: __Host-id="))?;
        cookie.split(';').next().map(str::to_owned)
    }
}

/// Sends a hundred clients; those that `leave` find their handlers dropped. Returns the tokens that were received.
async fn visits(gate: &Gate, server: SocketAddr, kinds: &[Client], leave: fn(Client) -> bool) -> Vec<String> {
    let mut clients = JoinSet::new();
    let mut staying = 0;
    for number in 0..100 {
        let client = kinds[number % kinds.len()];
        staying += usize::from(!leave(client));
        clients.spawn(client.visit(gate.clone(), server, number));
    }
    until("all have begun", async || lock(&gate.begun).len() == 100).await;
    until("those who left are noticed", async || lock(&gate.under_way).len() == staying).await;
    gate.open.send_replace(true);
    let tokens = clients.join_all().await;
    tokens.into_iter().flatten().collect()
}

async fn every_session_has_an_owner(stage: &Stage, tokens: &[String]) {
    let stored = async || stage.sessions.active_since(SystemTime::UNIX_EPOCH).await.expect("the store is there");
    until("each session that lives is somebody's", async || stored().await == tokens.len() as u64).await;
    for token in tokens {
        assert_eq!(stage.open(token).await.user().as_deref(), Some("ada"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_leave_axum_during_a_login_leave_no_ownerless_session() {
    use axum::extract::Path;
    let (stage, gate) = (redis_stage(|with| with).await, Gate::new());
    let serve = {
        let gate = gate.clone();
        move |Path(number): Path<usize>, session: Session| async move { gate.serve(number, session).await }
    };
    let routes = axum::Router::new().route("/{number}", axum::routing::get(serve));
    let app = routes.layer(SessionLayer::new(stage.sessions.clone()));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let server = listener.local_addr().expect("bound");
    let serving = tokio::spawn(async move { axum::serve(listener, app).await });
    let kinds = [Client::Stays, Client::Leaves, Client::HalfCloses];
    let tokens = visits(&gate, server, &kinds, |client| client != Client::Stays).await;
    assert_eq!(tokens.len(), 34, "those who stayed");
    every_session_has_an_owner(&stage, &tokens).await;
    serving.abort();
}

#[tokio::test]
async fn a_login_whose_reply_was_lost_is_ended() {
    let server = Arc::new(Server::start(&[]));
    let (stage, proxy) = (redis_stage_on(Arc::clone(&server), |with| with).await, Proxy::new(&server).await);
    let builder = Sessions::builder(proxy.url()).namespace(&stage.namespace).budget(Duration::from_millis(500));
    let sessions = connected(builder).await;
    // The server must have the script already.
    login(&sessions.open(None, ClientInfo::new()).await.expect("the store is there"), "bob").await;
    let handler = |session: Session| async move { session.login(Login::new("ada")).await.map(|_| "in") };
    let app = axum::Router::new().route("/", axum::routing::get(handler)).layer(SessionLayer::new(sessions));
    proxy.swallow(true);
    let request = axum::http::Request::get("/").body(axum::body::Body::empty()).expect("a request");
    let response = app.oneshot(request).await.expect("a router does not fail");
    assert_eq!((response.status().as_u16(), response.headers().contains_key("set-cookie")), (503, false));
    let live = async || stage.sessions.user("ada").count().await.expect("the store is there");
    until("the login was done all the same", async || live().await == 1).await;
    proxy.swallow(false);
    proxy.cut();
    until("it is ended", async || live().await == 0).await;
}

/// An actix-web server on a thread of its own.
fn actix(stage: &Stage, gate: &Gate, half_closed: bool) -> (SocketAddr, actix_web::dev::ServerHandle) {
    use actix_web::{App, HttpServer, web};
    let (layer, gate) = (SessionLayer::new(stage.sessions.clone()), gate.clone());
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let make = move || {
                let gate = gate.clone();
                let serve = move |number: web::Path<usize>, session: Session| {
                    let gate = gate.clone();
                    async move { gate.serve(*number, session).await }
                };
                App::new().wrap(layer.clone()).route("/{number}", web::get().to(serve))
            };
            let server = HttpServer::new(make).workers(2).disable_signals().h1_allow_half_closed(half_closed);
            let server = server.bind("127.0.0.1:0").expect("a port");
            let address = server.addrs()[0];
            let server = server.run();
            tell.send((address, server.handle())).expect("the test waits");
            server.await.expect("served");
        });
    });
    told.recv().expect("the server runs")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_leave_actix_web_during_a_login_leave_no_ownerless_session() {
    let (stage, gate) = (redis_stage(|with| with).await, Gate::new());
    let (server, handle) = actix(&stage, &gate, false);
    let kinds = [Client::Stays, Client::Leaves, Client::HalfCloses];
    let tokens = visits(&gate, server, &kinds, |client| client != Client::Stays).await;
    assert_eq!(tokens.len(), 34, "those who stayed");
    every_session_has_an_owner(&stage, &tokens).await;
    handle.stop(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_closed_clients_of_actix_web_may_or_may_not_be_served() {
    let (stage, gate) = (redis_stage(|with| with).await, Gate::new());
    let (server, handle) = actix(&stage, &gate, true);
    let tokens = visits(&gate, server, &[Client::Stays, Client::HalfCloses], |_| false).await;
    assert_eq!(tokens.len(), 100);
    every_session_has_an_owner(&stage, &tokens).await;
    handle.stop(false).await;
}
