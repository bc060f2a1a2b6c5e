use super::NAME;
use crate::cluster::object::{COMPONENT, Kind, MANAGED_BY, Object, Space};
use serde_json::{Value, json};
use std::net::IpAddr;
use url::{Host, Url};
use wharf_contract::StoreLocation;
use wharf_core::plan::{ArtifactStore, Components, Egress, Kubernetes, Tenant};

/// The value of the label [`COMPONENT`] of pods that compile.
const COMPILE: &str = "compile";
/// That of pods that serve a store in a volume.
const STORE: &str = "store";

/// A server that pods must reach.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Server {
    Address(IpAddr, u16),
    /// A NetworkPolicy knows addresses only.
    Name(String, u16),
}

/// Nothing connects to a tenant's pods, and they connect to nothing but DNS, the store and what the tenant's `egress`
/// names. A store with a name instead of an address is a note.
pub(super) fn tenant(space: &Space<'_>, tenant: &Tenant) -> (Vec<Object>, Vec<String>) {
    let (mut rules, mut notes) = (vec![dns()], Vec::new());
    match tenant.artifact_store.as_ref().and_then(server) {
        Some(Server::Address(address, port)) => rules.push(rule(&exactly(address), &[port])),
        Some(Server::Name(host, _)) if tenant.namespace.egress.is_empty() => notes.push(format!(
            "tenant `{}`: its store is {host}, and a NetworkPolicy knows addresses only; name the store's in the tenant's `egress`, else its pods cannot reach it where policies are enforced",
            tenant.name
        )),
        _ => {}
    }
    rules.extend(egress(&tenant.namespace.egress));
    (vec![deny(space, &json!({})), allow(space, &json!({}), &rules)], notes)
}

/// The same for pods that compile, and for those that serve the store where it is a volume. The coordinator itself may run in their namespace, and is not meant.
pub(super) fn operator(space: &Space<'_>, kubernetes: &Kubernetes) -> Vec<Object> {
    let registry = match &kubernetes.components {
        Components::Registry { repository, insecure, .. } => registry(repository, *insecure),
        Components::Store | Components::Image { .. } | Components::Volume { .. } => None,
    };
    let mut rules = vec![dns()];
    for server in [server(&kubernetes.artifact_store), registry].into_iter().flatten() {
        rules.push(match server {
            Server::Address(address, port) => rule(&exactly(address), &[port]),
            // The operator knows where it is.
            Server::Name(..) if !kubernetes.egress.is_empty() => continue,
            // Any address but those of the link, where clouds answer with credentials.
            Server::Name(_, port) => json!({
                "to": [
                    { "ipBlock": { "cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"] } },
                    { "ipBlock": { "cidr": "::/0", "except": ["fe80::/10"] } },
                ],
                "ports": [{ "protocol": "TCP", "port": port }],
            }),
        });
    }
    rules.extend(egress(&kubernetes.egress));
    rules.dedup();
    let selector = json!({ "matchLabels": { MANAGED_BY.0: MANAGED_BY.1, COMPONENT: COMPILE } });
    // One that serves a volume needs no network: it is reached through its own loopback.
    let all = json!({
        "matchLabels": { MANAGED_BY.0: MANAGED_BY.1 },
        "matchExpressions": [{ "key": COMPONENT, "operator": "In", "values": [COMPILE, STORE] }],
    });
    vec![deny(space, &all), allow(space, &selector, &rules)]
}

/// Deny everything, to and from: what is allowed is added by another.
fn deny(space: &Space<'_>, selector: &Value) -> Object {
    let spec = json!({ "podSelector": selector, "policyTypes": ["Ingress", "Egress"] });
    Object::new(Kind::NetworkPolicy, space, "wharf-deny", json!({ "spec": spec }))
}

fn allow(space: &Space<'_>, selector: &Value, egress: &[Value]) -> Object {
    let spec = json!({ "podSelector": selector, "policyTypes": ["Egress"], "egress": egress });
    Object::new(Kind::NetworkPolicy, space, NAME, json!({ "spec": spec }))
}

/// The cluster's DNS: a Service of `kube-system`, or a cache on each node.
fn dns() -> Value {
    json!({
        "to": [
            { "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "kube-system" } } },
            { "ipBlock": { "cidr": "169.254.20.10/32" } },
        ],
        "ports": [{ "protocol": "UDP", "port": 53 }, { "protocol": "TCP", "port": 53 }],
    })
}

fn egress(egress: &[Egress]) -> impl Iterator<Item = Value> {
    egress.iter().map(|e| rule(&json!({ "cidr": e.cidr }), &e.ports))
}

fn rule(block: &Value, ports: &[u16]) -> Value {
    let mut rule = json!({ "to": [{ "ipBlock": block }] });
    if !ports.is_empty() {
        rule["ports"] = ports.iter().map(|port| json!({ "protocol": "TCP", "port": port })).collect();
    }
    rule
}

fn exactly(address: IpAddr) -> Value {
    let bits = if address.is_ipv4() { 32 } else { 128 };
    json!({ "cidr": format!("{address}/{bits}") })
}

/// The server of a store; none where it is a volume.
fn server(store: &ArtifactStore) -> Option<Server> {
    let ArtifactStore::Object { location, .. } = store else { return None };
    let named = |host: String| Some(Server::Name(host, 443));
    match location {
        StoreLocation::S3 { endpoint: Some(endpoint), .. } | StoreLocation::Azure { endpoint: Some(endpoint), .. } => {
            at(&Url::parse(endpoint).ok()?)
        }
        StoreLocation::S3 { region, endpoint: None, .. } => {
            named(format!("s3.{}.amazonaws.com", region.as_deref().unwrap_or("us-east-1")))
        }
        StoreLocation::Gcs { .. } => named("storage.googleapis.com".to_owned()),
        StoreLocation::Azure { account, endpoint: None, .. } => named(format!("{account}.blob.core.windows.net")),
        StoreLocation::Folder { .. } => None,
    }
}

/// The server of `host[:port]/path`.
fn registry(repository: &str, insecure: bool) -> Option<Server> {
    let scheme = if insecure { "http" } else { "https" };
    at(&Url::parse(&format!("{scheme}://{repository}")).ok()?)
}

fn at(url: &Url) -> Option<Server> {
    let port = url.port_or_known_default()?;
    Some(match url.host()? {
        Host::Ipv4(address) => Server::Address(address.into(), port),
        Host::Ipv6(address) => Server::Address(address.into(), port),
        Host::Domain(name) => Server::Name(name.to_owned(), port),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s3(endpoint: Option<&str>, region: Option<&str>) -> ArtifactStore {
        let location = StoreLocation::S3 {
            bucket: "b".into(),
            prefix: String::new(),
            region: region.map(Into::into),
            endpoint: endpoint.map(Into::into),
            allow_http: true,
        };
        ArtifactStore::Object { location, credentials: None, coordinator_endpoint: None, coordinator_credentials: None }
    }

    #[test]
    fn a_store_is_an_address_or_a_name() {
        let address = |a: &str, port| Some(Server::Address(a.parse().unwrap(), port));
        let name = |n: &str, port| Some(Server::Name(n.into(), port));
        for (store, expect) in [
            (s3(Some("http://10.88.0.1:7070"), None), address("10.88.0.1", 7070)),
            (s3(Some("https://[fd00::1]"), None), address("fd00::1", 443)),
            (s3(Some("https://minio.storage.svc:9000/"), None), name("minio.storage.svc", 9000)),
            (s3(None, Some("eu-west-1")), name("s3.eu-west-1.amazonaws.com", 443)),
            (ArtifactStore::Claim { claim_name: "c".into() }, None),
        ] {
            assert_eq!(server(&store), expect);
        }
    }

    #[test]
    fn a_registry_is_an_address_or_a_name() {
        for (repository, insecure, expect) in [
            ("10.88.0.1:5000/wharf", true, Server::Address("10.88.0.1".parse().unwrap(), 5000)),
            ("registry.example.org/team", false, Server::Name("registry.example.org".into(), 443)),
            ("registry/team", true, Server::Name("registry".into(), 80)),
        ] {
            assert_eq!(registry(repository, insecure), Some(expect));
        }
    }
}
