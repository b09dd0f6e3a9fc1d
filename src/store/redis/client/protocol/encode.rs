//! Commands: written to a buffer, or built for the redis crate.

use redis::{Cmd, Pipeline, RedisResult, Value};

use crate::store::redis::client::protocol::resp::accepted;

/// Appends a command with the given number of words.
pub(crate) fn write<'a>(bytes: &mut Vec<u8>, count: usize, words: impl Iterator<Item = &'a [u8]>) {
    line(bytes, b'*', count);
    words.for_each(|word| string(bytes, word));
}

fn string(bytes: &mut Vec<u8>, word: &[u8]) {
    line(bytes, b'$', word.len());
    bytes.extend_from_slice(word);
    bytes.extend_from_slice(b"\r\n");
}

/// The bytes of replies of the redis crate; an error of the server is an `Err`.
pub(crate) fn raw_of(answers: Vec<Value>) -> RedisResult<Vec<u8>> {
    let mut bytes = Vec::new();
    answers.into_iter().try_for_each(|answer| accepted(answer).map(|answer| write_value(&mut bytes, &answer)))?;
    Ok(bytes)
}

/// Appends a reply of the redis crate; a type that neither a hash nor a script's reply contains becomes null.
pub(crate) fn write_value(bytes: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Int(number) => bytes.extend_from_slice(format!(":{number}\r\n").as_bytes()),
        Value::BulkString(text) => string(bytes, text),
        Value::Array(items) => {
            line(bytes, b'*', items.len());
            items.iter().for_each(|item| write_value(bytes, item));
        }
        Value::Map(pairs) => {
            line(bytes, b'%', pairs.len());
            pairs.iter().flat_map(|(name, value)| [name, value]).for_each(|item| write_value(bytes, item));
        }
        _ => bytes.extend_from_slice(b"_\r\n"),
    }
}

/// Appends a script call, by `EVALSHA` or `EVAL`.
pub(crate) fn write_script(bytes: &mut Vec<u8>, name: &str, script: &str, keys: &[&[u8]], args: &[&[u8]]) {
    let count = keys.len().to_string();
    let first = [name.as_bytes(), script.as_bytes(), count.as_bytes()];
    write(bytes, first.len() + keys.len() + args.len(), first.into_iter().chain(keys.iter().chain(args).copied()));
}

fn line(bytes: &mut Vec<u8>, kind: u8, mut number: usize) {
    let mut digits = [0; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    bytes.push(kind);
    bytes.extend_from_slice(&digits[first..]);
    bytes.extend_from_slice(b"\r\n");
}

/// Builds a script call for the redis crate.
pub(crate) fn command(name: &str, script: &str, keys: &[&[u8]], args: &[&[u8]]) -> Cmd {
    let bytes = script.len() + keys.iter().chain(args).map(|each| each.len()).sum::<usize>();
    let mut command = Cmd::with_capacity(3 + keys.len() + args.len(), name.len() + bytes + 4);
    command.arg(name).arg(script).arg(keys.len());
    for each in keys.iter().chain(args) {
        command.arg(each);
    }
    command
}

/// Builds a pipeline of one command.
pub(crate) fn only(command: Cmd) -> Pipeline {
    let mut commands = Pipeline::new();
    commands.add_command(command);
    commands
}

pub(crate) fn hgetall(key: &[u8]) -> Cmd {
    const NAME: &str = "HGETALL";
    let mut command = Cmd::with_capacity(2, NAME.len() + key.len());
    command.arg(NAME).arg(key);
    command
}

pub(crate) fn lasting(key: &[u8]) -> Pipeline {
    let mut commands = Pipeline::new();
    commands.cmd("PTTL").arg(key).add_command(hgetall(key));
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_written_as_the_driver_writes_it() {
        let words: [&[u8]; 4] = [b"ECHO", b"", b"\r\n$", &[7; 1_234]];
        let mut expected = redis::Cmd::new();
        words.iter().for_each(|word| {
            expected.arg(word);
        });
        let mut bytes = b"before".to_vec();
        write(&mut bytes, words.len(), words.into_iter());
        assert_eq!(bytes, [b"before", &expected.get_packed_command()[..]].concat());
    }

    #[test]
    fn a_script_is_written_as_the_driver_writes_it() {
        let many = vec![&b"argument"[..]; 120];
        for (keys, args) in [(&[][..], &[][..]), (&many[..1], &many[..9]), (&many, &many)] {
            let mut bytes = Vec::new();
            write_script(&mut bytes, "EVALSHA", "0123", keys, args);
            assert_eq!(bytes, command("EVALSHA", "0123", keys, args).get_packed_command());
        }
    }
}
