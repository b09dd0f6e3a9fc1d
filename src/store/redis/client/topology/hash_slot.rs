//! The hash slot of a key in a Redis Cluster.

/// The number of slots.
pub(crate) const SLOTS: usize = 16_384;

const TABLE: [u16; 256] = table();

/// The slot of a key: CRC16 of its hash tag, or of the whole key if it has none, or an empty one.
pub(crate) fn slot(key: &[u8]) -> u16 {
    crc16(tag(key)) % SLOTS as u16
}

/// The text between the first `{` and the first `}` after it.
fn tag(key: &[u8]) -> &[u8] {
    let Some(open) = key.iter().position(|each| *each == b'{') else { return key };
    let rest = &key[open + 1..];
    match rest.iter().position(|each| *each == b'}') {
        None | Some(0) => key,
        Some(close) => &rest[..close],
    }
}

/// CRC16/XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| (crc << 8) ^ TABLE[usize::from((crc >> 8) as u8 ^ byte)])
}

const fn table() -> [u16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use crate::store::redis::client::topology::hash_slot::slot;

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(slot(b"123456789"), 0x31C3);
        assert_eq!(slot(b""), 0);
        assert_eq!(slot(b"{user1000}.following"), slot(b"user1000"));
        assert_eq!(slot(b"foo{bar}{zap}"), slot(b"bar"));
        assert_eq!(slot(b"foo{{bar}}zap"), slot(b"{bar"));
        assert_ne!(slot(b"foo{}{bar}"), slot(b"bar"), "an empty tag is none");
        assert_ne!(slot(b"foo{bar"), slot(b"bar"));
    }
}
