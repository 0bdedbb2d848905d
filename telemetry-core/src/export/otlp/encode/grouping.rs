//! The items of a batch by scope, as OTLP wants them.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::otlp::wire::message_len;
use crate::otlp::{Scope, ScopeId};
use crate::pipeline::Batch;

/// Which items of a batch belong to which scope: scopes as they first appear, the items of each
/// in their order. Its memory is reused.
#[derive(Debug, Default)]
pub(super) struct Grouping {
    groups: Vec<Group>,
    by_scope: HashMap<ScopeId, usize>,
    /// The group of each item and its position in the batch.
    members: Vec<(usize, usize)>,
}

/// The items of one scope.
#[derive(Debug)]
pub(super) struct Group {
    scope: Arc<Scope>,
    id: ScopeId,
    members: Range<usize>,
    items_size: usize,
}

impl Grouping {
    pub(super) fn group(&mut self, batch: &Batch) {
        self.clear();
        let mut current = 0;
        for (position, item) in batch.positions() {
            current = self.group_of(item.scope, current);
            if let Some(group) = self.groups.get_mut(current) {
                group.members.end += 1;
                group.items_size += message_len(item.message.len());
            }
            self.members.push((current, position));
        }
        if self.groups.len() > 1 {
            // positions are distinct, so this is stable; unlike a stable sort it never allocates
            self.members.sort_unstable();
        }
        let mut start = 0;
        for group in &mut self.groups {
            group.members = start..start + group.members.end;
            start = group.members.end;
        }
    }

    pub(super) fn clear(&mut self) {
        self.groups.clear();
        self.by_scope.clear();
        self.members.clear();
    }

    pub(super) fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The messages of a group's items.
    pub(super) fn messages<'a>(
        &'a self,
        group: &Group,
        batch: &'a Batch,
    ) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let members = self.members.get(group.members.clone()).unwrap_or_default();
        members
            .iter()
            .filter_map(|(_, position)| batch.item_at(*position))
            .map(|item| item.message)
    }

    /// The group of a scope. Neighbours mostly share theirs, so `current` is asked first.
    fn group_of(&mut self, id: ScopeId, current: usize) -> usize {
        if self.groups.get(current).is_some_and(|group| group.id == id) {
            return current;
        }
        *self.by_scope.entry(id).or_insert_with(|| {
            self.groups.push(Group {
                scope: id.scope(),
                id,
                members: 0..0,
                items_size: 0,
            });
            self.groups.len() - 1
        })
    }
}

impl Group {
    pub(super) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The schema of the scope; empty for none.
    pub(super) fn schema_url(&self) -> &str {
        self.scope.get().schema_url().unwrap_or_default()
    }

    /// What the items take as fields of a message.
    pub(super) fn items_size(&self) -> usize {
        self.items_size
    }
}
