//! Where a tenant, or the operator, keeps what outlives pods.

use super::name;
use crate::config::fault::Code;
use crate::config::reader::{self, Reader};
use crate::config::shape::{Field, Kind, Shape};
use crate::config::yaml::Node;
use crate::plan::ArtifactStore;
use crate::schedule::shown;
use wharf_contract::StoreLocation;

const URL: Kind = Kind::Form("a URL such as `https://s3.example.org`");
const PREFIX: &str = "What every key begins with, without `/` at either end; default: nothing.";
const OUTSIDE: &str = "The same server as the coordinator sees it; default: `endpoint`.";
const S3: Shape = Shape {
    name: "S3Store",
    doc: "Amazon S3, or a server that speaks like it.",
    one: false,
    fields: &[
        Field::required("bucket", Kind::Text, "The bucket; it must be there."),
        Field::new("prefix", Kind::Text, PREFIX),
        Field::new("region", Kind::Text, "Default `us-east-1`."),
        Field::new("endpoint", URL, "The server, as pods see it; default: Amazon's own."),
        Field::new("allowHTTP", Kind::Bool, "Whether an `http:` endpoint will do; default false."),
        Field::new("coordinatorEndpoint", URL, OUTSIDE),
    ],
};
const GCS: Shape = Shape {
    name: "GCSStore",
    doc: "Google Cloud Storage.",
    one: false,
    fields: &[
        Field::required("bucket", Kind::Text, "The bucket; it must be there."),
        Field::new("prefix", Kind::Text, PREFIX),
    ],
};
const AZURE: Shape = Shape {
    name: "AzureStore",
    doc: "Azure Blob Storage.",
    one: false,
    fields: &[
        Field::required("account", Kind::Text, "The storage account."),
        Field::required("container", Kind::Text, "The container; it must be there."),
        Field::new("prefix", Kind::Text, PREFIX),
        Field::new("endpoint", URL, "The server, as pods see it; default: Azure's own."),
        Field::new("coordinatorEndpoint", URL, OUTSIDE),
    ],
};
const CLAIM: Shape = Shape {
    name: "ClaimStore",
    doc: "A PersistentVolumeClaim in the pods' namespace, which the coordinator reaches through a pod of its own there.",
    one: false,
    fields: &[Field::required("claimName", name::OBJECT_KIND, "Its name.")],
};
const PLACES: [&str; 4] = ["s3", "gcs", "azure", "persistentVolumeClaim"];
pub(in crate::config) const SHAPE: Shape = Shape {
    name: "ArtifactStore",
    doc: "Where artifacts, logs, checkpoints and compiled components outlive pods: exactly one of `s3`, `gcs`, `azure` and \
          `persistentVolumeClaim`.",
    one: false,
    fields: &[
        Field::new("s3", Kind::Object(&S3), "Amazon S3, or a server that speaks like it."),
        Field::new("gcs", Kind::Object(&GCS), "Google Cloud Storage."),
        Field::new("azure", Kind::Object(&AZURE), "Azure Blob Storage."),
        Field::new("persistentVolumeClaim", Kind::Object(&CLAIM), "A PersistentVolumeClaim in the pods' namespace."),
        Field::new(
            "credentialsSecret",
            name::OBJECT_KIND,
            "Secret in the pods' namespace whose keys are settings of the store: see \"Settings of a store\" above; default: \
             what the pods' surroundings give.",
        ),
        Field::new(
            "coordinatorCredentials",
            Kind::Text,
            "Folder whose files are these settings for the coordinator; default: its environment.",
        ),
    ],
};
pub(in crate::config) const KIND: Kind = Kind::Object(&SHAPE);

/// None where it has a fault as well.
pub(in crate::config) fn read(reader: &mut Reader<'_>, spec: &Node) -> Option<ArtifactStore> {
    let node = spec.get("artifactStore")?;
    let given: Vec<_> = PLACES.into_iter().filter(|place| node.get(place).is_some()).collect();
    let [place] = given[..] else {
        let message = "`artifactStore` must have exactly one of `s3`, `gcs`, `azure` and `persistentVolumeClaim`";
        reader.error(node.at, Code::InvalidValue, message);
        return None;
    };
    let inner = node.get(place)?;
    let credentials = name::read_object(reader, node, "credentialsSecret");
    let folder = reader::text(node, "coordinatorCredentials");
    let (location, coordinator_endpoint) = match place {
        "s3" => s3(reader, inner)?,
        "gcs" => {
            let (bucket, prefix) = (part(reader, inner, "bucket"), prefix(reader, inner));
            (StoreLocation::Gcs { bucket: bucket?, prefix }, None)
        }
        "azure" => {
            let (account, container) = (part(reader, inner, "account"), part(reader, inner, "container"));
            let (prefix, endpoint) = (prefix(reader, inner), url(reader, inner, "endpoint", true));
            let outside = url(reader, inner, "coordinatorEndpoint", true);
            (StoreLocation::Azure { account: account?, container: container?, prefix, endpoint }, outside)
        }
        _ => {
            for unused in ["credentialsSecret", "coordinatorCredentials"] {
                if let Some(at) = node.get(unused) {
                    let message = format!("`{unused}` says nothing: a volume has no credentials");
                    reader.error_hint(at.at, Code::InvalidValue, message, "leave it out");
                }
            }
            return Some(ArtifactStore::Claim { claim_name: name::read_object(reader, inner, "claimName")? });
        }
    };
    let coordinator_credentials = folder.map(|f| reader.path(&f.value, f.at));
    Some(ArtifactStore::Object { location, credentials, coordinator_endpoint, coordinator_credentials })
}

fn s3(reader: &mut Reader<'_>, node: &Node) -> Option<(StoreLocation, Option<String>)> {
    let allow_http = reader::flag(node, "allowHTTP").unwrap_or(false);
    let (bucket, prefix) = (part(reader, node, "bucket"), prefix(reader, node));
    let endpoint = url(reader, node, "endpoint", allow_http);
    let outside = url(reader, node, "coordinatorEndpoint", allow_http);
    let region = reader::text(node, "region").map(|r| r.value);
    Some((StoreLocation::S3 { bucket: bucket?, prefix, region, endpoint, allow_http }, outside))
}

/// A name of a bucket, account or container.
fn part(reader: &mut Reader<'_>, node: &Node, name: &str) -> Option<String> {
    let text = reader::text(node, name)?;
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if (3..=222).contains(&text.value.len()) && text.value.chars().all(word) {
        return Some(text.value);
    }
    let message = format!("`{name}` cannot be `{}`", shown(&text.value));
    let hint = "it has 3 characters or more of a-z, 0-9, `.`, `-`; a folder in it goes into `prefix`";
    reader.error_hint(text.at, Code::InvalidValue, message, hint);
    None
}

fn prefix(reader: &mut Reader<'_>, node: &Node) -> String {
    let Some(text) = reader::text(node, "prefix") else { return String::new() };
    let good = |part: &str| {
        !part.is_empty() && part != "." && part != ".." && !part.contains(|c: char| c.is_control() || c == '\\')
    };
    if text.value.len() > 512 || !(text.value.is_empty() || text.value.split('/').all(good)) {
        let message = format!("`{}` is no prefix of keys", shown(&text.value));
        reader.error_hint(text.at, Code::InvalidValue, message, "write it as `team/wharf`, at most 512 characters");
    }
    text.value
}

fn url(reader: &mut Reader<'_>, node: &Node, name: &str, allow_http: bool) -> Option<String> {
    let text = reader::text(node, name)?;
    let (why, hint) = match text.value.split_once("://") {
        Some(("http", _)) if !allow_http => {
            ("it is plain HTTP: credentials could be read on the way", "use https, or say `allowHTTP: true`")
        }
        Some(("http" | "https", rest)) if rest.contains('@') => {
            ("it has credentials in it", "put them into a Secret, and name it in `credentialsSecret`")
        }
        Some(("http" | "https", rest))
            if !rest.is_empty()
                && !rest.starts_with(['/', ':'])
                && !rest.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#')) =>
        {
            return Some(text.value.trim_end_matches('/').to_owned());
        }
        _ => ("it is not `http://` or `https://` and a host", "write it as `https://s3.example.org`"),
    };
    let code = if text.value.contains('@') { Code::InlineCredential } else { Code::InvalidValue };
    let at = node.entries().iter().find(|e| e.key == name).map_or(text.at, |e| e.at);
    reader.error_hint(at, code, format!("`{name}` cannot be used: {why}"), hint);
    None
}
