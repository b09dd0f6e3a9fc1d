//! Every seed through its function. A file that the fuzzer found something with stays here as a seed.

use std::fs;
use std::path::{Path, PathBuf};

fn listed(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(folder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

fn names(folder: &str) -> Vec<String> {
    let name = |path: &PathBuf| path.file_stem().expect("a name").to_string_lossy().into_owned();
    let mut names: Vec<_> = listed(folder).iter().map(name).collect();
    names.sort();
    names
}

fn each_of(target: &str, holds: fn(&[u8])) {
    let seeds = listed(&format!("seeds/{target}"));
    assert!(!seeds.is_empty(), "no seeds of {target}");
    for seed in seeds {
        // Shown if the test fails: the last one is the seed that failed.
        println!("{}", seed.display());
        holds(&fs::read(&seed).expect("a file"));
    }
}

macro_rules! targets {
    ($($target:ident: $test:ident,)*) => {
        $(
            #[test]
            fn $test() {
                each_of(stringify!($target), crate::fuzz::$target);
            }
        )*

        #[test]
        fn every_fuzz_target_has_a_function_and_seeds() {
            let targets = [$(stringify!($target)),*];
            assert_eq!(names("fuzz_targets"), targets);
            assert_eq!(names("seeds"), targets);
            let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/Cargo.toml"));
            let manifest = manifest.expect("a manifest");
            assert!(targets.iter().all(|target| manifest.contains(&format!("path = \"fuzz_targets/{target}.rs\""))));
        }
    };
}

targets! {
    codec: every_codec_seed_holds,
    cookie: every_cookie_seed_holds,
    forwarded: every_forwarded_seed_holds,
    load: every_load_seed_holds,
    metadata: every_metadata_seed_holds,
    origin: every_origin_seed_holds,
    replies: every_replies_seed_holds,
    resp: every_resp_seed_holds,
    token: every_token_seed_holds,
    url: every_url_seed_holds,
}
