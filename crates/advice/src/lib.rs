//! What a build could do better, and what it costs: advice that only a planner can give.
//!
//! [`advise`] looks at a plan, at the files of the context and at the image that was built last, as far as they are known, and
//! says in bytes and seconds what an order of lines, a forgotten cache or a copied secret costs. None of it is an error, and
//! none of it is one of BuildKit's build checks: those are in `planner::checks`.
#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

// In and out.
mod scene;
// What it is read from.
mod command;
mod copied;
mod figures;
mod installs;
// One rule each.
mod hidden;
mod ignore_file;
mod lists;
mod order;
mod secret;
mod update;

#[cfg(test)]
mod testing;

pub use scene::{Advice, Cost, Scene, Shipped};

/// All advice on a build, in the order of lines.
///
/// The more of the scene is known, the more can be said: a plan alone tells of orders, a context of what is copied, an image of
/// the bytes.
pub fn advise(scene: &Scene<'_>) -> Vec<Advice> {
    let rules = [
        order::advise,
        hidden::advise,
        update::advise,
        lists::advise,
        secret::advise,
        ignore_file::advise,
    ];
    let mut all: Vec<Advice> = rules.iter().flat_map(|rule| rule(scene)).collect();
    all.sort_by_key(|advice| (advice.line, advice.code));
    all
}
