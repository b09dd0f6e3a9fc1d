//! A forwarder whose connections can be silenced: open, and without replies.

use std::path::Path;

use tokio::io::copy_bidirectional;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

pub(crate) struct Proxy {
    accepted: watch::Sender<usize>,
    /// Connections with a lower number are silent.
    silent_below: watch::Sender<usize>,
}

impl Proxy {
    pub(crate) fn new(at: &Path, to: String) -> Self {
        let listener = UnixListener::bind(at).unwrap();
        let proxy = Self { accepted: watch::Sender::new(0), silent_below: watch::Sender::new(0) };
        let (accepted, silent_below) = (proxy.accepted.clone(), proxy.silent_below.clone());
        tokio::spawn(async move {
            loop {
                let (from, _) = listener.accept().await.unwrap();
                let number = *accepted.borrow();
                accepted.send_modify(|count| *count += 1);
                tokio::spawn(forward(from, to.clone(), number, silent_below.subscribe()));
            }
        });
        proxy
    }

    pub(crate) fn accepted(&self) -> usize {
        *self.accepted.borrow()
    }

    /// Silences the existing connections.
    pub(crate) fn silence(&self) {
        self.silent_below.send_replace(self.accepted());
    }
}

async fn forward(mut from: UnixStream, to: String, number: usize, mut silent_below: watch::Receiver<usize>) {
    let mut to = UnixStream::connect(to).await.unwrap();
    let silenced = tokio::select! {
        _ = copy_bidirectional(&mut from, &mut to) => false,
        _ = silent_below.wait_for(|below| number < *below) => true,
    };
    if silenced {
        std::future::pending::<()>().await;
    }
}
