#![doc = include_str!("../README.md")]
//!
//! # Example
//!
//! ```
//! use telemetry_queue::carriers::{self, JsonText};
//!
//! // in the producer, within a span
//! let mut message = JsonText::new(br#"{"order": 7}"#.to_vec());
//! carriers::inject(&mut message);
//!
//! // in the consumer
//! let extracted = carriers::extract(&message);
//! # assert!(extracted.span_context.is_none()); // there is no span here
//! ```

pub mod carriers;
