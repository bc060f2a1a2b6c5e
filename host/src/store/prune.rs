//! Retention: what goes, a little at a time.

use super::StoreError;
use super::types::{Expired, Keep};
use rusqlite::Connection;
use wharf_core::time::Timestamp;

pub(super) fn expire(_conn: &Connection, _keep: &Keep, _now: Timestamp) -> Result<Expired, StoreError> {
    Ok(Expired::default())
}
pub(super) fn removed(_conn: &Connection, _expired: &Expired) -> Result<(), StoreError> {
    Ok(())
}
pub(super) fn suspect(
    _conn: &Connection,
    _tenant: &str,
    _digests: &[String],
    _now: Timestamp,
) -> Result<(), StoreError> {
    Ok(())
}
