//! Questions to a Sentinel, and the subscription to it.

use std::collections::HashMap;
use std::sync::Weak;

use redis::aio::MultiplexedConnection;
use redis::{PushInfo, PushKind, RedisResult, Value, from_redis_value};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::sleep;

use crate::config::servers::{Addr, Server};
use crate::store::redis::client::budget::{LONGEST_RESUBSCRIBE_PAUSE, RESUBSCRIBE_PAUSE};
use crate::store::redis::client::call_error::CallError;
use crate::store::redis::client::node::check;
use crate::store::redis::client::node::connection::{client, settings};
use crate::store::redis::client::topology::sentinel::Sentinels;

/// The address of the master, and the epoch of the failover that made it one.
pub(crate) struct MasterInfo {
    pub(crate) epoch: u64,
    pub(crate) addr: Addr,
}

/// The master as this Sentinel knows it.
pub(crate) async fn ask(sentinel: &Server, master: &str) -> Result<MasterInfo, CallError> {
    let (mut connection, _) = connect(sentinel).await.map_err(CallError::connecting)?;
    // The epoch first: if a failover comes between, the epoch is too low, and the question is repeated.
    let epoch = epoch(&mut connection, master).await;
    let answer = query(&mut connection, "GET-MASTER-ADDR-BY-NAME", master).await.map_err(CallError::connecting)?;
    match from_redis_value::<Option<(String, u16)>>(answer) {
        Ok(Some((host, port))) => Ok(MasterInfo { epoch, addr: Addr::Tcp { host, port } }),
        Ok(None) => Err(CallError::no_connection("the Sentinels know no master of this name")),
        Err(_) => Err(CallError::no_connection("a Sentinel named the master's address in an unknown format")),
    }
}

/// The role that the server reports.
pub(crate) async fn info(sentinel: &Server) -> Result<Value, CallError> {
    let (mut connection, _) = connect(sentinel).await.map_err(CallError::connecting)?;
    let answer = connection.send_packed_command(&check::info()).await.and_then(Value::extract_error);
    answer.map_err(CallError::calling)
}

/// Subscribes while the group exists.
pub(crate) async fn listen(group: Weak<Sentinels>, sentinel: Server, master: String) {
    let mut pause = RESUBSCRIBE_PAUSE;
    while group.strong_count() > 0 {
        if listen_once(&group, &sentinel, &master).await.is_ok() {
            pause = RESUBSCRIBE_PAUSE;
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_RESUBSCRIBE_PAUSE);
    }
}

/// Runs until the connection ends, which is `Ok`. Before it waits for messages it asks what it has missed.
async fn listen_once(group: &Weak<Sentinels>, sentinel: &Server, master: &str) -> RedisResult<()> {
    let (mut connection, mut pushes) = connect(sentinel).await?;
    connection.subscribe("+switch-master").await?;
    let others = query(&mut connection, "SENTINELS", master).await.map(others).unwrap_or_default();
    if let Some(group) = group.upgrade() {
        others.iter().for_each(|addr| group.listen_to(addr));
        group.find_soon();
    }
    while let Some(push) = pushes.recv().await {
        let Some(group) = group.upgrade() else { break };
        match push.kind {
            PushKind::Disconnection => break,
            PushKind::Message => {
                if let Some(addr) = switched(push.data, master) {
                    let epoch = epoch(&mut connection, master).await;
                    group.moved(&MasterInfo { epoch, addr });
                }
            }
            _ => {}
        }
    }
    Ok(())
}

async fn connect(sentinel: &Server) -> RedisResult<(MultiplexedConnection, UnboundedReceiver<PushInfo>)> {
    let (sender, pushes) = unbounded_channel();
    let settings = settings().set_push_sender(sender);
    Ok((client(sentinel)?.get_multiplexed_async_connection_with_config(&settings).await?, pushes))
}

async fn query(connection: &mut MultiplexedConnection, question: &str, master: &str) -> RedisResult<Value> {
    let mut command = redis::cmd("SENTINEL");
    command.arg(question).arg(master);
    connection.send_packed_command(&command).await?.extract_error()
}

/// 0 if the Sentinel does not permit the question.
async fn epoch(connection: &mut MultiplexedConnection, master: &str) -> u64 {
    let query: Option<HashMap<String, String>> =
        query(connection, "MASTER", master).await.ok().and_then(|query| from_redis_value(query).ok());
    query.and_then(|query| query.get("config-epoch")?.parse().ok()).unwrap_or(0)
}

/// The addresses of the other Sentinels.
pub(crate) fn others(query: Value) -> Vec<Addr> {
    let all: Vec<HashMap<String, String>> = from_redis_value(query).unwrap_or_default();
    let addr = |one: &HashMap<String, String>| {
        Some(Addr::Tcp { host: one.get("ip")?.clone(), port: one.get("port")?.parse().ok()? })
    };
    all.iter().filter_map(addr).collect()
}

/// The new address in `<master> <old host> <old port> <new host> <new port>`.
pub(crate) fn switched(message: Vec<Value>, master: &str) -> Option<Addr> {
    let text: String = from_redis_value(message.into_iter().nth(1)?).ok()?;
    let mut words = text.rsplitn(5, ' ');
    let (port, host) = (words.next()?.parse().ok()?, words.next()?.to_owned());
    (words.nth(2)? == master).then_some(Addr::Tcp { host, port })
}
