use super::{ClientError, Place};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::SendRequest;

/// Bytes as they come. Dropping it ends the request.
#[derive(Debug)]
pub struct Download {
    place: Place,
    body: Incoming,
    // The connection ends with its sender.
    _sender: SendRequest<Full<Bytes>>,
}

impl Download {
    pub(super) fn new(place: Place, sender: SendRequest<Full<Bytes>>, body: Incoming) -> Download {
        Download { place, body, _sender: sender }
    }

    /// The next bytes; none at the end.
    ///
    /// # Errors
    /// The connection broke before all came.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        loop {
            match self.body.frame().await {
                None => return Ok(None),
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
                Some(Err(e)) => return Err(ClientError::Broken { place: self.place.clone(), why: e.to_string() }),
            }
        }
    }
}
