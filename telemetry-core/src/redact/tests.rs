use opentelemetry::{Array, Value};
use proptest::prelude::*;

use super::*;

fn with(pattern: Pattern) -> Redaction {
    Redaction::new(&RedactionRules::none().pattern(pattern))
}

fn everything() -> Redaction {
    let rules = Pattern::NAMED
        .into_iter()
        .fold(RedactionRules::default(), |rules, (_, pattern)| {
            rules.pattern(pattern)
        });
    Redaction::new(&rules.pattern(Pattern::regex(r"sk_live_\w*").unwrap()))
}

#[test]
fn credentials_are_secret_by_default() {
    let redaction = Redaction::default();
    for key in RedactionRules::BUILT_IN {
        assert!(redaction.is_secret(&key.replace('*', "x_")), "{key}");
    }
    for key in [
        "user.password",
        "X-Api-Key",
        "clientSecret",
        "http.request.header.set-cookie",
        "AWS_SECRET_ACCESS_KEY",
    ] {
        assert!(redaction.is_secret(key), "{key}");
    }
    // what the conventions and people need
    for key in [
        "message",
        "http.route",
        "url.full",
        "session.id",
        "autolog.session.id",
        "user.id",
        "gen_ai.usage.input_tokens",
        "db.query.text",
        "exception.message",
        "key",
        "author",
    ] {
        assert!(!redaction.is_secret(key), "{key}");
    }
    assert!(!redaction.has_patterns());
}

#[test]
fn no_rules_hide_nothing() {
    for redaction in [
        Redaction::none(),
        Redaction::new(&RedactionRules::none()),
        Redaction::new(&RedactionRules::none().key("")),
    ] {
        assert!(!redaction.is_on());
        assert!(!redaction.is_secret("password"));
        assert_eq!(redaction.scrub("Bearer abcdefgh"), None);
    }
}

#[test]
fn bearer_tokens_are_found() {
    let redaction = with(Pattern::BEARER);
    for (text, clean) in [
        (
            "Authorization: Bearer mF_9.B5f-4.1JqM==",
            "Authorization: Bearer <redacted>",
        ),
        (
            "BEARER  abcdefgh, bearer 12345678!",
            "BEARER  <redacted>, bearer <redacted>!",
        ),
        ("bearer bearer abcdefgh", "bearer bearer <redacted>"),
    ] {
        assert_eq!(redaction.scrub(text).as_deref(), Some(clean), "{text}");
    }
    for text in [
        "the bearer of news",
        "bearer:abcdefgh",
        "bearer ",
        "beare",
        "",
    ] {
        assert_eq!(redaction.scrub(text), None, "{text}");
    }
}

#[test]
fn json_web_tokens_are_found() {
    // the example of RFC 7519 section 3.1, and that of section 6.1 without a signature
    let signed = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UifQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let unsigned = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UifQ.";
    let redaction = with(Pattern::JWT);
    for token in [signed, unsigned] {
        let text = format!("id=[{token}] and ({token})");
        assert_eq!(
            redaction.scrub(&text).as_deref(),
            Some("id=[<redacted>] and (<redacted>)")
        );
    }
    for text in [
        "eyJhbGciOiJub25lIn0",
        "eyJhbGciOiJub25lIn0.x",
        "xeyJhbGciOiJub25lIn0.a.b",
        "eyJ.a.b",
    ] {
        assert_eq!(redaction.scrub(text), None, "{text}");
    }
}

#[test]
fn card_numbers_are_found() {
    let redaction = with(Pattern::CARD);
    // numbers that the payment networks publish for tests
    for number in [
        "4111111111111111",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "378282246310005",
        "3782 822463 10005",
        "5555555555554444",
        "6011000990139424",
        "4222222222222",
        "6304 0000 0000 0000 000",
    ] {
        let text = format!("paid with {number}, thanks; ({number})");
        assert_eq!(
            redaction.scrub(&text).as_deref(),
            Some("paid with <redacted>, thanks; (<redacted>)"),
            "{number}"
        );
    }
    for text in [
        "4111111111111112",
        "41111111111111110000000",
        "x4111111111111111",
        "4111111111111111b",
        "4111  1111 1111 1111",
        "1795270981234567000",
        "411111111111",
        "0af7651916cd43dd8448eb211c80319c",
    ] {
        assert_eq!(redaction.scrub(text), None, "{text}");
    }
}

#[test]
fn a_card_number_behind_another_number_is_found() {
    assert_eq!(
        with(Pattern::CARD)
            .scrub("order 23 4111 1111 1111 1111")
            .as_deref(),
        Some("order 23 <redacted>")
    );
}

#[test]
fn mail_addresses_are_found() {
    let redaction = with(Pattern::EMAIL);
    for (text, clean) in [
        ("to ada.l+x@mail.example.org.", "to <redacted>."),
        (
            "<ada@example.org>,bob@example.com",
            "<<redacted>>,<redacted>",
        ),
        ("a@@b.org", "a@@b.org"),
        ("@example.org", "@example.org"),
        ("ada@localhost", "ada@localhost"),
        ("v@1.2", "v@1.2"),
    ] {
        let found = redaction.scrub(text);
        assert_eq!(found.as_deref().unwrap_or(text), clean);
    }
}

#[test]
fn any_expression_can_be_searched_for() {
    let plain = Pattern::regex(r"sk_live_\w+|x*").unwrap();
    assert_eq!(
        with(plain).scrub("key sk_live_abc, xxä").as_deref(),
        Some("key <redacted>, <redacted>ä")
    );
    let hinted = Pattern::regex(r"sk_live_\w+")
        .unwrap()
        .only_with("sk_live_");
    assert_eq!(
        with(hinted.clone()).scrub("sk_live_a sk_live_b").as_deref(),
        Some("<redacted> <redacted>")
    );
    assert_eq!(with(hinted).scrub("sk_test_a"), None);
    let error = Pattern::regex("(").unwrap_err().to_string();
    assert!(error.starts_with("( cannot be searched for: "), "{error}");
    assert!("cards".parse::<Pattern>().is_err());
    assert!("Card".parse::<Pattern>().is_ok());
}

#[test]
fn values_are_replaced_by_key_and_by_pattern() {
    let redaction = everything();
    let list = |items: &[&str]| {
        Value::Array(Array::String(
            items.iter().map(|item| (*item).to_owned().into()).collect(),
        ))
    };
    assert_eq!(
        redaction.replace("password", &Value::I64(1)),
        Some(REDACTED.into())
    );
    assert_eq!(redaction.replace("n", &Value::I64(1)), None);
    assert_eq!(
        redaction.replace("to", &list(&["ada", "ada@example.org"])),
        Some(list(&["ada", REDACTED]))
    );
    assert_eq!(redaction.replace("to", &list(&["ada"])), None);
}

#[test]
fn what_is_hidden_is_counted_by_place() {
    let redaction = everything();
    let other = redaction.clone();
    assert_eq!(other.clean("a@example.org", Place::Span), REDACTED);
    assert_eq!(other.clean("nothing", Place::Span), "nothing");
    assert_eq!(redaction.hidden(Place::Span), 1);
    assert_eq!(redaction.hidden(Place::Log), 0);
}

proptest! {
    #[test]
    fn any_text_is_taken(text in any::<String>(), key in any::<String>()) {
        let redaction = everything();
        let _ = redaction.is_secret(&key);
        if let Some(clean) = redaction.scrub(&text) {
            prop_assert!(clean.contains(REDACTED));
        }
    }

    /// Texts made of what the patterns look for.
    #[test]
    fn what_is_found_is_gone(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "eyJ", "abcdefgh", ".", "Bearer", " ", "4111", "1111", "-", "@", "example", "org",
                "sk_live_", "ä", "9",
            ]),
            0..16,
        ),
    ) {
        let redaction = everything();
        let mut text = parts.concat();
        // what was cut out may leave a new whole, but each round hides something for good
        for _ in 0..=parts.len() {
            match redaction.scrub(&text) {
                Some(clean) => text = clean,
                None => return Ok(()),
            }
        }
        prop_assert!(false, "{text} is never clean");
    }

    /// A secret is found whatever stands around it.
    #[test]
    fn secrets_are_found_anywhere(before in "[^0-9A-Za-z-]{0,20}", after in "[^0-9A-Za-z -]{0,20}") {
        let redaction = everything();
        let clean = redaction.scrub(&format!("{before}\n4111111111111111\n{after}"));
        prop_assert!(!clean.unwrap().contains("4111"));
    }
}
