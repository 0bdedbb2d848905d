//! Spans arranged as a tree, in the order and with the branches in which they are shown.

use std::collections::HashMap;

use crate::context::SpanId;
use crate::export::memory::CapturedSpan;

/// How much of a tree is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Lines with a span, over all.
    pub(crate) rows: usize,
    /// Spans below one parent.
    pub(crate) children: usize,
}

/// What is not shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hidden {
    /// How many spans.
    pub(crate) spans: usize,
    /// How many of them failed.
    pub(crate) failed: usize,
}

/// Spans arranged as a tree.
#[derive(Debug)]
pub(crate) struct Tree<'a> {
    /// The span that the header describes: the first local root that is on top.
    pub(crate) root: Option<&'a CapturedSpan>,
    /// The lines, top down.
    pub(crate) rows: Vec<Row<'a>>,
    /// What did not fit.
    pub(crate) hidden: Hidden,
}

/// One line of a tree.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    /// The branch that leads to it.
    pub(crate) branch: String,
    /// The branches that pass beside what is written below it.
    pub(crate) beside: String,
    /// What stands on the line.
    pub(crate) node: Node<'a>,
}

/// What stands on a line of a tree.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Node<'a> {
    /// A span.
    Span(&'a CapturedSpan),
    /// Spans that are not shown.
    More(Hidden),
}

/// How deep branches are drawn; what is deeper has `⋯` in place of the outer ones, so that a
/// runaway recursion still shows its names.
const MAX_BRANCH: usize = 16 * 3;

impl Hidden {
    pub(crate) fn merge(&mut self, other: Self) {
        self.spans += other.spans;
        self.failed += other.failed;
    }

    pub(crate) fn is_none(self) -> bool {
        self.spans == 0
    }
}

impl<'a> Extend<&'a CapturedSpan> for Hidden {
    fn extend<T: IntoIterator<Item = &'a CapturedSpan>>(&mut self, spans: T) {
        for span in spans {
            self.spans += 1;
            self.failed += usize::from(span.is_error());
        }
    }
}

impl<'a> Tree<'a> {
    /// Arranges `spans`: each below its parent, siblings by their start.
    pub(crate) fn of(spans: &'a [CapturedSpan], shape: Shape) -> Self {
        let forest = Forest::of(spans);
        let root = forest
            .roots
            .iter()
            .filter_map(|&index| spans.get(index))
            .find(|span| span.is_local_root());
        let mut walk = Walk {
            forest: &forest,
            shape,
            seen: vec![false; spans.len()],
            rows: Vec::new(),
            hidden: Hidden::default(),
        };
        walk.roots();
        Self {
            root,
            rows: walk.rows,
            hidden: walk.hidden,
        }
    }
}

/// Who is below whom.
#[derive(Debug)]
pub(super) struct Forest<'a> {
    spans: &'a [CapturedSpan],
    pub(super) roots: Vec<usize>,
    children: Vec<Vec<usize>>,
}

impl<'a> Forest<'a> {
    pub(super) fn of(spans: &'a [CapturedSpan]) -> Self {
        let mut by_id: HashMap<(u128, SpanId), usize> = HashMap::with_capacity(spans.len());
        let trace = |span: &CapturedSpan| u128::from_be_bytes(span.trace_id.to_bytes());
        for (index, span) in spans.iter().enumerate() {
            by_id.entry((trace(span), span.span_id)).or_insert(index);
        }
        let mut forest = Self {
            spans,
            roots: Vec::new(),
            children: vec![Vec::new(); spans.len()],
        };
        for (index, span) in spans.iter().enumerate() {
            let parent = span
                .parent_span_id
                .and_then(|id| by_id.get(&(trace(span), id)))
                .filter(|parent| **parent != index)
                .and_then(|parent| forest.children.get_mut(*parent));
            parent.unwrap_or(&mut forest.roots).push(index);
        }
        forest.roots.sort_by_key(|index| start(spans, *index));
        for siblings in &mut forest.children {
            siblings.sort_by_key(|index| start(spans, *index));
        }
        forest
    }

    /// The spans at and below `root`.
    pub(super) fn below(&self, root: usize) -> Vec<usize> {
        let mut found = vec![root];
        let mut next = 0;
        while let Some(&index) = found.get(next) {
            found.extend_from_slice(self.children(index));
            next += 1;
        }
        found
    }

    fn children(&self, index: usize) -> &[usize] {
        self.children.get(index).map_or(&[], Vec::as_slice)
    }
}

fn start(spans: &[CapturedSpan], index: usize) -> u64 {
    spans.get(index).map_or(0, |span| span.start_unix_nanos)
}

/// A walk over a forest, depth first, without recursion.
struct Walk<'a, 'f> {
    forest: &'f Forest<'a>,
    shape: Shape,
    seen: Vec<bool>,
    rows: Vec<Row<'a>>,
    hidden: Hidden,
}

/// A place in the tree that is still to be written.
struct Step {
    what: What,
    /// What stands left of the branch.
    left: String,
    is_last: bool,
}

enum What {
    Span(usize),
    More(Hidden),
}

impl Walk<'_, '_> {
    fn roots(&mut self) {
        self.siblings_of_none(&self.forest.roots);
        // parents that are their own descendants are below no root
        while let Some(index) = self.seen.iter().position(|seen| !seen) {
            self.siblings_of_none(&[index]);
        }
    }

    fn siblings_of_none(&mut self, roots: &[usize]) {
        let mut steps = Vec::new();
        self.plan(&mut steps, roots, "");
        while let Some(step) = steps.pop() {
            self.take(step, &mut steps);
        }
    }

    /// Plans the spans below one parent, in reverse as a stack wants them.
    fn plan(&mut self, steps: &mut Vec<Step>, siblings: &[usize], left: &str) {
        let fits = siblings.len() <= self.shape.children;
        let shown = if fits {
            siblings.len()
        } else {
            self.shape.children.saturating_sub(1)
        };
        let (shown, rest) = siblings.split_at(shown);
        let mut hidden = Hidden::default();
        for &index in rest {
            hidden.merge(self.hide(index));
        }
        let mut is_last = true;
        let more = (!hidden.is_none()).then_some(What::More(hidden));
        for what in more
            .into_iter()
            .chain(shown.iter().rev().map(|index| What::Span(*index)))
        {
            steps.push(Step {
                what,
                left: left.to_owned(),
                is_last,
            });
            is_last = false;
        }
    }

    fn take(&mut self, step: Step, steps: &mut Vec<Step>) {
        let branch = step.left.clone() + if step.is_last { "└─ " } else { "├─ " };
        let index = match step.what {
            What::Span(index) => index,
            What::More(hidden) => return self.more(branch, hidden),
        };
        if !self.see(index) {
            return;
        }
        let Some(span) = self.forest.spans.get(index) else {
            return;
        };
        let left = deeper(&step.left, step.is_last);
        let children = self.forest.children(index);
        if self.rows.len() < self.shape.rows {
            let beside = left.clone() + if children.is_empty() { "   " } else { "│  " };
            self.rows.push(Row {
                branch,
                beside,
                node: Node::Span(span),
            });
        } else {
            self.hidden.extend([span]);
        }
        self.plan(steps, children, &left);
    }

    fn more(&mut self, branch: String, hidden: Hidden) {
        if self.rows.len() < self.shape.rows {
            self.rows.push(Row {
                branch,
                beside: String::new(),
                node: Node::More(hidden),
            });
        } else {
            self.hidden.merge(hidden);
        }
    }

    /// Counts a span and what is below it as not shown.
    fn hide(&mut self, root: usize) -> Hidden {
        let mut hidden = Hidden::default();
        let mut rest = vec![root];
        while let Some(index) = rest.pop() {
            if self.see(index) {
                rest.extend_from_slice(self.forest.children(index));
                hidden.extend(self.forest.spans.get(index));
            }
        }
        hidden
    }

    /// Whether the span is seen for the first time.
    fn see(&mut self, index: usize) -> bool {
        self.seen
            .get_mut(index)
            .is_some_and(|seen| !std::mem::replace(seen, true))
    }
}

/// What stands left of the branches one level deeper.
fn deeper(left: &str, is_last: bool) -> String {
    let deeper = left.to_owned() + if is_last { "   " } else { "│  " };
    let width = deeper.chars().count();
    if width <= MAX_BRANCH {
        return deeper;
    }
    let kept = deeper.chars().skip(width - (MAX_BRANCH - 3));
    "⋯  ".chars().chain(kept).collect()
}
