//! A login pressed twice ends in one session, whichever response the browser keeps. R44.

use cloakroom::{CsrfLayer, Error, Login, LoginOutcome, Session, SessionLayer, Sessions};
use tokio::task::yield_now;

use super::framework::App;
use super::visitor::{Answer, Reply, Request, Visitor, stage, stored};

/// Rounds in each framework on each store: two hundred in all.
const ROUNDS: u64 = 50;

/// `/cart` fills a guest's cart and returns the form's token; `/sign-in` takes a form with that token and the number of
/// yields before each of its steps.
fn shop(sessions: &Sessions) -> App {
    async fn cart(session: Session) -> Result<String, Error> {
        session.insert("cart", &["hat"])?;
        session.save().await?.into_result()?;
        Ok(session.csrf_token().unwrap_or_default())
    }
    async fn sign_in(session: Session, form: String) -> Result<Reply, Error> {
        let mut fields = form.split('&');
        let csrf = fields.next().unwrap_or_default();
        let mut pauses = fields.map(|pause| pause.parse().unwrap_or(0));
        pause(pauses.next()).await;
        if !session.csrf_matches(csrf) {
            return Ok(Reply::status(403));
        }
        pause(pauses.next()).await;
        let outcome = session.login(Login::new("ada").keep(["cart"])).await?;
        pause(pauses.next()).await;
        Ok(Reply::status(if matches!(outcome, LoginOutcome::As(_)) { 303 } else { 409 }))
    }
    async fn me(session: Session) -> Result<String, Error> {
        let cart = session.get::<Vec<String>>("cart")?.unwrap_or_default();
        Ok(format!("{} {}", session.user().unwrap_or_default(), cart.join(",")))
    }
    let routes = App::default().route("/cart", cart).route("/sign-in", sign_in).route("/me", me);
    routes.csrf(CsrfLayer::new()).layer(SessionLayer::new(sessions.clone()))
}

async fn pause(times: Option<u8>) {
    for _ in 0..times.unwrap_or(0) {
        yield_now().await;
    }
}

/// The guest's form, from a browser that sends no header about where a request comes from.
fn form(token: &str, csrf: &str, random: &mut fastrand::Rng) -> Request {
    let [one, two, three] = [(); 3].map(|()| random.u8(..6));
    Request::post("/sign-in")
        .header("cookie", format!("__Host-id={token}"))
        .header("x-csrf-token", csrf)
        .body(&format!("{csrf}&{one}&{two}&{three}"))
}

/// Both responses, in the order of the requests: sent concurrently, or the second after the first response.
async fn press_twice(app: &App, forms: [Request; 2], at_once: bool) -> [Answer; 2] {
    let [one, two] = forms;
    if at_once {
        let (one, two) = tokio::join!(app.send(one), app.send(two));
        [one, two]
    } else {
        [app.send(one).await, app.send(two).await]
    }
}

#[tokio::test]
async fn a_login_pressed_twice_ends_in_one_session_with_the_cart() {
    let stage = stage().await;
    let app = shop(&stage.sessions);
    for round in 0..ROUNDS {
        let seed = fastrand::u64(..);
        let mut random = fastrand::Rng::with_seed(seed);
        let mut visitor = Visitor::of(&app);
        let csrf = visitor.get("/cart").await.body;
        let forms = [(); 2].map(|()| form(visitor.held(), &csrf, &mut random));
        let answers = press_twice(&app, forms, random.bool()).await;
        let told = format!("round {round}, seed {seed}: {answers:?}");
        assert_eq!(answers.each_ref().map(|answer| answer.status), [303, 303], "{told}");
        let kept = usize::from(random.bool());
        for arrives in [1 - kept, kept] {
            visitor.token = Some(answers[arrives].token().expect("a cookie"));
        }
        for _ in 0..2 {
            let me = visitor.get("/me").await;
            assert_eq!((me.status, me.body.as_str()), (200, "ada hat"), "keeps {kept}, {told}");
        }
        let user = stage.sessions.user("ada");
        assert_eq!(user.count().await.expect("there"), 1, "{told}");
        let _ = user.revoke_all().await.expect("there");
    }
    assert_eq!(stored(&stage.sessions).await, 0, "nothing that no user has");
}

#[tokio::test]
async fn a_form_from_before_a_login_is_refused_with_the_cookie_of_the_login() {
    let stage = stage().await;
    let app = shop(&stage.sessions);
    let mut random = fastrand::Rng::new();
    let mut visitor = Visitor::of(&app);
    let csrf = visitor.get("/cart").await.body;
    let guest = visitor.held().to_owned();
    let answer = app.send(form(&guest, &csrf, &mut random)).await;
    assert_eq!(answer.status, 303);
    let login = answer.token().expect("a cookie");
    assert_eq!(app.send(form(&login, &csrf, &mut random)).await.status, 403);
    assert_eq!(app.send(form(&guest, "guessed", &mut random)).await.status, 403);
    assert_eq!(app.send(form(&guest, &csrf, &mut random)).await.status, 303);
}
