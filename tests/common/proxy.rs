//! A forwarder between the crate and a server, which makes the network bad.

use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::server::Server;

/// The state of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Weather {
    /// In each direction.
    delay: Duration,
    /// Whether replies are discarded. The requests are executed all the same.
    swallows: bool,
    /// Connections made before the last cut are closed.
    cuts: u64,
}

/// On a TCP port of the loopback interface. Ends when it is dropped.
pub(crate) struct Proxy {
    port: u16,
    weather: watch::Sender<Weather>,
    _accepting: JoinSet<()>,
}

impl Proxy {
    pub(crate) async fn new(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let weather = watch::Sender::new(Weather { delay: Duration::ZERO, swallows: false, cuts: 0 });
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, server.socket(), weather.subscribe()));
        Self { port, weather, _accepting: accepting }
    }

    /// The store URL of the server behind it.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Delays bytes in each direction from now on.
    pub(crate) fn delay(&self, by: Duration) {
        self.weather.send_modify(|weather| weather.delay = by);
    }

    /// Starts or stops discarding replies.
    pub(crate) fn swallow(&self, swallows: bool) {
        self.weather.send_modify(|weather| weather.swallows = swallows);
    }

    /// Closes every open connection.
    pub(crate) fn cut(&self) {
        self.weather.send_modify(|weather| weather.cuts += 1);
    }
}

async fn accept(listener: TcpListener, to: PathBuf, weather: watch::Receiver<Weather>) {
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.expect("it listens");
        while connections.try_join_next().is_some() {}
        connections.spawn(forward(client, to.clone(), weather.clone()));
    }
}

async fn forward(client: TcpStream, to: PathBuf, mut weather: watch::Receiver<Weather>) {
    // A server that is away shows as a closed connection.
    let Ok(server) = UnixStream::connect(to).await else { return };
    drop(client.set_nodelay(true));
    let cuts = weather.borrow().cuts;
    let (asks, answers) = (weather.clone(), weather.clone());
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = copy(from_client, to_server, asks, |_| false) => {}
        () = copy(from_server, to_client, answers, |weather| weather.swallows) => {}
        _ = weather.wait_for(|weather| weather.cuts != cuts) => {}
    }
}

/// Until one side closes.
async fn copy(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    weather: watch::Receiver<Weather>,
    drops: impl Fn(&Weather) -> bool,
) {
    let mut bytes = vec![0; 64 * 1024];
    // A connection that has lost bytes passes no later ones on: TCP would not either.
    let mut lost = false;
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        let now = *weather.borrow();
        if now.delay > Duration::ZERO {
            tokio::time::sleep(now.delay).await;
        }
        lost |= drops(&weather.borrow());
        if !lost && to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}
