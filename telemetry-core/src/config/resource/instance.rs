//! The identity of this process among its siblings.

use std::sync::OnceLock;

use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};

/// A random UUID (version 4), made once in a process: whoever starts telemetry twice is still one instance.
///
/// Layout: RFC 9562, section 5.4, <https://www.rfc-editor.org/rfc/rfc9562#section-5.4>.
pub(crate) fn id() -> &'static str {
    static ID: OnceLock<String> = OnceLock::new();
    ID.get_or_init(|| {
        uuid_v4(u128::from_be_bytes(
            RandomIdGenerator::default().new_trace_id().to_bytes(),
        ))
    })
}

fn uuid_v4(random: u128) -> String {
    const VERSION: u128 = 0xf << 76;
    const VARIANT: u128 = 0b11 << 62;
    let bits = (random & !VERSION & !VARIANT) | (0x4 << 76) | (0b10 << 62);
    let hex = format!("{bits:032x}");
    let (a, b, c, d, e) = (
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    );
    format!("{a}-{b}-{c}-{d}-{e}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_and_variant_are_set() {
        assert_eq!(uuid_v4(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid_v4(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }

    #[test]
    fn a_process_has_one_id() {
        assert_eq!(id(), id());
        assert_eq!(id().len(), 36);
    }
}
