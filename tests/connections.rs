//! Connections of an application: blocked threads, addresses that move, outages that end.

use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::{App, HttpServer, web};
use cloakroom::{ClientInfo, Error, Session, Sessions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::common::server::Server;
use crate::common::{login, token, until};

/// How far a budget may be overrun on a busy machine.
const SLACK: Duration = Duration::from_millis(700);

/// Closed until it is opened; blocks the thread.
#[derive(Default)]
struct Door(Mutex<bool>, Condvar);

impl Door {
    fn wait(&self) {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.1.wait_timeout_while(open, Duration::from_secs(20), |open| !*open));
    }

    fn open(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.1.notify_all();
    }
}

/// A browser with one connection, which one worker serves.
struct Client(TcpStream);

impl Client {
    async fn new(port: u16) -> Self {
        Self(TcpStream::connect(("127.0.0.1", port)).await.expect("it listens"))
    }

    async fn send(&mut self, path: &str) {
        let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n");
        self.0.write_all(request.as_bytes()).await.expect("open");
    }

    async fn get(&mut self, path: &str) -> String {
        self.send(path).await;
        let mut bytes = [0; 4096];
        let count = self.0.read(&mut bytes).await.expect("a response");
        String::from_utf8_lossy(&bytes[..count]).into_owned()
    }
}

/// The serving thread, and whether a load succeeds.
async fn load(sessions: web::Data<Sessions>, token: web::Data<String>) -> String {
    let thread = std::thread::current().id();
    match sessions.open(Some(&token), ClientInfo::new()).await {
        Ok(session) => format!("{thread:?} {}", session.id().is_some()),
        Err(error) => format!("{thread:?} {error:?}"),
    }
}

async fn block(door: web::Data<Door>) -> &'static str {
    door.wait();
    "over"
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_blocks_its_thread_delays_no_other_worker() {
    let server = Server::start(&[]);
    let budget = Duration::from_secs(2);
    let connect = || Sessions::builder(server.url()).namespace("blocked").budget(budget).connect_lazy();
    let session = connect().expect("fine").open(None, ClientInfo::new()).await.expect("there");
    login(&session, "ada").await;
    let (sessions, token) = (web::Data::new(connect().expect("fine")), web::Data::new(token(&session)));
    let door = web::Data::new(Door::default());
    let app = {
        let (door, sessions, token) = (door.clone(), sessions.clone(), token.clone());
        move || {
            let app = App::new().app_data(door.clone()).app_data(sessions.clone()).app_data(token.clone());
            app.route("/load", web::get().to(load)).route("/block", web::get().to(block))
        }
    };
    let app = HttpServer::new(app).workers(2).disable_signals().bind(("127.0.0.1", 0)).expect("a free port");
    let port = app.addrs()[0].port();
    let running = app.run();
    let handle = running.handle();
    let running = tokio::spawn(running);
    let mut blocked = Client::new(port).await;
    // The connections to Redis are made by this worker.
    let mut said = String::new();
    for _ in 0..8 {
        said = blocked.get("/load").await;
        assert!(said.contains("true"), "{said}");
    }
    let thread = said.split("ThreadId").nth(1).expect("a thread").split(' ').next().expect("its number").to_owned();
    blocked.send("/block").await;
    let mut others = 0;
    for _ in 0..4 {
        let mut client = Client::new(port).await;
        let begun = Instant::now();
        // A connection to the blocked worker waits.
        let Ok(said) = timeout(2 * budget, client.get("/load")).await else { continue };
        assert!(!said.contains(&format!("ThreadId{thread} ")), "that worker is blocked");
        assert!(said.contains("true") && begun.elapsed() < budget + SLACK, "{said} after {:?}", begun.elapsed());
        others += 1;
    }
    assert!(others > 0, "no other worker served");
    door.open();
    handle.stop(false).await;
    running.await.expect("no panic").expect("it ends");
}

/// An address that can lead to another server: a link to its socket.
struct Address(PathBuf);

impl Address {
    fn of(server: &Server) -> Self {
        let address = Self(server.socket().with_file_name("link"));
        address.lead_to(server);
        address
    }

    fn lead_to(&self, server: &Server) {
        drop(std::fs::remove_file(&self.0));
        symlink(server.socket(), &self.0).expect("a link");
    }

    fn url(&self) -> String {
        format!("redis+unix://{}", self.0.display())
    }
}

/// A copy of a server, like a promoted replica; the old master becomes a replica that is cut off.
async fn fail_over(old: &Arc<Server>) -> Server {
    let new = Server::start(&[]);
    let port = old.port().to_string();
    new.ask::<()>(&["REPLICAOF", "127.0.0.1", &port]);
    until("the replica has all", || async {
        new.ask::<String>(&["INFO", "replication"]).contains("master_link_status:up")
    })
    .await;
    new.ask::<()>(&["REPLICAOF", "NO", "ONE"]);
    new
}

/// A login over 64 connections to a former master, whose address now leads to the server that replaced it.
struct Moved {
    sessions: Sessions,
    session: Session,
    token: String,
    new: Server,
    _old: Arc<Server>,
    _address: Address,
}

async fn moved() -> Moved {
    let old = Arc::new(Server::listening(&["--repl-diskless-sync-delay", "0"]));
    let address = Address::of(&old);
    let sessions = connect(address.url()).await;
    let session = sessions.open(None, ClientInfo::new()).await.expect("there");
    login(&session, "ada").await;
    let token = token(&session);
    for _ in 0..130 {
        assert!(sessions.open(Some(&token), ClientInfo::new()).await.expect("there").id().is_some());
    }
    let new = fail_over(&old).await;
    address.lead_to(&new);
    old.ask::<()>(&["REPLICAOF", "127.0.0.1", "1"]);
    Moved { sessions, session, token, new, _old: old, _address: address }
}

async fn connect(url: String) -> Sessions {
    Sessions::builder(url).namespace("moved").connections(64).connect().await.expect("a server")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_master_serves_a_revoked_login_for_3_seconds_at_most() {
    let moved = moved().await;
    let Moved { sessions, token, new, .. } = &moved;
    let revoked = connect(new.url()).await.user("ada").revoke_all().await.expect("there");
    assert_eq!(revoked.ended, 1);
    let begun = Instant::now();
    let mut serving = [true; 2];
    while serving.contains(&true) {
        assert!(begun.elapsed() < Duration::from_secs(3), "still served by open, peek: {serving:?}");
        let peeked = sessions.peek(Some(token), ClientInfo::new()).await.expect("there");
        serving[1] = peeked.id().is_some();
        if !serving[1] {
            let opened = sessions.open(Some(token), ClientInfo::new()).await.expect("there");
            serving[0] = opened.id().is_some();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_succeeds_at_once_after_64_connections_have_moved() {
    let moved = moved().await;
    let Moved { sessions, session, token, .. } = &moved;
    let begun = Instant::now();
    let _ = session.logout().await.expect("the first time");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    let opened = sessions.open(Some(token), ClientInfo::new()).await.expect("there");
    assert!(opened.id().is_none(), "it has ended where the address leads to");
}

#[tokio::test(flavor = "multi_thread")]
async fn once_the_health_check_succeeds_after_an_outage_so_does_a_login() {
    let server = Server::start(&[]);
    let builder = Sessions::builder(server.url()).namespace("back").connections(8).budget(Duration::from_millis(300));
    let sessions = builder.connect().await.expect("a server");
    for _ in 0..16 {
        sessions.ping().await.expect("there");
    }
    server.kill();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(1_500) {
        assert!(matches!(sessions.ping().await, Err(Error::Unavailable(_))));
    }
    server.restart();
    until("the server is back", || async { sessions.ping().await.is_ok() }).await;
    for number in 0..16 {
        let session = sessions.open(None, ClientInfo::new()).await.expect("there");
        login(&session, &format!("user{number}")).await;
    }
}
