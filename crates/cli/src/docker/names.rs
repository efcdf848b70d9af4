//! Names of images as they are typed.

use super::Fail;
use oci::Reference;

/// Reads the name of an image.
///
/// # Errors
///
/// What Docker says of it: `invalid reference format`.
pub(crate) fn reference(text: &str) -> Result<Reference, Fail> {
    Reference::parse(text).map_err(|error| Fail::new(error.to_string()))
}

/// Reads a name that an image is to be given.
///
/// # Errors
///
/// `Error parsing reference: "B" is not a valid repository/tag: …`
pub(crate) fn target(text: &str) -> Result<Reference, Fail> {
    let reference = Reference::parse(text).map_err(|error| {
        let text = dockerfile::quote(text);
        Fail::new(format!(
            "Error parsing reference: {text} is not a valid repository/tag: {error}"
        ))
    })?;
    if reference.digest().is_some() {
        return Err(Fail::new("refusing to create a tag with a digest reference"));
    }
    Ok(reference)
}
