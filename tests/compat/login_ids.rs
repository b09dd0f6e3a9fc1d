//! Applications on axum-login whose users have ids of other types than text.

use std::convert::Infallible;
use std::fmt::{self, Debug, Display};

use axum::body::Body;
use axum::extract::Path;
use axum::http::{Request, StatusCode};
use axum::{Router, routing::get};
use axum_login::tower_sessions::SessionManagerLayer;
use axum_login::{AuthManagerLayerBuilder, AuthSession, AuthUser, AuthnBackend};
use cloakroom::Sessions;
use cloakroom::compat::{tower_sessions::Store, user_id};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tower::ServiceExt;
use uuid::Uuid;

use super::stage;

/// What axum-login requires of an id, and what the test needs to compare it.
trait Id: Debug + Display + Clone + Send + Sync + PartialEq + Serialize + DeserializeOwned + 'static {}

impl<T: Debug + Display + Clone + Send + Sync + PartialEq + Serialize + DeserializeOwned + 'static> Id for T {}

#[derive(Debug, Clone)]
struct User<I>(I);

impl<I: Id> AuthUser for User<I> {
    type Id = I;

    fn id(&self) -> I {
        self.0.clone()
    }

    fn session_auth_hash(&self) -> &[u8] {
        b"changes with the password"
    }
}

/// Credentials that name a user's number log that user in.
#[derive(Debug, Clone)]
struct Users<I>([I; 2]);

impl<I: Id> AuthnBackend for Users<I> {
    type User = User<I>;
    type Credentials = usize;
    type Error = Infallible;

    async fn authenticate(&self, number: usize) -> Result<Option<User<I>>, Infallible> {
        Ok(self.0.get(number).cloned().map(User))
    }

    async fn get_user(&self, id: &I) -> Result<Option<User<I>>, Infallible> {
        Ok(self.0.contains(id).then(|| User(id.clone())))
    }
}

async fn login<I: Id>(mut auth: AuthSession<Users<I>>, Path(number): Path<usize>) -> Result<(), StatusCode> {
    let user = auth.authenticate(number).await.ok().flatten().ok_or(StatusCode::UNAUTHORIZED)?;
    auth.login(&user).await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)
}

async fn members<I: Id>(auth: AuthSession<Users<I>>) -> StatusCode {
    if auth.user.is_some() { StatusCode::OK } else { StatusCode::UNAUTHORIZED }
}

fn app<I: Id>(sessions: &Sessions, ids: [I; 2]) -> Router {
    let store = Store::new(sessions.clone()).axum_login::<I>();
    let auth = AuthManagerLayerBuilder::new(Users(ids), SessionManagerLayer::new(store)).build();
    Router::new().route("/", get(members::<I>)).route("/login/{number}", get(login::<I>)).layer(auth)
}

/// The status, and the cookie that was set.
async fn send(app: &Router, path: &str, cookie: &str) -> (u16, String) {
    let request = Request::get(path).header("cookie", cookie).body(Body::empty()).expect("a request");
    let response = app.clone().oneshot(request).await.expect("a router does not fail");
    let set = response.headers().get("set-cookie").map_or("", |line| line.to_str().expect("ASCII"));
    (response.status().as_u16(), set.split(';').next().unwrap_or_default().to_owned())
}

/// Signing the first user out everywhere ends both of their sessions, and not the other user's.
async fn is_signed_out_everywhere<I: Id>(ids: [I; 2]) {
    let stage = stage(|with| with).await;
    let app = app(&stage.sessions, ids.clone());
    let mut cookies = Vec::new();
    for number in [0, 0, 1] {
        let (status, cookie) = send(&app, &format!("/login/{number}"), "").await;
        assert_eq!(status, 200);
        cookies.push(cookie);
    }
    let [user, other] = ids.map(|id| user_id(&id).expect("an id"));
    assert_eq!(stage.sessions.user(&other).count().await.expect("there"), 1, "{other}");
    assert_eq!(stage.sessions.revoke_user(&user).await.expect("there").ended, 2, "{user}");
    let mut statuses = Vec::new();
    for cookie in &cookies {
        statuses.push(send(&app, "/", cookie).await.0);
    }
    assert_eq!(statuses, [401, 401, 200], "{user}");
}

macro_rules! shown {
    ($type:ty) => {
        impl Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self:?}")
            }
        }
    };
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Number(u32);
shown!(Number);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct OfTenant {
    tenant: String,
    number: i64,
}
shown!(OfTenant);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Mixed {
    Number(i64),
    Name(String),
}
shown!(Mixed);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Tagged {
    Staff,
    Customer { number: i64 },
}
shown!(Tagged);

#[tokio::test]
async fn sign_out_everywhere_works_for_user_ids_of_any_type() {
    is_signed_out_everywhere([42_i64, -42]).await;
    is_signed_out_everywhere([u64::MAX, 0]).await;
    is_signed_out_everywhere(["ada".to_owned(), "bob".to_owned()]).await;
    is_signed_out_everywhere([String::new(), "x".repeat(5_000)]).await;
    is_signed_out_everywhere([Uuid::from_u128(1), Uuid::from_u128(2)]).await;
    is_signed_out_everywhere([Number(1), Number(2)]).await;
    is_signed_out_everywhere(["a", "b"].map(|tenant| OfTenant { tenant: tenant.to_owned(), number: 1 })).await;
    is_signed_out_everywhere([Mixed::Number(42), Mixed::Name("42".to_owned())]).await;
    is_signed_out_everywhere([Tagged::Staff, Tagged::Customer { number: 1 }]).await;
}
