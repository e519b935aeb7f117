//! What may stand on the command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Exit codes, at the foot of every help page.
const EXIT_CODES: &str = "Exit codes: 0 done; 1 the world failed (cannot write, a trace changed while it was read), or a replayed case differs; \
2 a file or a flag is wrong; 3 an objective was missed and --check was given, or `plan` found nothing that meets them; 130 interrupted.";

const EXAMPLES: &str = "Examples:
  sim init spike > mine.toml        a commented scenario to begin with
  sim run mine.toml                 CSV, PNG and a summary in output/mine/
  sim check mine.toml --effective   every value, and where it came from";

const RUN_EXAMPLES: &str = "Examples:
  sim run scenarios/spike.toml
  sim run scenarios/spike.toml --set pool.chat.scaler.hpa.cpu=60% --seeds 10
  sim run scenarios/spike.toml --plots png,html                   with a report to hand on
  sim run scenarios/spike.toml --json -q | jq '.pools[0].latency'";

const SWEEP_EXAMPLES: &str = "Examples:
  sim sweep scenarios/spike-sweep.toml --dry-run
  sim sweep scenarios/spike-sweep.toml --top 20 --sort cost
  sim sweep scenarios/spike-sweep.toml --resume                 after Ctrl-C or a crash
  sim sweep scenarios/spike-sweep.toml --shard 2/8 --out part-2  on the second of eight machines";

const PLAN_EXAMPLES: &str = "Examples:
  sim plan scenarios/capacity.toml --dry-run
  sim plan scenarios/capacity.toml                  report.md, pareto.png, planned.toml, hpa.yaml
  sim plan scenarios/capacity.toml --set pool.chat.start.load=5s --out output/fast-start";

const MERGE_EXAMPLES: &str = "Examples:
  sim merge output/spike-sweep-shard-*
  sim merge part-* --out output/spike-sweep";

const COMPARE_EXAMPLES: &str = "Examples:
  sim compare scenarios/spike.toml mine.toml --seeds 20
  sim compare output/spike output/planned           finished runs: read again, or run where they lack a seed
  sim compare before.toml after.toml --format markdown > difference.md
  sim compare before.toml after.toml -o output/difference    report.html and report.md to hand on";

const CHECK_EXAMPLES: &str = "Examples:
  sim check scenarios/*.toml
  sim check scenarios/spike.toml --effective
  sim check deploy.yaml                     why will this HPA not scale?";

const EXPLAIN_EXAMPLES: &str = "Examples:
  sim explain output/spike                    every change of size, and what held it between them
  sim explain output/spike --at 31m           the last decision at or before 0:31:00
  sim explain output/spike --decision 125
  sim explain output/shop --at 1:05:30 --pool api";

const REPLAY_EXAMPLES: &str = "Examples:
  sim replay cases/tolerance.jsonl                       compare with what a real controller decided
  sim replay --hpa hpa.yaml --metrics tuesday.csv        what would this HPA have done?";

const IMPORT_EXAMPLES: &str = "Examples:
  sim import k8s deploy.yaml hpa.yaml > scenarios/mine.toml
  kubectl get deployment,hpa -o yaml | sim import k8s - > scenarios/mine.toml
  sim import seldon models.yaml servers.yaml values.yaml > scenarios/mine.toml";

const EXPORT_EXAMPLES: &str = "Examples:
  sim export k8s scenarios/spike.toml | kubectl apply --dry-run=server -f -
  sim export k8s scenarios/spike.toml --set pool.chat.scaler.hpa.cpu=60%
  sim export pulumi scenarios/spike.toml --pool chat > hpa.py";

const PLOT_EXAMPLES: &str = "Examples:
  sim plot output/spike
  sim plot output/spike --plots png,html";

const INIT_EXAMPLES: &str = "Examples:
  sim init spike > mine.toml
  sim list templates";

const LIST_EXAMPLES: &str = "Examples:
  sim list laws
  sim list columns";

const SCHEMA_EXAMPLES: &str = "Example:
  sim schema scenario > scenario.schema.json";

const COMPLETIONS_EXAMPLES: &str = "Example:
  sim completions bash > ~/.local/share/bash-completion/completions/sim";

/// Simulates autoscaled model servers: what an autoscaler sees, decides, and what it costs.
#[derive(Debug, Parser)]
#[command(name = "sim", version, after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"), disable_help_subcommand = true)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// How to talk.
    #[command(flatten)]
    pub voice: Voice,
}

/// How to talk.
#[derive(Clone, Debug, Args)]
pub struct Voice {
    /// Only results; twice: only errors.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub quiet: u8,
    /// More detail: events per second, where the time went.
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Colour of messages.
    #[arg(long, global = true, value_enum, default_value = "auto", env = "SIM_COLOR")]
    pub color: Color,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal.
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

/// Commands, in the order of the help.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Simulate; CSV, PNG and a summary into output/NAME/.
    #[command(after_help = RUN_EXAMPLES)]
    Run(RunArguments),
    /// Grid or sample of settings × seeds, in parallel: table, heat maps, Pareto chart.
    #[command(after_help = SWEEP_EXAMPLES)]
    Sweep(SweepArguments),
    /// Cheapest setting that meets the objectives; report with head-room.
    #[command(after_help = PLAN_EXAMPLES)]
    Plan(PlanArguments),
    /// Two or more scenarios or finished runs under the same seeds: differences with intervals.
    #[command(after_help = COMPARE_EXAMPLES)]
    Compare(CompareArguments),
    /// Read and check without running.
    #[command(after_help = CHECK_EXAMPLES)]
    Check(CheckArguments),
    /// Say why the autoscaler did what it did, from the CSV files of a run; never simulates.
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(ExplainArguments),
    /// Drive a scaler with recorded metrics, without simulating a cluster.
    #[command(after_help = REPLAY_EXAMPLES)]
    Replay(ReplayArguments),
    /// Write a scenario from what a cluster runs.
    #[command(after_help = IMPORT_EXAMPLES)]
    Import(ImportArguments),
    /// Write the autoscaler that a scenario describes.
    #[command(after_help = EXPORT_EXAMPLES)]
    Export(ExportArguments),
    /// Join the shards of one sweep.
    #[command(after_help = MERGE_EXAMPLES)]
    Merge(MergeArguments),
    /// Write a commented scenario to stdout.
    #[command(after_help = INIT_EXAMPLES)]
    Init(InitArguments),
    /// Draw again from the CSV files of a run; never simulates.
    #[command(after_help = PLOT_EXAMPLES)]
    Plot(PlotArguments),
    /// List scalers, loads, laws, signals, templates or columns, each with one line and its keys.
    #[command(after_help = LIST_EXAMPLES)]
    List(ListArguments),
    /// JSON Schema of a scenario, a sweep or a plan, for completion in editors.
    #[command(after_help = SCHEMA_EXAMPLES)]
    Schema(SchemaArguments),
    /// Completions for a shell.
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions(CompletionsArguments),
}

/// In which form a result is printed.
#[derive(Clone, Debug, Args)]
pub(super) struct Form {
    /// Form of the result.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Short for --format json.
    #[arg(long)]
    json: bool,
}

impl Form {
    /// The form that was asked for.
    pub const fn chosen(&self) -> Format {
        if self.json { Format::Json } else { self.format }
    }
}

/// Which pictures are drawn.
#[derive(Clone, Debug, Args)]
pub(super) struct Pictures {
    /// Draw nothing.
    #[arg(long, conflicts_with = "plots")]
    no_plots: bool,
    /// What to draw.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "png")]
    plots: Vec<Picture>,
}

impl Pictures {
    /// Those that were asked for.
    pub fn chosen(&self) -> &[Picture] {
        if self.no_plots { &[] } else { &self.plots }
    }
}

/// Flags of `run`.
#[derive(Clone, Debug, Args)]
pub struct RunArguments {
    /// Scenario files; `-` reads one from stdin.
    #[arg(required = true, value_name = "SCENARIO")]
    pub scenarios: Vec<String>,
    /// Override one key: pool.chat.scaler.hpa.cpu=60%. Repeatable; the last one wins.
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// First seed; the scenario's where it is not given.
    #[arg(long, value_name = "N", env = "SIM_SEED")]
    pub seed: Option<u64>,
    /// Number of runs, with seeds N0, N0+1, ...: the summary has intervals, the files are those of the first seed.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub seeds: u32,
    /// Where to write; `-` writes the time series to stdout. With several scenarios: the folder above theirs.
    #[arg(short, long, value_name = "DIR", env = "SIM_OUT")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub form: Form,
    /// Exit with 3 if an objective is missed.
    #[arg(long)]
    pub check: bool,
    #[command(flatten)]
    pub pictures: Pictures,
    /// Threads over scenarios and seeds; results do not depend on it.
    #[arg(short, long, value_name = "N", env = "SIM_JOBS", value_parser = clap::value_parser!(u32).range(1..=1_024))]
    pub jobs: Option<u32>,
    /// Say what would be run.
    #[arg(long)]
    pub dry_run: bool,
    /// Also write one row per request (large).
    #[arg(long)]
    pub requests: bool,
    /// Print the table that `kubectl get hpa -w` would have shown.
    #[arg(long)]
    pub watch_hpa: bool,
}

/// Form of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// One object a line.
    Json,
    /// One row per scenario and pool.
    Csv,
    /// A table for a document.
    Markdown,
}

/// What to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Picture {
    /// timeline.png
    Png,
    /// timeline.svg
    Svg,
    /// report.html, one file that needs nothing else, and report.md
    Html,
}

/// Flags of `sweep`.
#[derive(Clone, Debug, Args)]
pub struct SweepArguments {
    /// A sweep file: a base scenario and the key paths that vary.
    #[arg(value_name = "SWEEP")]
    pub sweep: String,
    /// Override one key of the base.
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// First seed; else the sweep's, else the base's.
    #[arg(long, value_name = "N", env = "SIM_SEED")]
    pub seed: Option<u64>,
    /// Runs of every point, with seeds N0, N0+1, ...; else the sweep's.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub seeds: Option<u32>,
    /// Where to write; `-` writes points.csv to stdout. With --shard /N: the folder above the share's.
    #[arg(short, long, value_name = "DIR", env = "SIM_OUT")]
    pub out: Option<PathBuf>,
    /// Go on where the folder's journal ends; without one, begin.
    #[arg(long)]
    pub resume: bool,
    /// Run a share of the points, K from 1; `/N` takes K from JOB_COMPLETION_INDEX or SLURM_ARRAY_TASK_ID.
    #[arg(long, value_name = "K/N")]
    pub shard: Option<String>,
    /// Rows of the table; else all of a few, the best of many.
    #[arg(long, value_name = "N")]
    pub top: Option<u32>,
    /// Figure or axis by which the table is sorted; else the sweep's.
    #[arg(long, value_name = "COLUMN")]
    pub sort: Option<String>,
    #[command(flatten)]
    pub form: Form,
    /// Exit with 3 if any run misses an objective.
    #[arg(long)]
    pub check: bool,
    #[command(flatten)]
    pub pictures: Pictures,
    /// Threads over points and seeds; results do not depend on it.
    #[arg(short, long, value_name = "N", env = "SIM_JOBS", value_parser = clap::value_parser!(u32).range(1..=1_024))]
    pub jobs: Option<u32>,
    /// Check everything, and say what would be run.
    #[arg(long)]
    pub dry_run: bool,
    /// Of an indexed Kubernetes Job, from 0.
    #[arg(long, hide = true, env = "JOB_COMPLETION_INDEX")]
    pub job_completion_index: Option<String>,
    /// Of a Slurm array.
    #[arg(long, hide = true, env = "SLURM_ARRAY_TASK_ID")]
    pub slurm_array_task_id: Option<String>,
    /// The least of a Slurm array.
    #[arg(long, hide = true, env = "SLURM_ARRAY_TASK_MIN")]
    pub slurm_array_task_min: Option<String>,
}

/// Flags of `plan`.
#[derive(Clone, Debug, Args)]
pub struct PlanArguments {
    /// A plan file: a base scenario, the key paths to search, and what must hold.
    #[arg(value_name = "PLAN")]
    pub plan: String,
    /// Override one key of the base.
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// First seed; else the plan's, else the base's.
    #[arg(long, value_name = "N", env = "SIM_SEED")]
    pub seed: Option<u64>,
    /// The first batch: runs of a candidate that has not failed; else the plan's.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub seeds: Option<u32>,
    /// Where to write; `-` writes the recommended scenario to stdout.
    #[arg(short, long, value_name = "DIR", env = "SIM_OUT")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub form: Form,
    #[command(flatten)]
    pub pictures: Pictures,
    /// Threads over candidates and seeds; results do not depend on it.
    #[arg(short, long, value_name = "N", env = "SIM_JOBS", value_parser = clap::value_parser!(u32).range(1..=1_024))]
    pub jobs: Option<u32>,
    /// Check everything, and say what would be run.
    #[arg(long)]
    pub dry_run: bool,
}

/// Flags of `merge`.
#[derive(Clone, Debug, Args)]
pub struct MergeArguments {
    /// Folders that `sweep --shard K/N` wrote.
    #[arg(required = true, value_name = "DIR")]
    pub folders: Vec<PathBuf>,
    /// Where to write; else output/NAME.
    #[arg(short, long, value_name = "DIR", env = "SIM_OUT")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub pictures: Pictures,
}

/// Flags of `compare`.
#[derive(Clone, Debug, Args)]
pub struct CompareArguments {
    /// Scenario files, or folders that `run` wrote. The others are compared with the first.
    #[arg(required = true, num_args = 2.., value_name = "SCENARIO")]
    pub scenarios: Vec<String>,
    /// Override one key in all of them.
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// First seed; the first scenario's where it is not given. All run under the same ones.
    #[arg(long, value_name = "N", env = "SIM_SEED")]
    pub seed: Option<u64>,
    /// Number of runs of each, with seeds N0, N0+1, ...
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub seeds: u32,
    #[command(flatten)]
    pub form: Form,
    /// Exit with 3 if one of them misses an objective with any seed.
    #[arg(long)]
    pub check: bool,
    /// Also write report.html, report.md, compare.csv and run.json there.
    #[arg(short, long, value_name = "DIR", env = "SIM_OUT")]
    pub out: Option<PathBuf>,
    /// Threads over scenarios and seeds; results do not depend on it.
    #[arg(short, long, value_name = "N", env = "SIM_JOBS", value_parser = clap::value_parser!(u32).range(1..=1_024))]
    pub jobs: Option<u32>,
}

/// Flags of `check`.
#[derive(Clone, Debug, Args)]
pub struct CheckArguments {
    /// Scenario files, or Kubernetes manifests (.yaml, .json); `-` reads a scenario from stdin.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<String>,
    /// Override one key.
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// First seed, as for `run`.
    #[arg(long, value_name = "N", env = "SIM_SEED")]
    pub seed: Option<u64>,
    /// Print every value, and where it came from.
    #[arg(long)]
    pub effective: bool,
}

/// Flags of `explain`.
#[derive(Clone, Debug, Args)]
pub struct ExplainArguments {
    /// A folder that `run` wrote.
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// The last decision of each pool at or before this time: a duration (31m) or a clock (0:31:08).
    #[arg(long, value_name = "T", conflicts_with = "decision")]
    pub at: Option<String>,
    /// A decision by its number in decisions.csv.
    #[arg(long, value_name = "N")]
    pub decision: Option<u64>,
    /// One pool only.
    #[arg(long, value_name = "NAME")]
    pub pool: Option<String>,
}

/// Flags of `replay`.
#[derive(Clone, Debug, Args)]
pub struct ReplayArguments {
    /// JSON Lines of recorded cases, folders of them, or `-`.
    #[arg(value_name = "CASES")]
    pub cases: Vec<String>,
    /// How much must be equal: A decisions, B also reported metrics, C also every text.
    #[arg(long, value_enum, default_value = "B", ignore_case = true)]
    pub level: ReplayLevel,
    /// One decision a line instead of a comparison.
    #[arg(long)]
    pub json: bool,
    /// An HPA manifest to be driven by `--metrics`.
    #[arg(long, value_name = "FILE", requires = "metrics")]
    pub hpa: Option<String>,
    /// Metrics of your own: CSV with time_s, metric, utilization or value, [pod], [ready]; or a Prometheus range query as JSON.
    #[arg(long, value_name = "FILE", requires = "hpa")]
    pub metrics: Option<String>,
    /// With `--metrics`: replicas at the beginning; the HPA's minimum where it is not given.
    #[arg(long, value_name = "N", requires = "metrics")]
    pub replicas: Option<u32>,
}

/// How much must be equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum ReplayLevel {
    #[value(name = "A")]
    A,
    #[value(name = "B")]
    B,
    #[value(name = "C")]
    C,
}

/// Flags of `import`.
#[derive(Clone, Debug, Args)]
pub struct ImportArguments {
    /// From what.
    #[arg(value_enum, value_name = "KIND")]
    pub kind: ImportKind,
    /// Files; `-` reads one from stdin.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<String>,
}

/// What becomes a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ImportKind {
    /// Kubernetes manifests in YAML or JSON: workloads and their HorizontalPodAutoscalers.
    K8s,
    /// Seldon Core 2: Models, Servers, Pipelines, their HorizontalPodAutoscalers, and Helm values of the installation.
    Seldon,
}

/// Flags of `export`.
#[derive(Clone, Debug, Args)]
pub struct ExportArguments {
    /// To what.
    #[arg(value_enum, value_name = "KIND")]
    pub kind: ExportKind,
    /// A scenario file; `-` reads it from stdin.
    #[arg(value_name = "SCENARIO")]
    pub scenario: String,
    /// Override one key.
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// Only the HPA of this pool.
    #[arg(long, value_name = "NAME")]
    pub pool: Option<String>,
}

/// What an autoscaler becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportKind {
    /// A HorizontalPodAutoscaler in YAML.
    K8s,
    /// A Python program for Pulumi.
    Pulumi,
}

/// Flags of `plot`.
#[derive(Clone, Debug, Args)]
pub struct PlotArguments {
    /// A folder that `run` wrote.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// What to draw.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "png")]
    pub plots: Vec<Picture>,
}

/// Flags of `init`.
#[derive(Clone, Debug, Args)]
pub struct InitArguments {
    /// Which one: see `sim list templates`.
    #[arg(default_value = "spike", value_name = "TEMPLATE")]
    pub template: String,
}

/// Flags of `list`.
#[derive(Clone, Debug, Args)]
pub struct ListArguments {
    /// What to list.
    #[arg(value_enum, value_name = "WHAT")]
    pub what: Listed,
}

/// What can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Listed {
    /// Autoscalers.
    Scalers,
    /// Arrival processes and shapes of rates.
    Loads,
    /// Laws of durations and numbers.
    Laws,
    /// Metrics for Pods, Object and External.
    Signals,
    /// Scenarios that `init` writes.
    Templates,
    /// Columns of the tables that a run writes.
    Columns,
}

/// Flags of `schema`.
#[derive(Clone, Debug, Args)]
pub struct SchemaArguments {
    /// Of what.
    #[arg(value_enum, value_name = "KIND")]
    pub kind: SchemaKind,
}

/// What has a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaKind {
    /// A scenario file.
    Scenario,
    /// A sweep file.
    Sweep,
    /// A plan file.
    Plan,
}

/// Flags of `completions`.
#[derive(Clone, Debug, Args)]
pub struct CompletionsArguments {
    /// Which shell.
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}
