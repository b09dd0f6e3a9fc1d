//! Spring Session's indexed layout, as its documentation shows it: a hash, a key whose expiry signals the session's, a
//! set for each minute of expiry, a set for each user.
//!
//! Once with numbers in digits and plain values, as the documentation prints them, and once as its default, Java
//! serialization, writes them: 82 bytes for a time, 81 for a number, 7 more for a text.

use redis::aio::MultiplexedConnection;

use super::common::Failure;
use super::memory::Stock;

/// Its sets by minute, with sessions that were last used within half an hour.
const MINUTES: usize = 30;
const INDEX: &str =
    "spring:session:index:org.springframework.session.FindByIndexNameSessionRepository.PRINCIPAL_NAME_INDEX_NAME";

/// How values are written.
#[derive(Clone, Copy)]
pub(super) enum Values {
    Bare,
    Java,
}

impl Values {
    fn time(self, ms: usize) -> String {
        match self {
            Self::Bare => ms.to_string(),
            Self::Java => "x".repeat(82),
        }
    }

    fn number(self, number: u32) -> String {
        match self {
            Self::Bare => number.to_string(),
            Self::Java => "x".repeat(81),
        }
    }

    fn text(self, text: &str) -> String {
        match self {
            Self::Bare => text.to_owned(),
            Self::Java => format!("xxxxxxx{text}"),
        }
    }
}

pub(super) async fn store(
    redis: &mut MultiplexedConnection,
    values: Values,
    stock: Stock,
    number: usize,
) -> Result<(), Failure> {
    let id = format!("00000000-0000-4000-8000-{number:012}");
    let now = values.time(1_800_000_000_000 + number);
    let mut hash = redis::cmd("HSET");
    hash.arg(format!("spring:session:sessions:{id}"));
    hash.arg("creationTime").arg(&now).arg("lastAccessedTime").arg(&now);
    hash.arg("maxInactiveInterval").arg(values.number(1800));
    for name in stock.content.names() {
        hash.arg(format!("sessionAttr:{name}")).arg(values.text(&"x".repeat(stock.content.bytes)));
    }
    hash.arg("sessionAttr:userAgent").arg(values.text(&stock.agent()));
    hash.arg("sessionAttr:user").arg(values.text(&stock.user(number)));
    let minute = format!("spring:session:expirations:{}", 1_800_000_060_000 + number % MINUTES * 60_000);
    let mut pipe = redis::pipe();
    pipe.add_command(hash).cmd("EXPIRE").arg(format!("spring:session:sessions:{id}")).arg(2100);
    pipe.cmd("APPEND").arg(format!("spring:session:sessions:expires:{id}")).arg("");
    pipe.cmd("EXPIRE").arg(format!("spring:session:sessions:expires:{id}")).arg(1800);
    pipe.cmd("SADD").arg(&minute).arg(values.text(&format!("expires:{id}"))).cmd("EXPIRE").arg(&minute).arg(2100);
    pipe.cmd("SADD").arg(format!("{INDEX}:{}", stock.user(number))).arg(values.text(&id));
    Ok(pipe.exec_async(redis).await?)
}
