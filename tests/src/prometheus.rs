//! Prometheus and promtool of the machine: what reads metrics in earnest.
//!
//! Where they are missing, a test says in one line that it did not run; with `WHARF_CI=1`, it fails.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long Prometheus may take to come up.
const UP: Duration = Duration::from_secs(60);
/// How long one question to it may take.
const ANSWER: Duration = Duration::from_secs(30);

/// Whether both programs are there; says so where they are not.
///
/// # Panics
/// With `WHARF_CI=1`, where they are not.
#[must_use]
pub fn is_there() -> bool {
    let runs = |program: &str| {
        let asked = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    };
    let there = runs("promtool") && runs("prometheus");
    if !there {
        let reason =
            "promtool and prometheus are missing: Debian's package `prometheus` has both, `tests/setup.sh` installs it";
        assert!(std::env::var_os("WHARF_CI").is_none_or(|v| v != "1"), "not run: {reason}");
        eprintln!("not run: {reason}");
    }
    there
}

/// Has promtool read metrics in Prometheus' own format, and judge their names, kinds and help.
///
/// # Errors
/// What it does not like.
pub fn check(metrics: &str) -> Result<()> {
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = promtool.spawn().context("promtool does not start")?;
    running.stdin.take().context("it has a standard input")?.write_all(metrics.as_bytes())?;
    let done = running.wait_with_output()?;
    let said = [done.stdout, done.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    ensure!(done.status.success() && said.trim().is_empty(), "promtool: {}: {said}\n{metrics}", done.status);
    Ok(())
}

/// A Prometheus that scrapes as its config says; killed when dropped.
#[derive(Debug)]
pub struct Prometheus {
    child: Child,
    address: SocketAddr,
    dir: tempfile::TempDir,
}

impl Prometheus {
    /// Starts one that scrapes every second as the text of a config says, which has no `global`, and waits until it serves.
    ///
    /// # Errors
    /// Where it does not come up; with what it said.
    pub fn start(config: &str) -> Result<Prometheus> {
        let dir = tempfile::Builder::new().prefix("wharf-prometheus-").tempdir()?;
        let (file, data, log) =
            (dir.path().join("prometheus.yml"), dir.path().join("data"), dir.path().join("prometheus.log"));
        std::fs::write(&file, format!("global: {{scrape_interval: 1s}}\n{config}"))?;
        // A port that is free now; nothing else of a test takes one without asking for a free one.
        let address = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", data.display()))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log)?)
            .spawn()
            .context("prometheus does not start")?;
        let mut prometheus = Prometheus { child, address, dir };
        let deadline = Instant::now() + UP;
        while prometheus.get("/-/ready").is_err() {
            if let Some(status) = prometheus.child.try_wait()? {
                bail!("prometheus ended ({status}): {}", prometheus.log());
            }
            ensure!(Instant::now() < deadline, "prometheus is not ready in time: {}", prometheus.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(prometheus)
    }

    /// The names of all metrics that it has.
    ///
    /// # Errors
    /// Where it does not answer.
    pub fn names(&self) -> Result<BTreeSet<String>> {
        let names = self.api("/api/v1/label/__name__/values")?;
        let names = names.as_array().context("a list of names")?;
        Ok(names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect())
    }

    /// Waits until it has all of these metrics.
    ///
    /// # Errors
    /// Which it lacks when the time is over.
    pub fn wait_for(&self, wanted: &BTreeSet<String>, patience: Duration) -> Result<()> {
        let deadline = Instant::now() + patience;
        loop {
            let names = self.names()?;
            let missing: Vec<_> = wanted.difference(&names).collect();
            if missing.is_empty() {
                return Ok(());
            }
            let told = || format!("{:?}: {}", self.targets(), self.log());
            ensure!(Instant::now() < deadline, "Prometheus lacks {missing:?}: {}", told());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The samples that an expression gives now; it has no characters that a URL has a use for.
    ///
    /// # Errors
    /// Where it does not answer.
    pub fn query(&self, expression: &str) -> Result<Vec<Value>> {
        let mut answer = self.api(&format!("/api/v1/query?query={expression}"))?;
        Ok(answer["result"].as_array_mut().map(std::mem::take).unwrap_or_default())
    }

    /// What its targets are, and how scraping them goes.
    ///
    /// # Errors
    /// Where it does not answer.
    pub fn targets(&self) -> Result<Value> {
        Ok(self.api("/api/v1/targets?state=active")?["activeTargets"].clone())
    }

    /// What it said.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("prometheus.log")).unwrap_or_default()
    }

    fn api(&self, path: &str) -> Result<Value> {
        let mut answer: Value = serde_json::from_str(&self.get(path)?).with_context(|| path.to_owned())?;
        ensure!(answer["status"] == "success", "{path}: {answer}");
        Ok(answer["data"].take())
    }

    /// The body of a good answer.
    fn get(&self, path: &str) -> Result<String> {
        let mut stream = TcpStream::connect_timeout(&self.address, ANSWER)?;
        stream.set_read_timeout(Some(ANSWER))?;
        // Of HTTP 1.0 the end of the connection is the end of the answer.
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.address)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("an answer has a head")?;
        ensure!(head.split(' ').nth(1) == Some("200"), "{path}: {head}");
        Ok(body.to_owned())
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The names under which Prometheus has the metrics of a table like that of `host/METRICS.md`: of a histogram its count.
///
/// # Errors
/// Where the file is not there.
pub fn documented(table: &Path) -> Result<BTreeSet<String>> {
    let text = std::fs::read_to_string(table).with_context(|| table.display().to_string())?;
    let rows = text.lines().filter(|line| line.starts_with("| `wharf_"));
    let names = rows.map(|row| {
        let mut cells = row.split('|').map(|cell| cell.trim().trim_matches('`'));
        let (name, kind) = (cells.nth(1).unwrap_or_default(), cells.next().unwrap_or_default());
        if kind == "histogram" { format!("{name}_count") } else { name.to_owned() }
    });
    Ok(names.collect())
}
