//! `--secret id=ID,src=FILE` and `--secret id=ID,env=VARIABLE`.

use super::ArgError;
use super::output::fields;
use std::path::PathBuf;
use std::str::FromStr;

/// A secret and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretSpec {
    /// Its identity; never empty.
    pub id: String,
    /// Where it comes from.
    pub source: SecretSource,
}

/// Where a secret comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// A file.
    File(PathBuf),
    /// An environment variable.
    Variable(String),
    /// Only an identity was given: the variable of that name if there is one, else the file.
    Named,
}

const SHAPE: &str = "id=ID,src=FILE or id=ID,env=VARIABLE";

impl FromStr for SecretSpec {
    type Err = ArgError;

    fn from_str(text: &str) -> Result<SecretSpec, ArgError> {
        let error = || ArgError::new(SHAPE, text);
        let (mut id, mut file, mut variable, mut kind) = (None, None, None, None);
        for (key, value) in fields(text) {
            let value = value.ok_or_else(error)?;
            match key.as_str() {
                "id" => id = Some(value),
                "src" | "source" => file = Some(value),
                "env" => variable = Some(value),
                "type" => kind = Some(value),
                _ => return Err(error()),
            }
        }
        let source = match (kind.as_deref(), file, variable) {
            (None | Some("file"), Some(file), None) => SecretSource::File(PathBuf::from(file)),
            // With `type=env`, `src` names the variable too.
            (None | Some("env"), None, Some(variable)) | (Some("env"), Some(variable), None) => {
                SecretSource::Variable(variable)
            }
            (None, None, None) => SecretSource::Named,
            _ => return Err(error()),
        };
        let id = id.filter(|id| !id.is_empty()).ok_or_else(error)?;
        Ok(SecretSpec { id, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Option<SecretSource> {
        text.parse().ok().map(|spec: SecretSpec| spec.source)
    }

    #[test]
    fn a_secret_is_a_file_or_a_variable() {
        assert_eq!(source("id=a,src=/x"), Some(SecretSource::File("/x".into())));
        assert_eq!(
            source("type=env,id=a,src=X"),
            Some(SecretSource::Variable("X".to_owned()))
        );
        assert_eq!(source("id=a,env=X"), Some(SecretSource::Variable("X".to_owned())));
        assert_eq!(source("id=a"), Some(SecretSource::Named));
    }

    #[test]
    fn a_secret_without_identity_or_with_two_sources_is_refused() {
        for text in ["src=/x", "id=,src=/x", "id=a,src=/x,env=Y", "id=a,nope=1", "a", ""] {
            assert_eq!(source(text), None, "{text}");
        }
    }
}
