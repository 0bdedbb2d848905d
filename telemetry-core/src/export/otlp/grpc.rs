//! OTLP over gRPC: our frame and status on tonic's connection.
//!
//! Source: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>.

mod status;

use std::future::poll_fn;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, TE};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use http_body_util::Full;
use tonic::body::Body;
use tonic::transport::{Channel, Endpoint};
use tower_service::Service as _;

use crate::export::{Accepted, ExportError, ExportFuture};
use crate::pipeline::Signal;

use super::answer::{Answer, Cut};
use super::connect::Connector;
use super::encode::Encoding;
use super::exporter::Transport;
use super::settings::OtlpSettings;
use super::target::Target;
use super::{explain, headers, response, tls};

use status::GrpcStatus;

const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
/// By how much the time that the receiver is told exceeds that of an attempt.
const GRACE: Duration = Duration::from_millis(500);

const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// Sends requests of one signal.
#[derive(Debug)]
pub(super) struct Grpc {
    signal: Signal,
    target: Target,
    headers: HeaderMap,
    connector: Connector,
    /// Made with the first request, because it needs the runtime, and again after a failure.
    channel: Option<Channel>,
    /// Whether a request was begun and its answer has not been seen.
    pending: bool,
}

impl Grpc {
    pub(super) fn new(
        signal: Signal,
        settings: &OtlpSettings,
        target: Target,
    ) -> Result<Self, ExportError> {
        Ok(Self {
            signal,
            headers: request_headers(settings, &target)?,
            connector: Connector::new(
                tls::client_config(&settings.tls, &target)?,
                settings.timeout,
            ),
            target,
            channel: None,
            pending: false,
        })
    }

    async fn exchange(&mut self, payload: Bytes) -> Result<Accepted, ExportError> {
        let mut request = Request::new(Body::new(Full::new(payload)));
        *request.method_mut() = Method::POST;
        *request.version_mut() = Version::HTTP_2;
        *request.uri_mut() = Uri::from_static(path(self.signal));
        *request.headers_mut() = self.headers.clone();
        let answered = self.call(request).await;
        let answered = answered.map_err(|error| explain::no_answer(&self.target, error))?;
        self.read(answered).await
    }

    async fn call(
        &mut self,
        request: Request<Body>,
    ) -> Result<Response<Body>, tonic::transport::Error> {
        let channel = self.channel.get_or_insert_with(|| {
            let endpoint = Endpoint::from(self.target.uri().clone());
            Channel::new(self.connector.clone(), endpoint)
        });
        poll_fn(|cx| channel.poll_ready(cx)).await?;
        channel.call(request).await
    }

    async fn read(&self, response: Response<Body>) -> Result<Accepted, ExportError> {
        let (head, body) = response.into_parts();
        if let Some(status) = GrpcStatus::read(&head.headers) {
            return status
                .outcome(&self.target, self.signal)
                .map(|()| Accepted::all());
        }
        if head.status != StatusCode::OK {
            return Err(status::of_http(head.status, &self.target, self.signal));
        }
        let answer = Answer::read(body).await;
        match (GrpcStatus::read(&answer.trailers), answer.cut) {
            (Some(status), _) => {
                status.outcome(&self.target, self.signal)?;
                Ok(accepted(&answer.body))
            }
            (None, Some(Cut::TooLong)) => Err(explain::too_long(&self.target)),
            (None, Some(Cut::Broken(error))) => Err(explain::no_answer(&self.target, error)),
            (None, None) => Err(status::missing(&self.target)),
        }
    }
}

impl Transport for Grpc {
    fn send(&mut self, payload: Bytes) -> ExportFuture<'_, Result<Accepted, ExportError>> {
        Box::pin(async move {
            if std::mem::replace(&mut self.pending, true) {
                self.channel = None;
            }
            let outcome = self.exchange(payload).await;
            self.pending = false;
            if outcome.is_err() {
                self.channel = None;
            }
            outcome
        })
    }
}

fn path(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    }
}

fn request_headers(settings: &OtlpSettings, target: &Target) -> Result<HeaderMap, ExportError> {
    let mut headers = headers::common(settings, target)?;
    headers.insert(TE, HeaderValue::from_static("trailers"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(GRPC_ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    if let Some(compression) = settings.compression {
        headers.insert(GRPC_ENCODING, headers::coding(compression));
    }
    // the channel keeps this time too, and knows less of what happens: our own shall end first
    if let Some(timeout) = grpc_timeout(settings.timeout.saturating_add(GRACE)) {
        headers.insert(GRPC_TIMEOUT, timeout);
    }
    Ok(headers)
}

/// At most eight digits and a unit; nothing for no timeout.
fn grpc_timeout(timeout: Duration) -> Option<HeaderValue> {
    const MOST: u128 = 99_999_999;
    let text = match timeout.as_millis() {
        0 => return None,
        millis if millis <= MOST => format!("{millis}m"),
        millis => format!("{}S", (millis / 1000).min(MOST)),
    };
    HeaderValue::try_from(text).ok()
}

/// The status said that all is well; the message can only add to that.
fn accepted(body: &[u8]) -> Accepted {
    match body.split_first_chunk::<5>() {
        Some(([0, ..], message)) => response::accepted(Encoding::Protobuf, message),
        _ => Accepted::all(),
    }
}
