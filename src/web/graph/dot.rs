//! The graph in the language of Graphviz.

use super::{FAILING_BORDER, GraphModel, Node, NodeKind, PINNED_BORDER, RESOURCE_FILL, fill, ink};

impl GraphModel {
    /// The graph as DOT text.
    #[must_use]
    pub fn dot_export(&self) -> String {
        let mut out = format!("strict digraph {} {{\n  rankdir=LR;\n", quoted(&self.pipeline));
        for node in &self.nodes {
            out.push_str(&statement(node));
        }
        for edge in &self.edges {
            let style = if edge.trigger { "solid" } else { "dashed" };
            let (from, to) = (&self.nodes[edge.from], &self.nodes[edge.to]);
            let lit = if from.lit == Some(true) && to.lit == Some(true) { ", penwidth=3" } else { "" };
            out.push_str(&format!("  {} -> {} [style={style}{lit}];\n", quoted(&from.id), quoted(&to.id)));
        }
        out.push_str("}\n");
        out
    }
}

fn statement(node: &Node) -> String {
    let (id, label, url) = (quoted(&node.id), quoted(&node.label), quoted(&node.href));
    let lit = if node.lit == Some(true) { ", penwidth=3" } else { "" };
    match &node.kind {
        NodeKind::Resource { failing, pinned } => {
            let border = match (failing, pinned) {
                (true, _) => format!(", color=\"{FAILING_BORDER}\""),
                (false, true) => format!(", color=\"{PINNED_BORDER}\""),
                (false, false) => String::new(),
            };
            let (style, pen) = if *pinned { ("filled,bold", ", penwidth=3") } else { ("filled", lit) };
            format!(
                "  {id} [label={label}, shape=cds, style=\"{style}\", fillcolor=\"{RESOURCE_FILL}\"{border}{pen}, URL={url}];\n"
            )
        }
        NodeKind::Job { state, running, .. } => {
            let cluster = quoted(&format!("cluster_{}", node.id));
            let border = if *running { "style=dashed" } else { "color=\"transparent\"" };
            format!(
                "  subgraph {cluster} {{\n    {border};\n    {id} [label={label}, shape=rect, style=filled, fillcolor=\"{}\", fontcolor=\"{}\"{lit}, URL={url}];\n  }}\n",
                fill(*state),
                ink(*state)
            )
        }
        NodeKind::Between => {
            format!(
                "  {id} [label={label}, shape=cds, style=filled, fillcolor=\"{RESOURCE_FILL}\", fontsize=9, height=0.2{lit}, URL={url}];\n"
            )
        }
        NodeKind::Output => {
            format!(
                "  {id} [label={label}, shape=cds, style=filled, fillcolor=\"{RESOURCE_FILL}\"{lit}, URL={url}];\n"
            )
        }
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', " "))
}
