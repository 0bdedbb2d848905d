//! A small client of HTTP for what is no telemetry itself.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, USER_AGENT};
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use super::ExportError;
use super::otlp::{Answer, Connector, Cut, Target, TlsSettings, client_config, no_answer};
use crate::config::{Endpoint, OtlpProtocol};

/// The most that is read of an answer.
const MAX_ANSWER: usize = 1 << 20;

/// Asks one server over HTTP/1.1, through the connector of the exporters: the same bounds on names,
/// connections and TLS, and the same words for what went wrong.
///
/// It lives on the telemetry thread, so that nothing it does becomes telemetry. Redirects are not
/// followed and proxies are not used, so that what it carries reaches nobody else.
pub struct HttpClient {
    base: String,
    target: Target,
    client: Client<Connector, Full<Bytes>>,
}

impl HttpClient {
    /// A client of the server at `base`, for requests that take `timeout` unless they are said to take
    /// longer. Reads the system's certificate authorities for `https`, so it is not made on the
    /// telemetry thread.
    ///
    /// # Errors
    ///
    /// The system has no certificate authorities, or TLS cannot be set up.
    pub fn new(base: &Endpoint, timeout: Duration) -> Result<Self, ExportError> {
        let target = Target::parse(base.as_str(), OtlpProtocol::HttpJson)?;
        let tls = client_config(&TlsSettings::default(), &target)?;
        Ok(Self {
            base: base.as_str().trim_end_matches('/').to_owned(),
            client: Client::builder(TokioExecutor::new()).build(Connector::new(tls, timeout)),
            target,
        })
    }

    /// Where the server is, without a secret.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Sends a request, whose URI is the path and the query after the base, and reads the whole answer.
    ///
    /// # Errors
    ///
    /// There is no answer within `timeout`, or it breaks off, or it is longer than 1 MiB. An answer of
    /// any status is none.
    pub async fn send(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> Result<Response<Vec<u8>>, ExportError> {
        let exchange = self.exchange(request);
        match tokio::time::timeout(timeout, exchange).await {
            Ok(answered) => answered,
            Err(_) => Err(ExportError::timeout(format!(
                "{} did not answer within {timeout:?}",
                self.target.base()
            ))),
        }
    }

    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Vec<u8>>, ExportError> {
        let (mut head, body) = request.into_parts();
        head.uri = self.absolute(&head.uri)?;
        head.headers.remove(HOST);
        let agent = concat!("telemetry/", env!("CARGO_PKG_VERSION"));
        let agent = HeaderValue::from_static(agent);
        head.headers.entry(USER_AGENT).or_insert(agent);
        let request = Request::from_parts(head, Full::new(body));
        let answered = self.client.request(request).await;
        let (head, body) = answered
            .map_err(|error| no_answer(&self.target, error))?
            .into_parts();
        let answer = Answer::read_up_to(MAX_ANSWER, body).await;
        match answer.cut {
            None => Ok(Response::from_parts(head, answer.body)),
            Some(Cut::Broken(error)) => Err(no_answer(&self.target, error)),
            Some(Cut::TooLong) => Err(ExportError::permanent(format!(
                "{} answered with more than 1 MiB",
                self.target.base()
            ))),
        }
    }

    fn absolute(&self, uri: &Uri) -> Result<Uri, ExportError> {
        let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let absolute = format!("{}{path}", self.base).parse();
        absolute.map_err(|error: http::uri::InvalidUri| ExportError::permanent(error.to_string()))
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient")
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}
