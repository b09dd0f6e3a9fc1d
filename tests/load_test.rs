//! The load test of `benches/load_test`: its pure parts, and a short run of it as a program.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

// The bench's own files; what only its main program uses is dead code here.
#[path = "../benches/load_test/args.rs"]
#[allow(dead_code)]
mod args;
#[path = "../benches/load_test/arrivals.rs"]
mod arrivals;
#[path = "../benches/load_test/observe.rs"]
#[allow(dead_code)]
mod observe;
#[path = "../benches/load_test/operation.rs"]
#[allow(dead_code)]
mod operation;
#[path = "../benches/load_test/plan.rs"]
#[allow(dead_code)]
mod plan;
#[path = "../benches/load_test/slots.rs"]
mod slots;
#[path = "../benches/load_test/tally.rs"]
#[allow(dead_code)]
mod tally;
#[path = "../benches/load_test/zipf.rs"]
mod zipf;

use args::Args;
use arrivals::Arrivals;
use observe::{Sample, masters_of, parts};
use operation::Operation;
use plan::Mix;
use slots::{Slots, Wanted};
use tally::{Tally, Times};
use zipf::Zipf;

use crate::common::cluster::Cluster;
use crate::common::sentinel::Sentinels;
use crate::common::server::Server;

fn parsed(words: &str) -> Result<Option<Args>, String> {
    Args::parse(words.split_whitespace().map(str::to_owned)).map_err(|wrong| wrong.to_string())
}

#[test]
fn load_test_arguments_are_parsed_and_invalid_ones_list_the_valid() {
    let words = "--store redis://h --servers 4 --sessions 1000000 --rate 20000 --seconds 60 --mix read=9,logout=1";
    let args = parsed(words).expect("good").expect("not help");
    assert_eq!((args.servers, args.sessions, args.rate, args.seconds), (4, 1_000_000, 20_000.0, 60));
    assert_eq!(args.store.as_deref(), Some("redis://h"));
    assert_eq!(args.mix, Mix { read: 9, write: 0, login: 0, logout: 1 });
    assert!(parsed("--help").expect("good").is_none());
    for (words, said) in [
        ("--rat 5", "unknown argument --rat; valid are --store"),
        ("--rate", "--rate needs a value"),
        ("--rate 0", "must be a number from 1 to"),
        ("--rate NaN", "must be a number from 1 to"),
        ("--servers 257", "from 1 to 256"),
        ("--servers 3 --sessions 2", "each of 3 servers needs one"),
        ("--mix read=1,buy=2", "unknown operation buy; valid are read, write, login and logout"),
        ("--mix read", "expected name=share"),
        ("--mix read=x", "the share of read must be a number"),
        ("--mix read=0", "all shares are 0"),
        ("--mix read=1,read=2", "read is named twice"),
        ("--users 101", "from 0 to 100"),
        ("--skew -1", "from 0 to 5"),
        ("--seconds 1.5", "from 1 to 86400"),
        ("--connections 0", "from 1 to 64"),
    ] {
        let wrong = parsed(words).expect_err(words);
        assert!(wrong.contains(said), "{words}: {wrong}");
    }
    let wrong = Args::parse(["--out".to_owned(), String::new()]).expect_err("no name");
    assert!(wrong.to_string().contains("the name of a folder"), "{wrong}");
}

#[test]
fn the_parts_of_all_app_servers_add_up_to_the_plan() {
    let args = parsed("--servers 3 --sessions 1000 --rate 100").expect("good").expect("not help");
    let plans: Vec<_> = (0..3).map(|number| plan::of(&args, "memory:", "n", number)).collect();
    assert_eq!(plans.iter().map(|plan| plan.sessions).collect::<Vec<_>>(), [334, 333, 333]);
    assert!((plans.iter().map(|plan| plan.rate).sum::<f64>() - 100.0).abs() < 1e-9);
}

#[test]
fn a_mix_picks_each_operation_by_its_share() {
    let mix: Mix = "read=2,write=1,login=1".parse().expect("good");
    let picked: Vec<_> = (0..8).map(|eighth| mix.pick(f64::from(eighth) / 8.0)).collect();
    use Operation::{Login, Read, Write};
    assert_eq!(picked, [Read, Read, Read, Read, Write, Write, Login, Login]);
}

#[test]
fn requests_arrive_randomly_at_the_rate_whatever_the_responses() {
    let times: Vec<f64> = Arrivals::new(1000.0, 7).take(100_000).map(|time| time.as_secs_f64()).collect();
    assert!(times.windows(2).all(|pair| pair[0] <= pair[1]));
    let last = times[times.len() - 1];
    assert!((98.0..102.0).contains(&last), "{last} s for 100 s of arrivals");
    // Of a Poisson process, 1/e of the gaps are longer than the mean; of a regular one none or half would be.
    let long = times.windows(2).filter(|pair| pair[1] - pair[0] > 0.001).count() as f64 / times.len() as f64;
    assert!((0.36..0.376).contains(&long), "{long}");
    let others: Vec<f64> = Arrivals::new(1000.0, 8).take(3).map(|time| time.as_secs_f64()).collect();
    assert_ne!(times[..3], others[..], "another seed, other times");
}

#[test]
fn popularity_falls_as_the_rank_to_the_power_of_the_skew() {
    let share = |zipf: &Zipf, rank| {
        let drawn = (0..100_000).map(|number| zipf.rank(f64::from(number) / 100_000.0));
        drawn.filter(|drawn| *drawn == rank).count() as f64 / 100_000.0
    };
    let zipf = Zipf::new(4, 1.0);
    let sum = 1.0 + 1.0 / 2.0 + 1.0 / 3.0 + 1.0 / 4.0;
    for rank in 0..4 {
        let wanted = 1.0 / (rank as f64 + 1.0) / sum;
        assert!((share(&zipf, rank) - wanted).abs() < 1e-4, "{rank}");
    }
    let uniform = Zipf::new(4, 0.0);
    assert!((0..4).all(|rank| (share(&uniform, rank) - 0.25).abs() < 1e-4));
    assert_eq!((zipf.rank(0.0), zipf.rank(1.0 - f64::EPSILON), zipf.rank(1.0)), (0, 3, 3));
}

#[test]
fn a_visitors_login_or_logout_overlaps_no_other_request() {
    let slots = Slots::new([("guest".to_owned(), false), ("user".to_owned(), true)].into_iter());
    assert_eq!(slots.take(0, Wanted::Anyone), Some((0, "guest".into())));
    assert_eq!(slots.take(0, Wanted::Anyone), Some((0, "guest".into())), "reads overlap");
    assert_eq!(slots.take(0, Wanted::GuestAlone), Some((1, "user".into())), "the guest is busy");
    assert_eq!(slots.take(1, Wanted::Anyone), Some((0, "guest".into())), "the user is alone with the login");
    assert_eq!(slots.take(1, Wanted::UserAlone), None);
    assert!(!slots.release(1, false));
    assert_eq!(slots.take(0, Wanted::UserAlone), Some((1, "user".into())));
}

#[test]
fn a_lost_session_is_replaced_when_its_last_request_is_done() {
    let slots = Slots::new([("old".to_owned(), true)].into_iter());
    for _ in 0..2 {
        assert!(slots.take(0, Wanted::Anyone).is_some());
    }
    assert!(!slots.release(0, true), "another request is under way");
    assert!(slots.release(0, false), "that was the last");
    assert_eq!(slots.take(0, Wanted::Anyone), None, "until it has another session");
    slots.renew(0, Some(("new", false)));
    assert!(!slots.release(0, false));
    assert_eq!(slots.take(0, Wanted::GuestAlone), Some((0, "new".into())));
}

#[test]
fn counts_and_times_of_app_servers_add_up_and_survive_json() {
    let mut one = Tally { scheduled: 3, seconds: 1.0, ..Tally::default() };
    for ms in [1, 2, 1000] {
        one.note(Operation::Read, Duration::from_millis(ms), (ms == 1000).then_some("Unavailable"));
        one.start.note(Duration::from_millis(1));
    }
    one.note(Operation::Create, Duration::from_millis(1), None);
    one.missed(Operation::Write, "Shed");
    let sent = serde_json::to_string(&one).expect("JSON");
    let all = Tally::merged(vec![one, serde_json::from_str(&sent).expect("the same")]);
    assert_eq!((all.scheduled, all.answered(), all.failed(), all.start.count()), (6, 6, 4, 6));
    let read = &all.requests[&Operation::Read];
    assert_eq!(read.errors.get("Unavailable"), Some(&2));
    assert!((1.9..2.1).contains(&read.times.percentile_ms(50.0)));
    assert!((999.0..1001.0).contains(&read.times.percentile_ms(100.0)));
}

#[test]
fn times_above_the_histograms_limit_count_as_the_limit() {
    let mut times = Times::default();
    times.note(Duration::ZERO);
    times.note(Duration::from_secs(86_400));
    assert_eq!(times.count(), 2);
    assert!(times.percentile_ms(100.0) >= 599_000.0);
}

#[test]
fn statistics_are_summed_over_masters_only() {
    let mut sample = Sample::default();
    for memory in [100, 23] {
        let info = format!("used_memory:{memory}\r\nused_cpu_sys:1.5\r\nused_cpu_user:0.5\r\n");
        sample.add(&format!("{info}cmdstat_get:calls=2,usec=7,usec_per_call=3.50\r\n"));
    }
    assert_eq!((sample.memory_bytes, sample.cpu_seconds), (123, 4.0));
    assert_eq!(sample.commands["get"], (4, 14));
    let nodes = "\
        07c3 127.0.0.1:7001@17001,host slave e7d1 0 1426238317239 4 connected\n\
        67ed ::1:7002@17002 master - 0 1426238316232 2 connected 5461-10922\n\
        a211 127.0.0.1:7005@17005 master,fail - 0 1426238316232 2 disconnected\n\
        e7d1 127.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-5460\n";
    assert_eq!(masters_of(nodes), ["[::1]:7002", "127.0.0.1:7000"]);
    assert_eq!(parts("app:p%40@a:1,[::1]:2/main/3"), ("app:p%40@", vec!["a:1", "[::1]:2"], "main/3"));
    assert_eq!(parts("a"), ("", vec!["a"], ""));
}

/// Builds the bench as tests are built, so that nothing is built twice, and starts it.
fn load_test(out: &Path, words: &str) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["bench", "--quiet", "--profile", "dev", "--bench", "load_test", "--manifest-path"]);
    cargo.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).arg("--");
    cargo.args(words.split_whitespace()).arg("--out").arg(out);
    cargo
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("cloakroom-load-test-{}-{name}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn report(run: &Output, out: &Path) -> Value {
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    serde_json::from_slice(&fs::read(out.join("report.json")).expect("written")).expect("JSON")
}

#[test]
fn a_short_load_test_gets_every_response_at_the_requested_rate() {
    let out = folder("short");
    let words = "--servers 2 --sessions 300 --rate 300 --seconds 2 --mix read=70,write=20,login=5,logout=5";
    let run = load_test(&out, words).output().expect("cargo runs");
    let report = report(&run, &out);
    assert_eq!(report["failed"], 0, "{report:#}");
    assert_eq!(report["answered"], report["scheduled"], "{report:#}");
    let rate = report["rate"].as_f64().expect("a number");
    assert!((100.0..400.0).contains(&rate), "asked were 300: {report:#}");
    for operation in ["read", "write", "login", "logout", "create"] {
        let of = &report["operations"][operation];
        assert!(of["count"].as_u64() > Some(0) && of["ms"]["p99.9"].as_f64() > Some(0.0), "{operation}: {report:#}");
    }
    let written = report["redis"]["commands"]["evalsha"]["calls"].as_u64().expect("counted");
    let asked: u64 = ["write", "login", "logout", "create"]
        .map(|name| &report["operations"][name]["count"])
        .iter()
        .filter_map(|count| count.as_u64())
        .sum();
    assert!(written >= asked, "every write reaches Redis: {report:#}");
    assert!(report["redis"]["memory_per_session"].as_u64() > Some(200), "four fields of 50 bytes: {report:#}");
    let table = fs::read_to_string(out.join("report.txt")).expect("written");
    assert!(String::from_utf8_lossy(&run.stdout).contains(&table), "the table is printed");
    let plot = fs::read_to_string(out.join("percentiles.svg")).expect("written");
    assert_eq!(plot.matches("<polyline").count(), 6, "five operations and how late they began");
    assert_nested(&plot);
    fs::remove_dir_all(out).expect("ours");
}

/// Checks that every tag of a drawing is closed, in order.
fn assert_nested(drawing: &str) {
    let mut open = Vec::new();
    for tag in drawing.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').expect("a tag ends");
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name)),
            None if tag.ends_with('/') => {}
            None => open.extend(tag.split(' ').next()),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

/// A short run on a given store; returns its report.
fn short_run_on(store: &str, name: &str) -> Value {
    let out = folder(name);
    let words = format!(
        "--store {store} --servers 3 --sessions 300 --rate 200 --seconds 2 --mix read=7,write=1,login=1,logout=1"
    );
    let report = report(&load_test(&out, &words).output().expect("cargo runs"), &out);
    assert_eq!(report["failed"], 0, "{report:#}");
    assert_eq!(report["answered"], report["scheduled"], "{report:#}");
    let calls = report["redis"]["commands"]["hgetall"]["calls"].as_u64();
    assert!(calls >= report["scheduled"].as_u64(), "the masters' counts are added up: {report:#}");
    assert!(report["redis"]["memory_per_session"].as_u64() > Some(200), "and so is their memory: {report:#}");
    fs::remove_dir_all(out).expect("ours");
    report
}

#[test]
fn a_load_test_runs_on_a_cluster_counts_all_masters_and_leaves_nothing() {
    let cluster = Cluster::start(3, 0);
    assert_eq!(short_run_on(&cluster.url(), "cluster")["redis"]["masters"], 3);
    let left: u64 = cluster.nodes().iter().map(|node| node.ask::<u64>(&["DBSIZE"])).sum();
    assert_eq!(left, 0);
}

#[test]
fn a_load_test_runs_on_the_master_of_sentinels_and_leaves_nothing() {
    let group = Sentinels::start();
    assert_eq!(short_run_on(&group.url(), "sentinel")["redis"]["masters"], 1);
    assert_eq!(group.master().ask::<u64>(&["DBSIZE"]), 0);
}

#[test]
fn a_load_tests_report_counts_a_killed_servers_errors_by_kind() {
    let (server, out) = (Server::start(&[]), folder("away"));
    let words = format!("--store {} --sessions 100 --rate 100 --seconds 4 --mix read=9,write=1", server.url());
    let mut running = load_test(&out, &words);
    let mut running = running.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("cargo runs");
    let lines = BufReader::new(running.stderr.take().expect("piped")).lines();
    for line in lines.map_while(Result::ok) {
        if line.starts_with("2 of 4 s") {
            server.kill();
        }
    }
    assert!(running.wait().expect("it ends").success(), "there is a report all the same");
    let report: Value = serde_json::from_slice(&fs::read(out.join("report.json")).expect("written")).expect("JSON");
    let errors = &report["operations"]["read"]["errors"];
    assert!(errors["Unavailable"].as_u64() > Some(10), "{report:#}");
    assert!(report["failed"].as_u64() < report["scheduled"].as_u64(), "what was before went well: {report:#}");
    assert!(report["redis"]["left_out"].is_string(), "{report:#}");
    fs::remove_dir_all(out).expect("ours");
}

#[test]
fn a_load_test_reports_a_bad_store_or_folder_at_once_and_once() {
    let out = folder("wrong");
    for (words, out, said) in [
        ("--store redis://127.0.0.1:1 --servers 3", out.as_path(), "--store: 127.0.0.1:1 refuses connections"),
        ("--store nonsense --servers 3", &out, "--store: url of the store"),
        ("--servers 3", Path::new("/proc/nowhere"), "--out /proc/nowhere: "),
    ] {
        let run = load_test(out, words).output().expect("cargo runs");
        let told = String::from_utf8_lossy(&run.stderr).into_owned();
        // Then cargo reports that it failed.
        let told: Vec<_> = told.lines().take_while(|line| !line.starts_with("error: bench failed")).collect();
        assert!(!run.status.success() && told.len() == 1 && told[0].starts_with(said), "{words}: {told:?}");
    }
    fs::remove_dir_all(out).expect("ours");
}

/// The processes of a load test: those whose arguments name its namespace.
fn app_servers(namespace: &str) -> usize {
    let processes = fs::read_dir("/proc").expect("Linux").flatten();
    let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines.filter(|line| line.split(|byte| *byte == 0).any(|word| word == namespace.as_bytes())).count()
}

/// The load test's own process: a child of cargo's, or cargo itself where it was replaced.
fn program(cargo: &Child) -> Option<u32> {
    let own = cargo.id();
    let children = fs::read_to_string(format!("/proc/{own}/task/{own}/children")).ok()?;
    let all = children.split_whitespace().filter_map(|pid| pid.parse().ok()).chain([own]);
    let mut found = all.filter(|pid| app_servers(&format!("load-test-{pid}")) > 0);
    found.next()
}

#[test]
#[cfg(target_os = "linux")]
fn app_servers_end_with_a_killed_load_test() {
    let out = folder("killed");
    let mut running = load_test(&out, "--servers 2 --rate 10 --seconds 600");
    let mut running = running.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("cargo runs");
    // Before the load runs they would end anyway, without a plan or a reader.
    let lines = BufReader::new(running.stderr.take().expect("piped")).lines();
    assert!(lines.map_while(Result::ok).any(|line| line.starts_with("1 of 600 s")), "it did not start");
    let found = program(&running).expect("it has app servers");
    assert!(app_servers(&format!("load-test-{found}")) >= 2);
    let killed = Command::new("kill").args(["-9", &found.to_string()]).status().expect("kill runs");
    assert!(killed.success());
    let _ = running.wait();
    let limit = Instant::now() + Duration::from_secs(20);
    while app_servers(&format!("load-test-{found}")) > 0 {
        assert!(Instant::now() < limit, "app servers outlive their parent");
        std::thread::sleep(Duration::from_millis(20));
    }
    fs::remove_dir_all(out).expect("ours");
}
