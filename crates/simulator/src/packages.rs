//! Package managers and compilers.

use crate::command::Work;

/// Their commands.
pub(crate) fn commands() -> &'static [(&'static str, Work)] {
    &[]
}
