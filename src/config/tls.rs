//! Certificates for TLS connections.

use std::fmt;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
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

    /// Fails if no connection could use these certificates.
    pub(crate) fn checked(&self) -> Result<(), ConfigError> {
        self.client_config().map(drop)
    }

    /// Reads the certificates. The platform's are many files: a caller keeps the result for further connections.
    pub(crate) fn client_config(&self) -> Result<ClientConfig, ConfigError> {
        use_ring_unless_set();
        let builder = ClientConfig::builder().with_root_certificates(self.root_store()?);
        let mut config = match &self.client {
            Some(client) => {
                let (chain, key) = client.read()?;
                builder.with_client_auth_cert(chain, key).map_err(|_| {
                    wrong(
                        "client certificate",
                        "and its key do not belong together, or are of a kind that is not supported",
                    )
                })?
            }
            None => builder.with_no_client_auth(),
        };
        // A resumed session would skip the check of a certificate that has expired since.
        config.resumption = Resumption::disabled();
        if self.unverified {
            let schemes = config.crypto_provider().signature_verification_algorithms.supported_schemes();
            config.enable_sni = false;
            config.dangerous().set_certificate_verifier(Arc::new(NoVerification { schemes }));
        }
        Ok(config)
    }

    fn root_store(&self) -> Result<RootCertStore, ConfigError> {
        let trusted = match &self.roots {
            Some(roots) => certificates(roots, "root certificate")?,
            None => platform_certificates()?,
        };
        let mut store = RootCertStore::empty();
        for each in trusted {
            store.add(each).map_err(|_| wrong("root certificate", "is not a CA certificate"))?;
        }
        Ok(store)
    }
}

impl ClientCertificate {
    fn read(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), ConfigError> {
        let chain = certificates(&self.certificate, "client certificate")?;
        let key = PrivateKeyDer::from_pem_slice(&self.key);
        Ok((chain, key.map_err(|_| wrong("client key", "holds no PEM private key"))?))
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

fn platform_certificates() -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let mut found = rustls_native_certs::load_native_certs();
    match found.errors.pop() {
        Some(error) => Err(wrong("root certificates", &format!("of the platform cannot be read: {error}"))),
        None => Ok(found.certs),
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

/// Accepts any certificate, and any signature.
#[derive(Debug)]
struct NoVerification {
    schemes: Vec<SignatureScheme>,
}

impl ServerCertVerifier for NoVerification {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}
