//! Time travel: a test that needs time to pass moves the stored data back by as much.

use super::*;

/// Moves the stored times and expiries of the keys back.
const BACK: &str = r"
local by = tonumber(ARGV[1])
for _, key in ipairs(KEYS) do
  local kind = string.match(key, '^[^:]*:{%x+}:(%a)')
  local expiry = redis.call('PEXPIRETIME', key)
  if kind == 's' then
    local session = unpack_meta(redis.call('HGET', key, '@'))
    for _, time in ipairs({ 'created', 'since', 'touched', 'rotated', 'used', 'index_until', 'horizon' }) do
      local was = session[time] or 0
      session[time] = was > 0 and math.max(1, was - by) or session[time]
    end
    session.former = string.gsub(session.former, string.rep('.', FORMER), function(entry)
      local digest, at = struct.unpack('>c16I6', entry)
      return digest .. struct.pack('>I6', at - by)
    end)
    for _, entry in ipairs(session.ring) do entry.not_after = entry.not_after - by end
    redis.call('HSET', key, '@', pack_meta(session))
  elseif kind == 'r' then
    redis.call('SET', key, string.format('%.0f', redis.call('GET', key) - by))
  else
    for _, member in ipairs(redis.call('ZRANGE', key, 0, -1)) do redis.call('ZINCRBY', key, -by, member) end
  end
  if expiry > 0 then redis.call('PEXPIREAT', key, expiry - by) end
end
";

impl Bench {
    /// Lets the given time pass.
    pub(super) fn advance(&self, ms: u64) {
        self.shift(ms as i64);
    }

    /// Simulates a server clock that was set back by the given time.
    pub(super) fn set_back(&self, ms: u64) {
        self.shift(-(ms as i64));
    }

    fn shift(&self, ms: i64) {
        let mut connection = self.server.blocking();
        let keys = self.all_keys();
        let script = scripts::joined_to_pieces(BACK);
        let () = ::redis::cmd("EVAL").arg(script).arg(keys.len()).arg(keys).arg(ms).query(&mut connection).unwrap();
    }
}

#[tokio::test]
async fn time_that_passes_brings_the_deadline_nearer() {
    let bench = open();
    let (id, before) = bench.guest(&["a=1"]).await;
    bench.advance(HOUR / 4);
    let after = bench.live(id).await;
    assert_eq!(after.meta.touched + HOUR / 4, before.meta.touched);
    assert_eq!(bench.expiry(&bench.store.keys.session(id)) as u64, after.meta.deadline());
    bench.advance(HOUR);
    assert_eq!(bench.load(id).await, Loaded::Absent);
}
