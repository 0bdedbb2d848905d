//! Texts that come from outside, checked.

use crate::http::Refusal;

/// The longest label, in bytes. The contract's figure.
pub(crate) const MAX_LABEL: usize = 256;

/// A label that must be there.
pub(crate) fn required(name: &str, value: Option<&str>) -> Result<String, Refusal> {
    let value = optional(name, value)?;
    value.ok_or_else(|| Refusal::BadRequest(format!("{name} is required")))
}

/// A label that may be absent; an empty one is.
pub(crate) fn optional(name: &str, value: Option<&str>) -> Result<Option<String>, Refusal> {
    let Some(value) = value.filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    if value.len() > MAX_LABEL {
        let problem = format!("{name} is longer than {MAX_LABEL} bytes");
        return Err(Refusal::BadRequest(problem));
    }
    if value.chars().any(char::is_control) {
        let problem = format!("{name} has control characters");
        return Err(Refusal::BadRequest(problem));
    }
    Ok(Some(value.to_owned()))
}

/// Text for people, made to fit: one line, cut at the limit of a label.
pub(crate) fn fitted(text: &str) -> Option<String> {
    let line = text.replace(char::is_control, " ");
    let ends = line
        .char_indices()
        .map(|(start, one)| start + one.len_utf8());
    let end = ends.take_while(|&end| end <= MAX_LABEL).last().unwrap_or(0);
    let line = line.get(..end).unwrap_or_default().trim();
    (!line.is_empty()).then(|| line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_for_people_is_cut_between_characters() {
        assert_eq!(fitted(" many\nerrors\t"), Some("many errors".to_owned()));
        assert_eq!(fitted("\r\n"), None);
        let long = fitted(&"ä".repeat(200)).unwrap();
        assert_eq!(long.len(), 256);
        assert_eq!(fitted(&"€".repeat(200)).unwrap().len(), 255);
    }
}
