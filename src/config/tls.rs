//! Certificates for TLS connections.

use std::fmt;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use super::ConfigError;

/// Trusted authorities and the client certificate for TLS connections, see [`Builder::tls`](crate::Builder::tls).
///
/// Without it, a `rediss:` URL trusts the platform's certificate authorities and presents no certificate. A Redis
/// Cluster and Sentinels announce their servers by address, so the servers' certificates must cover those addresses
/// too.
///
/// ```
/// # fn read(_: &str) -> Vec<u8> { Vec::new() }
/// let tls = cloakroom::Tls::new()
///     .root_certificate(read("ca.pem"))
///     .client_certificate(read("client.pem"), read("client.key"));
/// # assert_eq!(format!("{tls:?}"), "Tls { own_roots: true, client_certificate: true, unverified: false }");
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Tls {
    pub(crate) roots: Option<Vec<u8>>,
    pub(crate) client: Option<ClientCertificate>,
    pub(crate) unverified: bool,
}

/// Certificate chain and key.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ClientCertificate {
    pub(crate) certificate: Vec<u8>,
    pub(crate) key: Zeroizing<Vec<u8>>,
}

impl Tls {
    /// The platform's certificate authorities, and no client certificate.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts these certificate authorities instead of the platform's: one or more certificates in PEM. Repeated calls
    /// add to them.
    #[must_use]
    pub fn root_certificate(mut self, pem: impl AsRef<[u8]>) -> Self {
        let roots = self.roots.get_or_insert_default();
        roots.extend_from_slice(pem.as_ref());
        roots.push(b'\n');
        self
    }

    /// The client certificate, for servers that require one (`tls-auth-clients`): the chain and its private key, in
    /// PEM.
    #[must_use]
    pub fn client_certificate(mut self, certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.client = Some(ClientCertificate { certificate: certificate.into(), key: Zeroizing::new(key.into()) });
        self
    }

    /// Trusts any server certificate: an attacker on the network path can read and change everything. For tests only.
    #[must_use]
    pub const fn dangerously_without_verification(mut self) -> Self {
        self.unverified = true;
        self
    }

    /// Parses all certificates once, as each connection will.
    pub(crate) fn checked(&self) -> Result<(), ConfigError> {
        use_ring_unless_set();
        let config = rustls::ClientConfig::builder().with_root_certificates(self.root_store()?);
        if let Some(ClientCertificate { certificate, key }) = &self.client {
            let chain = certificates(certificate, "client certificate")?;
            let key =
                PrivateKeyDer::from_pem_slice(key).map_err(|_| wrong("client key", "holds no PEM private key"))?;
            drop(config.with_client_auth_cert(chain, key).map_err(|_| {
                wrong(
                    "client certificate",
                    "and its key do not belong together, or are of a kind that is not supported",
                )
            })?);
        }
        Ok(())
    }

    fn root_store(&self) -> Result<Arc<RootCertStore>, ConfigError> {
        let mut store = RootCertStore::empty();
        if let Some(roots) = &self.roots {
            for each in certificates(roots, "root certificate")? {
                store.add(each).map_err(|_| wrong("root certificate", "is not a CA certificate"))?;
            }
        }
        Ok(Arc::new(store))
    }
}

/// rustls needs a provider for the process; the application may have set one.
fn use_ring_unless_set() {
    if CryptoProvider::get_default().is_none() {
        // Fails only if another thread was first.
        drop(rustls::crypto::ring::default_provider().install_default());
    }
}

fn certificates(pem: &[u8], which: &str) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    match CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>() {
        Ok(all) if !all.is_empty() => Ok(all),
        _ => Err(wrong(which, "holds no PEM certificate, or a damaged one")),
    }
}

fn wrong(which: &str, why: &str) -> ConfigError {
    ConfigError::new("TLS", which, why)
}

impl fmt::Debug for Tls {
    /// Without certificates and key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("own_roots", &self.roots.is_some())
            .field("client_certificate", &self.client.is_some())
            .field("unverified", &self.unverified)
            .finish()
    }
}
