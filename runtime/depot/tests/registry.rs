//! Components in a real registry.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod common;

use wharf_depot::oci::{Registry, artifact, image};
use wharf_depot::{Digest, Error};

#[tokio::test]
async fn what_is_pushed_is_pulled_by_the_digest_that_was_known_before() {
    let dir = tempfile::tempdir().unwrap();
    let Some(server) = common::registry(dir.path()) else { return };
    let repository = format!("127.0.0.1:{}/team/components/load", server.port);
    let component: Vec<u8> =
        b"\0asm\x0d\0\x01\0".iter().copied().chain((0..6 << 20).map(|n| (n % 251) as u8)).collect();
    let digest = Digest::of(&component);
    let package = artifact(component.clone());

    let open = |reference: &str| Registry::open(reference, None, true).unwrap();
    let reference = open(&repository).push(&package).await.unwrap();
    assert_eq!(reference, format!("{repository}@{}", package.digest()));
    assert_eq!(open(&repository).push(&package).await.unwrap(), reference, "a second push finds all of it");

    let to = dir.path().join("task.wasm");
    open(&reference).pull(&to, 8 << 20, &digest).await.unwrap();
    assert!(std::fs::read(&to).unwrap() == component);

    let too_large = open(&reference).pull(&to, 1 << 20, &digest).await;
    assert!(matches!(too_large, Err(Error::TooLarge { .. })), "{too_large:?}");
    let other = open(&reference).pull(&to, 8 << 20, &Digest::of(b"other")).await;
    assert!(matches!(other, Err(Error::Different { .. })), "{other:?}");
    let unpinned = open(&format!("{repository}:{}", package.tag)).pull(&to, 8 << 20, &digest).await;
    assert!(matches!(&unpinned, Err(Error::Settings(why)) if why.contains("digest")), "{unpinned:?}");
    let missing = format!("{repository}@{}", Digest::of(b"missing"));
    let missing = open(&missing).pull(&to, 8 << 20, &digest).await;
    assert!(matches!(missing, Err(Error::NotFound { .. })), "{missing:?}");

    let as_image = image(&component, "amd64");
    let reference = open(&format!("{repository}:v1")).push(&as_image).await.unwrap();
    let no_artifact = open(&reference).pull(&to, 8 << 20, &digest).await;
    assert!(matches!(&no_artifact, Err(Error::Settings(why)) if why.contains("tar")), "{no_artifact:?}");
}

#[tokio::test]
async fn a_registry_with_users_and_a_certificate_of_its_own_lets_in_whom_the_secret_names() {
    let dir = tempfile::tempdir().unwrap();
    let certificate = common::certificate(dir.path());
    let Some(server) = common::registry_tls(dir.path(), &certificate) else { return };
    let host = format!("127.0.0.1:{}", server.port);
    let package = artifact(b"\0asm\x0d\0\x01\0".to_vec());
    let secret = dir.path().join("secret");
    std::fs::create_dir(&secret).unwrap();
    std::fs::copy(certificate.join("cert.pem"), secret.join("CA_BUNDLE")).unwrap();
    let push = async |password: &str| {
        let config = serde_json::json!({"auths": {(&host): {"username": "pusher", "password": password}}});
        std::fs::write(secret.join(".dockerconfigjson"), config.to_string()).unwrap();
        Registry::open(&format!("{host}/team/load"), Some(&secret), false).unwrap().push(&package).await
    };
    let refused = push("of-somebody-else").await.unwrap_err();
    assert!(matches!(refused, Error::Denied { .. }), "{refused:?}");
    assert!(!refused.to_string().contains("of-somebody-else"), "{refused}");
    let reference = push("hush-hush").await.unwrap();

    let to = dir.path().join("task.wasm");
    let registry = Registry::open(&reference, Some(&secret), false).unwrap();
    registry.pull(&to, 99, &Digest::of(&package.layer)).await.unwrap();
    assert_eq!(std::fs::read(&to).unwrap(), package.layer);
}
