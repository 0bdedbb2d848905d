//! X-Ray's header, `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`.

use std::ops::ControlFlow;

use super::super::Visit;
use super::super::entries::View;

/// The system attribute of SQS that has it.
pub(super) const ATTRIBUTE: &str = "AWSTraceHeader";

/// Shows the header as the `traceparent` that says the same.
pub(super) fn read(header: &str, visit: &mut Visit<'_>) -> ControlFlow<()> {
    match traceparent(header) {
        Some(traceparent) => {
            let entries = vec![(String::from("traceparent"), traceparent)];
            View::show(&entries, visit)
        }
        None => ControlFlow::Continue(()),
    }
}

/// <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>.
/// Whether the ids are valid is for the reader of the traceparent to say.
fn traceparent(header: &str) -> Option<String> {
    let (mut root, mut parent, mut flags) = (None, None, "00");
    for (key, value) in header.split(';').filter_map(|part| part.split_once('=')) {
        match key.trim() {
            "Root" => root = value.trim().strip_prefix("1-"),
            "Parent" => parent = Some(value.trim()),
            "Sampled" if value.trim() == "1" => flags = "01",
            _ => {}
        }
    }
    let (seconds, random) = root?.split_once('-')?;
    let parent = parent?;
    let is_whole = seconds.len() == 8 && random.len() == 24 && parent.len() == 16;
    is_whole.then(|| format!("00-{seconds}{random}-{parent}-{flags}").to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::traceparent;

    #[test]
    fn the_example_of_the_documentation() {
        let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
        let expected = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01";
        assert_eq!(traceparent(header).as_deref(), Some(expected));
    }

    #[test]
    fn what_is_no_parent_is_none() {
        let root = "Root=1-5759e988-bd862e3fe1be46a994272793";
        for header in [
            "",
            ";;=",
            root,
            "Parent=53995c3f42cd8ad8",
            "Root=1-é-é;Parent=é",
        ] {
            assert_eq!(traceparent(header), None, "{header}");
        }
        let short = format!("{root};Parent=53995c3f42cd8ad;Sampled=1");
        assert_eq!(traceparent(&short), None);
    }
}
