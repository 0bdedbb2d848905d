use std::collections::HashMap;

use super::*;

const TRACE_ID: &str = "80f198ee56343ba864fe8b2a57d3eff7";
const SPAN_ID: &str = "e457b5a2e4d86bd1";

fn carrier(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    let owned = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    owned.collect()
}

fn extract_from(pairs: &[(&str, &str)]) -> Extracted {
    let mut extracted = Extracted::default();
    B3.extract(&carrier(pairs), &mut extracted);
    extracted
}

fn single(header: &str) -> Extracted {
    extract_from(&[("b3", header)])
}

fn ids(extracted: &Extracted) -> Option<(String, String)> {
    let parent = extracted.span_context.as_ref()?;
    Some((parent.trace_id().to_string(), parent.span_id().to_string()))
}

#[test]
fn reads_each_form_of_the_single_header() {
    let full = Some((TRACE_ID.to_owned(), SPAN_ID.to_owned()));
    for (header, sampled, debug) in [
        (
            "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1",
            None,
            false,
        ),
        (
            "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-0",
            Some(false),
            false,
        ),
        (
            "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1",
            Some(true),
            false,
        ),
        (
            "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-d",
            Some(true),
            true,
        ),
        (
            "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b90",
            Some(true),
            false,
        ),
        (
            "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-05e3ac9a4f6e3b90",
            None,
            false,
        ),
        (
            "80F198EE56343BA864FE8B2A57D3EFF7-E457B5A2E4D86BD1-1",
            Some(true),
            false,
        ),
    ] {
        let extracted = single(header);
        assert_eq!(ids(&extracted), full, "{header}");
        assert_eq!(
            (extracted.sampled, extracted.debug),
            (sampled, debug),
            "{header}"
        );
        let parent = extracted.span_context.unwrap();
        assert_eq!(parent.is_sampled(), sampled == Some(true), "{header}");
    }
}

#[test]
fn a_decision_needs_no_ids() {
    for (header, sampled, debug) in [("0", false, false), ("1", true, false), ("d", true, true)] {
        let extracted = single(header);
        assert_eq!(extracted.span_context, None);
        assert_eq!((extracted.sampled, extracted.debug), (Some(sampled), debug));
    }
    let denied = extract_from(&[("X-B3-Sampled", "0")]);
    assert_eq!((denied.span_context, denied.sampled), (None, Some(false)));
    let debug = extract_from(&[("x-b3-flags", "1")]);
    assert_eq!((debug.sampled, debug.debug), (Some(true), true));
}

#[test]
fn short_trace_ids_are_padded() {
    let padded = Some((
        "000000000000000064fe8b2a57d3eff7".to_owned(),
        SPAN_ID.to_owned(),
    ));
    assert_eq!(ids(&single("64fe8b2a57d3eff7-e457b5a2e4d86bd1-1")), padded);
    let multi = [
        ("X-B3-TraceId", "64fe8b2a57d3eff7"),
        ("X-B3-SpanId", SPAN_ID),
    ];
    assert_eq!(ids(&extract_from(&multi)), padded);
}

#[test]
fn reads_several_headers_and_prefers_the_single_one() {
    let mut pairs = vec![("X-B3-TraceId", TRACE_ID), ("X-B3-SpanId", SPAN_ID)];
    let deferred = extract_from(&pairs);
    assert_eq!(
        ids(&deferred),
        Some((TRACE_ID.to_owned(), SPAN_ID.to_owned()))
    );
    assert_eq!(deferred.sampled, None);
    for (text, sampled) in [("1", true), ("0", false), ("true", true), ("false", false)] {
        pairs.push(("X-B3-Sampled", text));
        assert_eq!(extract_from(&pairs).sampled, Some(sampled));
        pairs.pop();
    }
    pairs.push(("b3", "11111111111111111111111111111111-2222222222222222-1"));
    let preferred = extract_from(&pairs).span_context.unwrap();
    assert_eq!(preferred.span_id().to_string(), "2222222222222222");
    pairs.pop();
    pairs.push(("b3", "nonsense"));
    assert_eq!(ids(&extract_from(&pairs)), ids(&deferred));
}

#[test]
fn what_is_malformed_makes_a_new_root() {
    for header in [
        "",
        "2",
        "-",
        "80f198ee56343ba864fe8b2a57d3eff7",
        "80f198ee56343ba864fe8b2a57d3eff7-",
        "80f198ee56343ba864fe8b2a57d3ef-e457b5a2e4d86bd1-1",
        "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2-1",
        "80f198ee56343ba864fe8b2a57d3effg-e457b5a2e4d86bd1-1",
        "00000000000000000000000000000000-e457b5a2e4d86bd1-1",
        "80f198ee56343ba864fe8b2a57d3eff7-0000000000000000-1",
        "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-x",
        "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-nonsense",
        "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b90-1",
    ] {
        assert_eq!(single(header), Extracted::default(), "{header}");
    }
    let no_span_id = [("x-b3-traceid", TRACE_ID), ("x-b3-sampled", "1")];
    assert_eq!(extract_from(&no_span_id), Extracted::default());
}

#[test]
fn writes_both_forms() {
    let parent = single(&format!("{TRACE_ID}-{SPAN_ID}-1"))
        .span_context
        .unwrap();
    let mut sent = HashMap::new();
    B3.inject(&parent, &Baggage::EMPTY, &mut sent);
    assert_eq!(sent, carrier(&[("b3", &format!("{TRACE_ID}-{SPAN_ID}-1"))]));
    B3.inject(&parent.clone().debug(), &Baggage::EMPTY, &mut sent);
    assert_eq!(sent["b3"], format!("{TRACE_ID}-{SPAN_ID}-d"));

    let ids = [("x-b3-traceid", TRACE_ID), ("x-b3-spanid", SPAN_ID)];
    let with = |last| carrier(&[ids[0], ids[1], last]);
    let mut sent = HashMap::new();
    B3Multi.inject(
        &parent.clone().with_sampled(false),
        &Baggage::EMPTY,
        &mut sent,
    );
    assert_eq!(sent, with(("x-b3-sampled", "0")));
    B3Multi.inject(&parent.clone().debug(), &Baggage::EMPTY, &mut sent);
    assert_eq!(sent, with(("x-b3-flags", "1")));
    B3Multi.inject(&parent, &Baggage::EMPTY, &mut sent);
    assert_eq!(sent, with(("x-b3-sampled", "1")));
}
