//! A server that speaks TLS, with new certificates for each run.

use std::fs;

use cloakroom::{Builder, Sessions, Tls};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use super::server::{Server, folder};

/// A server at 127.0.0.1, the authority that signed its certificate, and a certificate for a client.
pub(crate) struct Encrypted {
    pub(crate) server: Server,
    pub(crate) authority: String,
    pub(crate) client: Pair,
}

/// A certificate and its key, as PEM.
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Encrypted {
    /// `clients`: whether these need a certificate, `yes` or `no`.
    pub(crate) fn start(clients: &str) -> Self {
        let key = KeyPair::generate().expect("randomness");
        let mut params = params("an authority for tests", &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = params.self_signed(&key).expect("a key that signs").pem();
        let issuer = Issuer::new(params, key);
        let own = Pair::new("a server for tests", &["127.0.0.1"], &issuer);
        let client = Pair::new("a client for tests", &["client.test"], &issuer);
        Self { server: start(&authority, &own, clients), authority, client }
    }

    /// The store URL of this server.
    pub(crate) fn url(&self) -> String {
        format!("rediss://127.0.0.1:{}", self.server.port())
    }

    /// A handle's builder that trusts the authority.
    pub(crate) fn builder(&self) -> Builder {
        Sessions::builder(self.url()).tls(Tls::new().root_certificate(&self.authority))
    }
}

fn start(authority: &str, own: &Pair, clients: &str) -> Server {
    let folder = folder();
    let file = |name: &str, pem: &str| {
        fs::write(folder.join(name), pem).expect("a folder of ours");
        name.to_owned()
    };
    let settings = [
        ["--tls-ca-cert-file", &file("authority.pem", authority)],
        ["--tls-cert-file", &file("server.pem", &own.certificate)],
        ["--tls-key-file", &file("server.key", &own.key)],
        ["--tls-auth-clients", clients],
    ];
    let settings = settings.concat();
    Server::listening_tls(folder, &settings)
}

impl Pair {
    fn new(name: &str, places: &[&str], issuer: &Issuer<'_, KeyPair>) -> Self {
        let key = KeyPair::generate().expect("randomness");
        let certificate = params(name, places).signed_by(&key, issuer).expect("a key that signs");
        Self { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

fn params(name: &str, places: &[&str]) -> CertificateParams {
    let places: Vec<String> = places.iter().map(|&place| place.to_owned()).collect();
    let mut params = CertificateParams::new(places).expect("names and addresses");
    params.distinguished_name.push(DnType::CommonName, name);
    params
}
