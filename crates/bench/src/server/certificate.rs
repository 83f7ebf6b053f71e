//! A certificate authority for one benchmark, and a server certificate of it.

use std::{error::Error, path::Path, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer};

/// What the server speaks above TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Above {
    Http1,
    Http2,
}

/// Both configurations of the server's side.
#[derive(Clone, Debug)]
pub struct Certificate {
    http1: Arc<ServerConfig>,
    http2: Arc<ServerConfig>,
}

impl Certificate {
    /// Makes one for `127.0.0.1` and `localhost`, and writes its authority's certificate for clients that ask for it.
    ///
    /// # Errors
    /// Returns an error when the file cannot be written.
    pub fn make(authority_file: &Path) -> Result<Self, Box<dyn Error>> {
        let authority_key = KeyPair::generate()?;
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = authority.self_signed(&authority_key)?;
        std::fs::write(authority_file, root.pem())?;
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate()?;
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let leaf = CertificateParams::new(names)?.signed_by(&key, &issuer)?;
        let config = |protocol: &[u8]| -> Result<Arc<ServerConfig>, Box<dyn Error>> {
            let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()?
                .with_no_client_auth()
                .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))?;
            config.alpn_protocols = vec![protocol.to_vec()];
            Ok(Arc::new(config))
        };
        Ok(Self { http1: config(b"http/1.1")?, http2: config(b"h2")? })
    }

    /// The configuration for what is spoken above.
    pub fn config(&self, above: Above) -> Arc<ServerConfig> {
        match above {
            Above::Http1 => Arc::clone(&self.http1),
            Above::Http2 => Arc::clone(&self.http2),
        }
    }
}
