//! Opens a connection for requests: the socket, TLS, and the first commands.

use std::io;

use redis::io::tcp::socket2::{SockRef, TcpKeepalive};
use redis::{Cmd, ErrorKind, Pipeline, RedisError, RedisResult, ServerErrorKind, cmd};
#[cfg(feature = "tls")]
use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, timeout};

use crate::config::servers::{Addr, Credentials};
use crate::store::redis::client::budget::{CONNECTION_TIMEOUT, KEEPALIVE, KEEPALIVE_INTERVAL};
use crate::store::redis::client::node::connection::Connector;
use crate::store::redis::client::node::multiplexed::Multiplexed;
use crate::store::redis::client::protocol::resp::accepted;

/// Opens a connection. `broke` is called in the runtime if it ends before its last handle is dropped.
pub(crate) async fn connect(connector: &Connector, broke: impl FnOnce() + Send + 'static) -> RedisResult<Multiplexed> {
    let connecting = async {
        let multiplexed = open(connector, broke).await?;
        greet(&multiplexed, &connector.server().credentials).await?;
        Ok(multiplexed)
    };
    timeout(CONNECTION_TIMEOUT, connecting)
        .await
        .unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
}

/// Opens the socket, and TLS if the settings of the server ask for it.
async fn open(connector: &Connector, broke: impl FnOnce() + Send + 'static) -> RedisResult<Multiplexed> {
    match &connector.server().addr {
        Addr::Tcp { host, port } => {
            let stream = tcp(host, *port).await?;
            #[cfg(feature = "tls")]
            if let Some(tls) = connector.tls()? {
                let name = ServerName::try_from(host.as_str())?.to_owned();
                return Ok(Multiplexed::new(tls.connect(name, stream).await?, broke));
            }
            Ok(Multiplexed::new(stream, broke))
        }
        Addr::Unix { path } => Ok(Multiplexed::new(UnixStream::connect(path).await?, broke)),
    }
}

async fn tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE_INTERVAL);
    SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
    Ok(stream)
}

/// Sends the protocol version, the user and the database in one write.
async fn greet(multiplexed: &Multiplexed, credentials: &Credentials) -> RedisResult<()> {
    let mut words = Pipeline::new();
    words.add_command(hello(credentials));
    if credentials.db != 0 {
        words.cmd("SELECT").arg(credentials.db);
    }
    let mut answers = multiplexed.many(&words, Instant::now() + CONNECTION_TIMEOUT).await?.into_iter().map(accepted);
    answers.next().transpose().map_err(of_hello)?;
    answers.next().transpose().map_err(of_select)?;
    Ok(())
}

fn hello(credentials: &Credentials) -> Cmd {
    let mut hello = cmd("HELLO");
    hello.arg(3);
    if let Some(password) = &credentials.password {
        hello.arg("AUTH").arg(credentials.user.as_deref().unwrap_or("default")).arg(password.as_str());
    }
    hello
}

fn of_hello(error: RedisError) -> RedisError {
    match error.detail() {
        Some(detail) if detail.starts_with("unknown command") => {
            (ErrorKind::RESP3NotSupported, "the server does not know HELLO").into()
        }
        _ => error,
    }
}

/// As in the redis crate, without the error code: a caller could take it for a refusal of its command.
fn of_select(error: RedisError) -> RedisError {
    let detail = error.detail().unwrap_or_default().to_owned();
    (ServerErrorKind::ResponseError.into(), "the server refuses the database", detail).into()
}
