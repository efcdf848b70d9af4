//! Which steps a build does, and under which name it shows them.

use crate::plan::{Action, Input, MountKind, Plan};
use std::collections::BTreeMap;

impl Action {
    /// The filesystems it takes from beside the one it starts from, in order.
    pub fn inputs(&self) -> Vec<Input> {
        match self {
            Action::MakeDir(_) => Vec::new(),
            Action::Copy(copy) => copy.items.iter().map(|item| item.from).collect(),
            Action::Link { layer } => vec![Input::Step(*layer)],
            Action::Run(run) => run
                .mounts
                .iter()
                .filter_map(|mount| match &mount.kind {
                    MountKind::Bind { from, .. } | MountKind::Cache { from, .. } => Some(*from),
                    _ => None,
                })
                .collect(),
        }
    }
}

impl Plan {
    /// The step that does what `step` does: an earlier one, if that is the same.
    pub fn canonical(&self, step: usize) -> usize {
        self.steps[step].same_as.unwrap_or(step)
    }

    /// Every step that is done for the target, each once, in order, as (what is done, under which step's name it is
    /// shown). Of steps that are the same, BuildKit shows the one that it meets last.
    pub fn done_steps(&self) -> Vec<(usize, usize)> {
        let mut shown: BTreeMap<usize, usize> = BTreeMap::new();
        let mut visited = vec![false; self.steps.len()];
        // A stack instead of recursion: a file may have any number of steps. `true`: its inputs are done.
        let mut todo = vec![(self.stages[self.target].output, false)];
        while let Some((input, entered)) = todo.pop() {
            let Input::Step(step) = input else { continue };
            if entered {
                shown.insert(self.canonical(step), step);
                continue;
            }
            if std::mem::replace(&mut visited[step], true) {
                continue;
            }
            todo.push((input, true));
            let mut inputs = self.steps[step].action.inputs();
            if !matches!(self.steps[step].action, Action::Copy(_)) {
                inputs.reverse();
            }
            // The last pushed is visited first: the base, then sources; those of a COPY from its last to its first.
            todo.extend(inputs.into_iter().map(|input| (input, false)));
            todo.push((self.steps[step].base, false));
        }
        shown.into_iter().collect()
    }
}
