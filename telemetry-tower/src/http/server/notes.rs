//! What is noted of a request for those who asked for more than a span.

use http::{HeaderMap, HeaderValue, Method, header};
use telemetry_core::clock::{Clock, Timestamp};
use telemetry_core::context::CurrentIds;

use super::access_log::{Entry, method_name};
use super::correlation::CorrelationId;
use super::options::Options;
use super::{Outcome, attributes};
use crate::RequestHead;
use crate::http::end::End;
use crate::request_body::RequestBodySize;

/// Made only if an option needs it.
#[derive(Debug)]
pub(in crate::http) struct Notes {
    started: Timestamp,
    method: Method,
    ids: Option<CurrentIds>,
    correlation: Option<CorrelationId>,
    request_size: Option<RequestBodySize>,
    response_size: u64,
    entry: Option<Entry>,
    compensates: bool,
}

impl Notes {
    /// Notes, if an option asks for any. A request that was left out has no line.
    pub(super) fn new(
        options: &Options,
        head: RequestHead<'_>,
        route: Option<&str>,
        ids: Option<CurrentIds>,
        correlation: Option<&CorrelationId>,
        left_out: bool,
    ) -> Option<Box<Self>> {
        let compensation = options.compensation.as_ref();
        let compensates = compensation.is_some_and(|it| it.applies(head.method(), route));
        let log = options.access_log.as_ref().filter(|_| !left_out);
        let entry = log.and_then(|log| log.entry(head, attributes::client_address(head, options)));
        let needed = compensates
            || entry.is_some()
            || options.body_sizes
            || correlation.is_some()
            || options.answers_ids();
        needed.then(|| {
            Box::new(Self {
                started: Clock::system().now(),
                method: head.method().clone(),
                ids,
                correlation: correlation.cloned(),
                request_size: options
                    .body_sizes
                    .then(|| RequestBodySize::declared(head.headers())),
                response_size: 0,
                entry,
                compensates,
            })
        })
    }

    /// Notes of a request that is sent, if the options ask for any: the size of its body, if it is
    /// known, and that of the response.
    pub(in crate::http) fn of_sent(
        options: &Options,
        head: RequestHead<'_>,
        length: Option<u64>,
    ) -> Option<Box<Self>> {
        options.body_sizes.then(|| {
            let size = RequestBodySize::known(length);
            Box::new(Self {
                started: Clock::system().now(),
                method: head.method().clone(),
                ids: None,
                correlation: None,
                request_size: Some(size),
                response_size: 0,
                entry: None,
                compensates: false,
            })
        })
    }

    /// What the handler finds in the request's extensions.
    pub(in crate::http) fn tell(&self, extensions: &mut http::Extensions) {
        if let Some(size) = &self.request_size {
            extensions.insert(size.clone());
        }
        if let Some(id) = &self.correlation {
            extensions.insert(id.clone());
        }
    }

    /// Where the size of the request's body is counted, if it is wanted and nobody knows it.
    #[cfg(feature = "reqwest")]
    pub(in crate::http) fn unknown_request_size(&self) -> Option<&RequestBodySize> {
        self.request_size.as_ref().filter(|it| it.get().is_none())
    }

    /// Writes the headers of the response that say which request it answers.
    pub(super) fn answer(&self, options: &Options, headers: &mut HeaderMap) {
        if let (Some(correlation), Some(id)) = (&options.correlation, &self.correlation) {
            correlation.answer(id, headers);
        }
        let Some(ids) = self.ids.filter(|_| options.answers_ids()) else {
            return;
        };
        let CurrentIds {
            trace_id, span_id, ..
        } = ids;
        let flags = ids.trace_flags.to_u8();
        let traceparent = format!("00-{trace_id}-{span_id}-{flags:02x}");
        if options.server_timing {
            let timing = format!("traceparent;desc=\"{traceparent}\"");
            if let Ok(timing) = HeaderValue::try_from(timing) {
                // fails only at 32,768 headers
                drop(headers.try_append(SERVER_TIMING, timing));
            }
        }
        if let (true, Ok(value)) = (options.traceparent, HeaderValue::try_from(traceparent)) {
            drop(headers.try_insert(TRACEPARENT, value));
        }
    }

    /// Counts bytes of the response's body.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.response_size = self.response_size.saturating_add(bytes as u64);
    }

    /// The sizes of the bodies of the request and of its response, if they are to be recorded.
    pub(super) fn sizes(&self, options: &Options, has_response: bool) -> Option<[Option<u64>; 2]> {
        options.body_sizes.then(|| {
            let request = self.request_size.as_ref().and_then(RequestBodySize::get);
            [request, has_response.then_some(self.response_size)]
        })
    }

    /// Whether somebody may have to undo this request.
    pub(super) fn compensates(&self) -> bool {
        self.compensates
    }

    /// Whether there will be a line in the access log.
    pub(super) fn logs(&self) -> bool {
        self.entry.is_some()
    }

    pub(super) fn outcome<'a>(&'a self, end: &'a End) -> Outcome<'a> {
        Outcome {
            method: &self.method,
            route: end.subject.route(),
            rpc_method: end.subject.rpc_method(),
            status: end.status,
            grpc: end.code,
            failure: end.failure.as_ref(),
            duration: Clock::system().now().since(self.started),
            request_size: self.request_size.as_ref().and_then(RequestBodySize::get),
            response_size: end.status.map(|_| self.response_size),
        }
    }

    /// Writes the line of the access log.
    pub(super) fn log(&self, options: &Options, outcome: &Outcome<'_>) {
        if let (Some(log), Some(entry)) = (&options.access_log, &self.entry) {
            let method = method_name(options.methods.name(&self.method));
            log.write(entry, method, outcome);
        }
    }
}

/// <https://www.w3.org/TR/server-timing/#the-server-timing-header-field>.
const SERVER_TIMING: header::HeaderName = header::HeaderName::from_static("server-timing");
const TRACEPARENT: header::HeaderName = header::HeaderName::from_static("traceparent");
