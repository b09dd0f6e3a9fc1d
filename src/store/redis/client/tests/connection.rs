//! The shared connection alone: concurrent calls, large replies, callers that go away, a peer that does not speak RESP.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use redis::{ErrorKind, Pipeline, RedisResult, Value, cmd};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::{Instant, sleep, timeout};

use crate::store::redis::client::node::multiplexed::Multiplexed;
use crate::store::redis::client::tests::common::server::Server;

pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// A pipe, and how often it reported a break.
async fn pipe_to(server: &Server) -> (Multiplexed, Arc<AtomicUsize>) {
    pipe_over(UnixStream::connect(server.socket()).await.unwrap())
}

pub(super) fn pipe_over<S>(stream: S) -> (Multiplexed, Arc<AtomicUsize>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let broke = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&broke);
    (
        Multiplexed::new(stream, move || {
            count.fetch_add(1, Ordering::Relaxed);
        }),
        broke,
    )
}

pub(super) fn later() -> Instant {
    Instant::now() + PATIENCE
}

pub(super) async fn echo(pipe: &Multiplexed, text: &[u8]) -> RedisResult<Value> {
    pipe.one(cmd("ECHO").arg(text), later()).await
}

pub(super) fn bytes(of: usize) -> Vec<u8> {
    (0..of).map(|at| (at % 251) as u8).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_calls_each_get_their_own_reply() {
    let server = Server::start(&[]);
    let (pipe, _) = pipe_to(&server).await;
    let callers = (0..64_usize).map(|caller| {
        let pipe = pipe.clone();
        tokio::spawn(async move {
            for number in 0..200 {
                let mine = format!("{caller} {number}");
                if number % 3 == 0 {
                    let mut both = Pipeline::new();
                    both.cmd("ECHO").arg(&mine).cmd("NO-SUCH-COMMAND").cmd("ECHO").arg(number);
                    let answers = pipe.many(&both, later()).await.unwrap();
                    assert_eq!(answers[0], Value::BulkString(mine.into_bytes()));
                    assert!(matches!(&answers[1], Value::ServerError(_)), "one error is not the others'");
                    assert_eq!(answers[2], Value::BulkString(number.to_string().into_bytes()));
                } else {
                    assert_eq!(echo(&pipe, mine.as_bytes()).await.unwrap(), Value::BulkString(mine.into_bytes()));
                }
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
}

#[tokio::test]
async fn values_larger_than_any_buffer_are_sent_and_received() {
    let server = Server::start(&[]);
    let (pipe, _) = pipe_to(&server).await;
    for of in [0, 1, 16_383, 16_384, 16_385, 100_000, 5_000_000, 10] {
        let text = bytes(of);
        assert!(echo(&pipe, &text).await.unwrap() == Value::BulkString(text), "{of}");
    }
    let all = [bytes(3_000_000), bytes(7), bytes(70_000)];
    let answers = tokio::join!(echo(&pipe, &all[0]), echo(&pipe, &all[1]), echo(&pipe, &all[2]));
    let answers = [answers.0, answers.1, answers.2].map(|answer| answer.unwrap());
    assert!(answers == all.map(Value::BulkString));
}

#[tokio::test]
async fn a_cancelled_calls_reply_does_not_reach_the_next_caller() {
    let server = Server::start(&[]);
    let (pipe, _) = pipe_to(&server).await;
    for number in 0..50 {
        let (command, mut both) = (cmd("ECHO").arg("gone").to_owned(), Pipeline::new());
        both.cmd("ECHO").arg("gone").cmd("ECHO").arg("too");
        let mut gone = Box::pin(pipe.one(&command, later()));
        let mut two_gone = Box::pin(pipe.many(&both, later()));
        let mut nobody = Context::from_waker(Waker::noop());
        assert!(gone.as_mut().poll(&mut nobody).is_pending() && two_gone.as_mut().poll(&mut nobody).is_pending());
        if number % 2 == 0 {
            tokio::task::yield_now().await;
        }
        drop((gone, two_gone));
        assert_eq!(echo(&pipe, b"mine").await.unwrap(), Value::BulkString(b"mine".to_vec()));
    }
}

#[tokio::test]
async fn a_late_reply_is_a_timeout_for_its_caller_alone() {
    let server = Server::start(&[]);
    let (pipe, broke) = pipe_to(&server).await;
    echo(&pipe, b"up").await.unwrap();
    server.stop();
    let begun = Instant::now();
    let soon = |ms: u64| begun + Duration::from_millis(ms);
    let short = cmd("ECHO").arg("short").to_owned();
    let long = cmd("ECHO").arg("long").to_owned();
    let mut two = Pipeline::new();
    two.cmd("ECHO").arg("short").cmd("ECHO").arg("too");
    let (one, other, both) = tokio::join!(
        async { (pipe.one(&short, soon(200)).await, begun.elapsed()) },
        async { (pipe.one(&short, soon(100)).await, begun.elapsed()) },
        pipe.many(&two, soon(200)),
    );
    server.go_on();
    let patient = pipe.one(&long, later()).await;
    for ((answer, took), ms) in [(one, 200), (other, 100)] {
        assert!(answer.unwrap_err().is_timeout());
        assert!((ms..ms + 2_500).contains(&(took.as_millis() as u64)), "{took:?}, not {ms} ms");
    }
    assert!(both.unwrap_err().is_timeout());
    assert_eq!(patient.unwrap(), Value::BulkString(b"long".to_vec()));
    assert_eq!(
        broke.load(Ordering::Relaxed),
        1,
        "three were late: another connection is needed, but this one serves on"
    );
}

#[tokio::test]
async fn a_call_times_out_at_its_limit_as_the_first_one_or_after_a_pause() {
    let server = Server::start(&[]);
    server.stop();
    let (pipe, _) = pipe_to(&server).await;
    let command = cmd("ECHO").arg("x").to_owned();
    for _ in 0..3 {
        let late = timeout(PATIENCE, pipe.one(&command, Instant::now() + Duration::from_millis(100))).await;
        assert!(late.expect("its time is over").unwrap_err().is_timeout());
        server.go_on();
        pipe.one(&command, later()).await.unwrap();
        sleep(Duration::from_millis(150)).await;
        server.stop();
    }
    server.go_on();
}

#[tokio::test]
async fn a_call_that_cannot_be_written_times_out_at_its_limit() {
    let server = Server::start(&[]);
    let (pipe, _) = pipe_to(&server).await;
    echo(&pipe, b"up").await.unwrap();
    server.stop();
    let large = cmd("ECHO").arg(bytes(8_000_000)).to_owned();
    let until = Instant::now() + Duration::from_millis(300);
    let (first, second) = tokio::join!(pipe.one(&large, until), async {
        sleep(Duration::from_millis(100)).await;
        timeout(PATIENCE, pipe.one(cmd("ECHO").arg("behind it"), until)).await
    });
    assert!(first.unwrap_err().is_timeout() && second.expect("its time is over").unwrap_err().is_timeout());
    server.go_on();
    assert_eq!(echo(&pipe, b"mine").await.unwrap(), Value::BulkString(b"mine".to_vec()));
}

#[tokio::test]
async fn three_late_replies_count_even_if_their_callers_are_gone() {
    let server = Server::start(&[]);
    let (pipe, broke) = pipe_to(&server).await;
    let command = cmd("ECHO").arg("x").to_owned();
    let short = Duration::from_millis(20);
    for (late, told) in [(2, 0), (2, 0), (3, 1), (3, 1)] {
        server.stop();
        for _ in 0..late {
            let until = Instant::now() + Duration::from_millis(60);
            assert!(timeout(short, pipe.one(&command, until)).await.is_err(), "its caller goes");
        }
        sleep(Duration::from_millis(100)).await;
        let begun = Instant::now();
        while broke.load(Ordering::Relaxed) < told {
            assert!(begun.elapsed() < PATIENCE, "three late replies do not count");
            sleep(Duration::from_millis(5)).await;
        }
        server.go_on();
        assert_eq!(broke.load(Ordering::Relaxed), told);
        assert_eq!(echo(&pipe, b"mine").await.unwrap(), Value::BulkString(b"mine".to_vec()));
    }
}

#[tokio::test]
async fn unsent_data_is_limited_and_dropped_with_the_last_handle() {
    let server = Server::start(&[]);
    let (pipe, _) = pipe_to(&server).await;
    echo(&pipe, b"up").await.unwrap();
    server.stop();
    let large = cmd("ECHO").arg(bytes(4_000_000)).to_owned();
    let mut refused = 0;
    for _ in 0..30 {
        let until = Instant::now() + Duration::from_secs(5);
        if let Ok(answer) = timeout(Duration::from_millis(5), pipe.one(&large, until)).await {
            assert_eq!(answer.unwrap_err().kind(), ErrorKind::Client, "it says that nothing was sent");
            refused += 1;
        }
    }
    // One that is being written, and nine that wait for it.
    assert!((12..=25).contains(&refused), "{refused}");
    let metrics = tokio::runtime::Handle::current().metrics();
    assert!(metrics.num_alive_tasks() <= 2, "the connection's task, and the alarm");
    drop(pipe);
    let begun = Instant::now();
    while metrics.num_alive_tasks() > 0 {
        assert!(begun.elapsed() < PATIENCE, "the connection's task goes on");
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_broken_connection_fails_all_calls_at_once() {
    let server = Server::start(&[]);
    let (pipe, broke) = pipe_to(&server).await;
    echo(&pipe, b"up").await.unwrap();
    server.stop();
    let (command, mut two) = (cmd("ECHO").arg("lost").to_owned(), Pipeline::new());
    two.cmd("ECHO").arg("lost").cmd("ECHO").arg("too");
    let (one, many, ()) = tokio::join!(pipe.one(&command, later()), pipe.many(&two, later()), async {
        sleep(Duration::from_millis(50)).await;
        server.kill();
    });
    for error in [one.unwrap_err(), many.unwrap_err(), echo(&pipe, b"after").await.unwrap_err()] {
        assert!(error.kind() == ErrorKind::Io && !error.is_timeout(), "{error:?}");
    }
    assert_eq!(broke.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn the_last_handle_closes_the_connection_without_reporting_a_break() {
    let (ours, mut peer) = UnixStream::pair().unwrap();
    let (pipe, broke) = pipe_over(ours);
    let other = pipe.clone();
    drop(pipe);
    let command = cmd("ECHO").arg("x").to_owned();
    let gone =
        timeout(Duration::from_millis(20), other.one(&command, Instant::now() + Duration::from_millis(100))).await;
    assert!(gone.is_err(), "nobody answers here");
    drop(other);
    let mut all = Vec::new();
    timeout(PATIENCE, peer.read_to_end(&mut all)).await.expect("it was closed").unwrap();
    assert_eq!(all, command.get_packed_command());
    assert_eq!(broke.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_peer_that_does_not_speak_resp_ends_the_connection() {
    for said in ["HTTP/1.1 400 Bad Request\r\n\r\n", "$1\r\nabcdef", "+OK\r\n+answer to nobody\r\n"] {
        let (ours, mut peer) = UnixStream::pair().unwrap();
        let (pipe, broke) = pipe_over(ours);
        let told = tokio::spawn(async move {
            let mut received = [0; 64];
            let _ = peer.read(&mut received).await.unwrap();
            peer.write_all(said.as_bytes()).await.unwrap();
            peer
        });
        let first = echo(&pipe, b"hello").await;
        assert!(first.is_ok() == said.starts_with("+OK"), "{said:?}: {first:?}");
        let _peer = told.await.unwrap();
        let second = timeout(PATIENCE, echo(&pipe, b"again")).await.expect("nobody waits after it");
        assert!(second.is_err(), "{said:?}");
        assert_eq!(broke.load(Ordering::Relaxed), 1, "{said:?}");
    }
}

/// On a worker thread, which would run the connection's task right after the first of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn calls_ready_at_once_are_sent_in_one_write() {
    let (ours, mut peer) = UnixStream::pair().unwrap();
    let (pipe, _) = pipe_over(ours);
    for _ in 0..3 {
        let pipe = pipe.clone();
        tokio::spawn(async move {
            for _ in 0..50 {
                let pipe = pipe.clone();
                tokio::spawn(async move { pipe.one(&cmd("PING"), later()).await });
            }
        });
        let mut received = [0; 4096];
        let first = timeout(PATIENCE, peer.read(&mut received)).await.unwrap().unwrap();
        assert_eq!(first, 50 * cmd("PING").get_packed_command().len());
    }
}

#[tokio::test]
async fn a_reply_may_arrive_byte_by_byte() {
    let (ours, mut peer) = UnixStream::pair().unwrap();
    let (pipe, _) = pipe_over(ours);
    let answer = b"%1\r\n$3\r\na\r\n\r\n*2\r\n:7\r\n$-1\r\n>1\r\n+pushed\r\n+OK\r\n";
    let told = tokio::spawn(async move {
        let mut received = [0; 64];
        let _ = peer.read(&mut received).await.unwrap();
        for byte in answer {
            peer.write_all(&[*byte]).await.unwrap();
            tokio::task::yield_now().await;
        }
        peer
    });
    let mut both = Pipeline::new();
    both.cmd("X").cmd("Y");
    let answers = pipe.many(&both, later()).await.unwrap();
    let list = Value::Array(vec![Value::Int(7), Value::Nil]);
    assert_eq!(answers, [Value::Map(vec![(Value::BulkString(b"a\r\n".to_vec()), list)]), Value::Okay]);
    let _peer = told.await.unwrap();
}

#[tokio::test]
async fn push_messages_shift_no_reply_and_hide_no_error() {
    let (ours, mut peer) = UnixStream::pair().unwrap();
    let (pipe, _) = pipe_over(ours);
    let said = "|1\r\n+about\r\n:1\r\n>1\r\n+pushed\r\n:1\r\n|1\r\n+about\r\n*1\r\n:2\r\n-ERR wrong\r\n";
    let told = tokio::spawn(async move {
        let mut received = [0; 64];
        let _ = peer.read(&mut received).await.unwrap();
        peer.write_all(said.as_bytes()).await.unwrap();
        peer
    });
    let mut both = Pipeline::new();
    both.cmd("X").cmd("Y");
    let answers = pipe.many(&both, later()).await.unwrap();
    assert!(matches!(&answers[..], [Value::Int(1), Value::ServerError(_)]), "{answers:?}");
    let _peer = told.await.unwrap();
}

#[test]
fn the_end_of_the_runtime_is_reported_as_a_break() {
    let server = Server::start(&[]);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let other = tokio::runtime::Runtime::new().unwrap();
    let (pipe, _) = runtime.block_on(pipe_to(&server));
    server.stop();
    // More than the socket takes: the connection's task does not take what comes after it.
    let calls = [bytes(8_000_000), b"behind it".to_vec()].map(|text| {
        let pipe = pipe.clone();
        let waiting = other.spawn(async move { echo(&pipe, &text).await });
        std::thread::sleep(Duration::from_millis(100));
        waiting
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    other.block_on(async {
        for call in calls {
            assert!(timeout(PATIENCE, call).await.expect("nobody waits").unwrap().is_err());
        }
        assert!(timeout(PATIENCE, echo(&pipe, b"after")).await.expect("nobody waits").is_err());
    });
}
