//! Heads of actix-web's requests and responses.

use std::net::IpAddr;

use actix_web::body::BoxBody;
use actix_web::dev::{RequestHead as Head, ServiceRequest};
use actix_web::http::Uri;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};

use crate::web::error_response::ErrorReply;
use crate::web::head::{RequestHead, ResponseHead, Secrecy};

impl RequestHead for HttpRequest {
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
        peer(self.head())
    }

    fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        values(self.headers(), name)
    }

    fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        headers(self.headers())
    }
}

impl RequestHead for ServiceRequest {
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
        peer(self.head())
    }

    fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        values(self.headers(), name)
    }

    fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        headers(self.headers())
    }
}

impl ResponseHead for HttpResponse<BoxBody> {
    fn status(&self) -> u16 {
        self.status().as_u16()
    }

    fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        values(self.headers(), name)
    }

    fn retain(&mut self, name: &str, keep: impl Fn(&[u8]) -> bool) {
        let Ok(name) = HeaderName::try_from(name) else { return };
        let kept: Vec<_> = self.headers().get_all(&name).filter(|value| keep(value.as_bytes())).cloned().collect();
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
        answer.into_actix()
    }
}

fn headers(headers: &HeaderMap) -> impl Iterator<Item = (&str, &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
}

fn values<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a [u8]> {
    headers.get_all(name).map(HeaderValue::as_bytes)
}

fn authority(uri: &Uri) -> Option<&str> {
    uri.authority().map(|authority| authority.as_str())
}

fn peer(head: &Head) -> Option<IpAddr> {
    head.peer_addr.map(|address| address.ip())
}
