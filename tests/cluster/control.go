package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"time"
)

// request is what a command asks of a running cluster's supervisor.
type request struct {
	Verb string `json:"verb"`
	Part string `json:"part,omitempty"`
}

// answer is empty where the request was carried out.
type answer struct {
	Error string `json:"error,omitempty"`
}

// parts are those that may be stopped and started by name.
var parts = []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "containerd", "kwok", "s3", "registry"}

// verbs of requests; all but compact name a part.
var verbs = []string{"stop", "start", "pause", "resume", "compact"}

// listen takes requests, one a connection, until the supervisor ends.
func (s *supervisor) listen() error {
	listener, err := net.Listen("unix", s.layout.control())
	if err != nil {
		return err
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				var r request
				if json.NewDecoder(conn).Decode(&r) != nil {
					return
				}
				var a answer
				if err := s.handle(r); err != nil {
					a.Error = err.Error()
				}
				json.NewEncoder(conn).Encode(a)
			}()
		}
	}()
	return nil
}

// ask sends a request to the supervisor of the cluster and waits until it is carried out.
func ask(l layout, r request) error {
	if !slices.Contains(verbs, r.Verb) {
		return fmt.Errorf("there is no verb %q: only %s", r.Verb, strings.Join(verbs, ", "))
	}
	if r.Verb != "compact" && !slices.Contains(parts, r.Part) {
		return fmt.Errorf("%w: there is no part %q: only %s", errUsage, r.Part, strings.Join(parts, ", "))
	}
	conn, err := net.Dial("unix", l.control())
	if err != nil {
		return fmt.Errorf("no cluster runs in %s: %w", l.dir, err)
	}
	defer conn.Close()
	if err := json.NewEncoder(conn).Encode(r); err != nil {
		return err
	}
	var a answer
	if err := json.NewDecoder(conn).Decode(&a); err != nil {
		return fmt.Errorf("the cluster went down meanwhile: %w", err)
	}
	if a.Error != "" {
		return errors.New(a.Error)
	}
	return nil
}

func (s *supervisor) handle(r request) error {
	switch r.Verb {
	case "stop":
		s.lock.Lock()
		s.stopping[r.Part] = true
		s.lock.Unlock()
		return s.node.stop(r.Part, stopGrace)
	case "start":
		s.lock.Lock()
		p, known := s.programs[r.Part]
		s.lock.Unlock()
		if !known {
			return fmt.Errorf("this cluster has no %s", r.Part)
		}
		return s.restart(p)
	case "pause":
		return s.node.signal(r.Part, syscall.SIGSTOP)
	case "resume":
		return s.node.signal(r.Part, syscall.SIGCONT)
	case "compact":
		return s.compact()
	}
	return fmt.Errorf("there is no verb %q", r.Verb)
}

// restart starts a part that was stopped, and waits until it serves where that can be asked.
func (s *supervisor) restart(p program) error {
	if s.node.runs(p.Name) {
		return fmt.Errorf("%s runs already", p.Name)
	}
	if err := s.start(p); err != nil {
		return err
	}
	switch p.Name {
	case "kube-apiserver":
		return s.await(p.Name, s.api.ready)
	case "etcd":
		return s.await(p.Name, func() error { return s.listens(etcdPort) })
	}
	return nil
}

// compact makes etcd forget all but the latest revision, so that a watch from an older one is told 410 once the API server
// has to ask etcd for it: the API server's own cache goes on serving what it still holds until that is restarted.
func (s *supervisor) compact() error {
	var latest struct {
		Header struct {
			Revision string `json:"revision"`
		} `json:"header"`
	}
	if err := s.etcd("/v3/kv/range", map[string]any{"key": "AA==", "limit": 1}, &latest); err != nil {
		return err
	}
	return s.etcd("/v3/kv/compaction", map[string]any{"revision": latest.Header.Revision, "physical": true}, nil)
}

func (s *supervisor) etcd(path string, body, result any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	client := http.Client{Timeout: time.Minute, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(_ context.Context, _, address string) (net.Conn, error) { return s.node.dial(address) },
	}}
	response, err := client.Post(fmt.Sprintf("http://127.0.0.1:%d%s", etcdPort, path), "application/json", bytes.NewReader(text))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		var fault struct {
			Message string `json:"message"`
		}
		json.NewDecoder(response.Body).Decode(&fault)
		return fmt.Errorf("etcd: %s: %s", response.Status, fault.Message)
	}
	if result == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(result)
}
