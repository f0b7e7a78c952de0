//! From the URL's parameters to a TLS configuration.
//!
//! `require` verifies nothing, as in Prisma and libpq; a root certificate (`sslrootcert`, or Prisma's
//! `sslcert` without `sslkey`) makes it `verify-ca`, as in libpq: who names an authority means it,
//! although Prisma looks at it only with `strict`. `sslaccept=strict` makes whatever is encrypted
//! `verify-full`, and `sslaccept=accept_invalid_certs` says that `require` verifies nothing after all.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres::config::SslMode as WireMode;
use tokio_postgres_rustls::MakeRustlsConnect;
use underpin_prisma::DatabaseUrl;
use underpin_prisma::url::{RootCertificates, SslAccept, SslMode};

use super::error::ConnectFault;

/// How a session is encrypted; cheap to clone.
#[derive(Clone)]
pub(super) enum Encryption {
    Never,
    IfOffered(MakeRustlsConnect),
    Always(MakeRustlsConnect),
}

/// How much of the server's certificate must be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verification {
    None,
    Chain,
    ChainAndHost,
}

impl Encryption {
    pub(super) fn of(url: &DatabaseUrl, folder: &Path) -> Result<Self, ConnectFault> {
        // A unix socket has no host name to verify and no network to hide from.
        if url.ssl.mode == SslMode::Disable || url.is_socket() {
            return Ok(Self::Never);
        }
        if url.ssl.identity.is_some() {
            return Err(ConnectFault::IdentityUnsupported);
        }
        let connector = MakeRustlsConnect::new(client_config(url, folder)?);
        Ok(match url.ssl.mode {
            SslMode::Disable => Self::Never,
            SslMode::Prefer => Self::IfOffered(connector),
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => Self::Always(connector),
        })
    }

    pub(super) fn connector(&self) -> Option<MakeRustlsConnect> {
        match self {
            Self::Never => None,
            Self::IfOffered(connector) | Self::Always(connector) => Some(connector.clone()),
        }
    }

    pub(super) fn wire_mode(&self) -> WireMode {
        match self {
            Self::Never => WireMode::Disable,
            Self::IfOffered(_) => WireMode::Prefer,
            Self::Always(_) => WireMode::Require,
        }
    }
}

fn verification(url: &DatabaseUrl) -> Verification {
    match (url.ssl.mode, url.ssl.accept) {
        (SslMode::VerifyFull, _) | (_, Some(SslAccept::Strict)) => Verification::ChainAndHost,
        (SslMode::VerifyCa, _) => Verification::Chain,
        (_, Some(SslAccept::AcceptInvalidCerts)) => Verification::None,
        (SslMode::Require, None) if url.ssl.root.is_some() => Verification::Chain,
        (SslMode::Require | SslMode::Prefer | SslMode::Disable, None) => Verification::None,
    }
}

fn client_config(url: &DatabaseUrl, folder: &Path) -> Result<ClientConfig, ConnectFault> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match verification(url) {
        Verification::None => Arc::new(Unverified { provider: provider.clone() }),
        wanted => Arc::new(Verified::new(url, folder, provider.clone(), wanted)?),
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring implements the default versions of TLS")
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    match &url.ssl.client {
        None => Ok(builder.with_no_client_auth()),
        Some(paths) => {
            let chain = certificates(&folder.join(&paths.certificate))?;
            let path = folder.join(&paths.key);
            let key = PrivateKeyDer::from_pem_file(&path).map_err(|error| unusable(&path, &error))?;
            builder.with_client_auth_cert(chain, key).map_err(|error| unusable(&path, &error))
        }
    }
}

fn unusable(path: &Path, reason: &dyn std::fmt::Display) -> ConnectFault {
    ConnectFault::CertificateFile { path: path.to_owned(), reason: reason.to_string() }
}

fn certificates(path: &PathBuf) -> Result<Vec<CertificateDer<'static>>, ConnectFault> {
    let read = CertificateDer::pem_file_iter(path).map_err(|error| unusable(path, &error))?;
    let found = read.collect::<Result<Vec<_>, _>>().map_err(|error| unusable(path, &error))?;
    match found.is_empty() {
        true => Err(unusable(path, &"it holds no certificate")),
        false => Ok(found),
    }
}

/// Accepts every certificate, but only from who holds its key.
#[derive(Debug)]
struct Unverified {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _host: &ServerName<'_>,
        _stapled: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, leaf, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, leaf, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Wants a chain to a known authority, and the right host where that was asked for.
#[derive(Debug)]
struct Verified {
    by_chain: Arc<WebPkiServerVerifier>,
    given: Vec<CertificateDer<'static>>,
    wanted: Verification,
}

impl Verified {
    fn new(
        url: &DatabaseUrl,
        folder: &Path,
        provider: Arc<CryptoProvider>,
        wanted: Verification,
    ) -> Result<Self, ConnectFault> {
        let mut roots = RootCertStore::empty();
        let given = match &url.ssl.root {
            Some(RootCertificates::File(path)) => {
                let path = folder.join(path);
                let given = certificates(&path)?;
                for certificate in &given {
                    roots.add(certificate.clone()).map_err(|error| unusable(&path, &error))?;
                }
                given
            }
            Some(RootCertificates::System) | None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                Vec::new()
            }
        };
        let by_chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|_| ConnectFault::UnknownAuthority)?;
        Ok(Self { by_chain, given, wanted })
    }
}

impl ServerCertVerifier for Verified {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        stapled: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        // A server that signed its own certificate, which was given to us as the authority: libpq
        // accepts it, webpki does not, because such a leaf is also an authority.
        if self.given.iter().any(|certificate| certificate == leaf) {
            return match self.wanted {
                Verification::ChainAndHost => verify_server_name(&ParsedCertificate::try_from(leaf)?, host),
                Verification::Chain | Verification::None => Ok(()),
            }
            .map(|()| ServerCertVerified::assertion());
        }
        match (self.by_chain.verify_server_cert(leaf, chain, host, stapled, now), self.wanted) {
            (
                Err(rustls::Error::InvalidCertificate(
                    CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
                )),
                Verification::Chain,
            ) => Ok(ServerCertVerified::assertion()),
            (verdict, _) => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.by_chain.verify_tls12_signature(message, leaf, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.by_chain.verify_tls13_signature(message, leaf, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.by_chain.supported_verify_schemes()
    }
}
