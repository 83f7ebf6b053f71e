//! Signatures of AWS's kind, version 4, by AWS's own library.

use std::{fmt, time::SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode, sign as sign_request,
    },
    sign::v4,
};

/// Keys of AWS.
#[derive(Clone)]
pub struct Keys {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: Option<String>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(…)")
    }
}

/// The headers that sign a request at this time for a service in a region.
///
/// # Errors
/// Says what of the request cannot be signed.
pub fn sign(
    (method, url): (&str, &str),
    headers: &[(String, String)],
    body: &[u8],
    keys: &Keys,
    (service, region): (&str, &str),
    at: SystemTime,
) -> Result<Vec<(String, String)>, String> {
    let Keys { access_key_id, secret_access_key, session_token } = keys.clone();
    let identity = Credentials::new(access_key_id, secret_access_key, session_token, None, "scenario").into();
    let mut settings = SigningSettings::default();
    if service == "s3" {
        // S3 takes paths as they are, and wants to know the body's digest.
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(at)
        .settings(settings)
        .build()
        .map_err(|error| error.to_string())?
        .into();
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let request =
        SignableRequest::new(method, url, headers, SignableBody::Bytes(body)).map_err(|error| error.to_string())?;
    let (instructions, _) = sign_request(request, &parameters).map_err(|error| error.to_string())?.into_parts();
    Ok(instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn a_known_request_has_its_known_signature() {
        // The example of AWS's documentation of the signing process (GET ListUsers of IAM, 2015-08-30T12:36:00Z).
        let keys = Keys {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
            session_token: None,
        };
        let headers = [("Content-Type".to_owned(), "application/x-www-form-urlencoded; charset=utf-8".to_owned())];
        let request = ("GET", "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08");
        let at = UNIX_EPOCH + Duration::from_secs(1_440_938_160);
        let signed = sign(request, &headers, b"", &keys, ("iam", "us-east-1"), at).expect("signed");
        let authorization = signed.iter().find(|(name, _)| name == "authorization").expect("there").1.as_str();
        let signature = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7";
        assert!(authorization.ends_with(&format!("Signature={signature}")), "{authorization}");
        assert!(!format!("{keys:?}").contains("wJal"));
    }
}
