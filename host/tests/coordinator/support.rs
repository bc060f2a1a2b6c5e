use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use wharf::api::types::{AttemptDetail, CreateRun, ErrorBody, RunAnswer, RunDetail, RunEvent, TaskDetail, TaskState};
use wharf::client::{Client, ClientError, Events};
use wharf::coordinator::{Config, Handle, Options, StartError, start};
use wharf_contract::{Cause, Payload};
use wharf_core::event::RunId;

/// How long anything may take that a test waits for.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// A folder with a config, and the state of the coordinator that is started in it.
pub struct Home {
    dir: TempDir,
}

/// A coordinator of this process.
pub struct Running {
    pub handle: Handle,
    pub client: Client,
}

impl Home {
    pub fn new(config: &str) -> Home {
        let home = Home { dir: tempfile::Builder::new().prefix("wharf-test-").tempdir().unwrap() };
        home.write(config);
        home
    }

    pub fn write(&self, config: &str) {
        std::fs::write(self.path("wharf.yaml"), config).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn options(&self) -> Options {
        let config = Config::Paths(vec![self.path("wharf.yaml")]);
        Options { runtime: Some(runtime()), signals: false, ..Options::serve(config, self.path("state")) }
    }

    pub async fn start(&self) -> Running {
        self.start_with(self.options()).await.unwrap()
    }

    pub async fn start_with(&self, options: Options) -> Result<Running, StartError> {
        let handle = start(options).await?;
        let client = Client::new(handle.socket());
        Ok(Running { handle, client })
    }

    /// Worker processes of this home.
    pub fn workers(&self) -> Vec<Pid> {
        let cache = self.path("state/cache");
        let is_worker = |pid: &i32| {
            let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let args: Vec<_> = command.split(|b| *b == 0).collect();
            // A worker that is about to start a compiler is there twice for a moment.
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok());
            args.contains(&cache.as_os_str().as_encoded_bytes()) && parent == Some(std::process::id())
        };
        let processes = std::fs::read_dir("/proc").unwrap();
        let pids = processes.filter_map(|p| p.unwrap().file_name().to_str()?.parse().ok());
        pids.filter(is_worker).filter_map(Pid::from_raw).collect()
    }
}

/// Kills a process, and waits until it is gone.
pub async fn kill(pid: Pid) {
    let gone = gone(pid);
    kill_process(pid, Signal::KILL).unwrap();
    gone.await;
}

/// Waits until a process is gone.
pub fn gone(pid: Pid) -> impl Future<Output = ()> {
    let fd = pidfd_open(pid, PidfdFlags::empty());
    async move {
        let Ok(fd) = fd else { return };
        let wait = tokio::task::spawn_blocking(move || {
            let mut poll = [rustix::event::PollFd::new(&fd, rustix::event::PollFlags::IN)];
            let timeout = rustix::event::Timespec { tv_sec: 60, tv_nsec: 0 };
            rustix::event::poll(&mut poll, Some(&timeout)).unwrap()
        });
        assert_eq!(wait.await.unwrap(), 1, "process {pid:?} does not end");
    }
}

impl Running {
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        within(self.client.get(path)).await.unwrap()
    }

    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &(impl Serialize + Sync)) -> T {
        within(self.client.post(path, body)).await.unwrap()
    }

    /// What is wrong with a request.
    pub async fn refused(&self, path: &str, body: &(impl Serialize + Sync)) -> ErrorBody {
        match within(self.client.post::<_, Value>(path, body)).await {
            Err(ClientError::Api(error)) => error,
            other => panic!("{path}: {other:?}"),
        }
    }

    /// Makes a run of the flow `f`; does not wait for it.
    pub async fn create(&self) -> RunId {
        self.post::<RunAnswer>("/v1/runs", &flow("f")).await.run
    }

    /// Runs a flow to its end.
    pub async fn run(&self, name: &str) -> RunDetail {
        let answer: RunAnswer = self.post("/v1/runs?wait=true", &flow(name)).await;
        let detail = self.detail(answer.run).await;
        assert_eq!(detail.summary.state, answer.state);
        detail
    }

    pub async fn detail(&self, run: RunId) -> RunDetail {
        self.get(&format!("/v1/runs/{run}")).await
    }

    pub async fn watch(&self, run: RunId) -> Watch {
        Watch(within(self.client.events(&format!("/v1/runs/{run}/watch"))).await.unwrap())
    }

    /// Cancels a run, and waits for its end.
    pub async fn cancel(&self, run: RunId) -> RunDetail {
        let mut watch = self.watch(run).await;
        let _: RunAnswer = self.post(&format!("/v1/runs/{run}/cancel"), &json!({})).await;
        watch.until(|e| matches!(e, RunEvent::Ended { .. })).await;
        self.detail(run).await
    }

    pub async fn drain(mut self) {
        self.handle.drain();
        within(self.handle.join()).await.unwrap();
    }
}

/// The changes of a run.
pub struct Watch(Events);

impl Watch {
    /// The next change, until the stream ends.
    pub async fn next(&mut self) -> Option<RunEvent> {
        let event = within(self.0.next()).await.unwrap()?;
        Some(serde_json::from_str(&event.data).unwrap())
    }

    /// All changes up to one.
    pub async fn until(&mut self, is: impl Fn(&RunEvent) -> bool) -> Vec<RunEvent> {
        let mut seen = Vec::new();
        while let Some(event) = self.next().await {
            let found = is(&event);
            seen.push(event);
            if found {
                return seen;
            }
        }
        panic!("the stream ended after {seen:#?}")
    }

    /// Waits until a task runs: its start was handed to a worker.
    pub async fn until_running(&mut self) {
        let runs = |tasks: &[TaskDetail]| tasks.iter().any(|t| t.state == TaskState::Running);
        self.until(|event| match event {
            RunEvent::Snapshot { detail } => runs(&detail.tasks),
            RunEvent::Task { state, .. } => *state == TaskState::Running,
            _ => false,
        })
        .await;
    }
}

pub async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, work).await.expect("it takes too long")
}

fn flow(name: &str) -> CreateRun {
    CreateRun { flow: name.to_owned(), ..CreateRun::default() }
}

/// The tasks of the flow `f`, as YAML in flow style, each with the component of that name.
pub fn flow_of(tasks: &[(&str, &str, Value)]) -> String {
    let mut text = "kind: Flow\napiVersion: wharf.dev/v1\nmetadata: {name: f}\nspec:\n  tasks:\n".to_owned();
    for (name, of, more) in tasks {
        let mut task = json!({"name": name, "component": {"path": component(of)}});
        task.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        text += &format!("    - {task}\n");
    }
    text
}

/// A flow `f` of one task that misbehaves as told.
pub fn misbehaving(input: &Value, more: Value) -> String {
    let mut task = json!({"input": input});
    task.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    flow_of(&[("a", "misbehave", task)])
}

/// The only attempt of a run's only task.
pub fn only(detail: &RunDetail) -> &AttemptDetail {
    match &detail.tasks[..] {
        [TaskDetail { attempts, .. }] if attempts.len() == 1 => &attempts[0],
        tasks => panic!("{tasks:#?}"),
    }
}

pub fn causes(detail: &RunDetail) -> Vec<Option<Cause>> {
    detail.tasks.iter().flat_map(|t| &t.attempts).map(|a| a.outcome.as_ref().map(|o| o.cause)).collect()
}

pub fn output(attempt: &AttemptDetail) -> Value {
    match attempt.outcome.as_ref().and_then(|o| o.output.as_ref()) {
        Some(Payload::Json(json)) => serde_json::from_str(json.get()).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// The binary of the runtime, which `cargo xtask test` builds before.
fn runtime() -> PathBuf {
    let path = std::env::var_os("WHARF_RUNTIME").map_or_else(
        || std::env::current_exe().unwrap().ancestors().nth(3).unwrap().join("release/wharf-runtime"),
        PathBuf::from,
    );
    assert!(path.is_file(), "{} is not there: run `cargo xtask test`, or name it in WHARF_RUNTIME", path.display());
    path
}

pub fn component(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/dist").join(format!("{name}.wasm"));
    path.canonicalize().unwrap_or_else(|e| panic!("{}: {e}: run `cargo xtask test`", path.display()))
}
