use super::{ClientError, Place};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::SendRequest;

/// Longest event in bytes: a sender of a longer one is not listened to further.
const LONGEST_EVENT: usize = 32 << 20;

/// A stream of server-sent events. Dropping it ends the request.
#[derive(Debug)]
pub struct Events {
    place: Place,
    body: Incoming,
    parser: Parser,
    // The connection ends with its sender.
    _sender: SendRequest<Full<Bytes>>,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerEvent {
    /// Its kind; `message` where the sender names none.
    pub event: String,
    /// Its data.
    pub data: String,
}

impl Events {
    pub(super) fn new(place: Place, sender: SendRequest<Full<Bytes>>, body: Incoming) -> Events {
        Events { place, body, parser: Parser::default(), _sender: sender }
    }

    /// The next event, or none where the sender closed the stream. May be dropped while it waits: nothing is lost.
    ///
    /// # Errors
    /// The connection broke, or an event is longer than 32 MiB.
    pub async fn next(&mut self) -> Result<Option<ServerEvent>, ClientError> {
        loop {
            if let Some(event) = self.parser.next() {
                return Ok(Some(event));
            }
            if self.parser.buffer.len() > LONGEST_EVENT {
                return Err(self.broken("an event is longer than 32 MiB".to_owned()));
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(Ok(frame)) => {
                    if let Some(bytes) = frame.data_ref() {
                        self.parser.push(bytes);
                    }
                }
                Some(Err(e)) => return Err(self.broken(e.to_string())),
            }
        }
    }

    fn broken(&self, why: String) -> ClientError {
        ClientError::Broken { place: self.place.clone(), why }
    }
}

/// Cuts bytes into events. Reads what our own server sends: `event:` and `data:` lines, comments, LF or CRLF.
#[derive(Debug, Default)]
struct Parser {
    buffer: Vec<u8>,
    read: usize,
    event: Option<String>,
    data: Option<String>,
}

impl Parser {
    fn push(&mut self, bytes: &[u8]) {
        // What was read already goes, at most once for each chunk.
        self.buffer.drain(..self.read);
        self.read = 0;
        self.buffer.extend_from_slice(bytes);
    }

    fn next(&mut self) -> Option<ServerEvent> {
        loop {
            let rest = &self.buffer[self.read..];
            let end = rest.iter().position(|b| *b == b'\n')?;
            let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
            let line = String::from_utf8_lossy(line).into_owned();
            self.read += end + 1;
            if line.is_empty() {
                let event = self.event.take();
                // A block without data is a keep-alive.
                if let Some(data) = self.data.take() {
                    return Some(ServerEvent { event: event.unwrap_or_else(|| "message".to_owned()), data });
                }
                continue;
            }
            let (field, value) = line.split_once(':').unwrap_or((&line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => self.event = Some(value.to_owned()),
                "data" => match &mut self.data {
                    Some(data) => {
                        data.push('\n');
                        data.push_str(value);
                    }
                    none => *none = Some(value.to_owned()),
                },
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &[(&str, &str)]) {
        // Whole, and byte by byte: where a chunk ends makes no difference.
        for size in [text.len().max(1), 1, 3] {
            let mut parser = Parser::default();
            let mut seen = Vec::new();
            for chunk in text.as_bytes().chunks(size) {
                parser.push(chunk);
                while let Some(event) = parser.next() {
                    seen.push((event.event, event.data));
                }
            }
            let expect: Vec<_> = expect.iter().map(|(e, d)| ((*e).to_owned(), (*d).to_owned())).collect();
            assert_eq!(seen, expect, "in chunks of {size}");
        }
    }

    #[test]
    fn events_are_cut_at_blank_lines() {
        check("data: 1\n\n", &[("message", "1")]);
        check("event: task\ndata: {\"a\":1}\n\nevent:log\r\ndata:x\r\n\r\n", &[("task", "{\"a\":1}"), ("log", "x")]);
        check("data: a\ndata: b\n\n", &[("message", "a\nb")]);
    }

    #[test]
    fn comments_and_unfinished_events_are_no_events() {
        check(":\n\n: keep-alive\n\ndata: ü\n\ndata: cut", &[("message", "ü")]);
    }
}
