//! `NAME=VALUE` on the command line: build arguments and labels.

use super::ArgError;
use std::str::FromStr;

/// `--build-arg NAME=VALUE`, or `NAME` alone for the environment's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildArg {
    /// Never empty.
    pub name: String,
    /// `None` if the value is to be taken from the environment.
    pub value: Option<String>,
}

impl FromStr for BuildArg {
    type Err = ArgError;

    fn from_str(text: &str) -> Result<BuildArg, ArgError> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        if name.is_empty() {
            return Err(ArgError::new("NAME=VALUE", text));
        }
        Ok(BuildArg {
            name: name.to_owned(),
            value,
        })
    }
}

/// The values of build arguments: later ones win, names without a value are looked up by `environment`, and those that it
/// does not have are left out, as with `docker build`.
pub fn resolve_build_args(args: &[BuildArg], environment: impl Fn(&str) -> Option<String>) -> Vec<(String, String)> {
    let mut values: Vec<(String, String)> = Vec::new();
    for arg in args {
        let Some(value) = arg.value.clone().or_else(|| environment(&arg.name)) else {
            continue;
        };
        values.retain(|(name, _)| *name != arg.name);
        values.push((arg.name.clone(), value));
    }
    if !values.iter().any(|(name, _)| name == EPOCH)
        && let Some(epoch) = environment(EPOCH).filter(|epoch| !epoch.is_empty())
    {
        values.push((EPOCH.to_owned(), epoch));
    }
    values
}

/// The one argument that `docker buildx build` takes from the environment without being asked.
const EPOCH: &str = "SOURCE_DATE_EPOCH";

/// `--label KEY=VALUE`; without `=` the value is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Never empty.
    pub key: String,
    /// May be empty.
    pub value: String,
}

impl FromStr for Label {
    type Err = ArgError;

    fn from_str(text: &str) -> Result<Label, ArgError> {
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        if key.is_empty() {
            return Err(ArgError::new("KEY=VALUE", text));
        }
        Ok(Label {
            key: key.to_owned(),
            value: value.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(args: &[&str], environment: &[(&str, &str)]) -> Vec<(String, String)> {
        let args: Vec<BuildArg> = args.iter().map(|arg| arg.parse().unwrap()).collect();
        resolve_build_args(&args, |name| {
            let found = environment.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn a_build_argument_without_value_comes_from_the_environment() {
        assert_eq!(
            resolve(&["A", "B=", "C=x=y"], &[("A", "1")]),
            pairs(&[("A", "1"), ("B", ""), ("C", "x=y")])
        );
    }

    #[test]
    fn a_build_argument_that_the_environment_lacks_is_not_set() {
        assert_eq!(resolve(&["A"], &[]), pairs(&[]));
    }

    #[test]
    fn the_last_of_equal_build_arguments_wins() {
        assert_eq!(resolve(&["A=1", "B=2", "A=3"], &[]), pairs(&[("B", "2"), ("A", "3")]));
    }

    #[test]
    fn the_epoch_comes_from_the_environment_unless_it_is_given() {
        let environment = [("SOURCE_DATE_EPOCH", "7")];
        assert_eq!(resolve(&[], &environment), pairs(&[("SOURCE_DATE_EPOCH", "7")]));
        assert_eq!(
            resolve(&["SOURCE_DATE_EPOCH=9"], &environment),
            pairs(&[("SOURCE_DATE_EPOCH", "9")])
        );
    }

    #[test]
    fn a_pair_without_a_name_is_refused() {
        assert_eq!(
            "=x".parse::<BuildArg>().unwrap_err().to_string(),
            "expected NAME=VALUE, found \"=x\""
        );
        assert!("=x".parse::<Label>().is_err());
    }
}
