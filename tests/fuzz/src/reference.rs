//! What is read as a name prints, and is read from that as the same name.

use oci::Reference;

/// The name as it is.
pub fn reference(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let name = match Reference::parse(text) {
        Ok(name) => name,
        Err(error) => {
            assert!(!error.to_string().is_empty(), "an error says something");
            return;
        }
    };
    same(&name, &name.to_string());
    // Docker's short form of a name on Docker Hub may be that of another host, or an image ID.
    let on_hub = name.registry() == "docker.io";
    let first = name.repository().split('/').next().unwrap_or_default();
    let is_other = first == "localhost" || first.contains('.') || name.familiar_name().len() == 64;
    if !on_hub || !is_other {
        same(&name, &name.familiar());
    }
    for named in [name.clone().or_latest(), name.clone().exact()] {
        same(&named, &named.to_string());
        assert!(
            named.tag().is_some() || named.digest().is_some(),
            "{named} names one image"
        );
    }
    let tagged = name.with_tag("t").expect("a good tag");
    same(&tagged, &tagged.to_string());
}

fn same(name: &Reference, printed: &str) {
    assert_eq!(Reference::parse(printed).as_ref(), Ok(name), "{printed}");
}
