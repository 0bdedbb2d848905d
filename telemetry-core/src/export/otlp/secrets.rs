//! What a receiver may quote and nobody may read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::settings::OtlpSettings;
use super::target::percent_decode;
use crate::config::REDACTED;

/// Shorter values would tear words apart, and are no secrets.
const SHORTEST_SECRET: usize = 4;

/// A receiver's words are cut, and with them perhaps a secret, but none that are shorter.
const CUT_FROM: usize = 200;

/// The values of headers, and the credentials and the query of the endpoint; the longest first.
pub(crate) fn secrets(settings: &OtlpSettings) -> Vec<String> {
    let mut secrets = Vec::new();
    for (_, value) in &settings.headers {
        put_header(&mut secrets, value.trim());
    }
    put_endpoint(&mut secrets, &settings.endpoint);
    secrets.retain(|secret| secret.len() >= SHORTEST_SECRET);
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.dedup();
    secrets
}

/// Replaces the secrets in a text.
pub(crate) fn hide(text: &mut String, secrets: &[String]) {
    for secret in secrets.iter().filter(|s| s.len() >= SHORTEST_SECRET) {
        if text.contains(secret.as_str()) {
            *text = text.replace(secret.as_str(), REDACTED);
        }
    }
    if text.len() >= CUT_FROM
        && let Some(begin) = secrets.iter().find_map(|secret| cut_off(text, secret))
    {
        text.truncate(begin);
        text.push_str(REDACTED);
    }
}

/// Where a secret begins whose end is behind the end of the text.
fn cut_off(text: &str, secret: &str) -> Option<usize> {
    let mut known = (SHORTEST_SECRET..secret.len()).rev();
    let len = known.find(|len| {
        let head = secret.get(..*len);
        head.is_some_and(|head| text.ends_with(head))
    })?;
    Some(text.len() - len)
}

fn put_header(secrets: &mut Vec<String>, value: &str) {
    secrets.push(value.to_owned());
    // `Bearer token`: the token alone counts too
    let Some((scheme, token)) = value.rsplit_once(' ') else {
        return;
    };
    secrets.push(token.to_owned());
    if scheme.eq_ignore_ascii_case("basic")
        && let Ok(pair) = STANDARD.decode(token)
    {
        put_user(secrets, &String::from_utf8_lossy(&pair));
    }
}

fn put_user(secrets: &mut Vec<String>, user: &str) {
    let password = user.split_once(':').map(|(_, password)| password);
    secrets.extend(
        [Some(user), password]
            .into_iter()
            .flatten()
            .map(str::to_owned),
    );
}

fn put_endpoint(secrets: &mut Vec<String>, endpoint: &str) {
    let (address, query) = endpoint.trim().split_once('?').unwrap_or((endpoint, ""));
    let authority = address.split_once("://").map_or("", |(_, rest)| rest);
    let authority = authority.split('/').next().unwrap_or_default();
    if let Some((user, _)) = authority.rsplit_once('@') {
        put_user(secrets, user);
        put_user(secrets, &decoded(user));
        let (name, password) = user.split_once(':').unwrap_or((user, ""));
        let pair = format!("{}:{}", decoded(name), decoded(password));
        secrets.push(STANDARD.encode(pair));
    }
    let query = query.split('#').next().unwrap_or_default();
    secrets.push(query.to_owned());
    for (_, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        secrets.extend([value.to_owned(), decoded(value)]);
    }
}

fn decoded(text: &str) -> String {
    String::from_utf8_lossy(&percent_decode(text)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::OtlpProtocol;

    fn of(endpoint: &str, header: &str) -> Vec<String> {
        let mut settings = OtlpSettings::new(endpoint, OtlpProtocol::HttpProtobuf);
        settings.headers = vec![("authorization".to_owned(), header.to_owned())];
        secrets(&settings)
    }

    fn hidden(text: &str, secrets: &[String]) -> String {
        let mut text = text.to_owned();
        hide(&mut text, secrets);
        text
    }

    #[test]
    fn whatever_is_secret_is_hidden_however_it_is_quoted() {
        let secrets = of(
            "https://ada:p%40ssw0rd@collector.example/v1/logs?api-key=k%2Dhunter2",
            "Bearer t0ken-1",
        );
        for quoted in [
            "Bearer t0ken-1",
            "t0ken-1",
            "p%40ssw0rd",
            "p@ssw0rd",
            // printf 'ada:p@ssw0rd' | base64
            "YWRhOnBAc3N3MHJk",
            "api-key=k%2Dhunter2",
            "k%2Dhunter2",
            "k-hunter2",
        ] {
            let text = hidden(&format!("bad key {quoted}, sorry"), &secrets);
            assert_eq!(text, "bad key <redacted>, sorry");
        }
        // printf 'ada:lovelace' | base64
        let secrets = of("http://localhost:4318", "Basic YWRhOmxvdmVsYWNl");
        assert_eq!(hidden("not lovelace", &secrets), "not <redacted>");
        assert_eq!(
            hidden("http://localhost:4318", &secrets),
            "http://localhost:4318"
        );
    }

    #[test]
    fn half_a_secret_at_the_end_of_a_cut_text_is_hidden() {
        let secrets = of("http://localhost", "0123456789abcdef");
        let long = "x".repeat(CUT_FROM);
        let text = hidden(&format!("{long}0123456789"), &secrets);
        assert_eq!(text, format!("{long}<redacted>"));
    }
}
