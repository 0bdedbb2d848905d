use std::collections::HashMap;

use super::*;

fn extract(pairs: &[(&str, &str)]) -> Extracted {
    let owned = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let carrier: HashMap<String, String> = owned.collect();
    let mut extracted = Extracted::default();
    Jaeger.extract(&carrier, &mut extracted);
    extracted
}

#[test]
fn reads_each_form_of_the_header() {
    for (header, trace_id, span_id, sampled, debug) in [
        (
            "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:1",
            "4bf92f3577b34da6a3ce929d0e0e4736",
            "00f067aa0ba902b7",
            true,
            false,
        ),
        (
            "4bf92f3577b34da6a3ce929d0e0e4736%3A00f067aa0ba902b7%3a0%3A00",
            "4bf92f3577b34da6a3ce929d0e0e4736",
            "00f067aa0ba902b7",
            false,
            false,
        ),
        (
            "A3CE929D0E0E4736:f067aa0ba902b7:abc:03",
            "0000000000000000a3ce929d0e0e4736",
            "00f067aa0ba902b7",
            true,
            true,
        ),
        (
            "1:2:0:9",
            "00000000000000000000000000000001",
            "0000000000000002",
            true,
            false,
        ),
        (
            "1:2::2",
            "00000000000000000000000000000001",
            "0000000000000002",
            true,
            true,
        ),
    ] {
        let extracted = extract(&[("Uber-Trace-Id", header)]);
        let parent = extracted.span_context.unwrap();
        assert_eq!(parent.trace_id().to_string(), trace_id);
        assert_eq!(parent.span_id().to_string(), span_id);
        assert_eq!(
            (extracted.sampled, extracted.debug),
            (Some(sampled), debug),
            "{header}"
        );
        assert!(parent.is_remote());
    }
}

#[test]
fn what_is_malformed_makes_a_new_root() {
    for header in [
        "",
        "1:2:0",
        "1:2:0:",
        "0:2:0:1",
        "1:0:0:1",
        "1:2:0:100",
        "1:2:0:1:1",
        "x:2:0:1",
        "04bf92f3577b34da6a3ce929d0e0e4736:1:0:1",
        "1:000f067aa0ba902b7:0:1",
    ] {
        assert_eq!(
            extract(&[("uber-trace-id", header)]),
            Extracted::default(),
            "{header}"
        );
    }
}

#[test]
fn writes_ids_flags_and_baggage() {
    let parent = extract(&[(
        "uber-trace-id",
        "4bf92f3577b34da6a3ce929d0e0e4736:f067aa0ba902b7:0:1",
    )]);
    let parent = parent.span_context.unwrap();
    let baggage = Baggage::parse("user=alice%20b;p,n=%E2%82%AC");
    let mut sent = HashMap::new();
    Jaeger.inject(&parent, &baggage, &mut sent);
    assert_eq!(
        sent["uber-trace-id"],
        "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:1"
    );
    assert_eq!(sent["uberctx-user"], "alice%20b");
    assert_eq!(sent["uberctx-n"], "%E2%82%AC");
    Jaeger.inject(&parent.debug(), &Baggage::EMPTY, &mut sent);
    assert!(sent["uber-trace-id"].ends_with(":3"));
}

#[test]
fn reads_the_valid_part_of_the_baggage() {
    let extracted = extract(&[
        ("UberCtx-User", "alice%20b"),
        ("uberctx-", "no key"),
        ("uberctx-bad key", "1"),
        ("uberctxé", "1"),
    ]);
    assert_eq!(extracted.baggage.to_header(), "User=alice%20b");
}
