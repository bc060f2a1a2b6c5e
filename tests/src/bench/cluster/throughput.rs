use super::super::{run_to_end, verdict};
use super::world;
use super::{raw, watched};
use crate::binaries::component;
use crate::cluster::Cluster;
use crate::cluster_world::{Setup, World};
use crate::serve::{Home, Serve};
use anyhow::{Result, ensure};
use k8s_openapi::api::batch::v1::Job;
use kube::Client;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const MIB: f64 = 1024.0 * 1024.0;

/// Attempts at one time, and the raw loop's Jobs.
const WINDOW: u32 = 1_000;

/// How long pods pretend to run so that all of a window live at the same time.
const LASTING: &str = "60s";

/// What of a pair goes first: the API server is slower at first, and both bear that in turn.
enum First {
    Wharf,
    Raw,
}

/// A fan-out, and the raw loop that makes the same writes beside it.
struct Pair {
    attempts: u32,
    wharf: Duration,
    raw: Duration,
    writes: BTreeMap<String, u32>,
}

impl std::ops::Add for Pair {
    type Output = Pair;

    fn add(mut self, other: Pair) -> Pair {
        for (what, count) in other.writes {
            *self.writes.entry(what).or_default() += count;
        }
        let (wharf, raw) = (self.wharf + other.wharf, self.raw + other.raw);
        Pair { attempts: self.attempts + other.attempts, wharf, raw, writes: self.writes }
    }
}

impl Pair {
    fn each_ms(&self, whole: Duration) -> f64 {
        whole.as_secs_f64() * 1e3 / f64::from(self.attempts)
    }

    /// wharf's time over the raw loop's.
    fn ratio(&self) -> f64 {
        self.wharf.as_secs_f64() / self.raw.as_secs_f64()
    }
}

/// (g) attempts' throughput, (h) writes for each, (i) how both grow, (l) the coordinator's memory: on nodes that only
/// pretend to run pods, so that the API server and its controllers are all that is between wharf and the raw loop.
pub(super) async fn of_jobs(cluster: &Cluster, client: &Client, wanted: impl Fn(char) -> bool) -> Result<()> {
    let world = world(cluster, "bench")?;
    let bench = Bench::start(&world, client, None).await?;
    let idle = bench.serve.resident()? as f64 / MIB;
    bench.pair(100, First::Wharf).await?;
    let small = bench.pair(500, First::Wharf).await? + bench.pair(500, First::Raw).await?;
    if wanted('g') {
        throughput(&small);
    }
    if wanted('h') {
        writes(&small);
    }
    if wanted('i') {
        growth(&small, &bench.pair(5_000, First::Wharf).await?);
    }
    drop(bench);
    if wanted('i') || wanted('l') {
        // Another coordinator: the stores of the first are its own.
        let world = self::world(cluster, "bench-live")?;
        let bench = Bench::start(&world, client, Some(LASTING)).await?;
        let lasting = bench.pair(WINDOW, First::Wharf).await?;
        line('i', "1,000 live Jobs", &lasting);
        let full = bench.serve.peak_resident()? as f64 / MIB;
        println!("l  coordinator, idle      {idle:>9.1} MiB resident");
        println!("l  with 1,000 live Jobs   {full:>9.1} MiB at the most");
    }
    Ok(())
}

fn throughput(pair: &Pair) {
    let rate = f64::from(pair.attempts) / pair.wharf.as_secs_f64();
    println!("g  fan-out of 500, twice  {rate:>9.1} attempts/s");
    let over_raw = 1.0 / pair.ratio();
    println!("                          {over_raw:>9.2} x the raw loop's, target 0.9: {}", verdict(over_raw >= 0.9));
}

fn writes(pair: &Pair) {
    let each = |count: u32| f64::from(count) / f64::from(pair.attempts);
    let all = each(pair.writes.values().sum());
    println!("h  our writes             {all:>9.2} for each attempt, target 4: {}", verdict(all <= 4.0));
    for (what, count) in &pair.writes {
        println!("                          {:>9.2} {what}", each(*count));
    }
}

fn growth(small: &Pair, large: &Pair) {
    line('i', "500 attempts", small);
    line('i', "5,000 attempts", large);
    let growth = large.ratio() / small.ratio();
    println!("i  flat within            {growth:>9.2} x, target 1.3: {}", verdict(growth <= 1.3));
}

fn line(letter: char, what: &str, pair: &Pair) {
    let (wharf, raw, ratio) = (pair.each_ms(pair.wharf), pair.each_ms(pair.raw), pair.ratio());
    println!("{letter}  {what:<22} {wharf:>9.1} ms each, {raw:.1} in the raw loop: {ratio:.2} x");
}

/// A coordinator whose component is compiled, and a Job as it makes them.
struct Bench<'a> {
    world: &'a World<'a>,
    client: &'a Client,
    serve: Serve,
    template: Job,
    _home: Home,
}

impl<'a> Bench<'a> {
    /// `runs_for` is how long each pod pretends to run; none: it ends as soon as it runs.
    async fn start(world: &'a World<'a>, client: &'a Client, runs_for: Option<&str>) -> Result<Bench<'a>> {
        let pod_template = json!({
            "metadata": {"annotations": runs_for.map(|time| json!({"tests.wharf.dev/runs-for": time})).unwrap_or(json!({}))},
            "spec": {
                "nodeSelector": {"type": "kwok"},
                "tolerations": [{"key": "kwok.x-k8s.io/node", "value": "fake", "effect": "NoSchedule"}],
            },
        });
        let setup = Setup {
            coordinator: json!({"parallelism": WINDOW}),
            tenant: json!({"podTemplate": pod_template}),
            ..Setup::default()
        };
        let fan = json!({
            "params": {"defaults": {"n": 1}},
            "tasks": [{
                "name": "item",
                "component": {"path": component("noop")},
                "forEach": {"items": "{{ range(params.n) | list }}"},
                "input": "{{ item }}",
            }],
        });
        let home = world.home(&(world.head(&setup) + &world.flow("fan", &fan)))?;
        let serve = home.serve().await?;
        let job = watched::next_job(client, world.tenant()).await?;
        run_to_end(&serve.client, "fan", json!({"n": 20})).await?;
        Ok(Bench { world, client, serve, template: raw::template(job.await??.object), _home: home })
    }

    /// Both times end when the last Job and the last pod are gone.
    async fn pair(&self, attempts: u32, first: First) -> Result<Pair> {
        let (wharf, writes, raw) = match first {
            First::Wharf => {
                let (wharf, writes) = self.wharf(attempts).await?;
                (wharf, writes, self.raw(attempts).await?)
            }
            First::Raw => {
                let raw = self.raw(attempts).await?;
                let (wharf, writes) = self.wharf(attempts).await?;
                (wharf, writes, raw)
            }
        };
        Ok(Pair { attempts, wharf, raw, writes })
    }

    async fn wharf(&self, attempts: u32) -> Result<(Duration, BTreeMap<String, u32>)> {
        let (client, namespace) = (self.client, self.world.tenant());
        watched::wait_empty(client, namespace).await?;
        let before = self.world.ours().writes()?.len();
        let start = Instant::now();
        run_to_end(&self.serve.client, "fan", json!({"n": attempts})).await?;
        watched::wait_empty(client, namespace).await?;
        let took = start.elapsed();
        let mut writes = BTreeMap::new();
        for write in self.world.ours().writes()?.into_iter().skip(before) {
            ensure!(write.user == self.world.user(), "somebody else wrote during the measurement: {write:?}");
            *writes.entry(format!("{} {}", write.verb, write.resource)).or_default() += 1;
        }
        Ok((took, writes))
    }

    async fn raw(&self, attempts: u32) -> Result<Duration> {
        let (client, namespace) = (self.client, self.world.tenant());
        watched::wait_empty(client, namespace).await?;
        let start = Instant::now();
        raw::run(client, &self.template, attempts, WINDOW).await?;
        watched::wait_empty(client, namespace).await?;
        Ok(start.elapsed())
    }
}
