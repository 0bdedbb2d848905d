//! gRPC over HTTP: what is a call, which method it names, and how it ended.

use std::fmt;

use http::{HeaderMap, StatusCode, Uri, header, uri::PathAndQuery};

/// The value of `rpc.system.name`.
pub(crate) const SYSTEM: &str = "grpc";

/// The longest name of a method that is taken for one.
const MAX_METHOD: usize = 1024;

/// How a gRPC call ended: the codes of <https://grpc.io/docs/guides/status-codes/>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the protocol knows no other: unknown numbers are UNKNOWN"
)]
pub enum GrpcCode {
    /// 0: it succeeded.
    Ok,
    /// 1: it was cancelled, usually by the caller.
    Cancelled,
    /// 2: nobody knows, or the code that was sent is none of these.
    Unknown,
    /// 3: an argument is wrong.
    InvalidArgument,
    /// 4: its deadline passed.
    DeadlineExceeded,
    /// 5: something was not found.
    NotFound,
    /// 6: something exists already.
    AlreadyExists,
    /// 7: the caller may not do this.
    PermissionDenied,
    /// 8: a quota or a resource is used up.
    ResourceExhausted,
    /// 9: the system is not in the state that this needs.
    FailedPrecondition,
    /// 10: it was aborted, usually by a conflict.
    Aborted,
    /// 11: it went past the end.
    OutOfRange,
    /// 12: there is no such method.
    Unimplemented,
    /// 13: an invariant is broken.
    Internal,
    /// 14: the service cannot be reached now.
    Unavailable,
    /// 15: data is lost or corrupt.
    DataLoss,
    /// 16: nobody knows who the caller is.
    Unauthenticated,
}

impl GrpcCode {
    /// The code in the header or trailer `grpc-status`, if there is one.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get("grpc-status")?.to_str().ok();
        let number = text.and_then(|text| text.parse::<usize>().ok());
        Some(Self::from_number(number.unwrap_or(2)))
    }

    /// The code that stands for a status of HTTP where gRPC said nothing:
    /// <https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md>.
    #[must_use]
    pub fn of_http(status: StatusCode) -> Self {
        match status.as_u16() {
            400 => Self::Internal,
            401 => Self::Unauthenticated,
            403 => Self::PermissionDenied,
            404 => Self::Unimplemented,
            429 | 502 | 503 | 504 => Self::Unavailable,
            _ => Self::Unknown,
        }
    }

    /// Its name, such as `DEADLINE_EXCEEDED`: what `rpc.response.status_code` says.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        NAMES[self as usize].1
    }

    /// Whether the conventions call it an error of the server. On a client every code but `OK` is.
    #[must_use]
    pub fn is_server_error(self) -> bool {
        matches!(
            self,
            Self::Unknown
                | Self::DeadlineExceeded
                | Self::Unimplemented
                | Self::Internal
                | Self::Unavailable
                | Self::DataLoss
        )
    }

    fn from_number(number: usize) -> Self {
        NAMES.get(number).map_or(Self::Unknown, |(code, _)| *code)
    }
}

impl fmt::Display for GrpcCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

const NAMES: [(GrpcCode, &str); 17] = [
    (GrpcCode::Ok, "OK"),
    (GrpcCode::Cancelled, "CANCELLED"),
    (GrpcCode::Unknown, "UNKNOWN"),
    (GrpcCode::InvalidArgument, "INVALID_ARGUMENT"),
    (GrpcCode::DeadlineExceeded, "DEADLINE_EXCEEDED"),
    (GrpcCode::NotFound, "NOT_FOUND"),
    (GrpcCode::AlreadyExists, "ALREADY_EXISTS"),
    (GrpcCode::PermissionDenied, "PERMISSION_DENIED"),
    (GrpcCode::ResourceExhausted, "RESOURCE_EXHAUSTED"),
    (GrpcCode::FailedPrecondition, "FAILED_PRECONDITION"),
    (GrpcCode::Aborted, "ABORTED"),
    (GrpcCode::OutOfRange, "OUT_OF_RANGE"),
    (GrpcCode::Unimplemented, "UNIMPLEMENTED"),
    (GrpcCode::Internal, "INTERNAL"),
    (GrpcCode::Unavailable, "UNAVAILABLE"),
    (GrpcCode::DataLoss, "DATA_LOSS"),
    (GrpcCode::Unauthenticated, "UNAUTHENTICATED"),
];

/// Whether headers belong to a gRPC call: `application/grpc`, with a `+` or `;` after it or nothing.
///
/// gRPC-Web (`application/grpc-web`) has its status in the body, where a layer does not look.
pub(crate) fn is_call(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE);
    let rest = value.and_then(|value| value.as_bytes().strip_prefix(b"application/grpc"));
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';' | b' ')))
}

/// The text of `grpc-message`, if there is one, without its percent-encoding.
pub(crate) fn message(headers: &HeaderMap) -> Option<String> {
    let encoded = headers.get("grpc-message")?.as_bytes();
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((&byte, after)) = rest.split_first() {
        match (byte, after.first_chunk().copied().and_then(hex)) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                rest = &after[2..];
            }
            _ => {
                decoded.push(byte);
                rest = after;
            }
        }
    }
    Some(String::from_utf8_lossy(&decoded).into_owned())
}

fn hex(digits: [u8; 2]) -> Option<u8> {
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? * 16 + low?).ok()
}

/// A method's full name, `package.Service/Method`: the path of the request, shared with it.
#[derive(Clone, Debug)]
pub(crate) struct RpcMethod(PathAndQuery);

impl RpcMethod {
    /// The method that a request names; `None` if its path is not of that form.
    pub(crate) fn of(uri: &Uri) -> Option<Self> {
        let path = uri.path_and_query()?;
        let (service, method) = path.path().strip_prefix('/')?.split_once('/')?;
        let fits = path.path().len() <= MAX_METHOD;
        let named = !service.is_empty() && !method.is_empty() && !method.contains('/');
        (fits && named).then(|| Self(path.clone()))
    }

    pub(crate) fn as_str(&self) -> &str {
        self.path().trim_start_matches('/')
    }

    /// The path of its requests, `/package.Service/Method`.
    pub(crate) fn path(&self) -> &str {
        self.0.path()
    }
}

/// What comes after the path is no part of the name.
impl PartialEq for RpcMethod {
    fn eq(&self, other: &Self) -> bool {
        self.path() == other.path()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        headers
    }

    #[test]
    fn calls_are_known_by_their_content_type() {
        for (value, expected) in [
            ("application/grpc", true),
            ("application/grpc+proto", true),
            ("application/grpc;charset=utf-8", true),
            ("application/grpc-web", false),
            ("application/grpc-web+proto", false),
            ("application/json", false),
        ] {
            assert_eq!(
                is_call(&headers("content-type", value)),
                expected,
                "{value}"
            );
        }
        assert!(!is_call(&HeaderMap::new()));
    }

    #[test]
    fn each_number_has_its_code() {
        for (number, (code, name)) in NAMES.into_iter().enumerate() {
            assert_eq!(code as usize, number);
            assert_eq!(code.as_str(), name);
            let sent = headers("grpc-status", &number.to_string());
            assert_eq!(GrpcCode::of(&sent), Some(code));
        }
    }

    #[test]
    fn what_is_no_code_is_unknown() {
        for value in ["17", "-1", "x", "", "99999999999999999999999"] {
            let code = GrpcCode::of(&headers("grpc-status", value));
            assert_eq!(code, Some(GrpcCode::Unknown), "{value}");
        }
        assert_eq!(GrpcCode::of(&HeaderMap::new()), None);
    }

    #[test]
    fn messages_are_decoded() {
        for (sent, expected) in [
            ("no%20such%20%E2%82%AC", "no such €"),
            ("100%", "100%"),
            ("%zz%4", "%zz%4"),
            ("%FF", "\u{fffd}"),
        ] {
            let found = message(&headers("grpc-message", sent));
            assert_eq!(found.as_deref(), Some(expected));
        }
    }

    #[test]
    fn methods_are_service_and_method() {
        let name = |uri: &str| {
            let uri: Uri = uri.parse().unwrap();
            RpcMethod::of(&uri).map(|method| method.as_str().to_owned())
        };
        assert_eq!(
            name("/shop.v1.Stock/Get").as_deref(),
            Some("shop.v1.Stock/Get")
        );
        assert_eq!(name("http://a/S/M?x=1").as_deref(), Some("S/M"));
        for uri in ["/", "/S", "/S/", "//M", "/S/M/x", "*"] {
            assert_eq!(name(uri), None, "{uri}");
        }
        assert_eq!(name(&format!("/S/{}", "m".repeat(2000))), None);
    }
}
