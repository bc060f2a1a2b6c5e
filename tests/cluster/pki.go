package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
)

// masters may do all in a cluster.
const masters = "system:masters"

// clients are the users that the parts of a cluster act as, by the name of the kubeconfig that each gets.
var clients = map[string]struct {
	user   string
	groups []string
}{
	"admin":                   {"admin", []string{masters}},
	"supervisor":              {"system:wharf-cluster", []string{masters}},
	"kwok":                    {"system:kwok", []string{masters}},
	"kube-controller-manager": {"system:kube-controller-manager", nil},
	"kube-scheduler":          {"system:kube-scheduler", nil},
	"kube-proxy":              {"system:kube-proxy", nil},
	"kubelet":                 {"system:node:" + nodeName, []string{"system:nodes"}},
}

// makePKI makes every key, certificate and kubeconfig of a new cluster. Those of the parts lie in pki/ and speak to the
// API inside the node's network; the administrator's is DIR/kubeconfig and speaks to it at the given port of this machine.
func makePKI(l layout, port int) error {
	ca, err := newAuthority(l.path("pki"))
	if err != nil {
		return err
	}
	inside := fmt.Sprintf("https://127.0.0.1:%d", apiPort)
	for name, client := range clients {
		id, err := ca.issue(client.user, client.groups)
		if err != nil {
			return err
		}
		if err := os.WriteFile(l.path("pki", name+".kubeconfig"), certificateKubeconfig(inside, ca, client.user, id), 0o600); err != nil {
			return err
		}
		if err := id.save(l.path("pki"), name); err != nil {
			return err
		}
		if name == "admin" {
			outside := certificateKubeconfig(fmt.Sprintf("https://127.0.0.1:%d", port), ca, client.user, id)
			if err := os.WriteFile(l.path("kubeconfig"), outside, 0o600); err != nil {
				return err
			}
		}
	}
	servers := map[string][]string{
		"apiserver":      {"127.0.0.1", nodeAddress, apiService, "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"},
		"kubelet-server": {nodeName, nodeAddress, "127.0.0.1"},
	}
	for name, hosts := range servers {
		id, err := ca.issue(name, nil, hosts...)
		if err != nil {
			return err
		}
		if err := id.save(l.path("pki"), name); err != nil {
			return err
		}
	}
	return makeTokenKey(l)
}

// makeTokenKey makes the pair that signs and proves the tokens of service accounts.
func makeTokenKey(l layout) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return err
	}
	if err := os.WriteFile(l.path("pki/tokens.key"), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private}), 0o600); err != nil {
		return err
	}
	return os.WriteFile(l.path("pki/tokens.pub"), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), 0o644)
}
