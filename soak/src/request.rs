//! How many spans an export request has, found without decoding them.

/// `ExportTraceServiceRequest.resource_spans`, `ResourceSpans.scope_spans` and `ScopeSpans.spans`:
/// <https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto>.
const PATH: [u64; 3] = [1, 2, 2];

/// The spans of a request; `None` if it is no protobuf message.
pub(crate) fn spans(request: &[u8]) -> Option<u64> {
    count(request, &PATH)
}

fn count(mut message: &[u8], path: &[u64]) -> Option<u64> {
    let Some((field, inner)) = path.split_first() else {
        return Some(1);
    };
    let mut found = 0;
    while !message.is_empty() {
        let tag = varint(&mut message)?;
        let len = match tag & 7 {
            0 => {
                varint(&mut message)?;
                continue;
            }
            1 => 8,
            2 => usize::try_from(varint(&mut message)?).ok()?,
            5 => 4,
            _ => return None,
        };
        let (value, rest) = message.split_at_checked(len)?;
        message = rest;
        if tag == field << 3 | 2 {
            found += count(value, inner)?;
        }
    }
    Some(found)
}

fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message.split_first()?;
        *message = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_counted_across_resources_and_scopes() {
        let scope = [0x0a, 1, 0, 0x12, 0, 0x12, 2, 0x08, 1];
        let mut resource = vec![0x0a, 0];
        for _ in 0..2 {
            resource.extend([0x12, 9]);
            resource.extend(scope);
        }
        let mut request = Vec::new();
        for _ in 0..3 {
            request.extend([0x0a, 24]);
            request.extend(&resource);
        }
        assert_eq!(spans(&request), Some(12));
    }

    #[test]
    fn what_is_cut_off_is_no_request() {
        assert_eq!(spans(&[0x0a, 5, 0]), None);
    }
}
