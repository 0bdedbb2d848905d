//! What the settings alone reveal, and the command line.

use test_support::{Options, Receiver, free_port};

use crate::run::{doctor, telemetry};

/// No signal goes anywhere, so that nothing but the settings can be wrong.
const NOWHERE: [(&str, &str); 2] = [
    ("OTEL_LOGS_EXPORTER", "none"),
    ("OTEL_METRICS_EXPORTER", "none"),
];

#[test]
fn a_sampler_that_drops_everything() {
    let console = ("OTEL_TRACES_EXPORTER", "console");
    for (sampler, argument, drops) in [
        ("always_off", "", "drops every trace"),
        ("parentbased_always_off", "", "every trace that starts here"),
        ("traceidratio", "0", "drops every trace"),
        (
            "parentbased_traceidratio",
            "0.0",
            "every trace that starts here",
        ),
        ("parentbased_traceidratio", "0.001", ""),
        ("always_on", "", ""),
    ] {
        let mut variables = vec![console, ("OTEL_TRACES_SAMPLER", sampler)];
        variables.push(("OTEL_TRACES_SAMPLER_ARG", argument));
        variables.extend(NOWHERE);
        let run = doctor(&[], &variables);
        let said = run.stdout.contains("drops every trace");
        assert_eq!(run.code, Some(i32::from(!drops.is_empty())), "{run:?}");
        assert_eq!(said, !drops.is_empty(), "{run:?}");
        assert!(run.stdout.contains(drops), "{sampler}: {run:?}");
    }
}

#[test]
fn a_disabled_sdk_and_nothing_is_sent() {
    let Some(receiver) = Receiver::start(Options::default()) else {
        return;
    };
    let endpoint = receiver.http_endpoint();
    let run = doctor(
        &[],
        &[
            ("OTEL_SDK_DISABLED", "true"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ],
    );
    assert_eq!(run.code, Some(1));
    let json = run.json();
    let finding = &json["findings"][0];
    let message = finding["message"].as_str().unwrap();
    assert!(
        message.contains("disabled (OTEL_SDK_DISABLED)"),
        "{finding}"
    );
    let remedy = finding["remedy"].as_str().unwrap();
    assert!(remedy.starts_with("Unset OTEL_SDK_DISABLED"), "{finding}");
    assert_eq!(json["destinations"].as_array().unwrap().len(), 0);
    assert_eq!(receiver.stats()["requests"], 0);
}

#[test]
fn each_setting_has_its_value_and_source() {
    let mut variables = vec![
        ("OTEL_SERVICE_NAME", "shop"),
        ("OTEL_TRACES_EXPORTER", "console"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-api-key=hunter2"),
    ];
    variables.extend(NOWHERE);
    let run = doctor(&[], &variables);
    let json = run.json();
    assert_eq!(json["service"], "shop");
    let setting = |name: &str| {
        let settings = json["settings"].as_array().unwrap();
        let found = settings.iter().find(|setting| setting["name"] == name);
        found.unwrap().clone()
    };
    let exporter = setting("OTEL_TRACES_EXPORTER");
    assert_eq!(exporter["value"], "console");
    assert_eq!(exporter["source"], "environment");
    let headers = setting("OTEL_EXPORTER_OTLP_TRACES_HEADERS");
    assert_eq!(headers["value"], "x-api-key=<redacted>");
    assert_eq!(headers["variable"], "OTEL_EXPORTER_OTLP_HEADERS");
    assert_eq!(setting("OTEL_TRACES_SAMPLER")["source"], "default");
    // what has no effect is a problem
    assert_eq!(run.code, Some(1));
    let text = telemetry(&["doctor"], &variables).stdout;
    assert!(
        text.contains("✗ ignored: OTEL_EXPORTER_OTLP_TIMEOUT=soon"),
        "{text}"
    );
    assert!(text.contains("console  (OTEL_TRACES_EXPORTER)"), "{text}");
    assert!(text.contains("not seen: settings made in code"), "{text}");
    assert!(text.contains("touched before init()"), "{text}");
    assert!(text.ends_with("\n1 problem.\n"), "{text}");
}

/// The sample of docs/doctor.md, but for what differs from run to run.
#[test]
fn the_documented_output() {
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/doctor.md");
    let docs = std::fs::read_to_string(docs).unwrap();
    let port = free_port();
    let endpoint = format!("http://127.0.0.1:{port}");
    let variables = [
        ("OTEL_SERVICE_NAME", "shop"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
    ];
    let run = telemetry(&["doctor"], &variables);
    let walk = run
        .stdout
        .split("\n\n")
        .find(|part| part.starts_with("http://"))
        .unwrap();
    for line in walk.lines() {
        let line = line.replace(&port.to_string(), "4318");
        let same = docs.lines().any(|known| untimed(known) == untimed(&line));
        assert!(same, "not in docs/doctor.md: {line}");
    }
}

/// A line without its time.
fn untimed(line: &str) -> String {
    let words = line.split_whitespace();
    let words = words.filter(|word| word.parse::<f64>().is_err() && *word != "ms");
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_wrong_command_line_is_status_two_and_says_why() {
    for (arguments, reason) in [
        (&[][..], "a command is missing"),
        (&["docter"], "docter"),
        (&["doctor", "--jsno"], "--jsno"),
        (&["doctor", "--lock"], "--lock"),
        (&["doctor", "--timeout", "soon"], "not a number of seconds"),
        (&["doctor", "--timeout", "0"], "between 0 and 3600"),
        (&["doctor", "--timeout", "NaN"], "between 0 and 3600"),
        (&["doctor", "--query"], "--query needs"),
        (&["doctor", "--tempo", "http://localhost"], "needs --query"),
    ] {
        let run = telemetry(arguments, &[]);
        assert_eq!(run.code, Some(2), "{run:?}");
        assert!(run.stderr.contains(reason), "{arguments:?}: {run:?}");
        assert_eq!(run.stdout, "");
    }
}

#[test]
fn help_and_version() {
    for arguments in [&["--help"][..], &["-h"], &["doctor", "--help"]] {
        let run = telemetry(arguments, &[]);
        assert_eq!(run.code, Some(0), "{run:?}");
        assert!(run.stdout.contains("--prometheus URL"), "{run:?}");
    }
    let version = telemetry(&["--version"], &[]);
    assert_eq!(
        version.stdout,
        concat!("telemetry ", env!("CARGO_PKG_VERSION"), "\n")
    );
}
