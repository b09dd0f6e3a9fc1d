//! Certificates of an authority of our own, made anew for each run.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// An authority that vouches for a server at 127.0.0.1 and for a client.
pub(crate) struct Certificates {
    pub(crate) authority: String,
    pub(crate) server: Pair,
    pub(crate) client: Pair,
}

/// A certificate and its key, as PEM.
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Certificates {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().expect("randomness");
        let mut params = params("an authority for tests", &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = params.self_signed(&key).expect("a key that signs").pem();
        let issuer = Issuer::new(params, key);
        let server = Pair::new("a server for tests", &["127.0.0.1", "localhost"], &issuer);
        let client = Pair::new("a client for tests", &["client.test"], &issuer);
        Self { authority, server, client }
    }

    /// What a server is started with to speak TLS, from files in this folder. `clients`: whether these need a
    /// certificate, `yes` or `no`.
    pub(crate) fn server_settings(&self, folder: &Path, clients: &str) -> Vec<String> {
        let file = |name: &str, pem: &str| {
            let path: PathBuf = folder.join(name);
            fs::write(&path, pem).expect("a folder of ours");
            path.display().to_string()
        };
        let settings = [
            ("--tls-ca-cert-file", file("authority.pem", &self.authority)),
            ("--tls-cert-file", file("server.pem", &self.server.certificate)),
            ("--tls-key-file", file("server.key", &self.server.key)),
            ("--tls-auth-clients", clients.to_owned()),
        ];
        settings.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect()
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
