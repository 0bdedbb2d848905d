//! What the service answers, path by path.

mod auth;
mod body;
mod check;
mod control;
mod errors;
mod etag;
mod health;
mod openapi;
mod page;
mod refusal;
mod routes;
mod webhook;

pub(crate) use auth::Door;
pub(crate) use refusal::Refusal;
pub(crate) use routes::router;
