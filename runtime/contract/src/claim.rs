//! What goes between the coordinator and the pod that serves a store in a volume: requests one way, answers the other, over
//! one connection, any number under way at a time.
//!
//! A frame is the length of what follows and the length of its head, 4 bytes each, little-endian; then the head as JSON; then
//! the bytes that are no JSON.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::fmt;

/// Port of the pod's own loopback on which it is served: nobody else's pod reaches it.
pub const PORT: u16 = 7780;
/// Largest head of a frame in bytes.
pub const MAX_HEAD: usize = 1 << 20;
/// Most bytes that one frame carries besides its head: an object that is larger goes in pieces.
pub const MAX_BODY: usize = 1 << 20;
/// Objects that one answer lists, and keys that one request deletes, at the most.
pub const MAX_KEYS: usize = 1000;
/// Requests that may be under way on one connection; the server reads no further ones meanwhile.
pub const AT_ONCE: usize = 8;

/// A request, with the sender's own number for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Ask {
    /// Comes back with the answer.
    pub id: u32,
    /// What is asked for.
    pub what: Request,
}

/// What can be asked for. Keys are those of the store, checked by the server as well.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Request {
    /// The first of every connection: whoever asks knows the token whose digest the pod was started with.
    Hello {
        /// Never shown.
        token: String,
    },
    /// What there is of an object.
    Head {
        /// The object.
        key: String,
    },
    /// A piece of an object, of at most [`MAX_BODY`] bytes.
    Get {
        /// The object.
        key: String,
        /// Bytes before the piece.
        offset: u64,
        /// Bytes of the piece; fewer come where the object ends before.
        length: u64,
        /// The object must be the one that was seen like this; none: whatever is there.
        of: Option<Stat>,
    },
    /// Keeps the bytes that come with it as an object.
    Put {
        /// The object.
        key: String,
        /// Over what.
        over: Over,
    },
    /// Keeps the bytes that come with it as a piece of an object that is not there yet. May be asked for again.
    Part {
        /// Name of the upload: 32 lower-case hex digits, drawn by the sender.
        upload: String,
        /// Bytes before the piece.
        offset: u64,
    },
    /// Makes an object of the pieces.
    Finish {
        /// The upload.
        upload: String,
        /// The object.
        key: String,
        /// Bytes of all pieces.
        size: u64,
    },
    /// Forgets the pieces.
    Abort {
        /// The upload.
        upload: String,
    },
    /// Copies an object over whatever is there.
    Copy {
        /// What is copied.
        from: String,
        /// Where to.
        to: String,
    },
    /// What lies in a folder of keys, in the order of the keys, a page at a time.
    List {
        /// The folder; empty for all.
        folder: String,
        /// The last key of the page before.
        after: Option<String>,
        /// Whether folders in it are gone through; else only their names are given.
        deep: bool,
    },
    /// Deletes objects; what is not there counts as deleted.
    Delete {
        /// At most [`MAX_KEYS`].
        keys: Vec<String>,
    },
}

/// What a [`Request::Put`] replaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Over {
    /// Whatever is there.
    Anything,
    /// Nothing: no such object may be there.
    Nothing,
    /// The object with this content.
    Content {
        /// As [`Answer::Piece`] named it.
        tag: String,
    },
}

/// What tells one state of an object from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Stat {
    /// Bytes.
    pub size: u64,
    /// Microseconds since the Unix epoch by the volume's clock.
    pub modified: i64,
}

/// An object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Listed {
    /// Its key.
    pub key: String,
    /// What there is of it.
    pub stat: Stat,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Told {
    /// The sender's number of the request.
    pub id: u32,
    /// The answer.
    pub what: Answer,
}

/// What can be answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Answer {
    /// To `Hello`.
    Ready {
        /// [`crate::CONTRACT_VERSION`].
        contract: u32,
    },
    /// It goes on. Any number may come before the answer.
    Working,
    /// It is done: `Put`, `Part`, `Finish`, `Abort`, `Copy`, `Delete`.
    Done,
    /// To `Head`.
    There {
        /// The object.
        stat: Stat,
    },
    /// To `Get`; the piece's bytes come with it.
    Piece {
        /// The whole object.
        stat: Stat,
        /// Names the content, where the piece is all of it.
        tag: Option<String>,
    },
    /// To `List`.
    Page {
        /// Objects, in the order of their keys.
        objects: Vec<Listed>,
        /// Names of folders that were not gone through.
        folders: Vec<String>,
        /// Where to go on; none: this is the last page.
        next: Option<String>,
    },
    /// It was not done.
    Failed {
        /// Why.
        why: Failure,
        /// In words.
        message: String,
    },
}

/// Why a request was not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Failure {
    /// There is no such object.
    NotFound,
    /// The object is another one by now.
    Changed,
    /// The volume's owner and mode do not let the server in.
    Denied,
    /// The server does not do such a thing: a key that is none, a piece that is too large.
    Invalid,
    /// The volume fails, or is full.
    Failed,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, key) = match self {
            Request::Hello { .. } => ("Hello", ""),
            Request::Head { key } => ("Head", key.as_str()),
            Request::Get { key, .. } => ("Get", key.as_str()),
            Request::Put { key, .. } => ("Put", key.as_str()),
            Request::Part { upload, .. } => ("Part", upload.as_str()),
            Request::Finish { key, .. } => ("Finish", key.as_str()),
            Request::Abort { upload } => ("Abort", upload.as_str()),
            Request::Copy { to, .. } => ("Copy", to.as_str()),
            Request::List { folder, .. } => ("List", folder.as_str()),
            Request::Delete { keys } => ("Delete", keys.first().map_or("", String::as_str)),
        };
        f.debug_tuple(name).field(&key).finish()
    }
}

/// Why bytes are no frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadFrame {
    /// Announced lengths that are over [`MAX_HEAD`] and [`MAX_BODY`], or do not fit together.
    Lengths(usize, usize),
    /// The head is not the JSON of a message.
    Malformed(String),
}

impl fmt::Display for BadFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadFrame::Lengths(all, head) => write!(f, "a frame of {all} bytes with a head of {head} is none"),
            BadFrame::Malformed(why) => write!(f, "a frame's head cannot be read: {why}"),
        }
    }
}

impl std::error::Error for BadFrame {}

/// What stands before a frame's head.
pub const PREFIX: usize = 8;

/// A message with its bytes as a frame.
///
/// # Errors
/// [`BadFrame`]: it is too large.
pub fn encode<T: Serialize>(message: &T, body: &[u8]) -> Result<Vec<u8>, BadFrame> {
    let mut out = vec![0; PREFIX];
    serde_json::to_writer(&mut out, message).map_err(|e| BadFrame::Malformed(e.to_string()))?;
    let head = out.len() - PREFIX;
    let all = head + body.len();
    let number = |n: usize| u32::try_from(n).map_err(|_| BadFrame::Lengths(all, head));
    if head > MAX_HEAD || body.len() > MAX_BODY {
        return Err(BadFrame::Lengths(all, head));
    }
    out[..4].copy_from_slice(&number(all)?.to_le_bytes());
    out[4..PREFIX].copy_from_slice(&number(head)?.to_le_bytes());
    out.extend_from_slice(body);
    Ok(out)
}

/// Bytes of the frame that begins so, and of its head, both without the prefix.
///
/// # Errors
/// [`BadFrame::Lengths`]: it is not to be read further.
pub fn lengths(prefix: [u8; PREFIX]) -> Result<(usize, usize), BadFrame> {
    let [a, b, c, d, e, f, g, h] = prefix;
    let (all, head) = (u32::from_le_bytes([a, b, c, d]) as usize, u32::from_le_bytes([e, f, g, h]) as usize);
    match head <= MAX_HEAD && all.checked_sub(head).is_some_and(|body| body <= MAX_BODY) {
        true => Ok((all, head)),
        false => Err(BadFrame::Lengths(all, head)),
    }
}

/// The message in a frame's head.
///
/// # Errors
/// [`BadFrame::Malformed`].
pub fn decode<T: DeserializeOwned>(head: &[u8]) -> Result<T, BadFrame> {
    serde_json::from_slice(head).map_err(|e| BadFrame::Malformed(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_as_it_was_written() {
        let ask = Ask { id: 7, what: Request::Put { key: "logs/1/a".into(), over: Over::Nothing } };
        let frame = encode(&ask, b"bytes").unwrap();
        let prefix = *frame.first_chunk().unwrap();
        let (all, head) = lengths(prefix).unwrap();
        assert_eq!(frame.len(), PREFIX + all);
        assert_eq!(decode::<Ask>(&frame[PREFIX..PREFIX + head]).unwrap(), ask);
        assert_eq!(&frame[PREFIX + head..], b"bytes");
    }

    #[test]
    fn lengths_are_bounded_before_anything_is_read() {
        let check = |all: u32, head: u32, expect: bool| {
            let mut prefix = [0; PREFIX];
            prefix[..4].copy_from_slice(&all.to_le_bytes());
            prefix[4..].copy_from_slice(&head.to_le_bytes());
            assert_eq!(lengths(prefix).is_ok(), expect, "{all} {head}");
        };
        let (head, body) = (u32::try_from(MAX_HEAD).unwrap(), u32::try_from(MAX_BODY).unwrap());
        check(0, 0, true);
        check(head + body, head, true);
        check(head + body + 1, head, false);
        check(head + 1, head + 1, false);
        check(1, 2, false);
        check(u32::MAX, 0, false);
        assert!(encode(&(), &vec![0; MAX_BODY + 1]).is_err());
        assert!(encode(&"x".repeat(MAX_HEAD), &[]).is_err());
    }

    #[test]
    fn a_token_is_not_shown() {
        let shown = format!("{:?}", Ask { id: 1, what: Request::Hello { token: "hush".into() } });
        assert!(!shown.contains("hush"), "{shown}");
    }
}
