//! Cloakroom's own sessions.

use cloakroom::{ClientInfo, Login, Session, Sessions};

use super::{CONNECTIONS, large_value};
use crate::Failure;
use crate::fixture::{LARGE, SMALL, STORED, Shape};
use crate::server::Server;

pub struct Ours {
    sessions: Sessions,
    small: Vec<String>,
    large: Vec<String>,
}

impl Ours {
    pub async fn new(server: &Server) -> Result<Self, Failure> {
        let builder = Sessions::builder(&server.url).namespace("ours").connections(CONNECTIONS);
        let sessions = builder.connect().await?;
        let (small, large) = (fill(&sessions, SMALL).await?, fill(&sessions, LARGE).await?);
        Ok(Self { sessions, small, large })
    }

    /// The bytes that a load of a small session transfers.
    pub async fn bytes_of_small(&self, server: &Server) -> Result<usize, Failure> {
        let session = self.open(&self.small[0]).await?;
        let id = session.id().ok_or("a stored session")?.to_string();
        let bucket = &id[15..18];
        let all: Vec<Vec<u8>> = redis::cmd("HGETALL")
            .arg(format!("ours:{{{bucket}}}:s:{id}"))
            .query_async(&mut server.connection().await?)
            .await?;
        Ok(all.iter().map(Vec::len).sum())
    }

    async fn open(&self, token: &str) -> Result<Session, Failure> {
        Ok(self.sessions.open(Some(token), ClientInfo::new()).await?)
    }

    /// The touch that is due once a minute is sent automatically.
    pub async fn sliding(&self, number: usize) -> Result<(), Failure> {
        let session = self.open(&self.small[number % STORED]).await?;
        session.get::<String>("field0")?.ok_or("no such field")?;
        Ok(())
    }

    pub async fn save(&self, number: usize) -> Result<(), Failure> {
        let session = self.open(&self.large[number % STORED]).await?;
        let (name, value) = large_value(number);
        session.insert(&name, &value)?;
        Ok(session.save().await?.into_result()?)
    }

    pub async fn login(&self, number: usize) -> Result<(), Failure> {
        let session = self.sessions.open(None, ClientInfo::new()).await?;
        for (name, value) in SMALL.content() {
            session.insert(&name, &value)?;
        }
        session.save().await?.into_result()?;
        let token = session.token().ok_or("a token")?.reveal().to_string();
        let session = self.open(&token).await?;
        let login = Login::new(format!("user{number}")).keep(SMALL.content().map(|(name, _)| name));
        let _ = session.login(login).await?;
        Ok(())
    }
}

async fn fill(sessions: &Sessions, shape: Shape) -> Result<Vec<String>, Failure> {
    let mut tokens = Vec::new();
    for _ in 0..STORED {
        let session = sessions.open(None, ClientInfo::new()).await?;
        for (name, value) in shape.content() {
            session.insert(&name, &value)?;
        }
        session.save().await?.into_result()?;
        tokens.push(session.token().ok_or("a token")?.reveal().to_string());
    }
    Ok(tokens)
}
