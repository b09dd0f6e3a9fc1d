use std::net::TcpListener;

use super::*;
use crate::store::redis::client::tests::scripts::code;

/// The result of `check` as text.
async fn check(url: &str) -> String {
    match wire_to(url, Duration::from_secs(3)).check().await {
        Ok(()) => "fine".into(),
        Err(outage) => outage.to_string(),
    }
}

#[tokio::test]
async fn a_suitable_server_passes_the_check() {
    let server = Server::start(&[]);
    assert_eq!(check(&server.url()).await, "fine");
    assert_eq!(check(&format!("{}?db=15", server.url())).await, "fine");
}

#[tokio::test]
async fn the_database_of_the_url_is_used() {
    let server = Server::start(&[]);
    let client = wire_to(&format!("{}?db=7", server.url()), Duration::from_secs(3));
    for path in PATHS {
        scripts::count(&client, path).await.unwrap();
    }
    assert!(server.admin::<String>("INFO keyspace").contains("db7:keys=1"));
    let there_is_none = format!("Unix socket {} has no database 99", server.socket().display());
    assert_eq!(check(&format!("{}?db=99", server.url())).await, there_is_none);
}

#[tokio::test]
async fn a_password_is_asked_for_and_checked() {
    let server = Server::start(&["--requirepass", "p@ss&word"]);
    let addr = format!("Unix socket {}", server.socket().display());
    let url = |password: &str| format!("{}?password={password}", server.url());
    assert_eq!(check(&server.url()).await, format!("{addr} requires a password; the URL has none"));
    assert_eq!(check(&url("wrong")).await, format!("{addr} rejects the password"));
    assert_eq!(check(&url("p%40ss%26word")).await, "fine");

    let client = wire_to(&url("wrong"), Duration::from_secs(3));
    for path in PATHS {
        let start = tokio::time::Instant::now();
        let error = get(&client, path, "k").await.unwrap_err();
        assert!(matches!(error, Error::Unavailable(_)) && code(&error).as_deref() == Some("WRONGPASS"), "{error:?}");
        assert!(start.elapsed() < Duration::from_secs(1), "nobody waits for a password to become right");
    }
}

#[tokio::test]
async fn a_users_permissions_are_checked() {
    let server = Server::start(&[]);
    server.admin::<()>("ACL SETUSER app on >secret ~shop:* +get +hello +info +time +select");
    server.admin::<()>("ACL SETUSER blind on >secret ~shop:* +get +hello +time");
    let addr = format!("Unix socket {}", server.socket().display());
    let url = |user: &str, password: &str| format!("{}?user={user}&password={password}", server.url());
    assert_eq!(check(&url("app", "secret")).await, "fine");
    assert_eq!(check(&format!("{}&db=1", url("app", "secret"))).await, "fine");
    let unknown = format!("{addr} rejects the login: the user is unknown or disabled, or the password is wrong");
    assert_eq!(check(&url("nobody", "secret")).await, unknown);
    assert_eq!(check(&url("app", "wrong")).await, unknown);
    let blind = format!("{addr} denies its user a command that the check needs: HELLO, SELECT, TIME or INFO");
    assert_eq!(check(&url("blind", "secret")).await, blind);
    let no_db = format!("{addr} denies its user to select database 1");
    assert_eq!(check(&format!("{}&db=1", url("blind", "secret"))).await, no_db);

    let client = wire_to(&url("app", "secret"), Duration::from_secs(3));
    for path in PATHS {
        get(&client, path, "shop:k").await.unwrap();
        let error = get(&client, path, "other:k").await.unwrap_err();
        assert!(matches!(error, Error::Unavailable(_)) && code(&error).as_deref() == Some("NOPERM"), "{error:?}");
    }
}

#[tokio::test]
async fn a_wrong_address_is_reported_by_its_kind() {
    let folder = std::env::temp_dir().join(format!("cloakroom-client-none-{}", std::process::id()));
    let missing = folder.to_str().unwrap();
    assert_eq!(check(&format!("redis+unix://{missing}")).await, format!("Unix socket {missing} does not exist"));

    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(check(&format!("redis://{free}")).await, format!("{free} refuses connections: nothing listens there"));
    assert_eq!(check("redis://no-such-host.invalid").await, "the host no-such-host.invalid cannot be resolved");

    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    assert_eq!(check(&format!("redis://{address}")).await, format!("{address} did not reply in time"));
}

#[tokio::test]
async fn a_server_that_is_not_redis_is_reported() {
    for (greeting, told) in [
        ("HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak the Redis protocol"),
        ("", "closed the connection: is it a Redis, and without TLS?"),
        (
            "-DENIED Redis is running in protected mode\r\n",
            "is in protected mode and refuses connections from other machines",
        ),
        ("-ERR max number of clients reached\r\n", "has reached its limit of connections (maxclients)"),
        ("-ERR unknown command `HELLO`, with args\r\n", "does not know HELLO: Redis 7.0 or Valkey 8.0 is required"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            use std::io::{Read, Write};
            let (mut client, _) = listener.accept().unwrap();
            assert!(client.read(&mut [0; 1024]).unwrap() > 0);
            client.write_all(greeting.as_bytes()).unwrap();
        });
        assert_eq!(check(&format!("redis://{address}")).await, format!("{address} {told}"), "{greeting}");
    }
}

#[tokio::test]
async fn tcp_works_like_a_unix_socket() {
    // At an address of this process alone, because the URL names no port.
    let [_, a, b, c] = std::process::id().to_be_bytes();
    let host = format!("127.{}.{b}.{c}", 128 | a);
    let _server = Server::start(&["--port", "6379", "--bind", &host]);
    let client = wire_to(&format!("redis://{host}"), Duration::from_secs(3));
    client.check().await.unwrap();
    for path in PATHS {
        scripts::count(&client, path).await.unwrap();
    }
}

#[tokio::test]
async fn nothing_printed_shows_the_password() {
    let server = Server::start(&["--requirepass", "right"]);
    let client = wire_to(&format!("{}?password=hunter2", server.url()), Duration::from_secs(3));
    let outage = client.check().await.unwrap_err();
    let error = get(&client, Path::Bulk, "k").await.unwrap_err();
    for shown in [format!("{client:?}"), format!("{outage:?} {outage}"), format!("{error:?} {error}")] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
