//! Logins that a worker asks for: to pull what a build starts from, and to push what becomes of it.

use crate::logins::Logins;
use bollard_buildkit_proto::moby::filesync::v1::auth_server::Auth;
use bollard_buildkit_proto::moby::filesync::v1::{
    CredentialsRequest, CredentialsResponse, FetchTokenRequest, FetchTokenResponse, GetTokenAuthorityRequest,
    GetTokenAuthorityResponse, VerifyTokenAuthorityRequest, VerifyTokenAuthorityResponse,
};
use registry::client::{CredentialError, Credentials as _, HUB, Login, is_hub};
use std::collections::BTreeSet;
use tonic::{Request, Response, Status};

/// The logins that a worker may have: those for registries that the build names, and for Docker Hub, which nobody needs to name. Those
/// for others are none of its business.
pub(in crate::remote) struct Registries {
    logins: Logins,
    named: BTreeSet<String>,
}

impl Registries {
    /// Logins for the registries that are named somewhere in `texts`.
    pub(in crate::remote) fn new<'a>(logins: Logins, texts: impl IntoIterator<Item = &'a str>) -> Registries {
        let is_of_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '-' | '[' | ']');
        let words = texts.into_iter().flat_map(|text| text.split(move |c| !is_of_host(c)));
        Registries {
            logins,
            named: words.map(str::to_owned).collect(),
        }
    }

    fn login(&self, host: &str) -> Result<Option<Login>, CredentialError> {
        if is_hub(host) {
            return self.logins.login(HUB);
        }
        if !self.named.contains(host) {
            return Ok(None);
        }
        self.logins.login(host)
    }
}

#[tonic::async_trait]
impl Auth for Registries {
    async fn credentials(&self, request: Request<CredentialsRequest>) -> Result<Response<CredentialsResponse>, Status> {
        // A program may be asked, and that one a person.
        let login = tokio::task::block_in_place(|| self.login(&request.into_inner().host));
        let login = login.map_err(|error| Status::unavailable(error.to_string()))?;
        let login = login.unwrap_or_default();
        Ok(Response::new(match login.identity_token {
            Some(secret) => CredentialsResponse {
                username: String::new(),
                secret,
            },
            None => CredentialsResponse {
                username: login.username,
                secret: login.password,
            },
        }))
    }

    async fn fetch_token(&self, _: Request<FetchTokenRequest>) -> Result<Response<FetchTokenResponse>, Status> {
        Err(Status::unimplemented("expected Credentials"))
    }

    async fn get_token_authority(
        &self,
        _: Request<GetTokenAuthorityRequest>,
    ) -> Result<Response<GetTokenAuthorityResponse>, Status> {
        Err(Status::unimplemented("expected Credentials"))
    }

    async fn verify_token_authority(
        &self,
        _: Request<VerifyTokenAuthorityRequest>,
    ) -> Result<Response<VerifyTokenAuthorityResponse>, Status> {
        Err(Status::unimplemented("expected Credentials"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;

    #[test]
    fn a_worker_gets_logins_for_what_the_build_names_and_for_docker_hub() {
        let scratch = Scratch::new();
        // me:secret
        let auth = r#"{"auth": "bWU6c2VjcmV0"}"#;
        let hosts = [
            "https://index.docker.io/v1/",
            "named.example",
            "localhost:5000",
            "other.example",
        ];
        let auths: Vec<String> = hosts.iter().map(|host| format!("{host:?}: {auth}")).collect();
        scratch.write(
            ".docker/config.json",
            format!("{{\"auths\": {{{}}}}}", auths.join(", ")),
        );
        let home = scratch.dir().display().to_string();
        let logins = Logins::read(&|name| (name == "HOME").then(|| home.clone())).unwrap();
        let texts = ["ARG FROM=named.example/base:1\nFROM $FROM", "ref=localhost:5000/cache"];
        let registries = Registries::new(logins, texts);
        let is_given = |host: &str| registries.login(host).unwrap() == Some(Login::new("me", "secret"));
        assert!(["registry-1.docker.io", "named.example", "localhost:5000"].map(is_given) == [true; 3]);
        assert!(["other.example", "localhost", "example", ""].map(is_given) == [false; 4]);
    }
}
