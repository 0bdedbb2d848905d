//! A GET request to a backend.

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use http::{Request, StatusCode, Uri};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use super::{Backend, Finding};
use crate::config::OtlpProtocol;
use crate::export::otlp::{Answer, Connector, Target, TlsSettings, client_config, no_answer};

/// Asks one backend.
#[derive(Debug)]
pub(super) struct Getter {
    backend: Backend,
    target: Target,
    base: String,
    client: Client<Connector, Full<Bytes>>,
}

impl Getter {
    pub(super) fn of(backend: Backend, address: &str) -> Result<Self, Finding> {
        let unusable = || {
            Finding::problem(format!("the address of {backend} is no usable URL"))
                .remedy(format!("Write one such as {}", example(backend)))
        };
        let target = Target::parse(address, OtlpProtocol::HttpJson).map_err(|_| unusable())?;
        let tls = client_config(&TlsSettings::default(), &target)
            .map_err(|error| Finding::from(&error))?;
        let base = format!("{}{}", target.base(), target.uri().path());
        let connector = Connector::new(tls, CONNECTING);
        Ok(Self {
            backend,
            client: Client::builder(TokioExecutor::new()).build(connector),
            base: base.trim_end_matches('/').to_owned(),
            target,
        })
    }

    /// The status and the body of an answer.
    pub(super) async fn get(&self, path: &str) -> Result<(StatusCode, Vec<u8>), Finding> {
        let uri: Uri = format!("{}{path}", self.base)
            .parse()
            .map_err(|_| Finding::problem(format!("{} cannot be asked", self.base)))?;
        let mut request = Request::new(Full::default());
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(credentials) = self.target.credentials() {
            headers.insert(AUTHORIZATION, credentials.clone());
        }
        let response = self.client.request(request).await;
        let (head, body) = response
            .map_err(|error| self.unreachable(error))?
            .into_parts();
        Ok((head.status, Answer::read(body).await.body))
    }

    fn unreachable(&self, error: hyper_util::client::legacy::Error) -> Finding {
        let (backend, example) = (self.backend, example(self.backend));
        Finding::from(&no_answer(&self.target, error)).remedy(format!(
            "Check the address of {backend}; it usually answers at {example}"
        ))
    }
}

/// Half of it is for connecting.
const CONNECTING: std::time::Duration = std::time::Duration::from_secs(10);

fn example(backend: Backend) -> &'static str {
    match backend {
        Backend::Tempo => "http://localhost:3200",
        Backend::Jaeger => "http://localhost:16686",
        Backend::Prometheus => "http://localhost:9090",
        Backend::Loki => "http://localhost:3100",
    }
}
