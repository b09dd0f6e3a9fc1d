//! R31: TLS with certificates that are verified.

use cloakroom::{Builder, ClientInfo, ConnectError, Sessions, Tls};

use crate::common::tls::TlsServer;

async fn works(builder: Builder) {
    let sessions = builder.namespace("tls").connect().await.expect("trusted");
    crate::common::login(&sessions.open(None, ClientInfo::new()).await.expect("there"), "ada").await;
    sessions.revoke_user("ada").await.expect("there");
}

async fn refused(builder: Builder) -> String {
    match builder.namespace("tls").connect().await {
        Err(ConnectError::Unavailable(why)) => why.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn only_a_server_of_the_configured_authority_is_trusted() {
    let (server, other) = (TlsServer::start("no"), TlsServer::start("no"));
    works(server.builder()).await;
    let why = refused(Sessions::builder(server.url())).await;
    assert!(why.contains("certificate"), "the platform's authorities know nothing of it: {why}");
    refused(Sessions::builder(server.url()).tls(Tls::new().root_certificate(&other.authority))).await;
    works(Sessions::builder(server.url()).tls(Tls::new().dangerously_without_verification())).await;
}

#[tokio::test]
async fn a_host_name_not_covered_by_the_certificate_is_rejected() {
    let server = TlsServer::start("no");
    let url = server.url().replace("127.0.0.1", "localhost");
    let why = refused(Sessions::builder(url).tls(Tls::new().root_certificate(&server.authority))).await;
    assert!(why.contains("certificate"), "the connection was refused before it: {why}");
}

#[tokio::test]
async fn a_client_certificate_is_presented_to_a_server_that_requires_one() {
    let server = TlsServer::start("yes");
    refused(server.builder()).await;
    let (certificate, key) = (server.client.certificate.as_str(), server.client.key.as_str());
    let tls = Tls::new().root_certificate(&server.authority).client_certificate(certificate, key);
    assert!(!format!("{tls:?}").contains("BEGIN"), "{tls:?}");
    works(Sessions::builder(server.url()).tls(tls)).await;
}

#[tokio::test]
async fn plain_text_does_not_bypass_tls() {
    let server = TlsServer::start("no");
    refused(Sessions::builder(server.url().replace("rediss:", "redis:"))).await;
}
