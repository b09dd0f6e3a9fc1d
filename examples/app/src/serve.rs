//! Listening, and graceful shutdown.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// The limit for requests in flight at shutdown: more than any but `/api/slow` takes.
const LAST_REQUESTS: Duration = Duration::from_secs(5);

/// Serves until SIGTERM or ctrl-c, then finishes the requests in flight.
pub(crate) async fn until_stopped(listener: TcpListener, router: Router) -> io::Result<()> {
    let (mut terminated, mut interrupted) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (stopping, stopped) = oneshot::channel();
    let stop = async move {
        tokio::select! { _ = terminated.recv() => {}, _ = interrupted.recv() => {} }
        let _ = stopping.send(());
    };
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::select! {
        served = axum::serve(listener, service).with_graceful_shutdown(stop) => served,
        () = too_late(stopped) => Ok(()),
    }
}

async fn too_late(stopped: oneshot::Receiver<()>) {
    match stopped.await {
        Ok(()) => tokio::time::sleep(LAST_REQUESTS).await,
        Err(_) => pending().await,
    }
}
