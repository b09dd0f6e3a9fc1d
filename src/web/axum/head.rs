//! Heads of axum's requests and responses.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::extract::connect_info::MockConnectInfo;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, Request, Uri};
use axum::response::{IntoResponse, Response};

use crate::web::error_response::ErrorReply;
use crate::web::head::{RequestHead, ResponseHead, Secrecy};

impl RequestHead for Parts {
    fn method(&self) -> &str {
        self.method.as_str()
    }

    fn path(&self) -> &str {
        self.uri.path()
    }

    fn authority(&self) -> Option<&str> {
        authority(&self.uri)
    }

    fn peer(&self) -> Option<IpAddr> {
        peer(&self.extensions)
    }

    fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        values(&self.headers, name)
    }

    fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        headers(&self.headers)
    }
}

impl<B> RequestHead for Request<B> {
    fn method(&self) -> &str {
        self.method().as_str()
    }

    fn path(&self) -> &str {
        self.uri().path()
    }

    fn authority(&self) -> Option<&str> {
        authority(self.uri())
    }

    fn peer(&self) -> Option<IpAddr> {
        peer(self.extensions())
    }

    fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        values(self.headers(), name)
    }

    fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        headers(self.headers())
    }
}

impl ResponseHead for Response {
    fn status(&self) -> u16 {
        self.status().as_u16()
    }

    fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        values(self.headers(), name)
    }

    fn retain(&mut self, name: &str, keep: impl Fn(&[u8]) -> bool) {
        let Ok(name) = HeaderName::try_from(name) else { return };
        let kept: Vec<_> =
            self.headers().get_all(&name).iter().filter(|value| keep(value.as_bytes())).cloned().collect();
        self.headers_mut().remove(&name);
        for value in kept {
            self.headers_mut().append(name.clone(), value);
        }
    }

    fn append(&mut self, name: &str, value: &[u8], secrecy: Secrecy) {
        let (Ok(name), Ok(mut value)) = (HeaderName::try_from(name), HeaderValue::from_bytes(value)) else { return };
        value.set_sensitive(secrecy == Secrecy::Secret);
        self.headers_mut().append(name, value);
    }

    fn of(answer: ErrorReply) -> Self {
        answer.into_response()
    }
}

fn headers(headers: &HeaderMap) -> impl Iterator<Item = (&str, &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
}

fn values<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a [u8]> {
    headers.get_all(name).iter().map(HeaderValue::as_bytes)
}

fn authority(uri: &Uri) -> Option<&str> {
    uri.authority().map(|authority| authority.as_str())
}

fn peer(extensions: &Extensions) -> Option<IpAddr> {
    let mocked = || extensions.get::<MockConnectInfo<SocketAddr>>().map(|MockConnectInfo(address)| address);
    let known = extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address);
    known.or_else(mocked).map(SocketAddr::ip)
}
