//! The least permissions that a Redis user needs: the line in the guide.

use std::sync::Mutex;

use super::server::Server;

const GUIDE: &str = include_str!("../../src/guide/operations.md");
/// The namespace and the password in the guide's line.
const NAMESPACE: &str = "~shop:*";
const PASSWORD: &str = ">PASSWORD";

fn chapter() -> &'static str {
    let chapter = GUIDE.split("\n## Least privilege\n").nth(1).expect("the chapter");
    chapter.split("\n## ").next().expect("its text")
}

/// The rules of the line in the guide's chapter, without the user's name.
pub(crate) fn rules() -> Vec<&'static str> {
    let line = chapter().lines().find_map(|line| line.strip_prefix("user cloakroom ")).expect("the line of the user");
    let rules: Vec<_> = line.split_whitespace().collect();
    assert!(rules.contains(&NAMESPACE) && rules.contains(&PASSWORD), "{line}");
    rules
}

/// The commands that the line permits.
pub(crate) fn commands() -> Vec<&'static str> {
    rules().into_iter().filter_map(|rule| rule.strip_prefix('+')).collect()
}

/// The rules of the line for the Sentinels.
pub(crate) fn sentinel_rules() -> Vec<&'static str> {
    let mut lines = chapter().lines().rev();
    let line = lines.find_map(|line| line.strip_prefix("user cloakroom ")).expect("the line");
    line.split_whitespace().collect()
}

/// What else is needed at this place, according to the chapter.
pub(crate) fn besides(place: &str) -> Vec<String> {
    let row = chapter().lines().find_map(|line| line.strip_prefix(&format!("| {place}")));
    let row = row.unwrap_or_else(|| panic!("no row for {place}")).replace("\\|", "|");
    row.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Creates a user for a namespace by the guide's line; returns the store URL with which that user logs in.
pub(crate) fn login(server: &Server, namespace: &str) -> String {
    login_without(server, namespace, &[])
}

/// The same without these commands.
pub(crate) fn login_without(server: &Server, namespace: &str, commands: &[&str]) -> String {
    // Creating a user again would close its connections.
    static MADE: Mutex<Vec<(u32, String)>> = Mutex::new(Vec::new());
    let mut made = MADE.lock().expect("no panic while a user is made");
    let user = (server.pid(), namespace.to_owned());
    if !made.contains(&user) {
        let keys = format!("~{namespace}:*");
        let own = |rule| match rule {
            NAMESPACE => keys.as_str(),
            PASSWORD => ">secret",
            rule => rule,
        };
        let missing: Vec<_> = commands.iter().map(|command| format!("-{command}")).collect();
        let missing = missing.iter().map(String::as_str);
        let head = ["ACL", "SETUSER", namespace, "reset"];
        let rules: Vec<_> = head.into_iter().chain(rules().into_iter().map(own)).chain(missing).collect();
        server.ask::<()>(&rules);
        made.push(user);
    }
    format!("{}?user={namespace}&password=secret", server.url())
}
