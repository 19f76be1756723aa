//! Server-sent events, as far as they matter here: where one ends, and what it says of usage. Bytes
//! pass through as they came; lines end in LF or CRLF, as every provider ends them.

use bytes::{Bytes, BytesMut};

/// The longest event that is waited for.
const MAX_EVENT_BYTES: usize = 16 << 20;

/// An event that does not end.
#[derive(Debug, thiserror::Error)]
#[error("an event of the stream is longer than {MAX_EVENT_BYTES} bytes")]
pub(super) struct TooLong;

/// Cuts a stream into events, wherever its chunks are cut.
#[derive(Debug, Default)]
pub(super) struct Events {
    pending: BytesMut,
    /// No event ends before this.
    searched: usize,
}

impl Events {
    pub(super) fn push(&mut self, chunk: &[u8]) -> Result<(), TooLong> {
        self.pending.extend_from_slice(chunk);
        if self.pending.len() > MAX_EVENT_BYTES {
            return Err(TooLong);
        }
        Ok(())
    }

    /// The next whole event, with the empty line that ends it.
    pub(super) fn next(&mut self) -> Option<Bytes> {
        let Some(end) = end_of_event(&self.pending, self.searched) else {
            // An end may be cut after its first line end: at most "\n\r" of it is here.
            self.searched = self.pending.len().saturating_sub(2);
            return None;
        };
        self.searched = 0;
        Some(self.pending.split_to(end).freeze())
    }

    /// What is left at the stream's end.
    pub(super) fn rest(&mut self) -> Bytes {
        self.searched = 0;
        self.pending.split().freeze()
    }
}

fn end_of_event(bytes: &[u8], from: usize) -> Option<usize> {
    let line_ends = (from..bytes.len()).filter(|&at| bytes[at] == b'\n');
    line_ends.into_iter().find_map(|at| match &bytes[at + 1..] {
        [b'\n', ..] => Some(at + 2),
        [b'\r', b'\n', ..] => Some(at + 3),
        _ => None,
    })
}

/// The event's data: neither protocol has more than one line of it.
pub(super) fn data(event: &[u8]) -> Option<&[u8]> {
    let mut lines = event.split(|&byte| byte == b'\n');
    lines.find_map(|line| line.strip_prefix(b"data:")).map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str =
        "data: {\"a\":1}\n\n: comment\r\n\r\nevent: x\ndata: {\"b\":2}\r\n\ndata: [DONE]\n\nrest";
    const EVENTS: [&str; 4] = [
        "data: {\"a\":1}\n\n",
        ": comment\r\n\r\n",
        "event: x\ndata: {\"b\":2}\r\n\n",
        "data: [DONE]\n\n",
    ];

    #[test]
    fn events_are_whole_however_the_stream_is_cut() {
        for size in 1..=STREAM.len() {
            let mut events = Events::default();
            let mut whole = Vec::new();
            for chunk in STREAM.as_bytes().chunks(size) {
                events.push(chunk).unwrap();
                whole.extend(std::iter::from_fn(|| events.next()));
            }
            assert_eq!(whole, EVENTS, "cut into {size}");
            assert_eq!(events.rest(), "rest");
        }
    }

    #[test]
    fn an_endless_event_is_given_up() {
        let mut events = Events::default();
        assert!(events.push(&vec![b'x'; MAX_EVENT_BYTES]).is_ok());
        assert!(events.next().is_none());
        assert!(events.push(b"x").is_err());
    }

    #[test]
    fn an_event_s_data_are_found() {
        for (event, found) in [
            ("data: {}\n\n", Some("{}")),
            ("data:{}\r\n\r\n", Some("{}")),
            ("event: message_stop\ndata: {}\n\n", Some("{}")),
            (": data\n\n", None),
        ] {
            assert_eq!(data(event.as_bytes()), found.map(str::as_bytes), "{event}");
        }
    }
}
