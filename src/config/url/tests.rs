#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

fn parsed(text: &str) -> Servers {
    match StoreUrl::parse(text) {
        Ok(StoreUrl::Redis(servers)) => *servers,
        other => panic!("{text}: {other:?}"),
    }
}

fn server(text: &str) -> Server {
    match parsed(text) {
        Servers::One(server) => server,
        other => panic!("{text}: {other:?}"),
    }
}

fn group(text: &str) -> SentinelGroup {
    match parsed(text) {
        Servers::Sentinel(group) => group,
        other => panic!("{text}: {other:?}"),
    }
}

fn tcp(host: &str, port: u16) -> Addr {
    Addr::Tcp { host: host.into(), port }
}

fn socket(path: &str) -> Addr {
    Addr::Unix { path: path.into() }
}

fn error(text: &str) -> String {
    StoreUrl::parse(text).map(|url| format!("{url:?}")).unwrap_err().to_string()
}

#[test]
fn the_memory_scheme_is_the_embedded_store() {
    assert_eq!(StoreUrl::parse("memory:"), Ok(StoreUrl::Memory));
    for text in ["memory://", "memory:x", "memory"] {
        assert!(StoreUrl::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_host_without_port_and_database_is_enough() {
    let local = Credentials::default().at(tcp("localhost", 6379));
    for text in ["redis://localhost", "redis://localhost/", "redis://localhost:6379", "redis://localhost/0"] {
        assert_eq!(server(text), local, "{text}");
    }
}

#[test]
fn port_and_database_are_read() {
    let there = server("redis://cache.example:7000/15");
    assert_eq!((there.addr, there.credentials.db), (tcp("cache.example", 7000), 15));
    assert_eq!(server("redis://10.0.0.1/65535").credentials.db, 65535);
    assert_eq!(server("redis://under_score:1").addr, tcp("under_score", 1));
}

#[test]
fn port_0_is_refused_in_every_scheme() {
    for text in ["redis://h:0", "redis://[::1]:00/1", "redis-cluster://a:7000,b:0", "redis-sentinel://a:0,b/main"] {
        assert_eq!(error(text), "url of the store: port 0 is not valid: a port is a number, 1 to 65535", "{text}");
    }
}

#[test]
fn ipv6_hosts_are_in_brackets() {
    let there = server("redis://[2001:DB8::1]:7000").addr;
    assert_eq!(there, tcp("2001:db8::1", 7000));
    assert_eq!(there.to_string(), "[2001:db8::1]:7000");
    assert_eq!(server("redis://[::1]").addr, tcp("::1", 6379));
}

#[test]
fn user_and_password_are_percent_decoded() {
    let there = server("redis://app%40home:p%40s%2Fs%23%25+%C3%A9@h");
    assert_eq!(
        (there.credentials.user.as_deref(), there.credentials.password.as_deref()),
        (Some("app@home"), Some("p@s/s#%+é"))
    );
    let there = server("redis://:secret@h");
    assert_eq!((there.credentials.user, there.credentials.password.as_deref()), (None, Some("secret")));
    let there = server("redis://@h");
    assert_eq!((there.credentials.user, there.credentials.password), (None, None));
}

#[test]
fn a_unix_socket_url_has_its_options_in_the_query() {
    let there = server("redis+unix:///run/my%20redis.sock?db=3&user=app&password=a%26b+c%3D");
    assert_eq!(there.addr, socket("/run/my redis.sock"));
    assert_eq!(
        (there.credentials.user.as_deref(), there.credentials.password.as_deref(), there.credentials.db),
        (Some("app"), Some("a&b+c="), 3)
    );
    let plain = server("redis+unix:///run/redis.sock");
    assert_eq!(plain, Credentials::default().at(socket("/run/redis.sock")));
    assert_eq!(server("redis+unix:/run/redis.sock").addr, socket("/run/redis.sock"));
}

#[test]
fn a_cluster_is_named_by_some_of_its_nodes() {
    let (seeds, credentials) = match parsed("redis-cluster://app:p%40ss@10.0.0.1:7000,node.example,[2001:DB8::1]:7001")
    {
        Servers::Cluster { seeds, credentials } => (seeds, credentials),
        other => panic!("{other:?}"),
    };
    assert_eq!(seeds, [tcp("10.0.0.1", 7000), tcp("node.example", 6379), tcp("2001:db8::1", 7001)]);
    assert_eq!(
        (credentials.user.as_deref(), credentials.password.as_deref(), credentials.db),
        (Some("app"), Some("p@ss"), 0)
    );
    assert_eq!(parsed("redis-cluster://h/"), parsed("redis-cluster://h:6379"));
}

#[test]
fn a_sentinel_url_names_the_master_and_two_logins() {
    let url = "redis-sentinel://:data@s1,s2:5000,[::1]/my%20master/3?sentinel_user=watch&sentinel_password=a%26b+c";
    let group = group(url);
    assert_eq!(group.sentinels, [tcp("s1", 26379), tcp("s2", 5000), tcp("::1", 26379)]);
    assert_eq!(group.master, "my master");
    assert_eq!((group.credentials.password.as_deref(), group.credentials.db), (Some("data"), 3));
    let watch = group.sentinel_access;
    assert_eq!((watch.user.as_deref(), watch.password.as_deref(), watch.db), (Some("watch"), Some("a&b+c"), 0));
    let plain = super::tests::group("redis-sentinel://s1/main");
    assert_eq!((plain.credentials, plain.sentinel_access), (Credentials::default(), Credentials::default()));
}

#[cfg(feature = "tls")]
#[test]
fn a_rediss_scheme_is_tls() {
    assert!(server("rediss://h").credentials.tls.is_some() && server("redis://h").credentials.tls.is_none());
    let group = group("rediss-sentinel://h/main");
    assert!(group.credentials.tls.is_some() && group.sentinel_access.tls.is_some());
    assert!(matches!(parsed("rediss-cluster://h"), Servers::Cluster { credentials, .. } if credentials.tls.is_some()));
    assert!(StoreUrl::parse("rediss+unix:///s").is_err());
}

#[cfg(not(feature = "tls"))]
#[test]
fn a_rediss_scheme_without_the_feature_names_it() {
    for text in ["rediss://h", "rediss-cluster://h", "rediss-sentinel://h/main"] {
        assert_eq!(error(text), "url of the store: TLS (`rediss`) requires the crate feature `tls`");
    }
}

#[test]
fn an_error_in_a_list_of_hosts_is_named() {
    for (text, why) in [
        ("redis://a,b", "`redis:` takes one host: for several, use `redis-cluster:` or `redis-sentinel:`"),
        ("redis-cluster://h/1", "a Redis Cluster has no databases: nothing may follow the hosts"),
        ("redis-cluster://h?db=1", "`redis-cluster:` takes no query parameters"),
        ("redis-cluster://a,,b", "names no host, or an empty one"),
        ("redis-sentinel://h", "names no master: `redis-sentinel://host,host/master`"),
        ("redis-sentinel://h/", "names no master: `redis-sentinel://host,host/master`"),
        ("redis-sentinel://h/m/x", "the database is a number, 0 to 65535"),
        ("redis-sentinel://h/m/1/2", "only the master's name and the database may follow the hosts"),
        ("redis-sentinel://h/m?db=1", "query parameters are `sentinel_user` and `sentinel_password`"),
        ("redis-sentinel://h/m?sentinel_user=a", "names a user and no password"),
        ("redis-cluster://[::1", "an IPv6 host has to be in brackets"),
        ("redis-cluster://[h]:1", "the host in brackets is not an IPv6 address"),
        ("redis-cluster://a:b@c@h", "has more than one `@`: user and password are percent-encoded"),
    ] {
        assert_eq!(error(text), format!("url of the store: {why}"), "{text}");
    }
}

#[test]
fn a_wrong_url_is_refused_without_showing_its_password() {
    for text in [
        "",
        "hunter2",
        "hunter2@h",
        "hunter2:x@h",
        "http://:hunter2@h",
        "redis:hunter2",
        "redis://",
        "redis:///1",
        "redis://:hunter2@",
        "redis://:hunter2@:6379",
        "redis://:hunter2@h:port",
        "redis://:hunter2@h:70000",
        "redis://:hunter2@h/x",
        "redis://:hunter2@h/-1",
        "redis://:hunter2@h/65536",
        "redis://:hunter2@h/1/2",
        "redis://:hunter2@h?db=1",
        "redis://:hunter2@h#",
        "redis://:a/hunter2@h",
        "redis://:a?hunter2@h",
        "redis://:a#hunter2@h",
        "redis://hunter2@h",
        "redis://:hunter2%FF@h",
        "redis+unix://hunter2",
        "redis+unix://run/redis.sock?password=hunter2",
        "redis+unix://:hunter2@/run/redis.sock",
        "redis+unix:///?password=hunter2",
        "redis+unix:///s?db=hunter2",
        "redis+unix:///s?password=a&hunter2",
        "redis+unix:///s?hunter2=1",
        "redis+unix:///s?password=%FFhunter2",
        "redis+unix:///s#hunter2",
        "redis+unix:///s?user=hunter2",
        "redis-cluster://:hunter2@",
        "redis-cluster://:hunter2@h/1",
        "redis-cluster://hunter2@h,i",
        "redis-cluster://:a@hunter2@h",
        "redis-cluster://h,:hunter2",
        "redis-sentinel://:hunter2@h",
        "redis-sentinel://h/m/hunter2",
        "redis-sentinel://h/m?hunter2",
        "redis-sentinel://h/m?sentinel_user=hunter2",
        "redis-sentinel://h/m?sentinel_password=%FFhunter2",
    ] {
        let told = error(text);
        assert!(told.starts_with("url of the store: ") && !told.contains("hunter2"), "{text}: {told}");
    }
}

#[test]
fn debug_prints_show_no_password() {
    let shown = format!("{:?}", StoreUrl::parse("redis://app:hunter2@h"));
    assert!(!shown.contains("hunter2") && shown.contains("\"h\""), "{shown}");
}
