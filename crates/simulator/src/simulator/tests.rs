//! What runs leave behind, and how they fail.
