//! W3C Baggage: `baggage`.

use http::HeaderName;

use super::super::baggage::BaggageReader;
use super::super::verbose;
use super::{Baggage, Carrier, CarrierMut, Extracted, Propagator, SpanContext};

/// W3C Baggage, <https://www.w3.org/TR/baggage/>.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct W3cBaggage;

static FIELDS: [HeaderName; 1] = [HeaderName::from_static("baggage")];

impl Propagator for W3cBaggage {
    fn extract(&self, carrier: &dyn Carrier, extracted: &mut Extracted) {
        let mut reader = None;
        carrier.get_all(&FIELDS[0], &mut |header| {
            let earlier = || BaggageReader::over(std::mem::take(&mut extracted.baggage));
            reader.get_or_insert_with(earlier).read(header);
        });
        if let Some(reader) = reader {
            extracted.baggage = reader.finish();
        }
    }

    fn inject(&self, _: &SpanContext, baggage: &Baggage, carrier: &mut dyn CarrierMut) {
        if baggage.get(verbose::BAGGAGE_KEY).is_some() {
            // it goes only to hosts on a list, and only through `verbose::inject`
            let mut rest = baggage.clone();
            rest.remove(verbose::BAGGAGE_KEY);
            return self.inject(&SpanContext::NONE, &rest, carrier);
        }
        if !baggage.is_empty() {
            carrier.set(&FIELDS[0], baggage.to_header().into());
        }
    }

    fn fields(&self) -> &'static [HeaderName] {
        &FIELDS
    }
}
