//! Names of `--build-context`, and the images they stand for.

use oci::Reference;

/// A name of `--build-context`, or an image of the Dockerfile, in the one spelling by which they are compared.
///
/// Source: buildx, `ParseContextNames`; BuildKit, `dockerui/namedcontext.go`.
pub fn context_name(name: &str) -> String {
    match Reference::parse(name) {
        Ok(reference) => {
            let familiar = reference.familiar();
            familiar.strip_suffix(":latest").unwrap_or(&familiar).to_owned()
        }
        Err(_) => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::context_name;

    #[test]
    fn names_of_contexts_have_one_spelling() {
        for name in ["alpine", "alpine:latest", "docker.io/library/alpine", "library/alpine"] {
            assert_eq!(context_name(name), "alpine", "{name}");
        }
        assert_eq!(context_name("golang:1.12"), "golang:1.12");
        assert_eq!(context_name("Not A Name"), "Not A Name");
    }
}
