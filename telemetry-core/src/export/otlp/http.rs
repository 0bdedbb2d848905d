//! OTLP over HTTP/1.1.
//!
//! Source: <https://opentelemetry.io/docs/specs/otlp/#otlphttp>.

mod retry_after;
mod status;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use http::{HeaderValue, Method, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::Error;
use hyper_util::rt::TokioExecutor;

use crate::config::OtlpProtocol;
use crate::export::{Accepted, ExportError, ExportFuture};
use crate::pipeline::Signal;

use super::answer::{Answer, Cut};
use super::connect::Connector;
use super::encode::Encoding;
use super::exporter::Transport;
use super::settings::OtlpSettings;
use super::target::Target;
use super::{explain, headers, response, tls};

/// Sends requests of one signal.
#[derive(Debug)]
pub(super) struct Http {
    signal: Signal,
    target: Target,
    encoding: Encoding,
    headers: HeaderMap,
    connector: Connector,
    /// Made with the first request, and again after a failure.
    client: Option<Client<Connector, Full<Bytes>>>,
    /// Whether a request was begun and its answer has not been seen.
    pending: bool,
}

impl Http {
    pub(super) fn new(
        signal: Signal,
        settings: &OtlpSettings,
        target: Target,
    ) -> Result<Self, ExportError> {
        let encoding = match settings.protocol {
            OtlpProtocol::HttpJson => Encoding::Json,
            _ => Encoding::Protobuf,
        };
        Ok(Self {
            signal,
            encoding,
            headers: request_headers(settings, &target, encoding)?,
            connector: Connector::new(
                tls::client_config(&settings.tls, &target)?,
                settings.timeout,
            ),
            target,
            client: None,
            pending: false,
        })
    }

    async fn exchange(&mut self, payload: Bytes) -> Result<Accepted, ExportError> {
        let mut request = Request::new(Full::new(payload));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.target.uri().clone();
        *request.headers_mut() = self.headers.clone();
        let answered = self.call(request).await;
        let answered = answered.map_err(|error| explain::no_answer(&self.target, error))?;
        self.read(answered).await
    }

    async fn call(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Error> {
        let client = self.client.get_or_insert_with(|| {
            Client::builder(TokioExecutor::new())
                .pool_max_idle_per_host(1)
                .build(self.connector.clone())
        });
        client.request(request).await
    }

    async fn read(&self, response: Response<Incoming>) -> Result<Accepted, ExportError> {
        let (head, body) = response.into_parts();
        let answer = Answer::read(body).await;
        if !head.status.is_success() {
            return Err(status::refusal(
                &self.target,
                self.signal,
                &head,
                &answer.body,
            ));
        }
        if status::is_page(&head.headers) {
            return Err(status::page(&self.target, self.signal));
        }
        let encoding = status::encoding(&head.headers).unwrap_or(self.encoding);
        match answer.cut {
            None => Ok(response::accepted(encoding, &answer.body)),
            // the status said that the receiver has it; only its remarks are lost
            Some(Cut::Broken(error)) => Ok(Accepted::partly(
                0,
                format!("the answer was cut off: {error}"),
            )),
            Some(Cut::TooLong) => Err(explain::too_long(&self.target)),
        }
    }
}

impl Transport for Http {
    fn send(&mut self, payload: Bytes) -> ExportFuture<'_, Result<Accepted, ExportError>> {
        Box::pin(async move {
            if std::mem::replace(&mut self.pending, true) {
                self.client = None;
            }
            let outcome = self.exchange(payload).await;
            self.pending = false;
            if outcome.is_err() {
                self.client = None;
            }
            outcome
        })
    }
}

fn request_headers(
    settings: &OtlpSettings,
    target: &Target,
    encoding: Encoding,
) -> Result<HeaderMap, ExportError> {
    let mut headers = headers::common(settings, target)?;
    let media_type = HeaderValue::from_static(encoding.content_type());
    headers.insert(ACCEPT, media_type.clone());
    headers.insert(CONTENT_TYPE, media_type);
    if let Some(compression) = settings.compression {
        headers.insert(CONTENT_ENCODING, headers::coding(compression));
    }
    Ok(headers)
}
