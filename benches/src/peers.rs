//! The SDK, as its users assemble it, with an exporter that drops.

use opentelemetry::global;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, SpanData, SpanExporter,
};

#[derive(Debug)]
struct Nowhere;

impl SpanExporter for Nowhere {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        drop(batch);
        Ok(())
    }
}

/// A provider with the SDK's batch processor.
pub(crate) fn sdk(sampler: Sampler) -> SdkTracerProvider {
    // larger than the default, so that nothing is dropped while a batch is measured
    let config = BatchConfigBuilder::default()
        .with_max_queue_size(8192)
        .build();
    let processor = BatchSpanProcessor::builder(Nowhere)
        .with_batch_config(config)
        .build();
    global::set_text_map_propagator(TraceContextPropagator::new());
    SdkTracerProvider::builder()
        .with_sampler(Sampler::ParentBased(Box::new(sampler)))
        .with_span_processor(processor)
        .build()
}
