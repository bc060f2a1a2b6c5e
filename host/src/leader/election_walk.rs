//! Candidates on clocks of their own, an API server that is slow, loses answers and carries things out late, processes that
//! stand still, die and come back: never do two lead at one time, and when the trouble is over, soon one does.

use super::*;

/// Milliseconds of one step of the walk.
const STEP: u64 = 50;
const TROUBLE: u64 = 300_000;
/// When the trouble is over, somebody leads by then: what was lost is noticed, a Lease expires, it is taken.
const CALM: u64 = 60_000;

struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

/// A process: its clock is set somehow, and runs up to 2 % fast or slow.
struct Process {
    election: Election,
    offset: u64,
    permille: u64,
    name: String,
    call: Option<Call>,
    /// It stands still until then, in the walk's time.
    frozen: u64,
    /// The version that its writes are made for.
    version: Option<String>,
}

/// A call as its caller sees it.
struct Call {
    id: u64,
    step: Step,
    sent: Instant,
    until: Instant,
}

/// A request on its way to the API server, and when it gets there.
struct Request {
    id: u64,
    at: u64,
    step: Step,
    name: String,
    version: Option<String>,
}

/// An answer on its way back.
struct Answer {
    id: u64,
    at: u64,
    looked: Option<Looked>,
    wrote: Option<Wrote>,
}

#[derive(Default)]
struct Server {
    lease: Option<Record>,
    version: u64,
}

impl Server {
    fn look(&self) -> Looked {
        self.lease.clone().map_or(Looked::Nothing, Looked::Lease)
    }

    fn write(&mut self, write: Write, name: &str, version: Option<&str>) -> Wrote {
        let same = self.lease.as_ref().map(|lease| lease.version.as_str()) == version;
        match write {
            Write::Create if self.lease.is_some() => return Wrote::Conflict,
            Write::Create => {}
            Write::Take | Write::Renew | Write::Release if !same || self.lease.is_none() => return Wrote::Conflict,
            Write::Take | Write::Renew | Write::Release => {}
        }
        self.version += 1;
        let holder = (write != Write::Release).then(|| name.to_owned());
        let duration = Some(Timing::default().lease_duration());
        self.lease = Some(Record { version: self.version.to_string(), holder, duration });
        Wrote::Done(self.version.to_string())
    }
}

struct Walk {
    base: Instant,
    chance: Chance,
    now: u64,
    server: Server,
    processes: Vec<Process>,
    requests: Vec<Request>,
    answers: Vec<Answer>,
    calls: u64,
    names: u64,
    terms: u64,
}

impl Walk {
    fn new(seed: u64, candidates: usize) -> Walk {
        let mut walk = Walk {
            base: Instant::now(),
            chance: Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            now: 0,
            server: Server::default(),
            processes: Vec::new(),
            requests: Vec::new(),
            answers: Vec::new(),
            calls: 0,
            names: 0,
            terms: 0,
        };
        for _ in 0..candidates {
            let process = walk.process();
            walk.processes.push(process);
        }
        walk
    }

    fn process(&mut self) -> Process {
        self.names += 1;
        let (offset, permille) = (self.chance.below(86_400_000), 980 + self.chance.below(41));
        let name = format!("p-{}", self.names);
        let now = clock(self.base, offset, permille, self.now);
        let election = Election::new(name.clone(), Timing::default(), now);
        Process { election, offset, permille, name, call: None, frozen: 0, version: None }
    }

    /// How long something is on its way, and whether it gets there.
    fn way(&mut self) -> (u64, bool) {
        let trouble = self.now < TROUBLE;
        match self.chance.below(20) {
            0 if trouble => (self.chance.below(30_000), true),
            1 if trouble => (0, false),
            _ => (self.chance.below(300), true),
        }
    }

    fn step(&mut self) {
        self.now += STEP;
        self.serve();
        for i in 0..self.processes.len() {
            if self.now < TROUBLE {
                match self.chance.below(4_000) {
                    0 => self.processes[i].frozen = self.now + self.chance.below(40_000),
                    1 => {
                        let process = self.process();
                        self.processes[i] = process;
                    }
                    2 => {
                        let now = self.processes[i].now(self.base, self.now);
                        if self.processes[i].call.is_none() {
                            self.processes[i].election.let_go(now);
                        }
                    }
                    _ => {}
                }
            }
            if self.processes[i].frozen <= self.now {
                self.run(i);
            }
        }
        let leaders: Vec<_> = self.processes.iter().filter(|p| p.election.leads(p.now(self.base, self.now))).collect();
        assert!(leaders.len() <= 1, "at {} ms: {:?}", self.now, leaders.iter().map(|p| &p.name).collect::<Vec<_>>());
    }

    /// Carries out what has got to the API server.
    fn serve(&mut self) {
        let now = self.now;
        let due: Vec<_> = self.requests.extract_if(.., |request| request.at <= now).collect();
        for Request { id, step, name, version, .. } in due {
            let (looked, wrote) = match step {
                Step::Write(write) => (None, Some(self.server.write(write, &name, version.as_deref()))),
                _ => (Some(self.server.look()), None),
            };
            let (way, arrives) = self.way();
            if arrives {
                self.answers.push(Answer { id, at: now + way, looked, wrote });
            }
        }
    }

    /// Lets a process do what it does.
    fn run(&mut self, i: usize) {
        let now = self.processes[i].now(self.base, self.now);
        if let Some(call) = self.processes[i].call.take() {
            let at = self.answers.iter().position(|a| a.id == call.id && a.at <= self.now);
            match at.map(|at| self.answers.swap_remove(at)) {
                Some(answer) => self.processes[i].answered(&call, answer, now),
                None if call.until <= now => self.processes[i].given_up(&call, now),
                None => {
                    self.processes[i].call = Some(call);
                    return;
                }
            }
        }
        let led = self.processes[i].election.leads(now);
        match self.processes[i].election.next(now) {
            Step::Wait(_) => {}
            // As a container is started again.
            Step::Lost(_) | Step::Released => {
                let process = self.process();
                self.processes[i] = process;
            }
            step => {
                self.calls += 1;
                self.terms += u64::from(!led && step != Step::Look);
                let process = &self.processes[i];
                let (name, version) = (process.name.clone(), process.version.clone());
                let until = process.election.patience(now);
                let (way, arrives) = self.way();
                if arrives {
                    let (id, at) = (self.calls, self.now + way);
                    self.requests.push(Request { id, at, step: step.clone(), name, version });
                }
                self.processes[i].call = Some(Call { id: self.calls, step, sent: now, until });
            }
        }
    }
}

impl Process {
    fn now(&self, base: Instant, now: u64) -> Instant {
        clock(base, self.offset, self.permille, now)
    }

    fn answered(&mut self, call: &Call, answer: Answer, now: Instant) {
        if let Some(looked) = answer.looked {
            self.version = match &looked {
                Looked::Lease(record) => Some(record.version.clone()),
                Looked::Nothing | Looked::Failed => None,
            };
            self.election.looked(looked, now);
        }
        if let (Some(wrote), Step::Write(write)) = (answer.wrote, &call.step) {
            if let Wrote::Done(version) = &wrote {
                self.version = Some(version.clone());
            }
            self.election.wrote(*write, wrote, call.sent, now);
        }
    }

    fn given_up(&mut self, call: &Call, now: Instant) {
        match &call.step {
            Step::Write(write) => self.election.wrote(*write, Wrote::Failed, call.sent, now),
            _ => self.election.looked(Looked::Failed, now),
        }
    }
}

fn clock(base: Instant, offset: u64, permille: u64, now: u64) -> Instant {
    base + Duration::from_millis(offset) + Duration::from_micros(now * permille)
}

#[test]
fn never_do_two_lead_and_soon_one_does() {
    let mut terms = 0;
    for seed in 1..=150 {
        let mut walk = Walk::new(seed, 2 + usize::try_from(seed % 3).unwrap());
        while walk.now < TROUBLE + CALM {
            walk.step();
        }
        let leaders = walk.processes.iter().filter(|p| p.election.leads(p.now(walk.base, walk.now))).count();
        assert_eq!(leaders, 1, "seed {seed}: nobody leads long after the trouble");
        terms += walk.terms;
    }
    assert!(terms > 1_000, "the walk sees few changes of the leader: {terms}");
}
