//! The graph in the page: every node a link that says its state, and that the script can replace by itself.

use super::{GraphModel, Layout, Node, NodeKind, Place};
use crate::page::{State, escape, human_duration};

/// Longer names are cut; the whole name is in the tooltip.
const LABEL_LIMIT: usize = 28;

pub(crate) fn shortened(label: &str) -> String {
    if label.chars().count() <= LABEL_LIMIT {
        return label.to_owned();
    }
    label.chars().take(LABEL_LIMIT - 1).chain(['…']).collect()
}

impl GraphModel {
    /// The graph as an element of the page, coloured by its style sheet; words if it is too big. `now`: ms since the
    /// epoch.
    #[must_use]
    pub fn svg_live(&self, now: i64) -> String {
        self.layout().map_or_else(
            || format!("<p class=\"dim\">{}</p>", self.too_big()),
            |layout| layout.svg_live(self, now),
        )
    }
}

impl Layout {
    fn svg_live(&self, model: &GraphModel, now: i64) -> String {
        let (width, height) = (self.width.ceil(), self.height.ceil());
        let mut out = format!(
            "<svg width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" data-shape=\"{:016x}\">\n",
            model.structure()
        );
        for (i, edge) in model.edges.iter().enumerate() {
            let lit = model.nodes[edge.from].lit.zip(model.nodes[edge.to].lit).map(|(a, b)| a && b);
            let hint = if edge.trigger { "" } else { " hint" };
            out.push_str(&format!(
                "<path class=\"edge{hint}{}\" d=\"{}\"/>\n",
                lit_class(lit),
                self.curve(i)
            ));
        }
        for (node, place) in model.nodes.iter().zip(&self.places) {
            out.push_str(&match &node.kind {
                NodeKind::Job { .. } => job(node, *place, now),
                _ => thing(node, *place),
            });
        }
        out.push_str("</svg>");
        out
    }
}

fn lit_class(lit: Option<bool>) -> &'static str {
    match lit {
        None => "",
        Some(true) => " on",
        Some(false) => " off",
    }
}

fn job(node: &Node, place: Place, now: i64) -> String {
    let NodeKind::Job { state, newest, .. } = &node.kind else { return String::new() };
    let (number, started, ended) = match newest {
        Some(newest) => (format!("#{} · ", newest.number), newest.started_at, newest.ended_at),
        None => (String::new(), None, None),
    };
    let span = |from: i64, to: i64| human_duration(u64::try_from(to.saturating_sub(from)).unwrap_or(0));
    let (said, html) = match (*state, started, ended) {
        (State::Running, Some(from), _) => {
            let took = span(from, now);
            (format!("running {took}"), format!("running <tspan data-since=\"{from}\">{took}</tspan>"))
        }
        (State::Succeeded | State::Failed | State::Warning | State::Cancelled, Some(from), Some(to)) => {
            (format!("{} {}", state.word(), span(from, to)), span(from, to))
        }
        (State::NotRun, ..) => ("no build yet".to_owned(), "no build yet".to_owned()),
        _ => (state.word().to_owned(), state.word().to_owned()),
    };
    let (id, name) = (escape(&node.id), escape(&node.label));
    let left = place.x - place.width / 2.0;
    let (top, text) = (place.y - place.height / 2.0, left + 16.0);
    format!(
        "<a class=\"node {class}{lit}\" data-live=\"node-{id}\" data-id=\"{id}\" href=\"{href}\" aria-label=\"{name}, {number}{said}\"><title>{name}: {number}{said}</title>\
         <rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{w:.1}\" height=\"{h:.1}\" rx=\"10\"/>\
         <text x=\"{text:.1}\" y=\"{y1:.1}\">{shown}</text><text class=\"sub\" x=\"{text:.1}\" y=\"{y2:.1}\">{sign} {number}{html}</text></a>\n",
        class = state.class(),
        lit = lit_class(node.lit),
        href = escape(&node.href),
        w = place.width,
        h = place.height,
        y1 = top + 26.0,
        y2 = top + 48.0,
        shown = escape(&shortened(&node.label)),
        sign = state.sign(),
    )
}

/// A resource, what is put, or a version between two jobs.
fn thing(node: &Node, place: Place) -> String {
    let (sick, pinned) = match node.kind {
        NodeKind::Resource { failing, pinned } => (failing, pinned),
        _ => (false, false),
    };
    let said = match (sick, pinned) {
        (true, _) => ", check failing",
        (false, true) => ", pinned",
        _ => "",
    };
    let (id, name) = (escape(&node.id), escape(&node.label));
    let (left, top) = (place.x - place.width / 2.0, place.y - place.height / 2.0);
    format!(
        "<a class=\"node thing{sick}{lit}\" data-live=\"node-{id}\" data-id=\"{id}\" href=\"{href}\" aria-label=\"{name}{said}\"><title>{name}{said}</title>\
         <rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{w:.1}\" height=\"{h:.1}\" rx=\"{r:.1}\"/>\
         <text x=\"{x:.1}\" y=\"{y:.1}\">{icon} {shown}</text></a>\n",
        sick = if sick { " sick" } else { "" },
        lit = lit_class(node.lit),
        href = escape(&node.href),
        w = place.width,
        h = place.height,
        r = place.height / 2.0,
        x = left + 16.0,
        y = place.y + 5.0,
        icon = if sick { "✗" } else { icon(node) },
        shown = escape(&shortened(&node.label)),
    )
}

fn icon(node: &Node) -> &'static str {
    if node.kind == NodeKind::Output {
        return "↑";
    }
    match node.label.split('.').next().unwrap_or_default() {
        "git" => "⎇",
        "cron" => "◷",
        "fs" => "▤",
        _ => "◇",
    }
}
