//! `client export`: the whole database as SQLite files, written as they arrive.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
};

use futures::StreamExt;
use reqwest::Method;

use super::{
    Failure, Target,
    args::{ExportArgs, Outer},
    exchange::{Exchange, said},
    print,
};
use crate::cli::console;

/// What a tar archive is counted in.
const BLOCK: usize = 512;

pub(super) async fn run(outer: &Outer, args: ExportArgs) -> Result<ExitCode, Failure> {
    let exchange = Exchange::new(Target::new(outer, &args.at)?)?;
    let mut target: Box<dyn Taker> =
        if args.output == Path::new("-") { Box::new(Raw) } else { Box::new(Files::new(&args.output)?) };
    let response = exchange.send(exchange.request(Method::GET, "/admin/export")).await?;
    let mut pieces = response.bytes_stream();
    while let Some(piece) = pieces.next().await {
        target.take(&piece.map_err(|error| Failure::failed(said(&error)))?)?;
    }
    target.end()
}

/// Where the archive goes.
trait Taker {
    fn take(&mut self, bytes: &[u8]) -> Result<(), Failure>;
    fn end(&mut self) -> Result<ExitCode, Failure>;
}

/// To standard output as it is.
struct Raw;

impl Taker for Raw {
    fn take(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        print::bytes(bytes).map(drop)
    }

    fn end(&mut self) -> Result<ExitCode, Failure> {
        Ok(ExitCode::SUCCESS)
    }
}

/// Two files: the state, and the logs beside it. They get their names when all of them are there.
struct Files {
    /// Their names, and those they have meanwhile.
    places: Vec<(PathBuf, PathBuf)>,
    done: usize,
    head: Vec<u8>,
    current: Option<(BufWriter<File>, u64)>,
    /// Bytes that fill up a block.
    fill: u64,
    is_whole: bool,
}

impl Files {
    fn new(output: &Path) -> Result<Self, Failure> {
        let stem = output.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let extension =
            output.extension().map(|ext| format!(".{}", ext.to_string_lossy())).unwrap_or_default();
        let log = output.with_file_name(format!("{stem}-log{extension}"));
        let mut places = Vec::new();
        for path in [output.to_owned(), log] {
            if path.exists() {
                return Err(Failure::usage(format!("{} exists; name a file that does not", path.display())));
            }
            let mut part = path.clone().into_os_string();
            part.push(".part");
            places.push((path, part.into()));
        }
        let (head, current) = (Vec::new(), None);
        Ok(Self { places, done: 0, head, current, fill: 0, is_whole: false })
    }

    fn open(&mut self, size: u64) -> Result<(), Failure> {
        let Some((_, part)) = self.places.get(self.done) else {
            return Err(Failure::failed("the server sent more files than there should be"));
        };
        let file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(part);
        let file = file.map_err(|error| Failure::failed(format!("{}: {error}", part.display())))?;
        self.current = Some((BufWriter::new(file), size));
        self.fill = size.next_multiple_of(BLOCK as u64) - size;
        Ok(())
    }

    /// The next bytes, as far as they belong together.
    fn step<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Failure> {
        let at_most = |left: u64| usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        if let Some((file, left)) = &mut self.current {
            let (now, rest) = bytes.split_at(at_most(*left));
            file.write_all(now).map_err(|error| Failure::failed(error.to_string()))?;
            *left -= now.len() as u64;
            if *left == 0 {
                let whole = file.flush().and_then(|()| file.get_ref().sync_all());
                whole.map_err(|error| Failure::failed(error.to_string()))?;
                self.current = None;
                self.done += 1;
            }
            return Ok(rest);
        }
        if self.fill > 0 {
            let (now, rest) = bytes.split_at(at_most(self.fill));
            self.fill -= now.len() as u64;
            return Ok(rest);
        }
        let (now, rest) = bytes.split_at((BLOCK - self.head.len()).min(bytes.len()));
        self.head.extend_from_slice(now);
        if self.head.len() == BLOCK {
            match size(&std::mem::take(&mut self.head))? {
                Some(size) => self.open(size)?,
                None => self.is_whole = self.done == self.places.len(),
            }
        }
        Ok(rest)
    }
}

impl Taker for Files {
    fn take(&mut self, mut bytes: &[u8]) -> Result<(), Failure> {
        while !bytes.is_empty() {
            bytes = self.step(bytes)?;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<ExitCode, Failure> {
        if !self.is_whole {
            return Err(Failure::failed("the server stopped before the end; nothing is kept"));
        }
        for (path, part) in &self.places {
            fs::rename(part, path)
                .map_err(|error| Failure::failed(format!("{}: {error}", path.display())))?;
            console::say(path.display());
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        for (_, part) in &self.places {
            // Not there when everything went well.
            fs::remove_file(part).ok();
        }
    }
}

/// The size in a header; none for the empty block at the end.
fn size(header: &[u8]) -> Result<Option<u64>, Failure> {
    if header.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let wrong = || Failure::failed("the server sent what is no archive");
    let (magic, field) = (&header[257..262], &header[124..136]);
    if magic != b"ustar" {
        return Err(wrong());
    }
    if field[0] == 0x80 {
        let bytes: [u8; 8] = field[4..].try_into().map_err(|_| wrong())?;
        return Ok(Some(u64::from_be_bytes(bytes)));
    }
    let digits = std::str::from_utf8(field).map_err(|_| wrong())?;
    u64::from_str_radix(digits.trim_end_matches(['\0', ' ']), 8).map(Some).map_err(|_| wrong())
}
