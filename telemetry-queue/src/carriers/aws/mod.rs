//! Messages of Amazon's services.

mod attributes;
mod event_bridge;
mod sns;
mod sqs;
mod xray;

pub use attributes::{AwsAttribute, AwsAttributes};
pub use event_bridge::EventBridgeEvent;
pub use sns::SnsNotification;
pub use sqs::SqsMessage;
