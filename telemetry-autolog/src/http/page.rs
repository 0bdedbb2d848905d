//! The page for people: three files, no build step.

use axum::http::header;
use axum::response::IntoResponse;

const NO_CACHE: &str = "no-cache";

pub(super) async fn html() -> impl IntoResponse {
    file(
        "text/html; charset=utf-8",
        include_str!("../page/page.html"),
    )
}

pub(super) async fn css() -> impl IntoResponse {
    file("text/css; charset=utf-8", include_str!("../page/page.css"))
}

pub(super) async fn script() -> impl IntoResponse {
    file(
        "text/javascript; charset=utf-8",
        include_str!("../page/page.js"),
    )
}

fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, NO_CACHE),
    ];
    (headers, text)
}
