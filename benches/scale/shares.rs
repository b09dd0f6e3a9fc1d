//! The cost of each request to Redis: the share of a core that 10,000 of them per second take.
//!
//! Counted twice: the time of the commands, from `INFO commandstats`, and the CPU time of the whole server including
//! reading and writing. A touch is due each time here; in production once per touch interval.
//!
//! Known flaw: 64 tasks fill the connections, so Redis reads and writes many commands at a time; with fewer it works more
//! for each. Commands are timed by wall clock, so other load on the machine is included.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cloakroom::{Cap, ClientInfo, Login, Session, Sessions, Timeouts};
use tokio::task::JoinSet;

use super::CONTENT;
use super::common::Failure;
use super::common::fill::{guests, opened, users};
use super::common::info::Info;
use super::common::plan::Plan;
use super::common::redis::{Control, Redis, STORED};

const USERS: usize = 200;
const REQUESTS: [Request; 7] =
    [Request::Get, Request::Load, Request::Touch, Request::Save, Request::Rotate, Request::Login, Request::LoginLogout];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Request {
    Get,
    Load,
    Touch,
    Save,
    Rotate,
    Login,
    LoginLogout,
}

impl Request {
    const fn name(self) -> &'static str {
        match self {
            Self::Get => "control: a bare `GET` of as many bytes, the redis crate",
            Self::Load => "load",
            Self::Touch => "load and touch",
            Self::Save => "load and save of one field",
            Self::Rotate => "rotate",
            Self::Login => "login of a new visitor at the cap of 5, evicting",
            Self::LoginLogout => "login of a new visitor and logout",
        }
    }
}

struct Stage {
    sessions: Sessions,
    tokens: Vec<String>,
    kept: Vec<Session>,
    control: Arc<Control>,
}

#[derive(Default, Clone, Copy)]
struct Used {
    requests: f64,
    commands_us: f64,
    cpu_us: f64,
}

pub(crate) async fn print(plan: &Plan) -> Result<(), Failure> {
    let redis = Redis::start().await;
    let always = Timeouts::new().touch_interval(Duration::from_millis(1));
    let sessions = redis.sessions("shares", |with| with.timeouts(always)).await?;
    let tokens = guests(&sessions, STORED, CONTENT).await?;
    let rotated = users(&sessions, (0..STORED).map(|number| format!("kept{number}")), 1, CONTENT).await?;
    let kept = opened(&sessions, rotated).await?;
    let control = redis.control("shares").await?;
    let stage = Arc::new(Stage { sessions, tokens, kept, control });
    let mut used = [Used::default(); REQUESTS.len()];
    for _ in 0..plan.count("--rounds") {
        for (request, used) in REQUESTS.into_iter().zip(&mut used) {
            measure(&redis, &stage, plan, request, used).await?;
        }
    }
    println!(
        "\n| share of a Redis core for 10,000/s | its commands | the whole server | of the control |\n|---|---|---|---|"
    );
    let control = used[0].cpu_us / used[0].requests;
    for (request, used) in REQUESTS.into_iter().zip(used) {
        let (commands, cpu) = (used.commands_us / used.requests, used.cpu_us / used.requests);
        println!("| {} | {:.3} | {:.3} | {:.2} |", request.name(), commands / 100.0, cpu / 100.0, cpu / control);
    }
    Ok(())
}

async fn measure(
    redis: &Redis,
    stage: &Arc<Stage>,
    plan: &Plan,
    request: Request,
    used: &mut Used,
) -> Result<(), Failure> {
    let before = Info::of(&redis.server).await?;
    let (end, mut tasks) = (Instant::now() + plan.time(), JoinSet::new());
    for first in 0..plan.count("--tasks") {
        let stage = stage.clone();
        tasks.spawn(async move {
            let mut done = 0_u32;
            while Instant::now() < end {
                stage.act(request, first + 64 * done as usize).await?;
                done += 1;
            }
            Ok::<_, Failure>(done)
        });
    }
    while let Some(done) = tasks.join_next().await {
        used.requests += f64::from(done??);
    }
    let after = Info::of(&redis.server).await?;
    used.cpu_us += (after.cpu_seconds()? - before.cpu_seconds()?) * 1e6;
    // The time of a script includes the commands that it calls.
    let read = if request == Request::Get { "get" } else { "hgetall" };
    for command in [read, "evalsha"] {
        used.commands_us += after.command_us(command) - before.command_us(command);
    }
    Ok(())
}

impl Stage {
    async fn act(&self, request: Request, number: usize) -> Result<(), Failure> {
        let token = &self.tokens[number % STORED];
        match request {
            Request::Get => drop(std::hint::black_box(self.control.get(number).await?)),
            Request::Load => drop(self.sessions.peek(Some(token), ClientInfo::new()).await?),
            Request::Touch => {
                let session = self.sessions.peek(Some(token), ClientInfo::new()).await?;
                session.touch().await?.ok_or("the session is gone")?;
            }
            Request::Save => {
                let session = self.sessions.peek(Some(token), ClientInfo::new()).await?;
                session.insert("field1", &number)?;
                session.save().await?.into_result()?;
            }
            Request::Rotate => drop(self.kept[number % STORED].rotate().await?),
            Request::Login => drop(self.login(number).await?),
            Request::LoginLogout => drop(self.login(number).await?.logout().await?),
        }
        Ok(())
    }

    async fn login(&self, number: usize) -> Result<Session, Failure> {
        let visitor = self.sessions.open(None, ClientInfo::new()).await?;
        CONTENT.put(&visitor)?;
        let login = Login::new(format!("user{}", number % USERS)).keep(CONTENT.names()).cap(Cap::evict(5));
        let _ = visitor.login(login).await?;
        Ok(visitor)
    }
}
