use crate::cli::session::block_on;
use crate::cli::{Context, Exit, Failure};
use crate::cluster::component::{self, ComponentError};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use wharf_core::plan::{Component, Components, Executor, Plan};
use wharf_depot::oci::{self, Registry};

/// Put the configuration's components into a registry
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Each component goes to <repository>/<name of its file without .wasm>, and what is printed is the
reference by which it is pulled. Its digest follows from the component's content alone: pushed again,
the same component has the same reference, and what the registry has already is not sent.

The repository and the form are those of `components` in the Coordinator's `kubernetes`: with
`registry` wasm artifacts, with `image` images that hold task.wasm. With --to, any repository.

Credentials are read as Docker writes them; programs that keep credentials are not asked.

With -o json: an array.

Examples:
  wharf push
  wharf push --to registry.example.org/team/components
  wharf push --image --to registry.example.org/team/components flows/")]
pub(in crate::cli) struct Args {
    /// Files or folders of *.yaml. Default: the configuration
    #[arg(value_name = "CONFIG")]
    files: Vec<PathBuf>,
    /// Repository. Default: the configuration's
    #[arg(long, value_name = "REPOSITORY")]
    to: Option<String>,
    /// As images for image volumes, not as wasm artifacts
    #[arg(long)]
    image: bool,
    /// Plain HTTP will do
    #[arg(long)]
    insecure: bool,
    /// A file as Docker writes it, or the folder of a Secret that holds one. Default: the config.json of
    /// DOCKER_CONFIG, else of ~/.docker, where there is one
    #[arg(long, value_name = "FILE")]
    credentials: Option<PathBuf>,
}

/// What was pushed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Pushed {
    name: String,
    component: String,
    reference: String,
}

/// Where components go, and as what.
#[derive(Debug, PartialEq, Eq)]
struct Target {
    repository: String,
    insecure: bool,
    /// Of the nodes, where they are images.
    image: Option<String>,
}

pub(in crate::cli) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let plan = match args.files.is_empty() {
        true => super::plan(context)?,
        false => super::plan_of(context, args.files.clone())?,
    };
    let target = target(&plan, args)?;
    let credentials = credentials(args)?;
    let mut components: BTreeMap<(String, String), &Component> = BTreeMap::new();
    for task in plan.flows.values().flat_map(|f| &f.tasks) {
        components.entry((component::name(&task.component), task.component.digest.clone())).or_insert(&task.component);
    }
    if components.is_empty() {
        context.out.tell("the configuration has no components");
    }
    let mut pushed = Vec::new();
    for ((name, digest), component) in components {
        let bytes = component::read(component)?;
        let package = match &target.image {
            Some(architecture) => oci::image(&bytes, architecture),
            None => oci::artifact(bytes),
        };
        let repository = format!("{}/{name}", target.repository);
        let reference = block_on(async {
            let registry = Registry::open(&repository, credentials.as_deref(), target.insecure)?;
            Ok(registry.push(&package).await?)
        })?;
        if !context.out.json() {
            context.out.line(&reference)?;
        }
        pushed.push(Pushed { name, component: digest, reference });
    }
    if context.out.json() {
        context.out.value(&pushed)?;
    }
    Ok(Exit::Ok)
}

fn target(plan: &Plan, args: &Args) -> Result<Target, Failure> {
    let kubernetes = match &plan.coordinator.executor {
        Executor::Kubernetes(kubernetes) => Some(kubernetes),
        Executor::Local => None,
    };
    let (repository, plain, is_image) = match kubernetes.map(|k| &k.components) {
        Some(Components::Registry { repository, insecure, .. }) => (Some(repository), *insecure, false),
        Some(Components::Image { repository, .. }) => (Some(repository), false, true),
        Some(Components::Store | Components::Volume { .. }) | None => (None, false, false),
    };
    if args.image && !is_image && args.to.is_none() && repository.is_some() {
        return Err(Failure::usage("the configuration's components are wasm artifacts, and --image makes images")
            .hint("leave --image out, or name another repository with --to"));
    }
    let repository = args.to.as_ref().or(repository).ok_or_else(|| {
        Failure::usage("the configuration's components come from no registry")
            .hint("name a repository: --to registry.example.org/team/components")
    })?;
    // Nothing of the configuration's own repository counts for another.
    let own = args.to.is_none();
    let architecture = kubernetes.map_or("amd64", |k| k.architecture.as_str());
    Ok(Target {
        repository: repository.trim_end_matches('/').to_owned(),
        insecure: args.insecure || own && plain,
        image: (args.image || own && is_image).then(|| architecture.to_owned()),
    })
}

fn credentials(args: &Args) -> Result<Option<PathBuf>, Failure> {
    if let Some(path) = &args.credentials {
        std::fs::metadata(path).map_err(|e| Failure::io("read the credentials", path, &e))?;
        return Ok(Some(path.clone()));
    }
    let set = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let folder = set("DOCKER_CONFIG").or_else(|| Some(set("HOME")?.join(".docker")));
    Ok(folder.map(|f| f.join("config.json")).filter(|f| f.is_file()))
}

impl From<ComponentError> for Failure {
    fn from(error: ComponentError) -> Failure {
        match error {
            ComponentError::Missing(why) => Failure::not_found(why),
            ComponentError::Different(why) => Failure::refused(why).hint("do it again"),
        }
    }
}

impl From<wharf_depot::Error> for Failure {
    fn from(error: wharf_depot::Error) -> Failure {
        use wharf_depot::Error as E;
        let exit = match &error {
            E::Settings(_) => Exit::Usage,
            E::NotFound { .. } => Exit::NotFound,
            E::Denied { .. } | E::Different { .. } | E::TooLarge { .. } | E::Changed { .. } => Exit::Refused,
            E::Unavailable { .. } | E::Local(_) => Exit::Internal,
        };
        Failure::with_advice(exit, &error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_core::config::{self, Catalog, Source};

    fn plan(components: &str) -> Plan {
        let text = format!(
            "apiVersion: wharf.dev/v1\nkind: Coordinator\nspec: {{executor: kubernetes, kubernetes: {{image: 'r.example/wharf:1', \
             architecture: arm64, components: {components}, artifactStore: {{s3: {{bucket: wharf}}}}}}}}\n"
        );
        let source = Source { name: "wharf.yaml".into(), dir: "/".into(), text: text.into_bytes() };
        let resolved = config::resolve(config::parse(vec![source]), &Catalog::new());
        resolved.plan.unwrap_or_else(|| panic!("{:?}", resolved.faults))
    }

    fn args(to: Option<&str>, image: bool, insecure: bool) -> Args {
        Args { files: Vec::new(), to: to.map(Into::into), image, insecure, credentials: None }
    }

    #[test]
    fn where_components_go() {
        let registry = "{registry: {repository: r.example/team, insecure: true}}";
        let image = "{image: {repository: r.example/images}}";
        let to = |repository: &str, insecure, image: Option<&str>| {
            Ok(Target { repository: repository.into(), insecure, image: image.map(Into::into) })
        };
        for (plan, args, expect) in [
            (plan(registry), args(None, false, false), to("r.example/team", true, None)),
            (plan(registry), args(Some("o.example/x/"), false, false), to("o.example/x", false, None)),
            (plan(registry), args(Some("o.example/x"), true, true), to("o.example/x", true, Some("arm64"))),
            (plan(registry), args(None, true, false), Err("the configuration's components are wasm artifacts")),
            (plan(image), args(None, false, false), to("r.example/images", false, Some("arm64"))),
            (plan(image), args(None, true, true), to("r.example/images", true, Some("arm64"))),
            (plan(image), args(Some("o.example/x"), false, false), to("o.example/x", false, None)),
            (
                plan("{store: {}}"),
                args(None, false, false),
                Err("the configuration's components come from no registry"),
            ),
            (Plan::default(), args(None, false, false), Err("the configuration's components come from no registry")),
            (Plan::default(), args(Some("o.example/x"), true, false), to("o.example/x", false, Some("amd64"))),
        ] {
            match (target(&plan, &args), expect) {
                (Ok(target), expect) => assert_eq!(Ok(target), expect),
                (Err(failure), Err(says)) => assert!(failure.message.starts_with(says), "{failure:?}"),
                (Err(failure), Ok(_)) => panic!("{failure:?}"),
            }
        }
    }
}
