package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
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
