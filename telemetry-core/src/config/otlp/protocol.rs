//! What is spoken, and how it is squeezed.

use std::fmt;

use crate::config::kind::{self, Kind};

/// What is spoken to the collector.
///
/// `Default` is the specification's `http/protobuf`, or `grpc` in a build that has no HTTP transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OtlpProtocol {
    /// Protobuf over gRPC; usually on port 4317.
    Grpc,
    /// Protobuf over HTTP; usually on port 4318.
    HttpProtobuf,
    /// JSON over HTTP; usually on port 4318.
    HttpJson,
}

impl OtlpProtocol {
    /// Whether this build can speak it.
    fn is_built(self) -> bool {
        match self {
            Self::Grpc => cfg!(feature = "otlp-grpc"),
            Self::HttpProtobuf | Self::HttpJson => cfg!(feature = "otlp-http"),
        }
    }

    fn feature(self) -> &'static str {
        match self {
            Self::Grpc => "otlp-grpc",
            Self::HttpProtobuf | Self::HttpJson => "otlp-http",
        }
    }
}

impl Default for OtlpProtocol {
    fn default() -> Self {
        let only_grpc = Self::Grpc.is_built() && !Self::HttpProtobuf.is_built();
        if only_grpc {
            Self::Grpc
        } else {
            Self::HttpProtobuf
        }
    }
}

impl fmt::Display for OtlpProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Grpc => "grpc",
            Self::HttpProtobuf => "http/protobuf",
            Self::HttpJson => "http/json",
        })
    }
}

/// How a request is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

pub(crate) const PROTOCOL: Kind<OtlpProtocol> = Kind {
    parse: |text| {
        let known = [
            ("grpc", OtlpProtocol::Grpc),
            ("http/protobuf", OtlpProtocol::HttpProtobuf),
            ("http/json", OtlpProtocol::HttpJson),
        ];
        kind::one_of(text, &known, |name| match name {
            "http" => Some("unknown; write http/protobuf or http/json".to_owned()),
            _ => None,
        })
    },
    check: |protocol| match protocol.is_built() {
        true => Ok(()),
        false => Err(format!(
            "this build lacks it; enable the feature {}",
            protocol.feature()
        )),
    },
    show: OtlpProtocol::to_string,
};

pub(crate) const COMPRESSION: Kind<Option<Compression>> = Kind {
    parse: |text| {
        let known = [
            ("gzip", Some(Compression::Gzip)),
            ("zstd", Some(Compression::Zstd)),
            ("none", None),
        ];
        kind::one_of(text, &known, |_| None)
    },
    check: |_| Ok(()),
    show: |compression| {
        compression.map_or_else(|| "none".to_owned(), |compression| compression.to_string())
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_build_lacks_is_refused_by_the_name_of_its_feature() {
        for (name, built, feature) in [
            ("grpc", cfg!(feature = "otlp-grpc"), "otlp-grpc"),
            ("http/protobuf", cfg!(feature = "otlp-http"), "otlp-http"),
            ("http/json", cfg!(feature = "otlp-http"), "otlp-http"),
        ] {
            let protocol = (PROTOCOL.parse)(name).unwrap();
            match (PROTOCOL.check)(&protocol) {
                Ok(()) => assert!(built, "{name}"),
                Err(reason) => assert!(!built && reason.ends_with(feature), "{name}: {reason}"),
            }
        }
    }

    #[test]
    fn the_default_is_one_that_this_build_has() {
        let any = cfg!(feature = "otlp-grpc") || cfg!(feature = "otlp-http");
        assert_eq!(OtlpProtocol::default().is_built(), any);
    }
}
