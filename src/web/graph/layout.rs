//! Where nodes lie and edges run, from left to right.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use dagre::graph::{Graph, GraphOptions};
use dagre::{EdgeLabel, LayoutOptions, NodeLabel, RankDir};

use super::{Edge, GraphModel, Node, NodeKind};

/// A rectangle by its middle, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Middle, from the left.
    pub x: f64,
    /// Middle, from the top.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

/// A graph laid out.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// Width of the picture.
    pub width: f64,
    /// Height of the picture.
    pub height: f64,
    /// A place for each node, in the order of the nodes.
    pub places: Vec<Place>,
    /// A route for each edge, in the order of the edges: at least two points.
    pub routes: Vec<Vec<(f64, f64)>>,
}

/// Layouts kept, by structure. Dear for big graphs (0.3 s for 300 nodes), asked for at every look at a page.
static KEPT: LazyLock<Mutex<HashMap<u64, Arc<Layout>>>> = LazyLock::new(Mutex::default);
/// Nodes of a graph that is drawn. Laying out is recursive, and its stack grows with them.
const MOST_NODES: usize = 400;
/// Columns that all its edges cross together: what a layout costs.
const MOST_CROSSED: usize = 4000;
/// How many are kept before the memory is emptied.
const KEPT_LIMIT: usize = 256;

/// Narrower pictures are stretched towards this width, at most by `STRETCH`.
const GOAL_WIDTH: f64 = 1390.0;
const STRETCH: f64 = 1.5;
const MARGIN: f64 = 24.0;

fn kept() -> MutexGuard<'static, HashMap<u64, Arc<Layout>>> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

impl GraphModel {
    /// Lays the graph out, or finds the layout of one with the same names and edges. None: it is too big to be drawn.
    #[must_use]
    pub fn layout(&self) -> Option<Arc<Layout>> {
        if self.is_too_big() {
            return None;
        }
        let key = self.structure();
        if let Some(known) = kept().get(&key) {
            return Some(Arc::clone(known));
        }
        let fresh = Arc::new(compute(self));
        let mut kept = kept();
        if kept.len() >= KEPT_LIMIT {
            kept.clear();
        }
        kept.insert(key, Arc::clone(&fresh));
        Some(fresh)
    }

    /// Whether `layout` answers at once.
    pub(crate) fn is_laid_out(&self) -> bool {
        self.is_too_big() || kept().contains_key(&self.structure())
    }

    fn is_too_big(&self) -> bool {
        self.nodes.len() > MOST_NODES || self.crossed() > MOST_CROSSED
    }

    /// How many columns all edges cross together, if each node stands right of all that lead to it. With a cycle
    /// nobody knows before; then it is the most there can be.
    fn crossed(&self) -> usize {
        let mut column = vec![0_usize; self.nodes.len()];
        let mut awaited = vec![0_usize; self.nodes.len()];
        let mut out = vec![Vec::new(); self.nodes.len()];
        for edge in &self.edges {
            awaited[edge.to] += 1;
            out[edge.from].push(edge.to);
        }
        let mut ready: Vec<usize> = (0..awaited.len()).filter(|node| awaited[*node] == 0).collect();
        let mut placed = 0;
        while let Some(node) = ready.pop() {
            placed += 1;
            for &to in &out[node] {
                column[to] = column[to].max(column[node] + 1);
                awaited[to] -= 1;
                if awaited[to] == 0 {
                    ready.push(to);
                }
            }
        }
        if placed < self.nodes.len() {
            return self.edges.len() * self.nodes.len();
        }
        self.edges.iter().map(|edge| column[edge.to] - column[edge.from]).sum()
    }

    /// Tells graphs of different names or edges apart.
    pub(crate) fn structure(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for node in &self.nodes {
            (&node.id, &node.label, std::mem::discriminant(&node.kind)).hash(&mut hasher);
        }
        for edge in &self.edges {
            (edge.from, edge.to).hash(&mut hasher);
        }
        hasher.finish()
    }
}

impl Layout {
    /// The route of an edge as the data of an SVG path: one curve from point to point, level at each.
    pub(crate) fn curve(&self, edge: usize) -> String {
        let Some([first, rest @ ..]) = self.routes.get(edge).map(Vec::as_slice) else { return String::new() };
        let mut out = format!("M{:.1},{:.1}", first.0, first.1);
        let mut at = *first;
        for &(x, y) in rest {
            let middle = (at.0 + x) / 2.0;
            out.push_str(&format!(" C{middle:.1},{:.1} {middle:.1},{y:.1} {x:.1},{y:.1}", at.1));
            at = (x, y);
        }
        out
    }
}

/// Width and height of a node. Independent of states, so that the picture stands still while they change.
fn size(node: &Node) -> (f64, f64) {
    let text = super::live::shortened(&node.label).chars().count() as f64 * 8.2;
    match node.kind {
        NodeKind::Job { .. } => ((text + 34.0).max(198.0), 62.0),
        NodeKind::Resource { .. } => ((text + 56.0).max(140.0), 40.0),
        NodeKind::Output => ((text + 52.0).max(80.0), 40.0),
        NodeKind::Between => (text + 20.0, 28.0),
    }
}

fn compute(model: &GraphModel) -> Layout {
    let mut graph: Graph<NodeLabel, EdgeLabel> =
        Graph::with_options(GraphOptions { directed: true, multigraph: false, compound: false });
    for (i, node) in model.nodes.iter().enumerate() {
        let (width, height) = size(node);
        graph.set_node(i.to_string(), Some(NodeLabel { width, height, ..NodeLabel::default() }));
    }
    for edge in &model.edges {
        graph.set_edge(edge.from.to_string(), edge.to.to_string(), Some(EdgeLabel::default()), None);
    }
    let options = LayoutOptions {
        rankdir: RankDir::LR,
        nodesep: 44.0,
        ranksep: 56.0,
        edgesep: 20.0,
        ..LayoutOptions::default()
    };
    dagre::layout(&mut graph, Some(options));
    let mut places = placed(model, &graph);
    let mut routes: Vec<_> = model.edges.iter().map(|edge| route(edge, &places, &graph)).collect();
    if upside_down(&places) {
        places.iter_mut().for_each(|place| place.y = -place.y);
        routes.iter_mut().flatten().for_each(|point| point.1 = -point.1);
    }
    framed(places, routes)
}

fn placed(model: &GraphModel, graph: &Graph<NodeLabel, EdgeLabel>) -> Vec<Place> {
    let place = |(i, node): (usize, &Node)| {
        let (width, height) = size(node);
        let (x, y) = graph.node(&i.to_string()).and_then(|n| n.x.zip(n.y)).unwrap_or_default();
        Place { x, y, width, height }
    };
    model.nodes.iter().enumerate().map(place).collect()
}

/// From the right side of one node to the left side of the other. The points between are where the edge crosses the
/// columns of other nodes: every second one, the rest lie in the gaps.
fn route(edge: &Edge, places: &[Place], graph: &Graph<NodeLabel, EdgeLabel>) -> Vec<(f64, f64)> {
    let (from, to) = (places[edge.from], places[edge.to]);
    let known = graph.edge(&edge.from.to_string(), &edge.to.to_string(), None).map_or(&[][..], |e| &e.points);
    let inner = known.iter().enumerate().skip(1).take(known.len().saturating_sub(2));
    let mut points = vec![(from.x + from.width / 2.0, from.y)];
    points.extend(inner.filter(|(i, _)| i % 2 == 0).map(|(_, p)| (p.x, p.y)));
    points.push((to.x - to.width / 2.0, to.y));
    points
}

/// Whether more pairs in one column stand against the order of the file than with it.
fn upside_down(places: &[Place]) -> bool {
    let mut balance = 0i64;
    for (i, first) in places.iter().enumerate() {
        for second in &places[i + 1..] {
            if (first.x - second.x).abs() < 1.0 {
                balance += if first.y < second.y { 1 } else { -1 };
            }
        }
    }
    balance < 0
}

/// Moves everything to the margin and stretches a narrow picture.
fn framed(mut places: Vec<Place>, mut routes: Vec<Vec<(f64, f64)>>) -> Layout {
    let ends = |f: fn(&Place) -> (f64, f64), places: &[Place]| {
        let low = places.iter().map(|p| f(p).0).fold(f64::INFINITY, f64::min);
        let high = places.iter().map(|p| f(p).1).fold(f64::NEG_INFINITY, f64::max);
        if places.is_empty() { (0.0, 0.0) } else { (low, high) }
    };
    let across = |p: &Place| (p.x - p.width / 2.0, p.x + p.width / 2.0);
    let (left, right) = ends(across, &places);
    let (top, bottom) = ends(|p| (p.y - p.height / 2.0, p.y + p.height / 2.0), &places);
    let stretch = (GOAL_WIDTH / (right - left + 2.0 * MARGIN)).clamp(1.0, STRETCH);
    let old = places.clone();
    for place in &mut places {
        place.x *= stretch;
    }
    let (new_left, new_right) = ends(across, &places);
    let shift = |x: f64| x - new_left + MARGIN;
    for place in &mut places {
        (place.x, place.y) = (shift(place.x), place.y - top + MARGIN);
    }
    for points in &mut routes {
        for point in points {
            // An end sticks to the side of its node, whose width does not stretch.
            let side = old.iter().zip(&places).find_map(|(was, is)| stuck(*point, *was, *is));
            *point = side.unwrap_or((shift(point.0 * stretch), point.1 - top + MARGIN));
        }
    }
    Layout { width: new_right - new_left + 2.0 * MARGIN, height: bottom - top + 2.0 * MARGIN, places, routes }
}

fn stuck(point: (f64, f64), was: Place, is: Place) -> Option<(f64, f64)> {
    let near = |a: f64, b: f64| (a - b).abs() < 0.01;
    let level = near(point.1, was.y);
    if level && near(point.0, was.x - was.width / 2.0) {
        return Some((is.x - is.width / 2.0, is.y));
    }
    (level && near(point.0, was.x + was.width / 2.0)).then_some((is.x + is.width / 2.0, is.y))
}
