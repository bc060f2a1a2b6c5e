package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// node is the supervisor's hold on the namespaces in which a cluster runs.
type node struct {
	init    *exec.Cmd
	ended   chan struct{}
	orders  *os.File
	network *os.File

	ordering sync.Mutex
	answers  chan notice

	lock    sync.Mutex
	running map[string]chan struct{}
	onExit  func(name, status string)
}

// newNode makes the namespaces and the process that holds them. onExit is told of every program that ends.
func newNode(l layout, onExit func(name, status string)) (*node, error) {
	ordersIn, orders, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	notices, noticesOut, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(l.log("node"))
	if err != nil {
		return nil, err
	}
	command := exec.Command("/proc/self/exe", "node-init", l.dir)
	command.ExtraFiles = []*os.File{ordersIn, noticesOut}
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{
		Setsid:     true,
		Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWNET,
	}
	err = command.Start()
	ordersIn.Close()
	noticesOut.Close()
	log.Close()
	if err != nil {
		return nil, fmt.Errorf("cannot make the node's namespaces: %w", err)
	}
	n := &node{init: command, ended: make(chan struct{}), orders: orders, answers: make(chan notice), running: map[string]chan struct{}{}, onExit: onExit}
	go n.listen(notices)
	go func() {
		command.Wait()
		close(n.ended)
	}()
	if n.network, err = os.Open(fmt.Sprintf("/proc/%d/ns/net", command.Process.Pid)); err != nil {
		return n, err
	}
	return n, n.answer()
}

func (n *node) listen(notices *os.File) {
	defer notices.Close()
	for decoder := json.NewDecoder(notices); ; {
		var got notice
		if decoder.Decode(&got) != nil {
			n.lost()
			return
		}
		if got.Done {
			n.answers <- got
			continue
		}
		n.lock.Lock()
		close(n.running[got.Exited])
		delete(n.running, got.Exited)
		n.lock.Unlock()
		n.onExit(got.Exited, got.Status)
	}
}

// lost is called when the first process has closed its end: it is ending, and every program with it.
func (n *node) lost() {
	close(n.answers)
	n.lock.Lock()
	for name, gone := range n.running {
		close(gone)
		delete(n.running, name)
	}
	n.lock.Unlock()
	n.onExit("the node", "see its log")
}

func (n *node) order(o order) error {
	n.ordering.Lock()
	defer n.ordering.Unlock()
	if err := json.NewEncoder(n.orders).Encode(o); err != nil {
		return err
	}
	return n.answer()
}

func (n *node) answer() error {
	got, open := <-n.answers
	if !open {
		return errors.New("the node's first process has ended")
	}
	if got.Error != "" {
		return errors.New(got.Error)
	}
	return nil
}

// start runs a program in the node.
func (n *node) start(p program) error {
	n.lock.Lock()
	if _, running := n.running[p.Name]; running {
		n.lock.Unlock()
		return fmt.Errorf("%s runs already", p.Name)
	}
	gone := make(chan struct{})
	n.running[p.Name] = gone
	n.lock.Unlock()
	err := n.order(order{Start: &p})
	if err != nil {
		n.lock.Lock()
		if n.running[p.Name] == gone {
			delete(n.running, p.Name)
		}
		n.lock.Unlock()
	}
	return err
}

// signal sends a signal to a program that runs.
func (n *node) signal(name string, signal syscall.Signal) error {
	return n.order(order{Name: name, Signal: signal})
}

// stop ends a program: asks, and after the grace kills.
func (n *node) stop(name string, grace time.Duration) error {
	n.lock.Lock()
	gone, running := n.running[name]
	n.lock.Unlock()
	if !running {
		return fmt.Errorf("%s does not run", name)
	}
	// It may end by itself meanwhile, so that a signal finds nobody; what counts is that it is gone. One that is frozen
	// takes no SIGTERM before it goes on.
	n.signal(name, syscall.SIGTERM)
	n.signal(name, syscall.SIGCONT)
	select {
	case <-gone:
	case <-time.After(grace):
		n.signal(name, syscall.SIGKILL)
		<-gone
	}
	return nil
}

// runs tells whether a program runs.
func (n *node) runs(name string) bool {
	n.lock.Lock()
	defer n.lock.Unlock()
	_, running := n.running[name]
	return running
}

// dial connects inside the node's network. A socket belongs to the namespace in which it was made, so only the connecting
// thread enters it, and that thread is never used again.
func (n *node) dial(address string) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	done := make(chan result, 1)
	go func() {
		runtime.LockOSThread() // Not unlocked: the runtime ends the thread with the goroutine.
		if err := unix.Setns(int(n.network.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- result{nil, err}
			return
		}
		conn, err := net.DialTimeout("tcp4", address, 5*time.Second)
		done <- result{conn, err}
	}()
	got := <-done
	return got.conn, got.err
}

// end kills the node. The kernel reaps every process of it before its first one is gone.
func (n *node) end() {
	n.orders.Close()
	n.init.Process.Kill()
	<-n.ended
	if n.network != nil {
		n.network.Close()
	}
}
