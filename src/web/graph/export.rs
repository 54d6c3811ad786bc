//! The graph as a picture of its own, with the colours that scripts and badges know.

use super::{
    FAILING_BORDER, GraphModel, Layout, Node, NodeKind, PINNED_BORDER, Place, RESOURCE_FILL, fill, ink,
};
use crate::page::escape;

const FONT: &str = "system-ui,Helvetica,Arial,sans-serif";

impl GraphModel {
    /// The graph as an SVG document; if it is too big, one that says so.
    #[must_use]
    pub fn svg_export(&self) -> String {
        self.layout().map_or_else(
            || {
                format!(
                    "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"720\" height=\"60\" viewBox=\"0 0 720 60\" \
                     font-family=\"{FONT}\" font-size=\"14\">\n<title>{}</title>\n\
                     <rect width=\"100%\" height=\"100%\" fill=\"#FFFFFF\"/>\n<text x=\"24\" y=\"35\">{}</text>\n</svg>\n",
                    escape(&self.pipeline),
                    self.too_big()
                )
            },
            |layout| layout.svg_export(self),
        )
    }

    /// Why it is not drawn, in words.
    pub(super) fn too_big(&self) -> String {
        let (nodes, edges) = (self.nodes.len(), self.edges.len());
        format!(
            "With {nodes} jobs and resources and {edges} arrows between them this graph is too big to be drawn."
        )
    }
}

impl Layout {
    fn svg_export(&self, model: &GraphModel) -> String {
        let (width, height) = (self.width.ceil(), self.height.ceil());
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" font-family=\"{FONT}\" font-size=\"14\">\n\
             <title>{}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#FFFFFF\"/>\n",
            escape(&model.pipeline)
        );
        for (i, edge) in model.edges.iter().enumerate() {
            let dashes = if edge.trigger { "" } else { " stroke-dasharray=\"5 4\"" };
            let lit = model.nodes[edge.from].lit == Some(true) && model.nodes[edge.to].lit == Some(true);
            let pen = if lit { 3 } else { 1 };
            out.push_str(&format!(
                "<path d=\"{}\" fill=\"none\" stroke=\"#5F574F\" stroke-width=\"{pen}\"{dashes}/>\n",
                self.curve(i)
            ));
        }
        for (node, place) in model.nodes.iter().zip(&self.places) {
            out.push_str(&shape(node, *place));
        }
        out.push_str("</svg>\n");
        out
    }
}

fn shape(node: &Node, place: Place) -> String {
    let (left, top) = (place.x - place.width / 2.0, place.y - place.height / 2.0);
    let pen = if node.lit == Some(true) { 3 } else { 1 };
    let (body, colour) = match &node.kind {
        NodeKind::Job { state, running, .. } => (job(place, fill(*state), *running, pen), ink(*state)),
        NodeKind::Resource { failing, pinned } => {
            let (border, pen) = match (failing, pinned) {
                (true, _) => (FAILING_BORDER, if *pinned { 3 } else { pen.max(2) }),
                (false, true) => (PINNED_BORDER, 3),
                (false, false) => ("#000000", pen),
            };
            (arrow(left, top, place, border, pen), "#000000")
        }
        NodeKind::Between | NodeKind::Output => (arrow(left, top, place, "#000000", pen), "#000000"),
    };
    let size = if node.kind == NodeKind::Between { 11 } else { 14 };
    format!(
        "<a href=\"{}\">{body}<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"{size}\" fill=\"{colour}\">{}</text></a>\n",
        escape(&node.href),
        place.x,
        place.y + 5.0,
        escape(&super::live::shortened(&node.label))
    )
}

/// A box; while a build runs, inside a dashed frame.
fn job(place: Place, fill: &str, running: bool, pen: i32) -> String {
    let rect = |margin: f64, look: &str| {
        format!(
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" {look}/>",
            place.x - place.width / 2.0 - margin,
            place.y - place.height / 2.0 - margin,
            place.width + 2.0 * margin,
            place.height + 2.0 * margin
        )
    };
    let mut out = String::new();
    if running {
        out.push_str(&rect(6.0, "fill=\"none\" stroke=\"#000000\" stroke-dasharray=\"5 4\""));
    }
    out.push_str(&rect(0.0, &format!("fill=\"{fill}\" stroke=\"#000000\" stroke-width=\"{pen}\"")));
    out
}

/// The shape that Graphviz calls `cds`: a box with a point to the right.
fn arrow(left: f64, top: f64, place: Place, border: &str, pen: i32) -> String {
    let (right, bottom, point) = (left + place.width, top + place.height, left + place.width - 12.0);
    format!(
        "<path d=\"M{left:.1},{top:.1} H{point:.1} L{right:.1},{:.1} L{point:.1},{bottom:.1} H{left:.1} Z\" fill=\"{RESOURCE_FILL}\" stroke=\"{border}\" stroke-width=\"{pen}\"/>",
        place.y
    )
}
