//! Names of the OpenTelemetry semantic conventions, version 1.42.
//!
//! <https://github.com/open-telemetry/semantic-conventions/blob/v1.42.0/docs/http/http-spans.md>

/// Where a client is: its IP address.
pub const CLIENT_ADDRESS: &str = "client.address";
/// Which class of error ended the operation.
pub const ERROR_TYPE: &str = "error.type";
/// The bytes of the request's body.
pub const HTTP_REQUEST_BODY_SIZE: &str = "http.request.body.size";
/// Begins the attributes of the request's headers, each with the header's name after a dot.
pub const HTTP_REQUEST_HEADER: &str = "http.request.header";
/// The method, or [`METHOD_OTHER`].
pub const HTTP_REQUEST_METHOD: &str = "http.request.method";
/// The method as it was sent, if it is not a known one.
pub const HTTP_REQUEST_METHOD_ORIGINAL: &str = "http.request.method_original";
/// The bytes of the response's body.
pub const HTTP_RESPONSE_BODY_SIZE: &str = "http.response.body.size";
/// Begins the attributes of the response's headers, each with the header's name after a dot.
pub const HTTP_RESPONSE_HEADER: &str = "http.response.header";
/// The response's status code.
pub const HTTP_RESPONSE_STATUS_CODE: &str = "http.response.status_code";
/// How many requests were sent whose response is not complete.
pub const HTTP_CLIENT_ACTIVE_REQUESTS: &str = "http.client.active_requests";
/// How many bytes the bodies of requests had that were sent.
pub const HTTP_CLIENT_REQUEST_BODY_SIZE: &str = "http.client.request.body.size";
/// How long requests took that were sent, to the last byte of the response, in seconds.
pub const HTTP_CLIENT_REQUEST_DURATION: &str = "http.client.request.duration";
/// How many bytes came of the bodies of responses.
pub const HTTP_CLIENT_RESPONSE_BODY_SIZE: &str = "http.client.response.body.size";
/// How many requests are being handled.
pub const HTTP_SERVER_ACTIVE_REQUESTS: &str = "http.server.active_requests";
/// How many bytes the bodies of requests had.
pub const HTTP_SERVER_REQUEST_BODY_SIZE: &str = "http.server.request.body.size";
/// How long requests took, to the last byte of the response, in seconds.
pub const HTTP_SERVER_REQUEST_DURATION: &str = "http.server.request.duration";
/// How many bytes were sent of the bodies of responses.
pub const HTTP_SERVER_RESPONSE_BODY_SIZE: &str = "http.server.response.body.size";
/// The template that the path matched.
pub const HTTP_ROUTE: &str = "http.route";
/// How often the request was sent before.
pub const HTTP_REQUEST_RESEND_COUNT: &str = "http.request.resend_count";
/// The version of HTTP.
pub const NETWORK_PROTOCOL_VERSION: &str = "network.protocol.version";
/// How long remote calls took that were sent, in seconds.
pub const RPC_CLIENT_CALL_DURATION: &str = "rpc.client.call.duration";
/// The method of a remote call, `package.Service/Method`, or [`METHOD_OTHER`].
pub const RPC_METHOD: &str = "rpc.method";
/// The method as it was sent, if the server does not know it.
pub const RPC_METHOD_ORIGINAL: &str = "rpc.method_original";
/// How a remote call ended, such as `DEADLINE_EXCEEDED`.
pub const RPC_RESPONSE_STATUS_CODE: &str = "rpc.response.status_code";
/// How long remote calls took that were handled, in seconds.
pub const RPC_SERVER_CALL_DURATION: &str = "rpc.server.call.duration";
/// The system of remote calls: `grpc`.
pub const RPC_SYSTEM_NAME: &str = "rpc.system.name";
/// The host that the client asked for.
pub const SERVER_ADDRESS: &str = "server.address";
/// The port that the client asked for.
pub const SERVER_PORT: &str = "server.port";
/// The whole target of a client's request, without its secrets.
pub const URL_FULL: &str = "url.full";
/// The path.
pub const URL_PATH: &str = "url.path";
/// The query, without its secrets.
pub const URL_QUERY: &str = "url.query";
/// `http` or `https`.
pub const URL_SCHEME: &str = "url.scheme";
/// The template that a client made the path from.
pub const URL_TEMPLATE: &str = "url.template";
/// The client's `User-Agent`.
pub const USER_AGENT_ORIGINAL: &str = "user_agent.original";

/// The value of [`HTTP_REQUEST_METHOD`] or [`RPC_METHOD`] for a method that is not known.
pub const METHOD_OTHER: &str = "_OTHER";

#[cfg(test)]
mod tests {
    use opentelemetry_semantic_conventions::{attribute, metric};

    #[test]
    fn the_attributes_are_those_of_the_conventions() {
        let schema = opentelemetry_semantic_conventions::SCHEMA_URL;
        assert_eq!(schema, "https://opentelemetry.io/schemas/1.42.0");
        for (ours, theirs) in [
            (super::CLIENT_ADDRESS, attribute::CLIENT_ADDRESS),
            (super::ERROR_TYPE, attribute::ERROR_TYPE),
            (
                super::HTTP_REQUEST_BODY_SIZE,
                attribute::HTTP_REQUEST_BODY_SIZE,
            ),
            (super::HTTP_REQUEST_HEADER, attribute::HTTP_REQUEST_HEADER),
            (super::HTTP_REQUEST_METHOD, attribute::HTTP_REQUEST_METHOD),
            (
                super::HTTP_RESPONSE_BODY_SIZE,
                attribute::HTTP_RESPONSE_BODY_SIZE,
            ),
            (super::HTTP_RESPONSE_HEADER, attribute::HTTP_RESPONSE_HEADER),
            (
                super::HTTP_REQUEST_METHOD_ORIGINAL,
                attribute::HTTP_REQUEST_METHOD_ORIGINAL,
            ),
            (
                super::HTTP_RESPONSE_STATUS_CODE,
                attribute::HTTP_RESPONSE_STATUS_CODE,
            ),
            (super::HTTP_ROUTE, attribute::HTTP_ROUTE),
            (
                super::NETWORK_PROTOCOL_VERSION,
                attribute::NETWORK_PROTOCOL_VERSION,
            ),
            (
                super::HTTP_REQUEST_RESEND_COUNT,
                attribute::HTTP_REQUEST_RESEND_COUNT,
            ),
            (super::RPC_METHOD, attribute::RPC_METHOD),
            (super::RPC_METHOD_ORIGINAL, attribute::RPC_METHOD_ORIGINAL),
            (
                super::RPC_RESPONSE_STATUS_CODE,
                attribute::RPC_RESPONSE_STATUS_CODE,
            ),
            (super::RPC_SYSTEM_NAME, attribute::RPC_SYSTEM_NAME),
            (super::SERVER_ADDRESS, attribute::SERVER_ADDRESS),
            (super::SERVER_PORT, attribute::SERVER_PORT),
            (super::URL_FULL, attribute::URL_FULL),
            (super::URL_PATH, attribute::URL_PATH),
            (super::URL_QUERY, attribute::URL_QUERY),
            (super::URL_SCHEME, attribute::URL_SCHEME),
            (super::URL_TEMPLATE, attribute::URL_TEMPLATE),
            (super::USER_AGENT_ORIGINAL, attribute::USER_AGENT_ORIGINAL),
        ] {
            assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn the_metrics_are_those_of_the_conventions() {
        for (ours, theirs) in [
            (
                super::HTTP_CLIENT_ACTIVE_REQUESTS,
                metric::HTTP_CLIENT_ACTIVE_REQUESTS,
            ),
            (
                super::HTTP_CLIENT_REQUEST_DURATION,
                metric::HTTP_CLIENT_REQUEST_DURATION,
            ),
            (
                super::HTTP_CLIENT_REQUEST_BODY_SIZE,
                metric::HTTP_CLIENT_REQUEST_BODY_SIZE,
            ),
            (
                super::HTTP_CLIENT_RESPONSE_BODY_SIZE,
                metric::HTTP_CLIENT_RESPONSE_BODY_SIZE,
            ),
            (
                super::HTTP_SERVER_REQUEST_BODY_SIZE,
                metric::HTTP_SERVER_REQUEST_BODY_SIZE,
            ),
            (
                super::HTTP_SERVER_RESPONSE_BODY_SIZE,
                metric::HTTP_SERVER_RESPONSE_BODY_SIZE,
            ),
            (
                super::RPC_CLIENT_CALL_DURATION,
                metric::RPC_CLIENT_CALL_DURATION,
            ),
            (
                super::RPC_SERVER_CALL_DURATION,
                metric::RPC_SERVER_CALL_DURATION,
            ),
            (
                super::HTTP_SERVER_ACTIVE_REQUESTS,
                metric::HTTP_SERVER_ACTIVE_REQUESTS,
            ),
            (
                super::HTTP_SERVER_REQUEST_DURATION,
                metric::HTTP_SERVER_REQUEST_DURATION,
            ),
        ] {
            assert_eq!(ours, theirs);
        }
    }
}
