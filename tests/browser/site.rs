//! Another web site: one page, served under any name of this machine.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::Failure;

/// A server of one page, running until dropped.
pub(crate) struct Site {
    port: u16,
    serving: JoinHandle<()>,
}

impl Site {
    pub(crate) async fn serving(body: &str) -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close";
        let answer = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let serving = tokio::spawn(async move {
            while let Ok((visitor, _)) = listener.accept().await {
                tokio::spawn(serve(visitor, answer.clone()));
            }
        });
        Ok(Self { port, serving })
    }

    /// Its address by this name: `localhost` is another site than `127.0.0.1`; another port is not.
    pub(crate) fn at(&self, host: &str) -> String {
        format!("http://{host}:{}/", self.port)
    }
}

/// Serves the page for any path; a browser that hangs up does not matter.
async fn serve(mut visitor: TcpStream, answer: String) {
    let _ = visitor.read(&mut [0; 4096]).await;
    let _ = visitor.write_all(answer.as_bytes()).await;
}

impl Drop for Site {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
