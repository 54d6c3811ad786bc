//! The whole database as a file.

use std::path::{Path, PathBuf};

use actix_web::{
    HttpResponse, get,
    http::{StatusCode, header::CONTENT_DISPOSITION},
    web::Data,
};
use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use tokio::io::AsyncReadExt;

use crate::{
    auth::Asker,
    deps::{ExportError, Exported},
    refused::{RefusalBody, Refused},
    site::Site,
};

/// Bytes that are read at once.
const PIECE: usize = 64 * 1024;
/// What a tar archive is counted in.
const BLOCK: usize = 512;
/// A size that is larger does not fit into octal digits.
const OCTAL: u64 = 1 << 33;

/// Everything there is, as it is at one moment: a tar archive of two SQLite files that `--db-system sqlite` opens, the
/// state and the logs beside it. What is sealed stays sealed under the servers' host key. One is made at a time.
#[utoipa::path(
    tag = "server",
    responses(
        (status = 200, description = "the archive", content_type = "application/x-tar", body = String),
        (status = 401, body = RefusalBody),
        (status = 403, description = "for global admins only", body = RefusalBody),
        (status = 409, description = "another one is being made", body = RefusalBody),
    ),
    security(("session" = []))
)]
#[get("/admin/export")]
pub(crate) async fn export(site: Data<Site>, asker: Asker) -> Result<HttpResponse, Refused> {
    asker.global_admin()?;
    let exported = (site.deps.settings.export)().await.map_err(|error| match error {
        ExportError::Busy => {
            Refused::new(StatusCode::CONFLICT, "another export is being made; try again when it is done")
        }
        ExportError::Failed(reason) => Refused::defect(&format_args!("the export: {reason}")),
    })?;
    let mut response = HttpResponse::Ok();
    response.content_type("application/x-tar");
    response.insert_header((CONTENT_DISPOSITION, "attachment; filename=\"pikoci.tar\""));
    let archive = archive(exported).map_err(|error| {
        tracing::error!(%error, "an export was cut");
        Refused::defect(&error)
    });
    Ok(response.streaming(archive.boxed_local()))
}

/// The files one after the other, each with its header and filled up to a whole block, and two empty blocks.
fn archive(exported: Exported) -> impl Stream<Item = std::io::Result<Bytes>> {
    let Exported { files, guard } = exported;
    let end = stream::iter([Ok(Bytes::from_static(&[0; 2 * BLOCK]))]);
    let parts = stream::iter(files).map(Ok).and_then(part).try_flatten();
    // The files are there until the last byte is on its way.
    parts.chain(end).chain(stream::poll_fn(move |_| {
        let _kept = &guard;
        std::task::Poll::Ready(None)
    }))
}

async fn part(path: PathBuf) -> std::io::Result<impl Stream<Item = std::io::Result<Bytes>>> {
    let file = tokio::fs::File::open(&path).await?;
    let size = file.metadata().await?.len();
    let head = stream::iter([Ok(Bytes::copy_from_slice(&header(&path, size)))]);
    let body = stream::try_unfold(file.take(size), |mut file| async move {
        let mut piece = vec![0; PIECE];
        let read = file.read(&mut piece).await?;
        piece.truncate(read);
        Ok((read > 0).then(|| (Bytes::from(piece), file)))
    });
    let rest = usize::try_from(size % BLOCK as u64).unwrap_or_default();
    let fill = Bytes::from(vec![0; (BLOCK - rest) % BLOCK]);
    Ok(head.chain(body).chain(stream::iter([Ok(fill)])))
}

/// A header as POSIX 1003.1 has it.
fn header(path: &Path, size: u64) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut put = |at: usize, text: &[u8]| header[at..at + text.len()].copy_from_slice(text);
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    put(0, &name.as_bytes()[..name.len().min(99)]);
    put(100, b"0000600\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    if size < OCTAL {
        put(124, format!("{size:011o}\0").as_bytes());
    } else {
        put(124, &[0x80, 0, 0, 0]);
        put(128, &size.to_be_bytes());
    }
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_says_name_and_size() {
        let small = header(Path::new("/somewhere/pikoci.db"), 1000);
        assert_eq!((&small[..9], &small[124..136]), (&b"pikoci.db"[..], &b"00000001750\0"[..]));
        let large = header(Path::new("x"), OCTAL);
        assert_eq!(&large[124..136], &[0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0]);
    }
}
