//! One JSON object per line, written without an intermediate tree.

mod escape;
mod fields;
mod format;
mod frame;
mod key_cache;
mod keys;
mod time;
mod value;

pub(crate) use escape::put_string;
pub(crate) use fields::{Fields, Reserved};
pub(crate) use format::{CompiledJson, JsonLine};
pub use format::{JsonFormat, SpanFields};
pub(crate) use frame::Frame;
pub(crate) use key_cache::KeyCache;
pub use keys::{Key, Keys, LevelNames};
pub(crate) use keys::{RECORDED, pinned};
pub(crate) use time::TimeText;
pub(crate) use value::{put_bool, put_bytes, put_float, put_int};
