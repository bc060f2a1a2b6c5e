package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// order is what the supervisor asks of the node's first process: to start a program, or to signal one by its name.
type order struct {
	Start  *program       `json:"start,omitempty"`
	Name   string         `json:"name,omitempty"`
	Signal syscall.Signal `json:"signal,omitempty"`
}

// program is what runs in the node under a name.
type program struct {
	Name string   `json:"name"`
	Args []string `json:"args"`
	Env  []string `json:"env"`
	// Log is the file that takes what it writes.
	Log string `json:"log"`
}

// notice answers an order (Done), or tells that a program ended (Exited).
type notice struct {
	Done   bool   `json:"done,omitempty"`
	Error  string `json:"error,omitempty"`
	Exited string `json:"exited,omitempty"`
	Status string `json:"status,omitempty"`
}

// nodeInit is the first process of the node's namespaces. It prepares them, starts programs as it is told, and reaps.
// When it ends, the kernel ends every process of the node, containers included; it ends when the supervisor's end of the
// pipe closes. So nothing of a node outlives its supervisor, whatever kills that.
func nodeInit(l layout) error {
	orders, notices := json.NewDecoder(os.NewFile(3, "orders")), json.NewEncoder(os.NewFile(4, "notices"))
	syscall.CloseOnExec(3)
	syscall.CloseOnExec(4)
	if err := errors.Join(prepareMounts(l), prepareNetwork()); err != nil {
		return notices.Encode(notice{Done: true, Error: err.Error()})
	}
	n := &reaper{notices: notices, running: map[string]int{}, names: map[int]string{}}
	children := make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	go func() {
		for range children {
			n.reap()
		}
	}()
	n.tell(notice{Done: true})
	for {
		var o order
		if err := orders.Decode(&o); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		done := notice{Done: true}
		if err := n.obey(o); err != nil {
			done.Error = err.Error()
		}
		n.tell(done)
	}
}

// reaper knows the node's programs; the lock is held from before a program starts until its number is known.
type reaper struct {
	lock    sync.Mutex
	notices *json.Encoder
	running map[string]int
	names   map[int]string
}

func (n *reaper) tell(what notice) {
	n.lock.Lock()
	defer n.lock.Unlock()
	n.notices.Encode(what)
}

func (n *reaper) obey(o order) error {
	n.lock.Lock()
	defer n.lock.Unlock()
	if o.Start == nil {
		pid, running := n.running[o.Name]
		if !running {
			return fmt.Errorf("%s does not run", o.Name)
		}
		return syscall.Kill(pid, o.Signal)
	}
	if _, running := n.running[o.Start.Name]; running {
		return fmt.Errorf("%s runs already", o.Start.Name)
	}
	log, err := os.OpenFile(o.Start.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer null.Close()
	// Not os/exec: it waits for its child, and so does the reaper, which must wait for orphans too.
	pid, err := syscall.ForkExec(o.Start.Args[0], o.Start.Args, &syscall.ProcAttr{
		Env:   o.Start.Env,
		Files: []uintptr{null.Fd(), log.Fd(), log.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return fmt.Errorf("cannot start %s: %w", o.Start.Args[0], err)
	}
	n.running[o.Start.Name], n.names[pid] = pid, o.Start.Name
	return nil
}

func (n *reaper) reap() {
	n.lock.Lock()
	defer n.lock.Unlock()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if pid <= 0 {
			return
		}
		name, mine := n.names[pid]
		if !mine {
			continue
		}
		delete(n.names, pid)
		delete(n.running, name)
		how := fmt.Sprintf("exit code %d", status.ExitStatus())
		if status.Signaled() {
			how = "signal " + status.Signal().String()
		}
		n.notices.Encode(notice{Exited: name, Status: how})
	}
}
