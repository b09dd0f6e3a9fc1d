//! Changing where a door leads, and how long it stays.

use redis::{Value, cmd};

use crate::error::Error;
use crate::identity::id::SessionId;
use crate::store::redis::Redis;
use crate::store::redis::client::Path;
use crate::store::redis::layout::meta;
use crate::store::redis::layout::meta::Stored;
use crate::store::redis::script::call::ScriptCall;
use crate::store::redis::script::scripts;
use crate::store::{Lead, Op, StoreResult};

impl Redis {
    pub(crate) async fn lead(&self, op: Op, lead: &Lead) -> StoreResult<()> {
        let call = ScriptCall::new(&scripts::LEAD, vec![self.keys.session(lead.door)])
            .bytes(&lead.from.as_bytes()[..])
            .bytes(&lead.to.as_bytes()[..])
            .number(lead.stay_ms);
        self.call(&mut self.delivery(op), &call).await?.answer(|_| Ok(()))
    }

    pub(crate) async fn is_parked(&self, id: SessionId) -> Result<bool, Error> {
        let key = self.keys.session(id);
        let mut read = cmd("HGET");
        read.arg(&key).arg(meta::FIELD);
        let packed = self.client.read_one(Path::Request, &self.client.budget(), &key, &read).await?;
        Ok(match packed {
            Value::BulkString(packed) => meta::decode(&packed)? == Stored::Parked,
            _ => false,
        })
    }
}
