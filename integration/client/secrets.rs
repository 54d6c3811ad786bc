//! What the list of processes shows of a command that was given secrets.

use std::{fs, net::TcpListener, process::Stdio};

use crate::world::{
    deadline::until,
    program::{Start, command},
};

const SECRET: &str = "for-no-other-eye";

/// The arguments of a process, as every user of the host sees them.
fn shown(pid: impl std::fmt::Display) -> String {
    String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/cmdline")).unwrap()).replace('\0', " ")
}

/// A command of many words, looked at when it speaks to the address that its words say.
fn shown_while_it_waits(line: &str) -> String {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("p.hcl"), "").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let words = line.replace("SECRET", SECRET).replace("ADDRESS", &address);
    let mut child = command(home.path())
        .args(words.split(' '))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Nobody answers, so it waits.
    let _connection = until("the command to connect", || listener.accept().ok());
    let shown = shown(child.id());
    child.kill().unwrap();
    child.wait().unwrap();
    shown
}

#[test]
fn a_command_hides_the_secrets_it_was_given() {
    for line in [
        "client login --url ADDRESS --username ann --password SECRET",
        "client login --url ADDRESS --username ann -pSECRET",
        "client --jwt=SECRET pipelines list --url ADDRESS",
        "client pipelines list --url ADDRESS --jwt SECRET",
        "client pipelines create -u ADDRESS --jwt SECRET -n p -c p.hcl --var a=SECRET --var=b=SECRET",
        "client pipelines update -u ADDRESS --jwt SECRET -n p -c p.hcl --var a=SECRET",
        "db copy --from postgresql://ann:SECRET@ADDRESS/ci --to copy.db",
    ] {
        let shown = shown_while_it_waits(line);
        assert!(shown.contains(line.split(' ').next().unwrap()), "it is the command: {shown}");
        assert!(!shown.contains(SECRET), "{shown}");
    }
}

#[test]
fn a_server_hides_the_secrets_it_was_given() {
    let home = tempfile::tempdir().unwrap();
    let args = ["--jwt-secret", SECRET, "--admin-password", SECRET, "--var", &format!("a={SECRET}")];
    let server = Start::new(home.path()).args(&args).server();
    let shown = shown(server.pid());
    assert!(shown.contains("--admin-password") && !shown.contains(SECRET), "{shown}");
}
