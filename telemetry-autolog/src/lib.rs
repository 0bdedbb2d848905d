#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod changes;
mod http;
mod labels;
mod metrics;
mod service;
mod session;
mod settings;
mod store;

pub use changes::{Changes, Subscription};
pub use service::Service;
pub use session::{App, Holder, Opening, Scope, Session, Verbosity};
pub use settings::{Settings, SettingsError, StoreSetting};
#[cfg(feature = "redis")]
pub use store::RedisStore;
pub use store::{
    Answer, Counted, Cursor, Errors, MAX_SESSIONS, MemoryStore, Opened, Page, Released, Store,
    StoreError,
};
