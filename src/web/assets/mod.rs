//! The style sheet, the script and the icon, inside the program. Their addresses carry a fingerprint of the content,
//! so a browser may keep them for ever; each is compressed once, when it is first asked for.
//!
//! What the script asks of the server is written down in `CONTRACT.md` beside this file.

use std::io::Write;
use std::sync::LazyLock;

use flate2::Compression;
use flate2::write::GzEncoder;

/// The policy every page is sent with: nothing inline, nothing from another host.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const STYLE: &str = concat!(
    include_str!("style/tokens.css"),
    include_str!("style/frame.css"),
    include_str!("style/cards.css"),
    include_str!("style/build.css"),
    include_str!("style/log.css"),
    include_str!("style/graph.css"),
    include_str!("style/small.css"),
);

const SCRIPT: &str = concat!(
    "(() => {\n'use strict';\n",
    include_str!("script/time.js"),
    include_str!("script/ansi.js"),
    include_str!("script/lines.js"),
    include_str!("script/live.js"),
    include_str!("script/axis.js"),
    include_str!("script/logtext.js"),
    include_str!("script/logview.js"),
    include_str!("script/find.js"),
    include_str!("script/keys.js"),
    include_str!("script/start.js"),
    "})();\n",
);

const ICON: &str = include_str!("icon.svg");

/// A file that the pages load.
#[derive(Debug)]
pub struct Asset {
    /// Its address: `/assets/{name}`.
    pub name: String,
    /// MIME type.
    pub content_type: &'static str,
    /// The bytes.
    pub body: &'static [u8],
    /// The same bytes compressed, for clients that accept gzip.
    pub gzip: Vec<u8>,
}

impl Asset {
    fn new(stem: &str, extension: &str, content_type: &'static str, body: &'static str) -> Self {
        let name = format!("{stem}-{:016x}.{extension}", fingerprint(body.as_bytes()));
        Self { name, content_type, body: body.as_bytes(), gzip: compressed(body.as_bytes()) }
    }
}

static STYLE_SHEET: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("pikoci", "css", "text/css; charset=utf-8", STYLE));
static PAGE_SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("pikoci", "js", "text/javascript; charset=utf-8", SCRIPT));
static FAVICON: LazyLock<Asset> = LazyLock::new(|| Asset::new("favicon", "svg", "image/svg+xml", ICON));

/// The asset of this name, with its fingerprint; none for a name that is not, or no longer, served.
#[must_use]
pub fn find(name: &str) -> Option<&'static Asset> {
    [&*STYLE_SHEET, &*PAGE_SCRIPT].into_iter().find(|asset| asset.name == name)
}

/// The icon, served without a fingerprint.
#[must_use]
pub fn favicon() -> &'static Asset {
    &FAVICON
}

pub(crate) fn style_url() -> String {
    format!("/assets/{}", STYLE_SHEET.name)
}

pub(crate) fn script_url() -> String {
    format!("/assets/{}", PAGE_SCRIPT.name)
}

/// FNV-1a, 64 bits: tells contents apart, protects nothing.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    #[expect(clippy::expect_used, reason = "a Vec takes every write")]
    encoder.write_all(bytes).expect("a Vec takes every write");
    #[expect(clippy::expect_used, reason = "a Vec takes every write")]
    encoder.finish().expect("a Vec takes every write")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn script_and_style_are_small() {
        let total = STYLE_SHEET.gzip.len() + PAGE_SCRIPT.gzip.len();
        assert!(total < 60 * 1024, "{total} bytes compressed");
    }

    #[test]
    fn an_asset_is_found_by_its_address_only() {
        let name = style_url().trim_start_matches("/assets/").to_owned();
        assert_eq!(find(&name).map(|asset| asset.content_type), Some("text/css; charset=utf-8"));
        assert!(find("pikoci.css").is_none());
    }

    #[test]
    fn nothing_comes_from_another_host() {
        for text in [STYLE, SCRIPT] {
            assert!(!text.contains("https://") && !text.contains("//cdn"), "an address of another host");
        }
    }
}
