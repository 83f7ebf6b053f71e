//! Signing a request that no client of AWS's makes for us.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use dlt_model::id::Region;
use http::Method;

/// A request as far as its signature covers it.
#[derive(Clone, Copy, Debug)]
pub struct Unsigned<'a> {
    /// Where the service is.
    pub region: &'a Region,
    /// The name by which the service knows itself in signatures.
    pub service: &'a str,
    /// GET, POST …
    pub method: &'a Method,
    /// The whole address.
    pub url: &'a str,
    /// The headers that must arrive as they are.
    pub headers: &'a [(&'a str, &'a str)],
    /// All of the body.
    pub body: &'a [u8],
}

impl Unsigned<'_> {
    /// The headers that say who asks, to be sent beside the others.
    ///
    /// # Errors
    /// Says what of the request cannot be signed.
    pub fn sign(self, keys: Credentials) -> Result<Vec<(String, String)>, String> {
        let identity = keys.into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region.as_str())
            .name(self.service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| error.to_string())?
            .into();
        let headers = self.headers.iter().copied();
        let signable = SignableRequest::new(self.method.as_str(), self.url, headers, SignableBody::Bytes(self.body));
        let signed = sign(signable.map_err(|error| error.to_string())?, &parameters);
        let (signature, _) = signed.map_err(|error| error.to_string())?.into_parts();
        Ok(signature.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_names_the_service_its_region_and_the_headers_that_it_covers() {
        let region = "eu-west-1".parse().unwrap();
        let keys = || Credentials::new("AKID", "secret", Some("session".to_owned()), None, "test");
        let unsigned = Unsigned {
            region: &region,
            service: "kms",
            method: &Method::POST,
            url: "https://kms.eu-west-1.amazonaws.com/",
            headers: &[("x-amz-target", "TrentService.DescribeKey")],
            body: b"{}",
        };
        let headers = unsigned.sign(keys()).unwrap();
        let named = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let said = named("authorization").unwrap();
        assert!(said.contains("Credential=AKID/") && said.contains("/eu-west-1/kms/aws4_request"), "{said}");
        assert!(said.contains("x-amz-target"), "{said}");
        assert_eq!(named("x-amz-security-token"), Some("session"));
        assert!(Unsigned { url: "nowhere at all", ..unsigned }.sign(keys()).is_err());
    }
}
