//! `docker-start`: starts the container of a built-in service.
//!
//! ```text
//! docker-start --image IMAGE --port PORT [--env NAME=VARIABLE | --set NAME=TEXT | --data DIRECTORY]… [-- COMMAND…]
//! ```
//!
//! `--env` names the variable of this process that holds the value; the value itself is never
//! among the client's arguments. `--set` is for plain text, `--data` for
//! the directory that becomes a memory file system with `data_tmpfs`.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, ExitStatus, Stdio};

use serde_json::Value as Json;

use super::{Outcome, engine, environment};

/// What the script asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Order {
    image: String,
    port: String,
    /// Environment of the container: plain text.
    plain: BTreeMap<String, String>,
    /// Environment of the container: by the name of the variable here.
    named: BTreeMap<String, String>,
    data: Option<String>,
    command: Vec<String>,
}

pub(super) fn run(args: &[String]) -> Outcome {
    let order = Order::read(args)?;
    let instance = environment::require("SERVICE_INSTANCE")?;
    let stable = environment::require("SERVICE_CONTAINER")?;
    let mut name = free_name(&stable, &instance)?;
    let mut started = order.start(&name, &instance)?;
    // Another worker may have taken the name since it was looked at, and may have let it go again by now.
    if started == Started::NameTaken && name == stable {
        name = own_name(&stable, &instance);
        started = order.start(&name, &instance)?;
    }
    match started {
        Started::Up => super::answer(&format!("container {name}")),
        Started::NameTaken => Err(format!("the name {name} is taken by another's container")),
        Started::Failed(status) => Err(format!("the container did not start ({status})")),
    }
}

/// What came of a start.
#[derive(Debug, PartialEq, Eq)]
enum Started {
    Up,
    /// The engine has a container of this name.
    NameTaken,
    Failed(ExitStatus),
}

impl Order {
    fn read(args: &[String]) -> Result<Self, String> {
        let mut order = Self::default();
        let mut rest = args.iter();
        while let Some(option) = rest.next() {
            if option == "--" {
                order.command = rest.cloned().collect();
                break;
            }
            let value = rest.next().ok_or_else(|| format!("`{option}` needs a value"))?;
            let pair = || value.split_once('=').map(|(name, text)| (name.to_owned(), text.to_owned()));
            match option.as_str() {
                "--image" => order.image.clone_from(value),
                "--port" => order.port.clone_from(value),
                "--data" => order.data = Some(value.clone()),
                "--env" => {
                    order.named.extend([pair().ok_or_else(|| format!("`{value}` is no NAME=VARIABLE"))?])
                }
                "--set" => order.plain.extend([pair().ok_or_else(|| format!("`{value}` is no NAME=TEXT"))?]),
                other => return Err(format!("`{other}` is no option of docker-start")),
            }
        }
        if order.image.is_empty() || order.port.is_empty() {
            return Err("docker-start needs --image and --port".to_owned());
        }
        Ok(order)
    }

    /// Starts the container under this name.
    fn start(&self, name: &str, instance: &str) -> Result<Started, String> {
        let environment = self.environment()?;
        let mut client = engine::client();
        client.args(["run", "--detach", "--name", name, "--env-file", "/dev/stdin"]);
        for (name, value) in environment.iter().filter(|(_, value)| value.contains('\n')) {
            client.args(["--env", name]).env(name, value);
        }
        self.add_to(&mut client, instance)?;
        launch(client, &environment)
    }

    /// The options behind the name, the image and its command.
    fn add_to(&self, client: &mut Command, instance: &str) -> Result<(), String> {
        for (label, value) in labels(instance) {
            client.args(["--label", &format!("{label}={value}")]);
        }
        let port = environment::require("SERVICE_PORT")?;
        client.args(["--publish", &format!("127.0.0.1:{port}:{}", self.port)]);
        match environment::get("param_pull_policy").as_deref() {
            None | Some("if-not-present" | "missing") => {}
            Some(policy @ ("always" | "never")) => drop(client.args(["--pull", policy])),
            Some(other) => {
                return Err(format!("pull_policy must be always, if-not-present or never, found {other:?}"));
            }
        }
        if environment::flag("param_data_tmpfs")?
            && let Some(directory) = &self.data
        {
            client.args(["--tmpfs", directory]);
        }
        client.arg(environment::get("param_image").unwrap_or_else(|| self.image.clone()));
        client.args(&self.command);
        Ok(())
    }

    /// The environment of the container.
    fn environment(&self) -> Result<BTreeMap<String, String>, String> {
        let mut all = self.plain.clone();
        for (name, variable) in &self.named {
            if let Some(value) = environment::get(variable) {
                all.insert(name.clone(), value);
            }
        }
        all.extend(user_environment(environment::get("param_env").as_deref())?);
        Ok(all)
    }
}

/// Starts the client and hands it the container's environment as a file that is its standard
/// input. Only values of several lines, which such a file cannot hold, go through the client's own
/// environment.
fn launch(mut client: Command, environment: &BTreeMap<String, String>) -> Result<Started, String> {
    let child = client.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(|e| engine::unavailable(&e))?;
    if let Some(mut input) = child.stdin.take() {
        for (name, value) in environment.iter().filter(|(_, value)| !value.contains('\n')) {
            // A client that fails early closes its input; its exit status says so.
            drop(writeln!(input, "{name}={value}"));
        }
    }
    let taken = child.stderr.take().is_some_and(pass_on);
    let status = child.wait().map_err(|e| engine::unavailable(&e))?;
    Ok(match () {
        () if status.success() => Started::Up,
        () if taken => Started::NameTaken,
        () => Started::Failed(status),
    })
}

/// Hands on what the client says, as it says it; whether that is that the name is taken.
fn pass_on(said: impl Read) -> bool {
    let mut taken = false;
    for line in BufReader::new(said).split(b'\n').map_while(Result::ok) {
        taken |= String::from_utf8_lossy(&line).contains("is already in use");
        let mut out = std::io::stderr().lock();
        // Whoever would read it is gone; the client's exit status counts.
        drop(out.write_all(&line).and_then(|()| out.write_all(b"\n")));
    }
    taken
}

/// The parameter `env`: an object of scalars, as JSON.
fn user_environment(json: Option<&str>) -> Result<BTreeMap<String, String>, String> {
    let Some(json) = json else { return Ok(BTreeMap::new()) };
    let wrong = || "the parameter `env` must be an object of strings, numbers and bools".to_owned();
    let parsed: BTreeMap<String, Json> = serde_json::from_str(json).map_err(|_| wrong())?;
    let scalar = |(name, value): (String, Json)| match value {
        Json::String(text) => Ok((name, text)),
        Json::Number(_) | Json::Bool(_) => Ok((name, value.to_string())),
        Json::Null | Json::Array(_) | Json::Object(_) => Err(wrong()),
    };
    parsed.into_iter().map(scalar).collect()
}

/// What the container is known by. `pikoci.owner` is the worker's state directory: two of them may
/// use one engine. `pikoci.place` is what the worker's build slot is held for.
fn labels(instance: &str) -> Vec<(&'static str, String)> {
    let text = |variable: &str| environment::get(variable).unwrap_or_default();
    vec![
        ("pikoci.instance", instance.to_owned()),
        ("pikoci.build", text("BUILD_ID")),
        ("pikoci.service", text("SERVICE_NAME")),
        ("pikoci.owner", text("PIKOCI_OWNER")),
        ("pikoci.place", text("PIKOCI_PLACE")),
        ("pikoci.kind", "service".to_owned()),
    ]
}

/// The stable name, or one of this instance's own when the stable one is somebody else's.
fn free_name(stable: &str, instance: &str) -> Result<String, String> {
    match holder_of(stable)? {
        Holder::Nobody => Ok(stable.to_owned()),
        Holder::LeftOver(id) => {
            super::say(&format!("removing the left-over container {stable}"));
            engine::ask(&["rm", "--force", "--volumes", &id])?;
            Ok(stable.to_owned())
        }
        Holder::Another => Ok(own_name(stable, instance)),
    }
}

/// A name that nobody else uses.
fn own_name(stable: &str, instance: &str) -> String {
    let own = format!("{stable}-{}", instance.get(..8).unwrap_or(instance));
    super::say(&format!("the name {stable} is taken by another's container, using {own}"));
    own
}

/// Who has the stable name now.
fn holder_of(stable: &str) -> Result<Holder, String> {
    let filter = format!("name=^/?{stable}$");
    let labels = OF_HOLDER.map(|label| format!("{{{{.Label \"pikoci.{label}\"}}}}"));
    let format = format!("{{{{.ID}}}}\t{}", labels.join("\t"));
    let listing = engine::ask(&["ps", "--all", "--no-trunc", "--filter", &filter, "--format", &format])?;
    let own = ["PIKOCI_OWNER", "PIKOCI_PLACE", "BUILD_ID", "SERVICE_NAME"].map(environment::get);
    Ok(holder(&listing, &own.map(Option::unwrap_or_default)))
}

/// The labels that say whose a container is.
const OF_HOLDER: [&str; 5] = ["kind", "owner", "place", "build", "service"];

/// Whose container has the stable name.
#[derive(Debug, PartialEq, Eq)]
enum Holder {
    Nobody,
    /// A service that was started from the same build slot, of an earlier build or of an earlier
    /// attempt at this one: whoever holds the slot knows that nobody uses it any more.
    LeftOver(String),
    /// Maybe alive: it is left alone.
    Another,
}

/// Decides from a listing of id and [`OF_HOLDER`], by the owner, place, build and name of the
/// service to be started. Without an owner and a place of our own nothing is known to be left over.
fn holder(listing: &str, own: &[String; 4]) -> Holder {
    let Some(line) = listing.lines().next() else { return Holder::Nobody };
    let [owner, place, build, service] = own.each_ref().map(String::as_str);
    match line.split('\t').collect::<Vec<_>>().as_slice() {
        [id, "service", theirs @ .., of_build, name]
            if theirs == [owner, place]
                && !owner.is_empty()
                && !place.is_empty()
                && (*of_build != build || *name == service) =>
        {
            Holder::LeftOver((*id).to_owned())
        }
        _ => Holder::Another,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &[&str]) -> Result<Order, String> {
        Order::read(&args.iter().map(|&arg| arg.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn an_order_is_read_from_its_options() {
        let order = read(&[
            "--image",
            "redis:7",
            "--port",
            "6379",
            "--env",
            "A=param_a",
            "--set",
            "B=x=y",
            "--",
            "sh",
            "--env",
        ]);
        assert_eq!(
            order.unwrap(),
            Order {
                image: "redis:7".into(),
                port: "6379".into(),
                plain: [("B".into(), "x=y".into())].into(),
                named: [("A".into(), "param_a".into())].into(),
                data: None,
                command: vec!["sh".into(), "--env".into()],
            }
        );
        assert_eq!(read(&["--image"]).unwrap_err(), "`--image` needs a value");
        assert_eq!(read(&["--foo", "x"]).unwrap_err(), "`--foo` is no option of docker-start");
        assert!(read(&["--image", "x"]).is_err());
    }

    #[test]
    fn only_what_our_own_slot_has_left_is_left_over() {
        let own = ["o", "main/app/test/0", "7", "db"].map(str::to_owned);
        let left = Holder::LeftOver("id".to_owned());
        assert_eq!(holder("", &own), Holder::Nobody);
        assert_eq!(holder("id\tservice\to\tmain/app/test/0\t6\tcache", &own), left);
        assert_eq!(holder("id\tservice\to\tmain/app/test/0\t7\tdb", &own), left);
        for others in [
            // A second service of the same type, in this very build.
            "id\tservice\to\tmain/app/test/0\t7\tcache",
            // Names may be the same where pipelines and jobs are not.
            "id\tservice\to\tmain/app-test/0\t6\tdb",
            "id\tservice\tother\tmain/app/test/0\t6\tdb",
            "id\t\t\t\t\t",
            "id",
        ] {
            assert_eq!(holder(others, &own), Holder::Another, "{others}");
        }
        let nobody = ["", "", "7", "db"].map(str::to_owned);
        assert_eq!(holder("id\tservice\t\t\t6\tdb", &nobody), Holder::Another);
    }

    #[test]
    fn the_user_s_environment_is_an_object_of_scalars() {
        let environment = user_environment(Some(r#"{"A": "x", "B": 2, "C": true}"#)).unwrap();
        assert_eq!(environment.values().collect::<Vec<_>>(), ["x", "2", "true"]);
        assert!(user_environment(Some(r#"{"A": []}"#)).is_err());
        assert!(user_environment(Some("[]")).is_err());
        assert!(user_environment(None).unwrap().is_empty());
    }
}
