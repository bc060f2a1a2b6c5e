//! `wharf-runtime pod` with a real S3 server and a real registry.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod common;
#[path = "../depot/tests/common/mod.rs"]
mod servers;

use common::pod::{Cluster, UID};
use wharf_contract::pod::{ComponentSource, PodReport};
use wharf_contract::{Cause, Payload, StoreLocation};
use wharf_depot::oci::{Registry, artifact, image};
use wharf_depot::{Depot, Digest};

fn s3(port: u16, prefix: &str) -> StoreLocation {
    StoreLocation::S3 {
        bucket: "depot".into(),
        prefix: prefix.into(),
        region: None,
        endpoint: Some(format!("http://127.0.0.1:{port}")),
        allow_http: true,
    }
}

#[tokio::test]
async fn an_attempt_lives_from_an_s3_server() {
    let Some(program) = servers::s3_program() else { return };
    let mut cluster = Cluster::new();
    let server = servers::s3(&program, &cluster.bench.path("s3"));
    let credentials = servers::credentials(cluster.bench.dir.path(), "hush-hush");
    std::fs::rename(&credentials, cluster.bench.path("credentials")).unwrap();
    cluster.store = s3(server.port, "acme");
    let depot = Depot::open(&cluster.store, Some(&cluster.bench.path("credentials")), None).unwrap();

    let mut order = cluster.order(&cluster.bench.task(""));
    order.invocation.limits.inline_output = 4;
    let left = cluster.run(&order);
    assert_eq!(left.ended(), (0, Cause::Succeeded), "{:?}", left.report);
    let Some(Payload::Artifact(made)) = &left.outcome().output else { panic!("{:?}", left.report) };
    let digest = Digest::parse(&made.digest).unwrap();
    let staged = wharf_depot::keys::staged(&order.invocation.id, UID, &digest);
    assert_eq!(depot.get(&staged, 99).await.unwrap(), br#"{"n":1}"#);

    // What an attempt may not have it does not get, and no message tells the secret.
    std::fs::write(cluster.bench.path("credentials/AWS_SECRET_ACCESS_KEY"), "of-somebody-else").unwrap();
    let left = cluster.run(&order);
    assert_eq!(left.ended(), (16, Cause::ComponentMissing), "{:?}", left.report);
    assert!(left.outcome().message.contains("credentials"), "{:?}", left.report);
    assert!(!format!("{:?}{}", left.report, left.stderr).contains("of-somebody-else"));
}

#[tokio::test]
async fn a_component_is_compiled_from_a_registry() {
    let cluster = Cluster::new();
    let Some(server) = servers::registry(&cluster.bench.path("data")) else { return };
    let component = cluster.bench.task("").component;
    let bytes = std::fs::read(&component.path).unwrap();
    let repository = format!("127.0.0.1:{}/team/guest", server.port);
    let registry = Registry::open(&repository, None, true).unwrap();
    let reference = registry.push(&artifact(bytes.clone())).await.unwrap();
    let compile = |reference: &str, digest: &str| {
        let source = ComponentSource::Registry { reference: reference.to_owned(), insecure: true };
        cluster.compile(digest, source)
    };
    let refused = |reference: &str, digest: &str, expect: Cause| {
        let left = compile(reference, digest);
        assert!(matches!(&left.report, PodReport::NotCompiled { cause, .. } if *cause == expect), "{:?}", left.report);
    };
    refused(&format!("{repository}@{}", Digest::of(b"")), &component.digest, Cause::ComponentMissing);
    refused(&reference, &Digest::of(b"other").to_string(), Cause::DigestMismatch);
    let as_image = registry.push(&image(&bytes, "amd64")).await.unwrap();
    refused(&as_image, &component.digest, Cause::ComponentMissing);
    let left = compile(&reference, &component.digest);
    assert!(matches!(&left.report, PodReport::Compiled { .. }), "{:?}", left.report);
    assert_eq!(left.code, 0);
}
