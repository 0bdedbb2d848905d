//! What an alert is known by.

use std::collections::BTreeMap;

use crate::AlertSeverity;

/// The labels of an alert: the same for each occurrence, so that receivers know it again.
///
/// Which tier burns is none of them, so a tier that takes over makes no new alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels(BTreeMap<String, String>);

impl Labels {
    pub(crate) fn new(severity: AlertSeverity, slo_id: &str, name: &str, service: &str) -> Self {
        let labels = [
            ("alertname", "SLOErrorBudgetBurn"),
            ("severity", severity.as_str()),
            ("slo_id", slo_id),
            ("slo_name", name),
            ("slo_service", service),
        ];
        // Alertmanager drops those without a value, and would know the alert by another fingerprint
        let labels = labels.into_iter().filter(|(_, value)| !value.is_empty());
        Self(
            labels
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        )
    }

    /// Names and values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// What Alertmanager knows the alert by: FNV-1a of 64 bits over each name and value in the
    /// order of names, each followed by a byte 255.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
        const PRIME: u64 = 0x0100_0000_01b3;
        let texts = self.iter().flat_map(|(name, value)| [name, value]);
        let bytes = texts.flat_map(|text| text.bytes().chain([0xff]));
        bytes.fold(OFFSET, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(PRIME)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_is_that_of_alertmanager() {
        for (severity, fingerprint) in [
            (AlertSeverity::Page, 0x0057_e71b_4d60_3439),
            (AlertSeverity::Ticket, 0xe1b5_f7d7_d641_3bb8),
        ] {
            let labels = Labels::new(severity, "api-availability", "availability", "api");
            assert_eq!(labels.fingerprint(), fingerprint);
        }
    }

    #[test]
    fn labels_without_a_value_are_left_out() {
        let labels = Labels::new(AlertSeverity::Page, "api", "availability", "");
        assert!(
            labels
                .iter()
                .all(|(name, value)| name != "slo_service" && !value.is_empty())
        );
    }
}
