use super::*;

fn text(header: &str) -> String {
    TraceState::parse(header).unwrap().to_string()
}

#[test]
fn valid_text_is_kept_as_it_came() {
    for header in [
        "rojo=00f067aa0ba902b7",
        "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
        "0a=1,tenant@system=2,a_-*/@b=3",
        "spaced=  leading stays",
        "punct=!\"#$%&'()*+-./:;<>?@[\\]^_`{|}~",
    ] {
        assert_eq!(text(header), header);
    }
    let longest = format!("{}={}", "k".repeat(256), "v".repeat(256));
    assert_eq!(text(&longest), longest);
}

#[test]
fn space_and_empty_members_are_left_out() {
    assert_eq!(text(" \ta=1 ,\t, b=2\t,,"), "a=1,b=2");
    assert_eq!(text("a=1  "), "a=1");
    assert!(TraceState::parse("").unwrap().is_empty());
    assert!(TraceState::parse(" , ").unwrap().is_empty());
}

#[test]
fn one_bad_member_makes_it_no_tracestate() {
    use TraceStateError::{Key, Member, TooManyMembers, Value};
    let too_many: Vec<String> = (0..33).map(|n| format!("k{n}=v")).collect();
    for (header, error) in [
        ("foo", Member),
        ("foo=1,bar", Member),
        ("=1", Key),
        ("Foo=1", Key),
        ("foo =1", Key),
        ("_foo=1", Key),
        ("@foo=1", Key),
        ("fo.o=1", Key),
        ("föö=1", Key),
        (&format!("{}=1", "k".repeat(257)), Key),
        ("foo=", Value),
        ("foo=a=b", Value),
        ("foo=a\tb", Value),
        ("foo=ü", Value),
        (&format!("k={}", "v".repeat(257)), Value),
        (&too_many.join(","), TooManyMembers),
    ] {
        assert_eq!(TraceState::parse(header), Err(error), "{header}");
    }
    assert_eq!(
        TraceState::parse(&too_many[..32].join(","))
            .unwrap()
            .iter()
            .count(),
        32
    );
}

#[test]
fn hostile_length_is_refused_before_it_is_read() {
    let commas = ",".repeat(1 << 20);
    assert_eq!(TraceState::parse(&commas), Err(TraceStateError::TooLong));
    let many = std::iter::repeat_n("", 1 << 20);
    assert_eq!(TraceState::parse_all(many), Err(TraceStateError::TooLong));
}

#[test]
fn headers_are_joined_in_order() {
    let headers = ["a=1", "", "  b=2  ", "c=3,a=4"];
    assert_eq!(
        TraceState::parse_all(headers).unwrap().as_str(),
        "a=1,b=2,c=3"
    );
    let same_length = ["a=1", "  b=2  "];
    assert_eq!(
        TraceState::parse_all(same_length).unwrap().as_str(),
        "a=1,b=2"
    );
}

#[test]
fn the_first_of_two_equal_keys_is_the_newer() {
    assert_eq!(text("congo=new,rojo=1,congo=old"), "congo=new,rojo=1");
}

#[test]
fn a_changed_member_moves_to_the_front() {
    let state = TraceState::parse("a=1,b=2,c=3").unwrap();
    assert_eq!(state.insert("c", "4").unwrap().as_str(), "c=4,a=1,b=2");
    assert_eq!(state.insert("d", "5").unwrap().as_str(), "d=5,a=1,b=2,c=3");
    assert_eq!(state.remove("b").as_str(), "a=1,c=3");
    assert_eq!(state.remove("z"), state);
    assert!(TraceState::parse("a=1").unwrap().remove("a").is_empty());
    assert_eq!(state.insert("D", "5"), Err(TraceStateError::Key));
    assert_eq!(state.insert("d", "5 "), Err(TraceStateError::Value));
}

#[test]
fn the_last_member_gives_way_when_full() {
    let full: Vec<String> = (0..32).map(|n| format!("k{n}=v")).collect();
    let state = TraceState::parse(&full.join(",")).unwrap();
    let inserted = state.insert("new", "1").unwrap();
    assert_eq!(inserted.iter().count(), 32);
    assert_eq!(inserted.get("new"), Some("1"));
    assert_eq!(inserted.get("k30"), Some("v"));
    assert_eq!(inserted.get("k31"), None);
    assert_eq!(state.insert("k31", "2").unwrap().iter().count(), 32);
}

#[test]
fn what_is_too_long_loses_long_members_first_then_the_last() {
    let long = |key: &str| format!("{key}={}", "v".repeat(250));
    let short = |key: &str| format!("{key}={}", "v".repeat(100));
    let mut members: Vec<String> = (0..7).map(|n| long(&format!("l{n}"))).collect();
    members.extend((0..4).map(|n| short(&format!("s{n}"))));
    let state = TraceState::parse(&members.join(",")).unwrap();
    assert!(state.as_str().len() <= TraceState::MAX_LEN);
    assert_eq!(state.get("l6"), None);
    assert!(state.get("l5").is_some() && state.get("s3").is_some());

    let short: Vec<String> = (0..30).map(|n| short(&format!("s{n}"))).collect();
    let state = TraceState::parse(&short.join(",")).unwrap();
    let kept = state.iter().count();
    assert_eq!(state.as_str(), short[..kept].join(","));
}

#[test]
fn survives_the_api_of_opentelemetry() {
    let state = TraceState::parse("a=1,b=  2").unwrap();
    let there = state.to_opentelemetry();
    assert_eq!(there.get("a"), Some("1"));
    assert_eq!(TraceState::from_opentelemetry(&there), state);
    // a key of level 2 that the API does not read is left out alone
    let state = TraceState::parse("a=1,b@with-a-long-system-name=2").unwrap();
    assert_eq!(state.to_opentelemetry().header(), "a=1");
}
