//! Pushing an image to a registry: what is there is not sent again.

use oci_client::{
    Client, Reference, RegistryOperation,
    client::{ClientConfig, ClientProtocol},
    errors::OciDistributionError,
    secrets::RegistryAuth,
};

use super::image::{Image, MANIFEST_TYPE};

/// A registry and the right to push to it.
pub struct Registry {
    client: Client,
    host: String,
    auth: RegistryAuth,
}

impl Registry {
    /// The registry at a host, which speaks plain HTTP only when it is not AWS's own.
    pub fn new(host: String, plain: bool, user: String, password: String) -> Self {
        let protocol = if plain { ClientProtocol::Http } else { ClientProtocol::Https };
        let config = ClientConfig { protocol, use_monolithic_push: true, ..ClientConfig::default() };
        Self { client: Client::new(config), host, auth: RegistryAuth::Basic(user, password) }
    }

    /// Pushes an image under a tag, and answers how many bytes were sent.
    pub async fn push(&self, repository: &str, tag: &str, image: &Image) -> Result<u64, OciDistributionError> {
        let reference = Reference::with_tag(self.host.clone(), repository.to_owned(), tag.to_owned());
        self.client.auth(&reference, &self.auth, RegistryOperation::Push).await?;
        let mut sent = 0;
        for (digest, blob) in &image.blobs {
            // A registry that cannot say whether it has a blob gets it once more.
            if !self.client.blob_exists(&reference, digest).await.unwrap_or(false) {
                self.client.push_blob(&reference, blob.clone(), digest).await?;
                sent += blob.len() as u64;
            }
        }
        let kind = http::HeaderValue::from_static(MANIFEST_TYPE);
        self.client.push_manifest_raw(&reference, image.manifest.clone(), kind).await?;
        Ok(sent + image.manifest.len() as u64)
    }
}
