package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// startDeadline is for a busy machine; a quiet one needs six seconds.
const startDeadline = 3 * time.Minute

// stopGrace: an API server drains for up to a minute, which nobody waits for here.
const stopGrace = 2 * time.Second

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
