package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// options of a cluster.
type options struct {
	Dir string `json:"dir"`
	// Owner is the process with whose end the cluster goes down; 0 for none.
	Owner int `json:"owner"`
	// NodeGrace is how long a node may be silent before it counts as lost.
	NodeGrace time.Duration `json:"nodeGrace"`
	// Kwok is how many nodes only pretend; Stages is the file that says how.
	Kwok   int    `json:"kwok"`
	Stages string `json:"stages"`
}

// report is what the supervisor tells whoever started it: that the cluster is ready, or why not.
type report struct {
	Info  *info  `json:"info,omitempty"`
	Error string `json:"error,omitempty"`
}

// startDeadline is for a busy machine; a quiet one needs six seconds.
const startDeadline = 3 * time.Minute

// stopGrace: an API server drains for up to a minute, which nobody waits for here.
const stopGrace = 2 * time.Second

// supervisor owns one cluster from its first file to its last.
type supervisor struct {
	options options
	layout  layout
	bin     binaries
	node    *node
	api     *api
	info    info

	// ctx ends when the cluster is to go down, even before it is up.
	ctx context.Context

	lock     sync.Mutex
	programs map[string]program
	// stopping has the parts whose end is wanted.
	stopping map[string]bool
	failed   chan error
}

// supervise brings a cluster up, tells on ready when it is, and takes it down when it is told to (SIGTERM), when its owner
// ends or when it fails. Whatever it returns, the cluster is gone then.
func supervise(o options, ready *os.File) error {
	l, err := newLayout(o.Dir)
	if err != nil {
		return err
	}
	dir, err := recordsDir()
	if err != nil {
		return err
	}
	held, err := tryLock(lockPath(dir, l.id()))
	if errors.Is(err, errHeld) {
		return fmt.Errorf("a cluster in %s runs, or is being started", l.dir)
	}
	if err != nil {
		return err
	}
	defer held.release()
	if err := refuseOccupied(l); err != nil {
		return err
	}
	self, err := processOf(os.Getpid())
	if err != nil {
		return err
	}
	r := record{Dir: l.dir, Cgroup: l.cgroup(), Supervisor: self}
	if err := r.save(dir, l.id()); err != nil {
		return err
	}
	s := &supervisor{options: o, layout: l, programs: map[string]program{}, stopping: map[string]bool{}, failed: make(chan error, 1)}
	err = s.run(&r, dir, ready)
	if s.node != nil {
		s.node.end()
	}
	return errors.Join(err, remove(dir, l.id(), r))
}

// refuseOccupied: the folder is removed in the end, so nothing may be in it that is not the cluster's.
func refuseOccupied(l layout) error {
	entries, err := os.ReadDir(l.dir)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("%s is not empty: name another --dir, or remove it", l.dir)
}

func (s *supervisor) run(r *record, dir string, ready *os.File) error {
	down := make(chan os.Signal, 1)
	signal.Notify(down, syscall.SIGTERM, syscall.SIGINT)
	signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE)
	orphaned, err := watchOwner(s.options.Owner)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.ctx = ctx
	up := make(chan error, 1)
	go func() { up <- s.up(r, dir) }()
	defer func() {
		cancel()
		if up != nil {
			<-up
		}
	}()
	for {
		select {
		case err := <-up:
			up = nil
			if err != nil {
				return err
			}
			if err := json.NewEncoder(ready).Encode(report{Info: &s.info}); err != nil {
				return fmt.Errorf("nobody waits for the cluster any more: %w", err)
			}
			ready.Close()
		case err := <-s.failed:
			return err
		case <-orphaned:
			return nil
		case <-down:
			return nil
		}
	}
}

// watchOwner gives a channel that closes when the process has ended.
func watchOwner(pid int) (<-chan struct{}, error) {
	ended := make(chan struct{})
	if pid == 0 {
		return ended, nil
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		close(ended)
		return ended, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot watch process %d: %w", pid, err)
	}
	go func() {
		awaitEnd(fd)
		close(ended)
	}()
	return ended, nil
}

// up takes the cluster from nothing to a ready node.
func (s *supervisor) up(r *record, dir string) error {
	l := s.layout
	var err error
	if s.bin, err = build(func(string, ...any) {}); err != nil {
		return err
	}
	if err := l.make(); err != nil {
		return err
	}
	if err := os.Chmod(l.path("pki"), 0o700); err != nil {
		return err
	}
	gates := map[string]gate{}
	for _, name := range []string{"api", "s3", "registry"} {
		if gates[name], err = newGate(); err != nil {
			return err
		}
	}
	if err := makePKI(l, gates["api"].port()); err != nil {
		return err
	}
	if err := makeCgroup(l.cgroup()); err != nil {
		return err
	}
	if s.node, err = newNode(l, s.exited); err != nil {
		return err
	}
	if err := s.recordNode(r, dir); err != nil {
		return err
	}
	if s.api, err = newAPI(l, s.node); err != nil {
		return err
	}
	s.info = s.describe(gates)
	go gates["api"].open(s.node, apiPort)
	go gates["s3"].open(s.node, gates["s3"].port())
	go gates["registry"].open(s.node, gates["registry"].port())
	if err := s.startAll(gates); err != nil {
		return err
	}
	if err := s.listen(); err != nil {
		return err
	}
	text, err := json.MarshalIndent(s.info, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(infoPath(l), text, 0o600)
}

func (s *supervisor) recordNode(r *record, dir string) error {
	pid := s.node.init.Process.Pid
	var err error
	if r.Init, err = processOf(pid); err != nil {
		return err
	}
	r.Namespaces = map[string]string{}
	for _, name := range []string{"pid", "mnt", "net"} {
		if r.Namespaces[name], err = os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, name)); err != nil {
			return err
		}
	}
	return r.save(dir, s.layout.id())
}

func (s *supervisor) describe(gates map[string]gate) info {
	at := func(host, name string) string { return fmt.Sprintf("%s:%d", host, gates[name].port()) }
	return info{
		Dir:          s.layout.dir,
		Kubeconfig:   s.layout.path("kubeconfig"),
		S3:           "http://" + at("127.0.0.1", "s3"),
		S3Pods:       "http://" + at(nodeAddress, "s3"),
		S3Region:     s3Region,
		S3AccessKey:  s3RootKey,
		S3SecretKey:  newSecret(),
		Registry:     at("127.0.0.1", "registry"),
		RegistryPods: at(nodeAddress, "registry"),
		TinyImage:    tinyImage,
		AuditLog:     s.layout.path("audit.log"),
		Containerd:   s.layout.containerd(),
		Ctr:          s.bin.containerd + "/ctr",
		Kubectl:      []string{s.bin.kubernetes, "kubectl"},
	}
}

// startAll starts every part as soon as what it cannot do without is there.
func (s *supervisor) startAll(gates map[string]gate) error {
	l, b := s.layout, s.bin
	registry, err := exec.LookPath(registryBinary)
	if err != nil {
		return err
	}
	served, err := registryProgram(l, registry, gates["registry"].port())
	if err != nil {
		return err
	}
	engine, err := containerdProgram(l, b)
	if err != nil {
		return err
	}
	if err := registryHosts(l, gates["registry"].port()); err != nil {
		return err
	}
	apiserver, err := apiserverProgram(l, b)
	if err != nil {
		return err
	}
	kubelet, err := kubeletProgram(l, b)
	if err != nil {
		return err
	}
	if err := s.start(etcdProgram(l, b), engine, apiserver, s3Program(l, b, gates["s3"].port(), s.info.S3SecretKey), served); err != nil {
		return err
	}
	imported := make(chan error, 1)
	go func() { imported <- s.importTiny() }()
	if err := s.await("kube-apiserver", s.api.ready); err != nil {
		return err
	}
	if err := s.api.allowProxy(); err != nil {
		return err
	}
	if err := <-imported; err != nil {
		return err
	}
	if err := s.start(controllersProgram(l, b, s.options.NodeGrace), schedulerProgram(l, b), kubelet, proxyProgram(l, b)); err != nil {
		return err
	}
	if s.options.Kwok > 0 {
		if err := s.startKwok(); err != nil {
			return err
		}
	}
	if err := s.await("kubelet", func() error { return s.api.nodeReady(nodeName) }); err != nil {
		return err
	}
	for name, gate := range map[string]int{"s3": gates["s3"].port(), "registry": gates["registry"].port()} {
		if err := s.await(name, func() error { return s.listens(gate) }); err != nil {
			return err
		}
	}
	return nil
}

func (s *supervisor) listens(port int) error {
	conn, err := s.node.dial(fmt.Sprintf("127.0.0.1:%d", port))
	if err == nil {
		conn.Close()
	}
	return err
}

// start starts programs, and remembers them for the next start under their name.
func (s *supervisor) start(programs ...program) error {
	for _, p := range programs {
		p.Log = s.layout.log(p.Name)
		p.Env = append(p.Env, "PATH="+s.bin.containerd+":"+os.Getenv("PATH"), "HOME="+s.layout.path("tmp"), "TMPDIR="+s.layout.path("tmp"))
		s.lock.Lock()
		s.programs[p.Name] = p
		delete(s.stopping, p.Name)
		s.lock.Unlock()
		if err := s.node.start(p); err != nil {
			return err
		}
	}
	return nil
}

// await asks until the answer is no error, the part has ended, or the time is over.
func (s *supervisor) await(part string, ask func() error) error {
	deadline := time.Now().Add(startDeadline)
	for {
		err := ask()
		if err == nil {
			return nil
		}
		if !s.node.runs(part) {
			return fmt.Errorf("%s has ended: %s", part, s.tail(part))
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s is not ready in %s: %w: %s", part, startDeadline, err, s.tail(part))
		}
		select {
		case <-s.ctx.Done():
			return s.ctx.Err()
		case <-time.After(25 * time.Millisecond):
		}
	}
}

// exited is told when a part ends. One that nobody stopped takes the cluster with it.
func (s *supervisor) exited(name, status string) {
	s.lock.Lock()
	wanted := s.stopping[name]
	s.lock.Unlock()
	if wanted {
		return
	}
	select {
	case s.failed <- fmt.Errorf("%s ended by itself (%s): %s", name, status, s.tail(name)):
	default:
	}
}

// tail gives the end of a part's log, which goes away with the cluster.
func (s *supervisor) tail(part string) string {
	text, err := os.ReadFile(s.layout.log(part))
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-15):], "\n")
}

// importTiny gives the container engine the image that no pod does without.
func (s *supervisor) importTiny() error {
	image := s.layout.path("tiny.tar")
	if err := writeTinyImage(image, s.bin.tiny); err != nil {
		return err
	}
	return s.await("containerd", func() error {
		command := s.ctr("images", "import", image)
		if out, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
}

func (s *supervisor) ctr(args ...string) *exec.Cmd {
	return exec.CommandContext(s.ctx, s.bin.containerd+"/ctr", append([]string{"--address", s.layout.containerd(), "--namespace", "k8s.io"}, args...)...)
}
