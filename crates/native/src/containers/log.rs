//! The log of a container on disk: a line of JSON for each line that its process wrote, in files of a bounded size.

use builder::Stream;
use engine::{LogLimits, LogLine, LogOptions};
use oci::Time;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A longer line is kept in several pieces, in bytes.
const MAX_LINE: usize = 16 << 10;
/// The file that is written to; older ones are called `log.1` and so on.
const NAME: &str = "log";

#[derive(Serialize, Deserialize)]
struct LineDoc {
    /// Seconds and nanoseconds since the epoch.
    time: (i64, u32),
    /// 1 for standard output, 2 for standard error.
    stream: u8,
    /// The text, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// What is no text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bytes: Option<Vec<u8>>,
}

/// Writes a log. Lines are whole in the file: a reader sees no half of one.
#[derive(Debug)]
pub(super) struct LogWriter {
    folder: PathBuf,
    limits: LogLimits,
    file: File,
    size: u64,
    /// What of a line is here so far, of each stream.
    begun: [Vec<u8>; 2],
}

impl LogWriter {
    /// Goes on with the log in `folder`.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened.
    pub(super) fn open(folder: &Path, limits: LogLimits) -> io::Result<LogWriter> {
        let file = File::options().create(true).append(true).open(folder.join(NAME))?;
        let size = file.metadata()?.len();
        let mut writer = LogWriter {
            folder: folder.to_owned(),
            limits,
            file,
            size,
            begun: [Vec::new(), Vec::new()],
        };
        // A writer that was killed may have left half a line.
        if size > 0 && last_byte(&folder.join(NAME))? != b'\n' {
            writer.file.write_all(b"\n")?;
            writer.size += 1;
        }
        Ok(writer)
    }

    /// Takes what a process wrote.
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    pub(super) fn write(&mut self, stream: Stream, bytes: &[u8], now: Time) -> io::Result<()> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            for piece in piece.chunks(MAX_LINE) {
                let begun = &mut self.begun[stream as usize];
                begun.extend_from_slice(piece);
                if begun.ends_with(b"\n") || begun.len() >= MAX_LINE {
                    let line = std::mem::take(begun);
                    self.put(stream, line, now)?;
                }
            }
        }
        Ok(())
    }

    /// Writes what has no line end yet: the process ended.
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    pub(super) fn finish(&mut self, now: Time) -> io::Result<()> {
        for stream in [Stream::Out, Stream::Err] {
            let line = std::mem::take(&mut self.begun[stream as usize]);
            if !line.is_empty() {
                self.put(stream, line, now)?;
            }
        }
        Ok(())
    }

    fn put(&mut self, stream: Stream, line: Vec<u8>, now: Time) -> io::Result<()> {
        let (text, bytes) = match String::from_utf8(line) {
            Ok(text) => (Some(text), None),
            Err(error) => (None, Some(error.into_bytes())),
        };
        let doc = LineDoc {
            time: (now.secs, now.nanos),
            stream: stream as u8 + 1,
            text,
            bytes,
        };
        let mut written = serde_json::to_vec(&doc)?;
        written.push(b'\n');
        if let Some(max) = self.limits.max_bytes
            && self.size > 0
            && self.size + written.len() as u64 > max
        {
            self.rotate()?;
        }
        self.size += written.len() as u64;
        self.file.write_all(&written)
    }

    fn rotate(&mut self) -> io::Result<()> {
        let numbered = |number: u32| self.folder.join(format!("{NAME}.{number}"));
        for number in (1..self.limits.max_files.saturating_sub(1)).rev() {
            match fs::rename(numbered(number), numbered(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        let place = self.folder.join(NAME);
        if self.limits.max_files > 1 {
            fs::rename(&place, numbered(1))?;
        } else {
            fs::remove_file(&place)?;
        }
        self.file = File::options().create_new(true).append(true).open(&place)?;
        self.size = 0;
        Ok(())
    }
}

fn last_byte(place: &Path) -> io::Result<u8> {
    let mut file = File::open(place)?;
    file.seek(SeekFrom::End(-1))?;
    let mut byte = [0];
    file.read_exact(&mut byte)?;
    Ok(byte[0])
}

/// Reads a log from its beginning, and goes on where it stopped.
#[derive(Debug)]
pub(super) struct LogReader {
    folder: PathBuf,
    /// Old files that are still to be read, the oldest last.
    older: Vec<File>,
    file: Option<BufReader<File>>,
    /// The begin of a line whose end is not there yet.
    half: Vec<u8>,
}

impl LogReader {
    /// The log in `folder`; an empty one if there is none.
    ///
    /// # Errors
    ///
    /// If a file is there and cannot be opened.
    pub(super) fn open(folder: &Path) -> io::Result<LogReader> {
        let mut older = Vec::new();
        for number in 1.. {
            match opened(&folder.join(format!("{NAME}.{number}")))? {
                Some(file) => older.push(file),
                None => break,
            }
        }
        let mut reader = LogReader {
            folder: folder.to_owned(),
            file: older.pop().map(BufReader::new),
            older,
            half: Vec::new(),
        };
        if reader.file.is_none() {
            reader.file = opened(&folder.join(NAME))?.map(BufReader::new);
        }
        Ok(reader)
    }

    /// Whether what is read is the file that is written to.
    fn is_newest(&self) -> io::Result<bool> {
        use std::os::unix::fs::MetadataExt;
        let Some(file) = &self.file else { return Ok(true) };
        let (ours, newest) = (file.get_ref().metadata()?, fs::metadata(self.folder.join(NAME)));
        Ok(newest.is_ok_and(|newest| (newest.dev(), newest.ino()) == (ours.dev(), ours.ino())))
    }

    /// The next line that is there; `None` if there is none yet.
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    pub(super) fn next_line(&mut self) -> io::Result<Option<LogLine>> {
        loop {
            if self.file.is_none() {
                self.file = opened(&self.folder.join(NAME))?.map(BufReader::new);
            }
            // Asked before the end is seen: what is written between the two is not lost.
            let is_newest = self.is_newest()?;
            let Some(file) = &mut self.file else { return Ok(None) };
            file.read_until(b'\n', &mut self.half)?;
            if self.half.ends_with(b"\n") {
                let line = std::mem::take(&mut self.half);
                match serde_json::from_slice::<LineDoc>(&line) {
                    Ok(doc) => return Ok(Some(line_of(doc))),
                    // Half a line, of a writer that was killed.
                    Err(_) => continue,
                }
            }
            if is_newest {
                return Ok(None);
            }
            self.half.clear();
            self.file = match self.older.pop() {
                Some(file) => Some(BufReader::new(file)),
                None => opened(&self.folder.join(NAME))?.map(BufReader::new),
            };
        }
    }

    /// Gives every wanted line that is there to `each`.
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    pub(super) fn each(&mut self, options: LogOptions, each: &mut dyn FnMut(&LogLine)) -> io::Result<()> {
        let mut last = std::collections::VecDeque::new();
        while let Some(line) = self.next_line()? {
            if !options.wants(line.time) {
                continue;
            }
            match options.tail {
                None => each(&line),
                Some(0) => {}
                Some(tail) => {
                    if last.len() == tail {
                        last.pop_front();
                    }
                    last.push_back(line);
                }
            }
        }
        last.iter().for_each(each);
        Ok(())
    }
}

fn opened(place: &Path) -> io::Result<Option<File>> {
    match File::open(place) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn line_of(doc: LineDoc) -> LogLine {
    LogLine {
        time: Time {
            secs: doc.time.0,
            nanos: doc.time.1,
        },
        stream: if doc.stream == 2 { Stream::Err } else { Stream::Out },
        bytes: doc.text.map(String::into_bytes).or(doc.bytes).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;

    fn all(folder: &Path, options: LogOptions) -> Vec<String> {
        let mut lines = Vec::new();
        let mut take =
            |line: &LogLine| lines.push(format!("{:?} {}", line.stream, String::from_utf8_lossy(&line.bytes)));
        LogReader::open(folder).unwrap().each(options, &mut take).unwrap();
        lines
    }

    #[test]
    fn lines_come_back_as_they_were_written() {
        let scratch = Scratch::new();
        let mut writer = LogWriter::open(scratch.dir(), LogLimits::default()).unwrap();
        writer.write(Stream::Out, b"one\ntw", Time::of_secs(1)).unwrap();
        writer.write(Stream::Err, b"bad\xff\n", Time::of_secs(2)).unwrap();
        writer.write(Stream::Out, b"o\nrest", Time::of_secs(3)).unwrap();
        assert_eq!(
            all(scratch.dir(), LogOptions::default()),
            ["Out one\n", "Err bad\u{fffd}\n", "Out two\n"]
        );
        writer.finish(Time::of_secs(4)).unwrap();
        let tail = LogOptions {
            tail: Some(2),
            ..LogOptions::default()
        };
        assert_eq!(all(scratch.dir(), tail), ["Out two\n", "Out rest"]);
        let since = LogOptions {
            since: Some(Time::of_secs(3)),
            ..LogOptions::default()
        };
        assert_eq!(all(scratch.dir(), since), ["Out two\n", "Out rest"]);
    }

    #[test]
    fn a_log_keeps_to_its_size_and_loses_the_oldest_lines() {
        let scratch = Scratch::new();
        let limits = LogLimits {
            max_bytes: Some(200),
            max_files: 3,
        };
        let mut writer = LogWriter::open(scratch.dir(), limits).unwrap();
        let mut reader = LogReader::open(scratch.dir()).unwrap();
        let mut followed = Vec::new();
        for number in 0..40 {
            writer
                .write(Stream::Out, format!("line {number}\n").as_bytes(), Time::of_secs(1))
                .unwrap();
            while let Some(line) = reader.next_line().unwrap() {
                followed.push(line.bytes);
            }
        }
        assert_eq!(followed.len(), 40, "whoever follows misses nothing");
        let kept = all(scratch.dir(), LogOptions::default());
        assert!(kept.len() < 20, "{kept:?}");
        assert_eq!(kept.last().unwrap(), "Out line 39\n");
        for file in fs::read_dir(scratch.dir()).unwrap() {
            assert!(file.unwrap().metadata().unwrap().len() <= 200);
        }
        assert_eq!(fs::read_dir(scratch.dir()).unwrap().count(), 3);
    }

    #[test]
    fn half_a_line_of_a_writer_that_was_killed_is_passed_over() {
        let scratch = Scratch::new();
        scratch.write("log", "{\"time\":[1,0],\"str");
        let mut writer = LogWriter::open(scratch.dir(), LogLimits::default()).unwrap();
        writer.write(Stream::Out, b"whole\n", Time::of_secs(1)).unwrap();
        assert_eq!(all(scratch.dir(), LogOptions::default()), ["Out whole\n"]);
    }

    #[test]
    fn a_line_without_end_is_kept_in_pieces() {
        let scratch = Scratch::new();
        let mut writer = LogWriter::open(scratch.dir(), LogLimits::default()).unwrap();
        writer
            .write(Stream::Out, &vec![b'x'; 3 * MAX_LINE], Time::of_secs(1))
            .unwrap();
        assert_eq!(all(scratch.dir(), LogOptions::default()).len(), 3);
    }
}
