//! A gate between the crate and its server, which fails in the ways of proxies, load balancers and addresses.

use std::future::pending;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::copy_bidirectional;
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::store::redis::client::tests::common::server::Server;

/// How it handles connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    /// Forwards to this server's socket.
    To(PathBuf),
    /// Accepts and closes.
    Close,
    /// Accepts and never replies.
    Silent,
    /// Nobody listens.
    Refuse,
}

/// On a runtime of its own, so that a test can count the tasks of the crate alone.
pub(crate) struct Gate {
    at: PathBuf,
    way: watch::Sender<Way>,
    /// Connections made before the last cut are closed.
    cuts: watch::Sender<u64>,
    /// Connections with a lower number forward nothing.
    silent_below: watch::Sender<usize>,
    open: Arc<AtomicUsize>,
    accepted: Arc<AtomicUsize>,
    runtime: Option<Runtime>,
}

impl Gate {
    /// On a socket in the server's folder.
    pub(crate) fn before(server: &Server, way: Way) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let gate = Self {
            at: server.socket().with_file_name("gate"),
            way: watch::Sender::new(way),
            cuts: watch::Sender::new(0),
            silent_below: watch::Sender::new(0),
            open: Arc::default(),
            accepted: Arc::default(),
            runtime: Some(runtime),
        };
        gate.listen();
        gate
    }

    fn listen(&self) {
        drop(std::fs::remove_file(&self.at));
        let runtime = self.runtime.as_ref().unwrap();
        let _guard = runtime.enter();
        let listener = UnixListener::bind(&self.at).unwrap();
        let (way, cuts, silent_below) = (self.way.clone(), self.cuts.clone(), self.silent_below.clone());
        let (open, accepted) = (self.open.clone(), self.accepted.clone());
        runtime.spawn(async move {
            let mut until = way.subscribe();
            loop {
                let client = tokio::select! {
                    client = listener.accept() => client.unwrap().0,
                    _ = until.wait_for(|way| *way == Way::Refuse) => return,
                };
                let number = accepted.fetch_add(1, Ordering::Relaxed);
                let silent_below = silent_below.subscribe();
                let (way, mut cuts, open) = (way.borrow().clone(), cuts.subscribe(), open.clone());
                open.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(async move {
                    let made = *cuts.borrow();
                    tokio::select! {
                        () = serve_until_silent(client, way, number, silent_below) => {}
                        _ = cuts.wait_for(|cuts| *cuts != made) => {}
                    }
                    open.fetch_sub(1, Ordering::Relaxed);
                });
            }
        });
    }

    /// Applies to new connections.
    pub(crate) fn go(&self, way: Way) {
        let refused = *self.way.borrow() == Way::Refuse;
        if way == Way::Refuse {
            drop(std::fs::remove_file(&self.at));
        }
        self.way.send_replace(way.clone());
        if refused && way != Way::Refuse {
            self.listen();
        }
    }

    /// Closes every connection that there is.
    pub(crate) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Silences the existing connections: open, and without replies.
    pub(crate) fn silence(&self) {
        self.silent_below.send_replace(self.accepted());
    }

    pub(crate) fn url(&self) -> String {
        format!("redis+unix://{}", self.at.display())
    }

    /// Connections whose other end has not closed them.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }
}

async fn serve_until_silent(mut client: UnixStream, way: Way, number: usize, mut below: watch::Receiver<usize>) {
    let silenced = tokio::select! {
        () = serve(&mut client, way) => false,
        _ = below.wait_for(|below| number < *below) => true,
    };
    if silenced {
        pending::<()>().await;
    }
}

async fn serve(client: &mut UnixStream, way: Way) {
    match way {
        Way::To(server) => {
            let Ok(mut server) = UnixStream::connect(server).await else { return };
            drop(copy_bidirectional(client, &mut server).await);
        }
        Way::Silent => drop(tokio::io::copy(client, &mut tokio::io::sink()).await),
        Way::Close | Way::Refuse => {}
    }
}
