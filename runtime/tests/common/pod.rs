//! Pods without a cluster: orders in files, paths by flags.
#![allow(dead_code, unreachable_pub, reason = "a module of each test file, which uses its own part")]

use super::Bench;
use ed25519_dalek::SigningKey;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use wharf_contract::pod::{
    CompileOrder, CompiledComponent, ComponentSource, PodInvocation, PodOrder, PodReport, StoredObject,
};
use wharf_contract::{Cause, Invocation, Outcome, StoreLocation};
use wharf_runtime::Digest;

/// A store, the compiler's keys, and pods that use them.
pub struct Cluster {
    pub bench: Bench,
    pub public_key: String,
    pub store: StoreLocation,
}

/// What a pod left.
pub struct Left {
    pub code: i32,
    pub report: PodReport,
    pub stderr: String,
}

impl Left {
    pub fn outcome(&self) -> &Outcome {
        let PodReport::Outcome(outcome) = &self.report else { panic!("{:?}", self.report) };
        outcome
    }

    pub fn ended(&self) -> (i32, Cause) {
        (self.code, self.outcome().cause)
    }
}

pub const UID: &str = "0b1e2f-77";

impl Cluster {
    pub fn new() -> Cluster {
        let bench = Bench::new();
        let key = SigningKey::from_bytes(&[7; 32]);
        std::fs::create_dir(bench.path("keys")).unwrap();
        std::fs::write(bench.path("keys/compiler.key"), key.to_bytes()).unwrap();
        std::fs::write(bench.path("keys/compiler.pub"), key.verifying_key().as_bytes()).unwrap();
        let public_key = key.verifying_key().as_bytes().iter().map(|b| format!("{b:02x}")).collect();
        let store = StoreLocation::Folder { path: bench.path("store") };
        Cluster { bench, public_key, store }
    }

    pub fn stored(&self, key: &str) -> PathBuf {
        self.bench.path("store").join(key)
    }

    /// Keeps an object.
    pub fn put(&self, key: &str, bytes: &[u8]) -> StoredObject {
        let path = self.stored(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
        StoredObject { key: key.into(), digest: Digest::of(bytes).to_string(), size: bytes.len() as u64 }
    }

    /// A pod that is starting, with a scratch folder of its own.
    pub fn start(&self, order: &str) -> (Child, PathBuf) {
        let pod = tempfile::tempdir_in(self.bench.dir.path()).unwrap().keep();
        std::fs::write(pod.join("order"), order).unwrap();
        std::fs::write(pod.join("uid"), UID).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_wharf-runtime"));
        command.arg("pod").args(["--grace", "500"]);
        for (flag, path) in [
            ("--order", pod.join("order")),
            ("--uid", pod.join("uid")),
            ("--report", pod.join("report")),
            ("--scratch", pod.join("scratch")),
            ("--compiler-keys", self.bench.path("keys")),
            ("--store-credentials", self.bench.path("credentials")),
            ("--registry-credentials", self.bench.path("registry")),
        ] {
            command.arg(flag).arg(path);
        }
        (command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap(), pod)
    }

    pub fn end(&self, (child, pod): (Child, PathBuf)) -> Left {
        let output = child.wait_with_output().unwrap();
        let report = std::fs::read(pod.join("report")).unwrap();
        assert!(report.len() <= wharf_contract::pod::MAX_REPORT);
        Left {
            code: output.status.code().unwrap(),
            report: serde_json::from_slice(&report).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub fn pod(&self, order: &PodOrder) -> Left {
        self.end(self.start(&serde_json::to_string(order).unwrap()))
    }

    pub fn compile(&self, digest: &str, source: ComponentSource) -> Left {
        let (digest, store) = (digest.to_owned(), self.store.clone());
        self.pod(&PodOrder::Compile(Box::new(CompileOrder { digest, source, store, memory: 4 << 30 })))
    }

    /// The order for this invocation, with its component compiled.
    pub fn order(&self, invocation: &Invocation) -> PodInvocation {
        let component = &invocation.component;
        let left = self.compile(&component.digest, ComponentSource::File { path: component.path.clone() });
        let PodReport::Compiled { object } = left.report else { panic!("{:?}", left.report) };
        let mut invocation = invocation.clone();
        invocation.component.path = PathBuf::new();
        PodInvocation {
            invocation,
            compiled: CompiledComponent { object, public_key: self.public_key.clone() },
            store: self.store.clone(),
            secret_env: Default::default(),
            secrets: Default::default(),
        }
    }

    pub fn run(&self, order: &PodInvocation) -> Left {
        self.pod(&PodOrder::Run(Box::new(order.clone())))
    }
}
