use super::*;

fn pairs(baggage: &Baggage) -> Vec<(&str, &str, &str)> {
    let entries = baggage.iter();
    entries
        .map(|entry| (entry.key(), entry.value(), entry.metadata()))
        .collect()
}

/// <https://www.w3.org/TR/baggage/#example>
#[test]
fn reads_the_example_of_the_specification() {
    let baggage = Baggage::parse(
        "key1=value1;property1;property2, key2 = value2, key3=value3; propertyKey=propertyValue",
    );
    assert_eq!(
        pairs(&baggage),
        [
            ("key1", "value1", "property1;property2"),
            ("key2", "value2", ""),
            ("key3", "value3", "propertyKey=propertyValue"),
        ]
    );
    assert_eq!(
        baggage.to_header(),
        "key1=value1;property1;property2,key2=value2,key3=value3;propertyKey=propertyValue"
    );
}

#[test]
fn values_are_decoded_and_encoded() {
    let baggage = Baggage::parse("a=DF%2028,b=x=y,c=%e2%82%ac,d=,e=100%25");
    assert_eq!(
        pairs(&baggage),
        [
            ("a", "DF 28", ""),
            ("b", "x=y", ""),
            ("c", "€", ""),
            ("d", "", ""),
            ("e", "100%", "")
        ]
    );
    assert_eq!(
        baggage.to_header(),
        "a=DF%2028,b=x%3Dy,c=%E2%82%AC,d=,e=100%25"
    );
    assert_eq!(Baggage::parse("a=%FF").get("a"), Some("\u{fffd}"));
}

#[test]
fn the_valid_part_is_kept() {
    let header =
        "ok=1,no-value,=2,bad key=3,q=\"4\",b=a\\b,ü=5,u=ü,p=6;good;b ad;k=v w;x = y,,last=7";
    let baggage = Baggage::parse(header);
    assert_eq!(
        pairs(&baggage),
        [("ok", "1", ""), ("p", "6", "good;x=y"), ("last", "7", "")]
    );
    assert!(Baggage::parse("").is_empty());
    assert!(Baggage::parse(",;=,").is_empty());
}

#[test]
fn a_key_is_there_once_with_its_last_value() {
    let baggage = Baggage::parse("a=1,b=2;p,a=3");
    assert_eq!(pairs(&baggage), [("a", "3", ""), ("b", "2", "p")]);
}

#[test]
fn ten_thousand_entries_become_sixty_four() {
    let all: Vec<String> = (0..10_000).map(|n| format!("key{n}=value{n}")).collect();
    let before = discarded().baggage_entries;
    let baggage = Baggage::parse(&all.join(","));
    assert_eq!(baggage.len(), 64);
    assert_eq!(baggage.to_header(), all[..64].join(","));
    assert!(discarded().baggage_entries - before >= 10_000 - 64);
}

#[test]
fn what_does_not_fit_is_left_out_and_what_follows_is_kept() {
    let giant = "g".repeat(Baggage::MAX_BYTES);
    let header = format!("a=1,giant={giant},b=2");
    assert_eq!(Baggage::parse(&header).to_header(), "a=1,b=2");

    // three bytes each on the wire: the limit is that of the header, not of the value
    let mut baggage = Baggage::EMPTY;
    assert_eq!(
        baggage.insert("k", &"€".repeat(911)),
        Err(BaggageError::TooLong)
    );
    baggage.insert("k", &"€".repeat(910)).unwrap();
    assert_eq!(baggage.to_header().len(), 2 + 9 * 910);
    assert_eq!(baggage.insert("l", ""), Err(BaggageError::TooLong));
    baggage.insert("k", &"€".repeat(909)).unwrap();
    baggage.insert("l", "12345").unwrap();
    assert_eq!(baggage.insert("m", "1"), Err(BaggageError::TooLong));
    assert!(baggage.remove("k"));
    baggage.insert("m", "1").unwrap();
    assert_eq!(baggage.to_header(), "l=12345,m=1");
}

#[test]
fn refuses_what_no_header_could_carry() {
    let mut baggage = Baggage::EMPTY;
    assert_eq!(baggage.insert("", "1"), Err(BaggageError::Key));
    assert_eq!(baggage.insert("a b", "1"), Err(BaggageError::Key));
    assert_eq!(
        baggage.insert_with_metadata("a", "1", "p q"),
        Err(BaggageError::Metadata)
    );
    for n in 0..64 {
        baggage.insert(&format!("k{n}"), "v").unwrap();
    }
    assert_eq!(
        baggage.insert("k64", "v"),
        Err(BaggageError::TooManyEntries)
    );
    baggage.insert("k63", "changed").unwrap();
    assert_eq!(baggage.get("k63"), Some("changed"));
}

#[test]
fn a_clone_is_not_changed() {
    let mut baggage = Baggage::parse("a=1");
    let clone = baggage.clone();
    baggage.insert("a", "2").unwrap();
    assert!(baggage.remove("a") && !baggage.remove("a"));
    assert!(baggage.is_empty());
    assert_eq!(baggage, Baggage::EMPTY);
    assert_eq!(clone.get("a"), Some("1"));
}

#[test]
fn survives_the_api_of_opentelemetry() {
    let baggage = Baggage::parse("a=x%20y;p=1;q,b=2");
    let there = OtelBaggage::from(&baggage);
    assert_eq!(there.len(), 2);
    assert_eq!(there.get("a").map(|value| value.as_str()), Some("x y"));
    assert_eq!(Baggage::from(&there), baggage);
}
