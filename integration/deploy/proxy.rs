//! The reverse proxies. nginx is run in front of a real server; of Caddy's file only the text is looked at.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::json;

use super::read;
use crate::world::{
    api::{Api, build_path},
    deadline::until,
    ports,
    program::Start,
};

const PIPELINE: &str = r#"
variable "dir" {}
job "slow" {
  task "t" {
    run "shell" { cmd = "echo before; until [ -e ${var.dir}/go ]; do sleep 0.05; done; echo after" }
  }
}
"#;

/// nginx with the example's file, on a port of its own and without TLS.
struct Nginx {
    child: Child,
    port: u16,
}

impl Nginx {
    fn start(home: &Path, server: &str) -> Self {
        let port = ports::free();
        let example = read("proxy/nginx.conf");
        let lines = example.lines().filter(|line| !line.trim_start().starts_with("ssl_"));
        let site: String = lines.map(|line| format!("{line}\n")).collect();
        let site = site.replace("listen 443 ssl", &format!("listen 127.0.0.1:{port}"));
        let site = site.replace("127.0.0.1:8081", server.trim_start_matches("http://"));
        let dir = home.display();
        let main = format!(
            "daemon off;\npid {dir}/nginx.pid;\nerror_log {dir}/error.log;\nevents {{}}\nhttp {{\naccess_log off;\n\
             client_body_temp_path {dir}/body;\nproxy_temp_path {dir}/proxy;\nfastcgi_temp_path {dir}/fcgi;\n\
             uwsgi_temp_path {dir}/uwsgi;\nscgi_temp_path {dir}/scgi;\n{site}\n}}\n"
        );
        fs::write(home.join("nginx.conf"), main).unwrap();
        let program = if Path::new("/usr/sbin/nginx").exists() { "/usr/sbin/nginx" } else { "nginx" };
        let mut command = Command::new(program);
        command.arg("-c").arg(home.join("nginx.conf")).arg("-e").arg(home.join("error.log"));
        let child = command.stdin(Stdio::null()).spawn();
        let child = child.unwrap_or_else(|error| panic!("nginx: {error}; integration/packages installs it"));
        let nginx = Self { child, port };
        until("nginx", || ureq::get(&format!("{}/health", nginx.url())).call().ok());
        nginx
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its own workers end with it.
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

#[test]
fn behind_nginx_a_log_is_seen_as_it_grows() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("proxied.hcl"), PIPELINE).unwrap();
    let dir = format!("--var=dir={}", home.path().display());
    let file = format!("--pipeline-config={}", home.path().join("proxied.hcl").display());
    let server = Start::new(home.path()).args(&[&file, &dir]).server();
    let nginx = Nginx::start(home.path(), &server.url);
    let api = Api::login(&nginx.url(), "admin", &server.password);
    let trigger = api.post("/api/v1/teams/main/pipelines/proxied/jobs/slow/trigger", &json!({}));
    assert!(trigger.status < 300, "{trigger:?}");
    until("the build", || api.build("proxied", "slow/1"));
    let (mut before, mut after) = (false, false);
    // The second line is written only after the first one came through.
    api.events(&format!("{}/events", build_path("proxied", "slow/1")), |event, _, data| {
        let said = data.to_string();
        if event == "log" && said.contains("before") && !before {
            before = true;
            fs::write(home.path().join("go"), "").unwrap();
        }
        after |= event == "log" && said.contains("after");
        event == "end"
    });
    assert!(before && after);
}

#[test]
fn caddy_passes_streams_on_as_they_come() {
    let caddy = read("proxy/Caddyfile");
    assert!(caddy.contains("flush_interval -1") && caddy.contains("health_uri /health"));
    assert_eq!(caddy.matches('{').count(), caddy.matches('}').count());
}
