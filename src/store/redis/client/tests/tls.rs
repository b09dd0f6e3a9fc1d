//! Connections over TLS, with certificates made here.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use tokio::net::TcpListener;
use tokio_rustls::LazyConfigAcceptor;

use super::*;
use crate::config::tls::Tls;
use crate::store::redis::client::tests::common::server::ports;
use crate::store::redis::client::tests::records::acceptor;
use crate::store::redis::client::tests::scripts::count;

/// An authority, for signing and as PEM.
pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(super) fn pem(&self) -> String {
        self.0.pem()
    }

    /// Certificate and key, in PEM, for an address.
    pub(super) fn sign(&self, address: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new([address.to_owned()]).unwrap().signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

/// A server that speaks only TLS, and may require client certificates; returns its address.
fn start(authority: &Authority, asks: &str, more: &[&str]) -> (Server, String) {
    start_as("127.0.0.1", authority, asks, more)
}

/// The same with a certificate for this name.
fn start_as(name: &str, authority: &Authority, asks: &str, more: &[&str]) -> (Server, String) {
    let (certificate, key) = authority.sign(name);
    let server =
        Server::listening_tls([&authority.pem(), &certificate, &key], &[&["--tls-auth-clients", asks], more].concat());
    let addr = server.addr();
    (server, addr)
}

fn secured(url: &str, tls: &Tls) -> Client {
    let StoreUrl::Redis(mut servers) = StoreUrl::parse(url).unwrap() else { panic!("{url} is no Redis URL") };
    tls.checked().unwrap();
    assert!(servers.set_tls(tls));
    let pools = Pools { connections: 2, bulk_connections: 2, in_flight: 1_000, budget: Duration::from_secs(3) };
    Client::new(&servers, &pools).unwrap()
}

async fn told(url: &str, tls: &Tls) -> String {
    match secured(url, tls).check().await {
        Ok(()) => "fine".into(),
        Err(outage) => outage.to_string(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_trusted_by_the_configured_authority() {
    let (ours, other) = (Authority::new(), Authority::new());
    let (_server, addr) = start(&ours, "no", &[]);
    let url = format!("rediss://{addr}");
    let tls = Tls::new().root_certificate(other.pem()).root_certificate(ours.pem());
    let client = secured(&url, &tls);
    for path in PATHS {
        count(&client, path).await.unwrap();
    }
    client.check().await.unwrap();
    let untrusted = format!("{addr} presents a certificate that is not trusted");
    assert_eq!(told(&url, &Tls::new().root_certificate(other.pem())).await, untrusted);
    assert_eq!(told(&url, &Tls::new()).await, untrusted, "the platform does not know it");
    assert_eq!(told(&url, &Tls::new().dangerously_without_verification()).await, "fine");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_server_is_not_trusted() {
    let authority = Authority::new();
    let (_server, addr) = start_as("other.example", &authority, "no", &[]);
    let refused = format!("{addr} presents a certificate that is not trusted");
    assert_eq!(told(&format!("rediss://{addr}"), &Tls::new().root_certificate(authority.pem())).await, refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_asked_for_by_its_name_and_not_by_an_address() {
    let tls = acceptor().1;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for (host, expected) in [("localhost", Some("localhost")), ("127.0.0.1", None)] {
        let client = secured(&format!("rediss://{host}:{port}"), &tls);
        let (asked, sent) = (tokio::spawn(async move { client.check().await }), listener.accept().await.unwrap());
        let hello = LazyConfigAcceptor::new(Default::default(), sent.0).await.unwrap();
        assert_eq!(hello.client_hello().server_name(), expected);
        asked.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn password_and_database_are_sent_over_tls() {
    let authority = Authority::new();
    let (_server, addr) = start(&authority, "no", &["--requirepass", "right"]);
    let tls = Tls::new().root_certificate(authority.pem());
    assert_eq!(told(&format!("rediss://:right@{addr}/3"), &tls).await, "fine");
    assert_eq!(told(&format!("rediss://:wrong@{addr}"), &tls).await, format!("{addr} rejects the password"));
    assert_eq!(told(&format!("rediss://:right@{addr}/99"), &tls).await, format!("{addr} has no database 99"));
}

#[tokio::test(flavor = "multi_thread")]
async fn cluster_nodes_are_reached_over_tls_at_their_announced_ports() {
    let authority = Authority::new();
    let bus = ports::free().to_string();
    let options = ["--cluster-enabled", "yes", "--cluster-port", &bus, "--tls-cluster", "yes"];
    let (server, addr) = start(&authority, "no", &[&options[..], &["--cluster-announce-ip", "127.0.0.1"]].concat());
    server.admin::<()>("CLUSTER ADDSLOTSRANGE 0 16383");
    let client = secured(&format!("rediss-cluster://{addr}"), &Tls::new().root_certificate(authority.pem()));
    let limit = tokio::time::Instant::now() + Duration::from_secs(10);
    while !server.admin::<String>("CLUSTER INFO").contains("cluster_state:ok") {
        assert!(tokio::time::Instant::now() < limit, "the cluster of one does not work");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for path in PATHS {
        count(&client, path).await.unwrap();
    }
    client.check().await.unwrap();
}

#[test]
fn calls_over_tls_succeed_if_their_runtime_is_not_driven() {
    let authority = Authority::new();
    let (_server, addr) = start(&authority, "no", &[]);
    let client = secured(&format!("rediss://{addr}"), &Tls::new().root_certificate(authority.pem()));
    crate::store::redis::client::tests::runtimes::calls_succeed_in_another_runtime(&client, Duration::from_secs(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_becomes_a_replica_is_not_trusted_over_tls() {
    let authority = Authority::new();
    let (server, addr) = start(&authority, "no", &[]);
    let client = secured(&format!("rediss://{addr}"), &Tls::new().root_certificate(authority.pem()));
    for path in PATHS {
        server.admin::<()>("REPLICAOF NO ONE");
        get(&client, path, "k").await.unwrap();
        server.admin::<()>("REPLICAOF 127.0.0.1 1");
        let begun = tokio::time::Instant::now();
        while client.read_one(path, &client.budget().half().half(), b"k", redis::cmd("GET").arg("k")).await.is_ok() {
            assert!(begun.elapsed() < Duration::from_secs(3), "a replica is believed yet");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_may_ask_for_a_certificate() {
    let (ours, other) = (Authority::new(), Authority::new());
    let (_server, addr) = start(&ours, "yes", &[]);
    let url = format!("rediss://{addr}");
    let trusting = Tls::new().root_certificate(ours.pem());
    let shown = |(certificate, key): (String, String)| trusting.clone().client_certificate(certificate, key);
    assert_eq!(told(&url, &shown(ours.sign("client"))).await, "fine");
    let refused = format!("{addr} rejects the TLS handshake: does it require a client certificate?");
    assert_eq!(told(&url, &trusting).await, refused);
    assert_eq!(told(&url, &shown(other.sign("client"))).await, refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_tls_on_one_side_is_reported() {
    let authority = Authority::new();
    let (_server, addr) = start(&authority, "no", &[]);
    let outage = wire_to(&format!("redis://{addr}"), Duration::from_secs(3)).check().await.unwrap_err();
    assert_eq!(outage.to_string(), format!("{addr} closed the connection: is it a Redis, and without TLS?"));

    let plain = Server::listening(&[]);
    let addr = plain.addr();
    let url = format!("rediss://{addr}");
    assert_eq!(told(&url, &Tls::new()).await, format!("{addr} did not reply in time: does it speak TLS?"));
}

#[test]
fn invalid_certificates_are_rejected_by_file_name() {
    let (ours, other) = (Authority::new(), Authority::new());
    let (certificate, key) = ours.sign("client");
    let (_, other_key) = other.sign("client");
    let refused = |tls: Tls| tls.checked().unwrap_err().to_string();
    let damaged = certificate.replace("-----END", "!-----END");
    for none in ["", "text", &key, &damaged] {
        let told = refused(Tls::new().root_certificate(none));
        assert_eq!(told, "TLS root certificate: holds no PEM certificate, or a damaged one");
    }
    let told = refused(Tls::new().client_certificate("text", key.clone()));
    assert_eq!(told, "TLS client certificate: holds no PEM certificate, or a damaged one");
    let told = refused(Tls::new().client_certificate(certificate.clone(), certificate.clone()));
    assert_eq!(told, "TLS client key: holds no PEM private key");
    let told = refused(Tls::new().client_certificate(certificate.clone(), other_key));
    assert!(told.starts_with("TLS client certificate: and its key do not belong together"), "{told}");
    Tls::new().root_certificate(ours.pem()).client_certificate(certificate, key).checked().unwrap();
}

#[test]
fn nothing_printed_shows_a_key() {
    let (certificate, key) = Authority::new().sign("client");
    let tls = Tls::new().client_certificate(certificate, key.clone());
    let StoreUrl::Redis(mut servers) = StoreUrl::parse("rediss://:hunter2@h").unwrap() else { panic!() };
    servers.set_tls(&tls);
    let line = key.lines().nth(1).unwrap();
    for shown in [format!("{tls:?}"), format!("{servers:?}")] {
        assert!(!shown.contains(line) && !shown.contains("hunter2"), "{shown}");
    }
}
