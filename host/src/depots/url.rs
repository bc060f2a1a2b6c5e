use wharf_contract::StoreLocation;
use wharf_core::plan::ArtifactStore;

/// Where a store is, for people, without a slash at the end. `namespace` is the tenant's.
pub(super) fn of(store: &ArtifactStore, namespace: &str) -> String {
    match store {
        ArtifactStore::Claim { claim_name } => format!("pvc://{namespace}/{claim_name}"),
        ArtifactStore::Object { location, .. } => match location {
            StoreLocation::S3 { bucket, prefix, .. } => below(format!("s3://{bucket}"), prefix),
            StoreLocation::Gcs { bucket, prefix } => below(format!("gs://{bucket}"), prefix),
            StoreLocation::Azure { account, container, prefix, .. } => {
                below(format!("https://{account}.blob.core.windows.net/{container}"), prefix)
            }
            StoreLocation::Folder { path } => path.display().to_string(),
        },
    }
}

fn below(mut url: String, prefix: &str) -> String {
    if !prefix.is_empty() {
        url.push('/');
        url.push_str(prefix);
    }
    url
}
