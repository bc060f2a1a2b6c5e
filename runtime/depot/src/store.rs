//! From a location and its settings to the client of a store.

use crate::error::plain;
use crate::settings::Settings;
use crate::{Error, tls};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::local::LocalFileSystem;
use object_store::{BackoffConfig, Certificate, ClientOptions, ObjectStore, RetryConfig};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use wharf_contract::StoreLocation;

/// Longest time without a byte of an answer.
const SILENCE: Duration = Duration::from_secs(30);
/// Time after which a failed request is not tried again.
const TRY_FOR: Duration = Duration::from_secs(45);
/// Times that a failed request is tried again, at the most: the time counts, since pauses are drawn at random.
const RETRIES: usize = 100;
/// First and longest pause between two tries, and the most by which one is longer than the one before.
const PAUSE: (Duration, Duration, f64) = (Duration::from_millis(200), Duration::from_secs(5), 3.0);

/// A store with the prefix of all keys in it.
pub(crate) fn open(
    location: &StoreLocation,
    settings: &Settings,
    endpoint: Option<&str>,
) -> Result<(Arc<dyn ObjectStore>, String), Error> {
    match location {
        StoreLocation::S3 { bucket, prefix, region, endpoint: own, allow_http } => {
            let mut b = AmazonS3Builder::new().with_client_options(client(settings, *allow_http)?).with_retry(retry());
            for (name, key, value) in settings.of("AWS_") {
                match settings.known(name, key.parse())? {
                    None | Some(AmazonS3ConfigKey::Client(_)) => {}
                    Some(key) => b = b.with_config(key, value),
                }
            }
            b = b.with_bucket_name(bucket);
            if let Some(region) = region {
                b = b.with_region(region);
            }
            if let Some(endpoint) = endpoint.or(own.as_deref()) {
                b = b.with_endpoint(checked(endpoint, *allow_http)?);
            }
            Ok((Arc::new(b.build().map_err(unusable)?), prefix.clone()))
        }
        StoreLocation::Gcs { bucket, prefix } => {
            let mut b = GoogleCloudStorageBuilder::new()
                .with_client_options(client(settings, endpoint.is_some())?)
                .with_retry(retry());
            for (name, key, value) in settings.of("GOOGLE_") {
                match settings.known(name, key.parse())? {
                    None | Some(GoogleConfigKey::Client(_)) => {}
                    Some(key) => b = b.with_config(key, value),
                }
            }
            b = b.with_bucket_name(bucket);
            if let Some(endpoint) = endpoint {
                b = b.with_base_url(endpoint);
            }
            Ok((Arc::new(b.build().map_err(unusable)?), prefix.clone()))
        }
        StoreLocation::Azure { account, container, prefix, endpoint: own } => {
            let endpoint = endpoint.or(own.as_deref());
            let plain_http = endpoint.is_some_and(|e| e.starts_with("http:"));
            let mut b =
                MicrosoftAzureBuilder::new().with_client_options(client(settings, plain_http)?).with_retry(retry());
            for (name, key, value) in settings.of("AZURE_") {
                match settings.known(name, key.parse())? {
                    None | Some(AzureConfigKey::Client(_)) => {}
                    Some(key) => b = b.with_config(key, value),
                }
            }
            b = b.with_account(account).with_container_name(container);
            if let Some(endpoint) = endpoint {
                b = b.with_endpoint(endpoint.to_owned());
            }
            Ok((Arc::new(b.build().map_err(unusable)?), prefix.clone()))
        }
        StoreLocation::Folder { path } => Ok((Arc::new(folder(path)?), String::new())),
    }
}

fn folder(path: &Path) -> Result<LocalFileSystem, Error> {
    std::fs::create_dir_all(path).map_err(|e| Error::local("make the store's folder", path, e))?;
    let store = LocalFileSystem::new_with_prefix(path).map_err(unusable)?;
    Ok(store.with_fsync(true).with_automatic_cleanup(true))
}

fn unusable(error: object_store::Error) -> Error {
    Error::Settings(format!("the store's settings cannot be used: {}", plain(&error.to_string())))
}

fn checked(endpoint: &str, allow_http: bool) -> Result<&str, Error> {
    let shown = plain(endpoint);
    let url = url::Url::parse(endpoint)
        .map_err(|e| Error::Settings(format!("the store's endpoint `{shown}` is no URL: {e}")))?;
    match url.scheme() {
        "https" => Ok(endpoint),
        "http" if allow_http => Ok(endpoint),
        "http" => Err(Error::Settings(format!(
            "the store's endpoint `{shown}` is plain HTTP, which sends all data in clear: use https, or set `allowHTTP: true`"
        ))),
        other => Err(Error::Settings(format!("the store's endpoint `{shown}` is of the scheme {other}, not https"))),
    }
}

fn client(settings: &Settings, allow_http: bool) -> Result<ClientOptions, Error> {
    tls::provide();
    // An image from scratch has no certificates of its own, so that they are part of the program.
    let mut options = ClientOptions::new().with_no_system_certificates(true).with_allow_http(allow_http);
    for der in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        options = options.with_root_certificate(Certificate::from_der(der).map_err(unusable)?);
    }
    for certificate in tls::bundle(settings.ca_bundle())? {
        options = options.with_root_certificate(certificate);
    }
    // A large object may take its time as long as bytes arrive.
    Ok(options.with_timeout_disabled().with_read_timeout(SILENCE))
}

fn retry() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig { init_backoff: PAUSE.0, max_backoff: PAUSE.1, base: PAUSE.2 },
        max_retries: RETRIES,
        retry_timeout: TRY_FOR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(location: serde_json::Value, files: &[(&str, &str)], expect: Result<&str, &str>) {
        let dir = tempfile::tempdir().unwrap();
        for (name, value) in files {
            std::fs::write(dir.path().join(name), value).unwrap();
        }
        let location = serde_json::from_value(location).unwrap();
        match (Settings::read(Some(dir.path())).and_then(|s| open(&location, &s, None)), expect) {
            (Ok((store, prefix)), Ok(says)) => assert_eq!(format!("{store} {prefix}"), says),
            (Err(e), Err(says)) => {
                assert!(e.to_string().contains(says), "{e}");
                assert!(!e.to_string().contains("hush"), "{e}");
            }
            (got, expect) => panic!("{:?}, not {expect:?}", got.map(|(s, _)| s.to_string())),
        }
    }

    #[test]
    fn every_kind_of_store_opens_with_the_settings_of_a_folder() {
        let keys = [("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "hush")];
        let s3 = |endpoint: &str, allow: bool| serde_json::json!({"kind": "s3", "bucket": "b", "prefix": "a/b", "endpoint": endpoint, "allowHttp": allow});
        check(s3("http://127.0.0.1:9", true), &keys, Ok("AmazonS3(b) a/b"));
        check(s3("http://127.0.0.1:9", false), &keys, Err("allowHTTP"));
        check(s3("nonsense", false), &keys, Err("no URL"));
        check(s3("ftp://a", false), &keys, Err("ftp"));
        check(s3("https://a", false), &[("AWS_SECRET_KEY", "hush")], Err("AWS_SECRET_KEY"));
        check(s3("https://a", false), &[("CA_BUNDLE", "-----BEGIN nothing")], Err("CA_BUNDLE"));
        let gcs = serde_json::json!({"kind": "gcs", "bucket": "b"});
        check(gcs, &[("GOOGLE_SERVICE_ACCOUNT_KEY", "{\"hush\"")], Err("settings cannot be used"));
        let azure = serde_json::json!({"kind": "azure", "account": "a", "container": "c", "prefix": "p"});
        let key = [("AZURE_STORAGE_ACCOUNT_KEY", "aHVzaA==")];
        check(azure, &key, Ok("MicrosoftAzure { account: a, container: c } p"));
    }
}
