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
