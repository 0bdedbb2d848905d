//! Compression of a request, once, with tables that are kept.

use std::fmt;

use flate2::{Compress, FlushCompress, Status};

use crate::config::Compression;
use crate::export::ExportError;

/// The fastest level of both. Telemetry repeats itself so much that higher levels save little
/// more and cost a multiple: they would compete with the host for its cores.
const LEVEL: u8 = 1;

/// The largest window of gzip, 32 KiB: <https://www.rfc-editor.org/rfc/rfc1951#section-2>.
const GZIP_WINDOW_BITS: u8 = 15;

/// Compresses one buffer after another.
pub(super) enum Compressor {
    Gzip(Box<Compress>),
    Zstd(Box<zstd::bulk::Compressor<'static>>),
}

impl Compressor {
    pub(super) fn new(compression: Compression) -> Result<Self, ExportError> {
        Ok(match compression {
            Compression::Gzip => {
                let level = flate2::Compression::new(u32::from(LEVEL));
                Self::Gzip(Box::new(Compress::new_gzip(level, GZIP_WINDOW_BITS)))
            }
            Compression::Zstd => {
                let compressor = zstd::bulk::Compressor::new(i32::from(LEVEL)).map_err(failed)?;
                Self::Zstd(Box::new(compressor))
            }
        })
    }

    /// Appends `input` compressed.
    pub(super) fn compress(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), ExportError> {
        match self {
            Self::Gzip(gzip) => deflate(gzip, input, out),
            Self::Zstd(zstd) => {
                let start = out.len();
                out.resize(start + zstd::zstd_safe::compress_bound(input.len()), 0);
                let space = out.get_mut(start..).unwrap_or_default();
                let written = zstd.compress_to_buffer(input, space).map_err(failed)?;
                out.truncate(start + written);
                Ok(())
            }
        }
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip(_) => "Gzip",
            Self::Zstd(_) => "Zstd",
        })
    }
}

fn deflate(gzip: &mut Compress, input: &[u8], out: &mut Vec<u8>) -> Result<(), ExportError> {
    gzip.reset();
    loop {
        let consumed = usize::try_from(gzip.total_in()).unwrap_or(usize::MAX);
        let rest = input.get(consumed..).unwrap_or_default();
        out.reserve((rest.len() / 4).max(1024));
        if gzip
            .compress_vec(rest, out, FlushCompress::Finish)
            .map_err(failed)?
            == Status::StreamEnd
        {
            return Ok(());
        }
    }
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> ExportError {
    ExportError::permanent("a request could not be compressed").with_source(error)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::prelude::*;

    use super::*;

    fn decompress(compression: Compression, bytes: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        match compression {
            Compression::Gzip => flate2::read::GzDecoder::new(bytes).read_to_end(&mut plain),
            Compression::Zstd => zstd::Decoder::new(bytes).unwrap().read_to_end(&mut plain),
        }
        .unwrap();
        plain
    }

    proptest! {
        #[test]
        fn each_buffer_decompresses_to_itself(
            inputs in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20_000), 1..4),
            prefix in prop::collection::vec(any::<u8>(), 0..6),
        ) {
            for compression in [Compression::Gzip, Compression::Zstd] {
                let mut compressor = Compressor::new(compression).unwrap();
                for input in &inputs {
                    let mut out = prefix.clone();
                    compressor.compress(input, &mut out).unwrap();
                    prop_assert_eq!(&out[..prefix.len()], &prefix[..]);
                    prop_assert_eq!(&decompress(compression, &out[prefix.len()..]), input);
                }
            }
        }
    }
}
