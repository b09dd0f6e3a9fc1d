//! R31: TLS.

use std::process::Command;

use crate::common::certificates::Certificates;
use crate::common::server::Server;

#[tokio::test]
async fn the_harness_speaks_tls() {
    let certificates = Certificates::new();
    let folder = std::env::temp_dir().join(format!("cloakroom-tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let settings = certificates.server_settings(&folder, "no");
    let server = Server::listening_tls(&settings.iter().map(String::as_str).collect::<Vec<_>>());
    let mut cli = Command::new("redis-cli");
    cli.args(["-p", &server.port().to_string(), "--tls", "--cacert"]).arg(folder.join("authority.pem")).arg("ping");
    assert_eq!(cli.output().expect("redis-cli runs").stdout, b"PONG\n");
}
