//! Frames over a stream of bytes.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use wharf_contract::claim::{BadFrame, PREFIX, decode, encode, lengths};

/// The next message with its bytes; none where the stream ends between two.
pub(super) async fn read<T: DeserializeOwned>(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<(T, Vec<u8>)>> {
    let mut prefix = [0; PREFIX];
    match from.read(&mut prefix).await? {
        0 => return Ok(None),
        n => from.read_exact(&mut prefix[n..]).await?,
    };
    let (all, head) = lengths(prefix).map_err(bad)?;
    let mut frame = vec![0; all];
    from.read_exact(&mut frame).await?;
    let body = frame.split_off(head);
    Ok(Some((decode(&frame).map_err(bad)?, body)))
}

/// Sends a message with its bytes.
pub(super) async fn write(to: &mut (impl AsyncWrite + Unpin), message: &impl Serialize, body: &[u8]) -> io::Result<()> {
    let frame = encode(message, body).map_err(bad)?;
    to.write_all(&frame).await?;
    to.flush().await
}

fn bad(e: BadFrame) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, e)
}
