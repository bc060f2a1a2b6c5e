package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// api speaks to the API server inside the node's network, as the supervisor.
type api struct {
	client *http.Client
}

func newAPI(l layout, n *node) (*api, error) {
	ca, err := loadAuthority(l.path("pki"))
	if err != nil {
		return nil, err
	}
	pair, err := tls.LoadX509KeyPair(l.path("pki/supervisor.crt"), l.path("pki/supervisor.key"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca.certificate)
	return &api{&http.Client{
		Timeout: 10 * time.Second,
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}},
			DialContext:     func(_ context.Context, _, address string) (net.Conn, error) { return n.dial(address) },
		},
	}}, nil
}

// call sends a request with a JSON body, if any, and reads a JSON answer, if wanted. Any status but 2xx is an error.
func (a *api) call(method, path string, body, answer any) error {
	var reader io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		reader = bytes.NewReader(text)
	}
	request, err := http.NewRequest(method, fmt.Sprintf("https://127.0.0.1:%d%s", apiPort, path), reader)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := a.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return err
	}
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s: %s", method, path, response.Status, text)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(text, answer)
}

// ready fails unless the API server serves.
func (a *api) ready() error { return a.call("GET", "/readyz", nil, nil) }

// nodeReady fails unless the node takes pods.
func (a *api) nodeReady(name string) error {
	var node struct {
		Status struct {
			Conditions []struct{ Type, Status, Message string }
		}
	}
	if err := a.call("GET", "/api/v1/nodes/"+name, nil, &node); err != nil {
		return err
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == "Ready" {
			if condition.Status == "True" {
				return nil
			}
			return fmt.Errorf("node %s is not ready: %s", name, condition.Message)
		}
	}
	return fmt.Errorf("node %s has not reported", name)
}

// allowProxy gives kube-proxy the role that it does not have by itself.
func (a *api) allowProxy() error {
	return a.call("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", map[string]any{
		"apiVersion": "rbac.authorization.k8s.io/v1",
		"kind":       "ClusterRoleBinding",
		"metadata":   map[string]any{"name": "kube-proxy"},
		"roleRef":    map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:node-proxier"},
		"subjects":   []any{map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "system:kube-proxy"}},
	}, nil)
}
