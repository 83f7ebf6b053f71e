//! Bodies, passed on as they come, and the windows that let them come.

use super::{
    super::frame::{self, flag, kind},
    Core, Data, WINDOW,
};
use crate::{Fault, clock::Instant};

impl Core {
    pub(super) fn begin_data(&mut self, head: frame::Head, head_bytes: usize, now: Instant) -> Result<(), Fault> {
        self.credit_received(head.stream, head_bytes, now);
        self.unrenewed += head.length as u64;
        if self.unrenewed > u64::from(WINDOW) / 2 {
            let renewed = u32::try_from(std::mem::take(&mut self.unrenewed)).unwrap_or(WINDOW);
            self.say(|out| frame::number(out, kind::WINDOW_UPDATE, 0, renewed));
        }
        let is_end = head.has(flag::END_STREAM);
        let Some(stream) = self.stream(head.stream).filter(|stream| stream.end.is_none()) else {
            self.note_idle_frame()?;
            return self.expect_data(head, false);
        };
        stream.unrenewed += head.length as u64;
        if stream.unrenewed > u64::from(WINDOW) / 2 && !is_end {
            let renewed = u32::try_from(std::mem::take(&mut stream.unrenewed)).unwrap_or(WINDOW);
            self.say(|out| frame::number(out, kind::WINDOW_UPDATE, head.stream, renewed));
        }
        if head.length > usize::from(head.has(flag::PADDED)) {
            self.idle_frames = 0;
        } else if !is_end {
            self.note_idle_frame()?;
        }
        self.expect_data(head, is_end)
    }

    pub(super) fn expect_data(&mut self, head: frame::Head, is_end: bool) -> Result<(), Fault> {
        let is_padding_unknown = head.has(flag::PADDED);
        if is_padding_unknown && head.length == 0 {
            return Err(Fault::Http2Violation);
        }
        let data = Data { stream: head.stream, left: head.length, padding: 0, is_padding_unknown, is_end };
        self.data_goes_on(data);
        Ok(())
    }

    pub(super) fn feed_data(&mut self, input: &[u8], now: Instant) -> Result<usize, Fault> {
        let Some(mut data) = self.input.data.take() else { return Ok(0) };
        let here = if data.is_padding_unknown { 1 } else { data.left.min(input.len()) };
        self.credit_received(data.stream, here, now);
        data.left -= here;
        if std::mem::take(&mut data.is_padding_unknown) {
            data.padding = usize::from(input[0]);
            if data.padding > data.left {
                return Err(Fault::Http2Violation);
            }
        } else {
            // What is left after these bytes may be padding, and so may their end.
            let padding = data.padding.saturating_sub(data.left);
            let bytes = &input[..here - padding.min(here)];
            data.padding -= padding.min(here);
            if let Some(stream) = self.stream(data.stream).filter(|stream| stream.end.is_none() && !bytes.is_empty()) {
                let result = stream.take_data(bytes);
                self.judge(data.stream, result);
            }
        }
        self.data_goes_on(data);
        Ok(here)
    }

    pub(super) fn data_goes_on(&mut self, data: Data) {
        if data.left > 0 {
            self.input.data = Some(data);
        } else if data.is_end
            && let Some(stream) = self.stream(data.stream).filter(|stream| stream.end.is_none())
        {
            let result = stream.complete();
            self.judge(data.stream, result);
        }
    }
}
