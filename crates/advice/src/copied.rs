//! Which files of the context a COPY takes.

use builder::{Ignore, Pattern};
use planner::{Action, Copy, CopyItem, Input, Plan, Source};
use store::{Content, Node, Tree};

/// A file of the context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ContextFile {
    /// Relative, `/` between components.
    pub(crate) path: String,
    /// Its bytes.
    pub(crate) content: Content,
}

impl ContextFile {
    pub(crate) fn name(&self) -> &str {
        crate::command::last(&self.path)
    }

    pub(crate) fn size(&self) -> u64 {
        self.content.size()
    }
}

/// Every file of a context.
pub(crate) fn files(context: &Tree) -> Vec<ContextFile> {
    let file = |(path, node): (store::TreePath, &Node)| {
        let content = node.as_file()?.content;
        Some(ContextFile {
            path: path.as_str().to_owned(),
            content,
        })
    };
    context.walk().filter_map(file).collect()
}

/// What a step takes of the context.
pub(crate) struct Takes<'a> {
    patterns: Vec<Taken<'a>>,
    exclude: Option<Ignore>,
}

enum Taken<'a> {
    All,
    Path(&'a str),
    Pattern(Pattern),
}

impl<'a> Takes<'a> {
    /// `None` if the step takes nothing of the context.
    pub(crate) fn of(plan: &'a Plan, action: &'a Action) -> Option<Takes<'a>> {
        let Action::Copy(copy) = action else { return None };
        let patterns: Vec<Taken<'a>> = items(plan, copy).filter_map(taken).collect();
        let exclude = match copy.exclude.as_slice() {
            [] => None,
            patterns => Ignore::patterns(patterns.iter().map(String::as_str)).ok(),
        };
        (!patterns.is_empty()).then_some(Takes { patterns, exclude })
    }

    /// Whether the whole context is taken.
    pub(crate) fn is_all(&self) -> bool {
        self.patterns.iter().any(|taken| matches!(taken, Taken::All))
    }

    /// Whether a file of the context is taken.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.patterns.iter().any(|taken| taken.has(path))
            && !self.exclude.as_ref().is_some_and(|exclude| exclude.ignores(path))
    }
}

impl Taken<'_> {
    fn has(&self, path: &str) -> bool {
        match self {
            Taken::All => true,
            Taken::Path(above) => path
                .strip_prefix(above)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
            Taken::Pattern(pattern) => {
                let above = path.match_indices('/').map(|(end, _)| &path[..end]);
                above.chain([path]).any(|path| pattern.matches(path))
            }
        }
    }
}

/// The sources of a COPY that are paths of the context.
pub(crate) fn items<'a>(plan: &'a Plan, copy: &'a Copy) -> impl Iterator<Item = &'a CopyItem> {
    copy.items.iter().filter(|item| match item.from {
        Input::Source(source) => plan.sources[source] == Source::Context,
        Input::Scratch | Input::Step(_) => false,
    })
}

fn taken(item: &CopyItem) -> Option<Taken<'_>> {
    // With --parents the pattern below the path decides.
    if let Some(include) = item.include.as_deref() {
        return pattern(include);
    }
    let path = item.path.trim_matches('/');
    match path {
        "" | "." => Some(Taken::All),
        path if path.contains(['*', '?', '[', '\\']) => pattern(path),
        path => Some(Taken::Path(path)),
    }
}

fn pattern(text: &str) -> Option<Taken<'static>> {
    Pattern::parse(text.trim_matches('/')).ok().map(Taken::Pattern)
}
