//! R25: a Redis without free memory: ends succeed, logins fail cleanly, loads go on.

use cloakroom::{ClientInfo, EndOutcome, Error, Login, Sessions};

use crate::common::server::Server;
use crate::common::{keys, login, token};

#[tokio::test]
async fn at_maxmemory_ends_succeed_and_a_login_leaves_nothing_behind() {
    let server = Server::start(&["--maxmemory-policy", "noeviction"]);
    let sessions = Sessions::builder(server.url()).namespace("full").connect().await.expect("a server");
    let mut tokens = Vec::new();
    for user in ["ada", "ada", "bob", "cyd"] {
        let session = sessions.open(None, ClientInfo::new()).await.expect("there");
        session.insert("kept", &1).expect("legal");
        let _ = session.login(Login::new(user).keep(["kept"])).await.expect("there");
        tokens.push(token(&session));
    }
    let guest = sessions.open(None, ClientInfo::new()).await.expect("there");
    guest.insert("a", &1).expect("legal");
    guest.save().await.expect("there").into_result().expect("saved");
    let mut redis = server.connection().await;
    let _: () = redis::cmd("CONFIG").arg(&["SET", "maxmemory", "1mb"]).query_async(&mut redis).await.expect("there");

    let before = keys::all(&mut redis, "full").await;
    let refused = guest.login(Login::new("dan")).await;
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    assert_eq!(keys::all(&mut redis, "full").await, before);
    let draft = sessions.open(None, ClientInfo::new()).await.expect("there");
    draft.insert("a", &1).expect("legal");
    assert!(matches!(draft.save().await, Err(Error::Unavailable(_))));
    draft.remove("a").expect("a draft");

    let session = sessions.open(Some(&tokens[2]), ClientInfo::new()).await.expect("loads go on");
    assert_eq!(session.user().as_deref(), Some("bob"));
    let _ = session.touch().await.expect("nobody expires because memory is short");
    assert_eq!(session.logout_keeping(["kept"]).await.expect("there"), EndOutcome::Ended);
    assert_eq!(sessions.revoke_user("ada").await.expect("there").ended, 2);
    assert_eq!(sessions.revoke_all(|_| {}).await.expect("there").ended, 3);
    for token in &tokens {
        assert!(sessions.open(Some(token), ClientInfo::new()).await.expect("there").id().is_none());
    }
    let _: () = redis::cmd("CONFIG").arg(&["SET", "maxmemory", "0"]).query_async(&mut redis).await.expect("there");
    login(&sessions.open(None, ClientInfo::new()).await.expect("there"), "ada").await;
}
