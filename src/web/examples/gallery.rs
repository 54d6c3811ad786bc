//! Writes every page with sample data, its assets and the exported graphs into a directory, to be looked at in a
//! browser: `cargo run -p pikoci-web --example gallery -- DIRECTORY`.

#[path = "../tests/sample/mod.rs"]
mod sample;

use std::path::PathBuf;

use pikoci_web::{assets, graph::GraphModel};

fn main() -> std::io::Result<()> {
    let directory = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "gallery".to_owned()));
    std::fs::create_dir_all(&directory)?;
    for (name, html) in sample::pages() {
        for theme in ["light", "dark"] {
            let page = html
                .replacen("<html lang=\"en\"", &format!("<html lang=\"en\" data-theme=\"{theme}\""), 1)
                .replace("\"/assets/", "\"");
            for part in page.split('"').filter(|part| part.starts_with("pikoci-")) {
                if let Some(asset) = assets::find(part) {
                    std::fs::write(directory.join(part), asset.body)?;
                }
            }
            std::fs::write(directory.join(format!("{name}-{theme}.html")), page)?;
        }
    }
    let model = GraphModel::new(&sample::graph_input(), false);
    std::fs::write(directory.join("graph.dot"), model.dot_export())?;
    std::fs::write(directory.join("graph.svg"), model.svg_export())
}
