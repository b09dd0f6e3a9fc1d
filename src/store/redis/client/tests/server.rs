//! Commands of the tests on the servers of `tests/common`, and a limit of their number.

use std::sync::{Condvar, Mutex};

use redis::{Connection, FromRedisValue, RedisResult};

use crate::store::redis::client::tests::common::server::Server;

impl Server {
    /// The address of its TCP port.
    pub(crate) fn addr(&self) -> String {
        format!("127.0.0.1:{}", self.port())
    }

    /// One command of these words on a connection of its own, as the default user.
    pub(crate) fn admin<T: FromRedisValue>(&self, command: &str) -> T {
        self.try_admin(command).unwrap()
    }

    pub(crate) fn try_admin<T: FromRedisValue>(&self, command: &str) -> RedisResult<T> {
        self.try_ask(&command.split(' ').collect::<Vec<_>>())
    }

    /// A connection that blocks, as the default user.
    pub(crate) fn blocking(&self) -> Connection {
        redis::Client::open(self.url()).unwrap().get_connection().unwrap()
    }
}

/// Limits the number of servers: if all tests had theirs at the same time, they would time the machine and not the code.
#[derive(Debug)]
pub(crate) struct Lease(());

static TURNS: (Mutex<u32>, Condvar) = (Mutex::new(2), Condvar::new());

impl Lease {
    pub(crate) fn wait() -> Self {
        let left = TURNS.0.lock().unwrap();
        *TURNS.1.wait_while(left, |left| *left == 0).unwrap() -= 1;
        Self(())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        *TURNS.0.lock().unwrap() += 1;
        TURNS.1.notify_one();
    }
}
