//! A server that speaks TLS, with new certificates for each run.

use cloakroom::{Builder, Sessions, Tls};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use super::server::Server;

/// A server at 127.0.0.1, the authority that signed its certificate, and a certificate for a client.
pub(crate) struct TlsServer {
    pub(crate) server: Server,
    pub(crate) authority: String,
    pub(crate) client: Pair,
}

/// A certificate and its key, as PEM.
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl TlsServer {
    /// `clients`: whether these need a certificate, `yes` or `no`.
    pub(crate) fn start(clients: &str) -> Self {
        let key = KeyPair::generate().expect("randomness");
        let mut params = params("an authority for tests", &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = params.self_signed(&key).expect("a key that signs").pem();
        let issuer = Issuer::new(params, key);
        let own = Pair::new("a server for tests", &["127.0.0.1"], &issuer);
        let client = Pair::new("a client for tests", &["client.test"], &issuer);
        let pems = [authority.as_str(), &own.certificate, &own.key];
        Self { server: Server::listening_tls(pems, &["--tls-auth-clients", clients]), authority, client }
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
