//! The page: a pure model, and the components that draw it.
fn main() {}
