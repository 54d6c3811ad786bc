//! The command line of the client.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Talk to a server: log in, pipelines, jobs, builds, resources
#[derive(Args, Debug)]
pub(super) struct ClientArgs {
    #[command(flatten)]
    pub(super) connection: Outer,
    #[command(subcommand)]
    pub(super) command: ClientCommand,
}

/// Which server, given before the command or in the environment.
#[derive(Args, Debug)]
pub(super) struct Outer {
    /// Address of the server; without a scheme http:// is meant [default: localhost:8080]
    #[arg(long, short = 'u', env = "PIKOCI_URL")]
    pub(super) url: Option<String>,
    /// Session token, instead of the one of the last login (also PIKOCI_TOKEN)
    #[arg(long, env = "PIKOCI_JWT", hide_env_values = true)]
    pub(super) jwt: Option<String>,
}

/// Which server and team, given with the command.
#[derive(Args, Debug, Default)]
pub(super) struct Where {
    /// Address of the server; without a scheme http:// is meant
    #[arg(long, short = 'u')]
    pub(super) url: Option<String>,
    /// Session token, instead of the one of the last login
    #[arg(long)]
    pub(super) jwt: Option<String>,
    /// The team (-tc)
    #[arg(long, default_value = "main")]
    pub(super) team_canonical: String,
}

/// The groups of commands.
#[derive(Subcommand, Debug)]
pub(super) enum ClientCommand {
    /// Log in and store the session
    Login(LoginArgs),
    /// Pipelines
    Pipelines {
        #[command(subcommand)]
        command: PipelinesCommand,
    },
    /// Jobs
    Jobs {
        #[command(subcommand)]
        command: JobsCommand,
    },
    /// Builds
    Builds {
        #[command(subcommand)]
        command: BuildsCommand,
    },
    /// Resources and their versions
    Resources {
        #[command(subcommand)]
        command: ResourcesCommand,
    },
    /// Teams and the tokens of their workers
    Teams {
        #[command(subcommand)]
        command: TeamsCommand,
    },
    /// Workers
    Workers {
        #[command(subcommand)]
        command: WorkersCommand,
    },
    /// The whole database as a SQLite file that `--db-system sqlite` opens, with its logs in a file beside it
    Export(ExportArgs),
}

/// `export`.
#[derive(Args, Debug)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    pub(super) at: Where,
    /// File to write, which does not exist; logs go to NAME-log beside it; - is a tar archive on standard output
    #[arg(long, short)]
    pub(super) output: std::path::PathBuf,
}

/// `login`.
#[derive(Args, Debug)]
pub(super) struct LoginArgs {
    /// Address of the server
    #[arg(long)]
    pub(super) url: Option<String>,
    /// Name of the user
    #[arg(long, short)]
    pub(super) username: String,
    /// Password; asked for when it is missing
    #[arg(long, short, conflicts_with = "password_stdin")]
    pub(super) password: Option<String>,
    /// Read the password from standard input
    #[arg(long)]
    pub(super) password_stdin: bool,
}

/// `pipelines …`.
#[derive(Subcommand, Debug)]
pub(super) enum PipelinesCommand {
    /// Create a pipeline
    Create(SaveArgs),
    /// Save a new definition of a pipeline
    Update(UpdateArgs),
    /// List the team's pipelines
    List(Where),
    /// Show a pipeline
    Get(PipelineArgs),
    /// Delete a pipeline with its history
    Delete(PipelineArgs),
    /// Draw a pipeline
    Graph(GraphArgs),
}

/// One pipeline.
#[derive(Args, Debug)]
pub(super) struct PipelineArgs {
    #[command(flatten)]
    pub(super) at: Where,
    /// Name of the pipeline (-pn)
    #[arg(long, short, alias = "pipeline-name")]
    pub(super) name: String,
}

/// A pipeline's file and values.
#[derive(Args, Debug)]
pub(super) struct SaveArgs {
    #[command(flatten)]
    pub(super) pipeline: PipelineArgs,
    /// The pipeline file
    #[arg(long, short)]
    pub(super) config: PathBuf,
    /// JSON file with values of variables
    #[arg(long, short)]
    pub(super) vars: Option<PathBuf>,
    /// Value of a variable, name=value; may be repeated
    #[arg(long = "var", value_name = "NAME=VALUE")]
    pub(super) var: Vec<String>,
    /// Show the pipeline to everybody
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub(super) public: Option<bool>,
}

/// `pipelines update`.
#[derive(Args, Debug)]
pub(super) struct UpdateArgs {
    #[command(flatten)]
    pub(super) save: SaveArgs,
    /// Only show what would change
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// `pipelines graph`.
#[derive(Args, Debug)]
pub(super) struct GraphArgs {
    #[command(flatten)]
    pub(super) pipeline: PipelineArgs,
    /// How to draw it
    #[arg(long, short, value_enum, default_value_t = GraphFormat::Dot)]
    pub(super) format: GraphFormat,
}

/// Forms of a drawing.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GraphFormat {
    /// Graphviz' language
    Dot,
    /// A picture
    Svg,
}

/// `jobs …`.
#[derive(Subcommand, Debug)]
pub(super) enum JobsCommand {
    /// List a pipeline's jobs
    List(JobListArgs),
    /// Show a job
    Get(JobArgs),
    /// Start a build by hand
    Trigger(TriggerArgs),
}

/// `jobs list`.
#[derive(Args, Debug)]
pub(super) struct JobListArgs {
    #[command(flatten)]
    pub(super) at: Where,
    /// Name of the pipeline (-pn)
    #[arg(long)]
    pub(super) pipeline_name: String,
}

/// One job.
#[derive(Args, Debug)]
pub(super) struct JobArgs {
    #[command(flatten)]
    pub(super) at: Where,
    /// Name of the pipeline (-pn)
    #[arg(long)]
    pub(super) pipeline_name: String,
    /// Name of the job (-jn)
    #[arg(long, short = 'n')]
    pub(super) job_name: String,
}

/// `jobs trigger`.
#[derive(Args, Debug)]
pub(super) struct TriggerArgs {
    #[command(flatten)]
    pub(super) job: JobArgs,
    /// Value of an input, name=value; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    pub(super) input: Vec<String>,
    /// Print the build's log until it ends; exit 1 if it fails
    #[arg(long)]
    pub(super) watch: bool,
}

/// `builds …`.
#[derive(Subcommand, Debug)]
pub(super) enum BuildsCommand {
    /// List a job's builds, newest first
    List(BuildListArgs),
    /// Show a build
    Get(RunArgs),
    /// Print a build's log
    Logs(LogsArgs),
    /// End a build
    Cancel(BuildArgs),
    /// Run a build again, with its versions and inputs
    Retry(BuildArgs),
}

/// `builds list`.
#[derive(Args, Debug)]
pub(super) struct BuildListArgs {
    #[command(flatten)]
    pub(super) job: JobArgs,
    #[command(flatten)]
    pub(super) part: Part,
    /// Only builds with this status; may be repeated
    #[arg(long)]
    pub(super) status: Vec<String>,
}

/// A part of a list.
#[derive(Args, Debug)]
pub(super) struct Part {
    /// At most so many
    #[arg(long)]
    pub(super) limit: Option<u32>,
    /// Only those older than this id
    #[arg(long)]
    pub(super) before: Option<i64>,
    /// Only those newer than this id
    #[arg(long)]
    pub(super) after: Option<i64>,
}

/// One build.
#[derive(Args, Debug)]
pub(super) struct BuildArgs {
    #[command(flatten)]
    pub(super) job: JobArgs,
    /// Number of the build, such as 7 or 7.1
    #[arg(long, short)]
    pub(super) build_number: String,
}

/// One run of a build.
#[derive(Args, Debug)]
pub(super) struct RunArgs {
    #[command(flatten)]
    pub(super) build: BuildArgs,
    /// An earlier run: a build runs again when its worker is lost
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) run: Option<u32>,
}

/// `builds logs`.
#[derive(Args, Debug)]
pub(super) struct LogsArgs {
    #[command(flatten)]
    pub(super) of: RunArgs,
    /// Only the log of this step: its path, such as 2 or svc.db.start
    #[arg(long)]
    pub(super) step: Option<String>,
    /// Go on until the build has ended
    #[arg(long, short, conflicts_with = "run")]
    pub(super) follow: bool,
}

/// `resources …`.
#[derive(Subcommand, Debug)]
pub(super) enum ResourcesCommand {
    /// List a pipeline's resources
    List(JobListArgs),
    /// Show a resource
    Get(ResourceArgs),
    /// Look for new versions now
    Trigger(ResourceArgs),
    /// List the versions of a resource, newest first
    Versions(VersionsArgs),
}

/// One resource.
#[derive(Args, Debug)]
pub(super) struct ResourceArgs {
    #[command(flatten)]
    pub(super) at: Where,
    /// Name of the pipeline (-pn)
    #[arg(long)]
    pub(super) pipeline_name: String,
    /// Canonical of the resource, type.name
    #[arg(long, short)]
    pub(super) resource_canonical: String,
}

/// `resources versions`.
#[derive(Args, Debug)]
pub(super) struct VersionsArgs {
    #[command(flatten)]
    pub(super) resource: ResourceArgs,
    #[command(flatten)]
    pub(super) part: Part,
}

/// `workers …`.
#[derive(Subcommand, Debug)]
pub(super) enum WorkersCommand {
    /// List all workers with what they hold
    List(Where),
    /// Forget a worker that is lost
    Delete(WorkerArgs),
}

/// `teams …`.
#[derive(Subcommand, Debug)]
pub(super) enum TeamsCommand {
    /// List the teams you belong to
    List(Where),
    /// Print the token that a worker of this team needs
    WorkerToken(WorkerTokenArgs),
}

/// Whose token.
#[derive(Args, Debug)]
pub(super) struct WorkerTokenArgs {
    #[command(flatten)]
    pub(super) at: Where,
    /// The token for workers of all teams
    #[arg(long)]
    pub(super) all_teams: bool,
    /// Make another; workers that have the one before are sent away
    #[arg(long)]
    pub(super) regenerate: bool,
}

/// One worker.
#[derive(Args, Debug)]
pub(super) struct WorkerArgs {
    #[command(flatten)]
    pub(super) at: Where,
    /// Name of the worker
    #[arg(long, short)]
    pub(super) name: String,
}
