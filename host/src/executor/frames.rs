use wharf_contract::{FrameError, FromRuntime};

/// Bytes read at one time.
const CHUNK: usize = 64 << 10;

/// Collects what a worker writes and cuts it into frames.
#[derive(Debug, Default)]
pub(super) struct Frames {
    buffer: Vec<u8>,
}

impl Frames {
    /// Where the next bytes go: has room for a chunk.
    pub(super) fn space(&mut self) -> &mut Vec<u8> {
        self.buffer.reserve(CHUNK);
        &mut self.buffer
    }

    /// All frames that are whole by now.
    ///
    /// # Errors
    /// What follows cannot be read; the frames before it are lost with it.
    pub(super) fn take(&mut self) -> Result<Vec<FromRuntime>, FrameError> {
        let (mut frames, mut read) = (Vec::new(), 0);
        while let Some((frame, used)) = wharf_contract::decode(&self.buffer[read..])? {
            frames.push(frame);
            read += used;
        }
        self.buffer.drain(..read);
        if self.buffer.is_empty() && self.buffer.capacity() > 4 * CHUNK {
            self.buffer = Vec::new();
        }
        Ok(frames)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_contract::{Cause, Outcome, encode};

    #[test]
    fn frames_come_out_as_soon_as_they_are_whole() {
        let sent: Vec<_> = (0..5)
            .map(|slot| FromRuntime::Finished { slot, outcome: Box::new(Outcome::failed(Cause::Trap, "unreachable")) })
            .collect();
        let mut bytes = Vec::new();
        for frame in &sent {
            encode(frame, &mut bytes).unwrap();
        }
        for size in [1, 3, 7, 100, bytes.len()] {
            let (mut frames, mut seen) = (Frames::default(), Vec::new());
            for chunk in bytes.chunks(size) {
                frames.space().extend_from_slice(chunk);
                seen.extend(frames.take().unwrap());
            }
            assert_eq!(seen, sent, "in chunks of {size}");
        }
    }

    #[test]
    fn what_is_no_frame_is_an_error() {
        let mut frames = Frames::default();
        frames.space().extend_from_slice(b"\xff\xff\xff\xff");
        assert!(matches!(frames.take(), Err(FrameError::TooLarge(_))));
        frames = Frames::default();
        frames.space().extend_from_slice(b"\x02\0\0\0{]");
        assert!(matches!(frames.take(), Err(FrameError::Malformed(_))));
    }
}
