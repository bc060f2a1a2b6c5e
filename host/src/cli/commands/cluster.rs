use crate::cli::out::Paint;
use crate::cli::session::block_on;
use crate::cli::{Context, Exit, Failure, human};
use crate::cluster::{
    self, Applied, Apply, COMPILER, Change, ClusterError, KeyPair, Objects, Remove, Subject, Unfit, compiler_key_yaml,
};
use serde_json::json;
use std::path::PathBuf;

/// Make ready what attempts need in a Kubernetes cluster: a namespace for each tenant
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A tenant is a namespace with its name: it admits `restricted` pods only, gives them no token, denies
connections but to DNS, the tenant's store and its `egress`, keeps its `resourceQuota`, and lets the
coordinator run Jobs there. The operator's namespace is the same for the Jobs that compile components,
and keeps the compiler's keys. What wharf makes carries the label app.kubernetes.io/managed-by=wharf.

The cluster is that of KUBECONFIG, else of ~/.kube/config. To make all this takes the rights of an
administrator; the coordinator itself gets no more than `wharf cluster render` shows.

Examples:
  wharf cluster diff                         what would change?
  wharf cluster apply
  wharf cluster render > tenants.yaml        the same for GitOps
  wharf cluster remove team-a --yes")]
#[command(subcommand_required = true, arg_required_else_help = true, disable_help_subcommand = true)]
pub(in crate::cli) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Render(RenderArgs),
    Apply(ApplyArgs),
    Diff(DiffArgs),
    Remove(RemoveArgs),
    CompilerKey(CompilerKeyArgs),
}

#[derive(Debug, clap::Args)]
struct Who {
    /// The coordinator runs outside the cluster, and its kubeconfig is of this user. Default: it runs
    /// in the operator's namespace under the ServiceAccount wharf
    #[arg(long, value_name = "NAME")]
    coordinator_user: Option<String>,
}

#[derive(Debug, clap::Args)]
struct Where {
    /// Default: what KUBECONFIG names, else ~/.kube/config
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// A context of the kubeconfig. Default: its current one
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
}

/// Print as YAML what `apply` makes, always in the same order
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The compiler's keys are left out, for they are made once and are nobody's to read: a comment says how.

With -o json: one object of kind List.

Examples:
  wharf cluster render > tenants.yaml
  wharf cluster render --coordinator-user wharf@example.org")]
struct RenderArgs {
    #[command(flatten)]
    who: Who,
}

/// Bring the cluster to what the configuration says, by server-side apply
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Apply again after each change of the configuration. What an earlier configuration had in a namespace
and this one does not, for example a quota, is taken away; a tenant's namespace never is: see
`wharf cluster remove`. The compiler's keys are made where there are none, and never overwritten.

A field that something else set is a conflict: exit code 5, and the fields are named.

With -o json: an array with each object, its change, and the fields that changed.

Examples:
  wharf cluster apply --dry-run
  wharf cluster apply
  wharf cluster apply --coordinator-user wharf@example.org")]
struct ApplyArgs {
    /// Have the server check everything and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Take over fields that others set
    #[arg(long)]
    force_conflicts: bool,
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    place: Where,
}

/// Show what `apply` would change, field by field
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The server works out what it would be (a dry run). Values of Secrets are not shown. Exit code 6 if
anything would change, 0 if nothing.

With -o json: an array with each object that would change.

Examples:
  wharf cluster diff
  wharf cluster diff --context production")]
struct DiffArgs {
    /// As if fields that others set were taken over
    #[arg(long)]
    force_conflicts: bool,
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    place: Where,
}

/// Take a tenant's objects away
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Only what carries wharf's label goes: the coordinator's rights, Jobs and their pods, then policies,
quota and accounts. The namespace stays, with the Secrets and volume claims that others put there,
unless --with-namespace is given. The tenant need not be in the configuration any more.

Where Jobs are not over: exit code 5, and nothing is done, unless --force is given.

With -o json: an array of what went.

Examples:
  wharf cluster remove team-a --yes
  wharf cluster remove team-a --yes --with-namespace")]
struct RemoveArgs {
    /// The tenant, which is the name of its namespace
    tenant: String,
    /// That it is meant
    #[arg(long)]
    yes: bool,
    /// Also where Jobs run: they are stopped, and their outcomes lost
    #[arg(long)]
    force: bool,
    /// Also the namespace, with whatever else lies in it
    #[arg(long)]
    with_namespace: bool,
    #[command(flatten)]
    place: Where,
}

/// Make a key pair for the compiler and print it as a Secret and a ConfigMap
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Each call makes new keys, and the output holds the private one: it is for a vault or for
`kubectl create`, not for a repository. Where `wharf cluster apply` is used, this is not needed.

Examples:
  wharf cluster compiler-key | kubectl create -f -")]
struct CompilerKeyArgs {}

pub(in crate::cli) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    match &args.verb {
        Verb::Render(args) => render(context, args),
        Verb::Apply(args) => apply(context, args),
        Verb::Diff(args) => diff(context, args),
        Verb::Remove(args) => remove(context, args),
        Verb::CompilerKey(_) => compiler_key(context),
    }
}

/// What the configuration comes to, and the operator's namespace.
fn wanted(context: &Context, who: &Who) -> Result<(Objects, String), Failure> {
    let plan = super::plan(context)?;
    let subject = who.coordinator_user.clone().map_or(Subject::ServiceAccount, Subject::User);
    let objects = cluster::objects(&plan, &subject)?;
    Ok((objects, cluster::settings(&plan)?.namespace.clone()))
}

fn render(context: &Context, args: &RenderArgs) -> Result<Exit, Failure> {
    let (objects, operator) = wanted(context, &args.who)?;
    match context.out.json() {
        true => {
            let items: Vec<_> = objects.objects.into_iter().map(|o| o.body).collect();
            context.out.value(&json!({ "apiVersion": "v1", "kind": "List", "items": items }))?;
        }
        false => context.out.text(cluster::render(&objects, &operator))?,
    }
    Ok(Exit::Ok)
}

fn apply(context: &Context, args: &ApplyArgs) -> Result<Exit, Failure> {
    let how = Apply { dry_run: args.dry_run, force: args.force_conflicts };
    let (done, notes) = bring(context, &args.who, &args.place, how)?;
    if context.out.json() {
        context.out.value(&done)?;
        return Ok(Exit::Ok);
    }
    for note in notes {
        context.out.note(format!("{} {note}", Paint::Busy.on("note:", context.out.color_err)));
    }
    let changed: Vec<&Applied> = done.iter().filter(|a| a.change != Change::Unchanged).collect();
    for applied in &changed {
        context.out.line(format!("{} {}", word(applied.change, context.out.color), applied.object))?;
    }
    let same = human::count(done.len() - changed.len(), "object");
    let left = if changed.is_empty() { "nothing to do" } else { "done" };
    let left = if args.dry_run { "nothing was changed: a dry run" } else { left };
    context.out.line(format!("{left}; {same} as configured already"))?;
    Ok(Exit::Ok)
}

fn diff(context: &Context, args: &DiffArgs) -> Result<Exit, Failure> {
    let how = Apply { dry_run: true, force: args.force_conflicts };
    let (mut done, _) = bring(context, &args.who, &args.place, how)?;
    done.retain(|a| a.change != Change::Unchanged);
    match context.out.json() {
        true => context.out.value(&done)?,
        false => {
            for applied in &done {
                context.out.line(format!("{} {}", word(applied.change, context.out.color), applied.object))?;
                for line in &applied.lines {
                    let paint = if line.starts_with('+') { Paint::Good } else { Paint::Bad };
                    context.out.line(format!("  {}", paint.on(line, context.out.color)))?;
                }
            }
        }
    }
    Ok(if done.is_empty() { Exit::Ok } else { Exit::Differs })
}

fn bring(context: &Context, who: &Who, place: &Where, how: Apply) -> Result<(Vec<Applied>, Vec<String>), Failure> {
    let (objects, operator) = wanted(context, who)?;
    let done = block_on(async {
        let client = cluster::connect(place.kubeconfig.as_deref(), place.context.as_deref()).await?;
        Ok(cluster::apply(&client, &objects, &operator, how).await?)
    })?;
    Ok((done, objects.notes))
}

fn word(change: Change, color: bool) -> String {
    match change {
        Change::Created => Paint::Good.on("create", color),
        Change::Changed => Paint::Busy.on("change", color),
        Change::Removed => Paint::Bad.on("remove", color),
        Change::Unchanged => Paint::Dim.on("same  ", color),
    }
}

fn remove(context: &Context, args: &RemoveArgs) -> Result<Exit, Failure> {
    if !args.yes {
        return Err(Failure::usage(format!("tenant `{}` would be taken from the cluster", args.tenant))
            .hint("if that is meant, say --yes"));
    }
    let what = Remove { tenant: &args.tenant, force: args.force, namespace: args.with_namespace };
    let gone = block_on(async {
        let client = cluster::connect(args.place.kubeconfig.as_deref(), args.place.context.as_deref()).await?;
        Ok(cluster::remove(&client, what).await?)
    })?;
    if context.out.json() {
        context.out.value(&gone)?;
        return Ok(Exit::Ok);
    }
    for object in &gone {
        context.out.line(format!("{} {object}", word(Change::Removed, context.out.color)))?;
    }
    if !args.with_namespace {
        context.out.tell(format!("namespace `{}` stays, with what others put there", args.tenant));
    }
    Ok(Exit::Ok)
}

fn compiler_key(context: &Context) -> Result<Exit, Failure> {
    let plan = super::plan(context)?;
    let operator = &cluster::settings(&plan)?.namespace;
    let pair = KeyPair::generate().map_err(|e| Failure::internal(format!("no key can be made: {e}")))?;
    context.out.text(compiler_key_yaml(&pair, operator))?;
    context.out.tell(format!("new keys for Secret and ConfigMap {operator}/{COMPILER}: keep them out of repositories"));
    Ok(Exit::Ok)
}

impl From<ClusterError> for Failure {
    fn from(error: ClusterError) -> Failure {
        let exit = match error {
            ClusterError::Unreachable(_) | ClusterError::Credentials(_) => Exit::Internal,
            ClusterError::Refused(_) => Exit::Refused,
            ClusterError::NotFound(_) => Exit::NotFound,
        };
        Failure::with_advice(exit, &error.to_string())
    }
}

impl From<Unfit> for Failure {
    fn from(why: Unfit) -> Failure {
        Failure::with_advice(Exit::Config, &why.0)
    }
}
