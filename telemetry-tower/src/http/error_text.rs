//! What an error says.

use std::fmt::{Debug, Display};

use super::server::attributes::cut;

/// What an error says, followed by what only its `Debug` says: the causes, most often.
///
/// `std::error::Error` is not asked for them, because boxed errors do not implement it.
pub(super) fn error_text<E: Display + Debug>(error: &E) -> String {
    let mut text = error.to_string();
    let detail = format!("{error:?}");
    if says_more(cut(&detail), &text) {
        text.push_str(": ");
        text.push_str(&detail);
    }
    cut(&text).to_owned()
}

/// Words of a derived `Debug`, and of that of `std::io::Error`, that say nothing.
const HOLLOW: [&str; 10] = [
    "Custom", "Error", "None", "Other", "Some", "error", "inner", "kind", "message", "source",
];

/// Whether there is a word that the text does not have, beside the name of the error's type.
fn says_more(detail: &str, text: &str) -> bool {
    let words = detail.split(|letter: char| !letter.is_alphanumeric());
    let mut words = words.filter(|word| !word.is_empty()).skip(1);
    words.any(|word| !HOLLOW.contains(&word) && !text.contains(word))
}

#[cfg(test)]
mod tests {
    use std::fmt;
    use std::io;

    use super::*;

    #[derive(Debug)]
    struct Connect(io::Error);

    impl Display for Connect {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("client error (connect)")
        }
    }

    impl std::error::Error for Connect {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn causes_are_told() {
        let refused = || io::Error::new(io::ErrorKind::ConnectionRefused, "refused by 10.0.0.7");
        let text = error_text(&Connect(refused()));
        assert!(text.starts_with("client error (connect): "), "{text}");
        assert!(text.contains("refused by 10.0.0.7"), "{text}");
        let boxed: Box<dyn std::error::Error + Send + Sync> = Connect(refused()).into();
        assert_eq!(error_text(&boxed), text);
    }

    #[test]
    fn nothing_is_said_twice() {
        let gone = io::Error::other("the disk is gone");
        assert_eq!(error_text(&gone), "the disk is gone");
        assert_eq!(error_text(&"the disk is gone"), "the disk is gone");
    }

    #[test]
    fn long_texts_are_cut() {
        let long = io::Error::other(Connect(io::Error::other("x".repeat(20_000))));
        assert_eq!(error_text(&long).chars().count(), 8000);
    }
}
