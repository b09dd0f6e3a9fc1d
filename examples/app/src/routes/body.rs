//! A request's JSON body; errors are JSON too.

use std::future::poll_fn;
use std::pin::Pin;

use axum::body::{Body, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;

use super::fault::Fault;

/// JSON is at most six times as long as what is stored of it (`\u0041` is one byte), so with fields of 64 KiB Cloakroom's
/// limit applies, not this one.
const MOST: usize = 512 * 1024;
/// The part of a too large body that is still read: many clients read no response while they are sending.
const MOST_READ: usize = 64 * 1024 * 1024;

/// The body of a request, whatever its content type.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, _: &S) -> Result<Self, Fault> {
        let bytes = read(request.into_body()).await?;
        let parsed = serde_json::from_slice(&bytes);
        parsed
            .map(Self)
            .map_err(|error| Fault::request(StatusCode::BAD_REQUEST, format!("not the JSON wanted: {error}")))
    }
}

async fn read(mut body: Body) -> Result<Vec<u8>, Fault> {
    let (mut kept, mut seen) = (Vec::new(), 0);
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = frame.map_err(|_| Fault::request(StatusCode::BAD_REQUEST, "the body broke off"))?;
        let Ok(data) = frame.into_data() else { continue };
        seen += data.len();
        if seen <= MOST {
            kept.extend_from_slice(&data);
        } else if seen > MOST_READ {
            break;
        }
    }
    let too_large = || Fault::request(StatusCode::PAYLOAD_TOO_LARGE, format!("a body has at most {MOST} bytes"));
    (seen <= MOST).then_some(kept).ok_or_else(too_large)
}
