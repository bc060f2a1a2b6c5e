package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// userKubeconfig is a kubeconfig for a user of any name and groups, proven by a certificate of the cluster's authority.
func userKubeconfig(l layout, user string, groups []string) ([]byte, error) {
	server, err := serverOf(l)
	if err != nil {
		return nil, err
	}
	ca, err := loadAuthority(l.path("pki"))
	if err != nil {
		return nil, err
	}
	id, err := ca.issue(user, groups)
	if err != nil {
		return nil, err
	}
	return certificateKubeconfig(server, ca, user, id), nil
}

// serviceAccountKubeconfig is a kubeconfig for a service account, proven by a token of a day.
func serviceAccountKubeconfig(l layout, namespace, name string) ([]byte, error) {
	server, err := serverOf(l)
	if err != nil {
		return nil, err
	}
	ca, err := loadAuthority(l.path("pki"))
	if err != nil {
		return nil, err
	}
	i, err := loadInfo(l)
	if err != nil {
		return nil, err
	}
	command := exec.Command(i.Kubectl[0], append(i.Kubectl[1:], "--kubeconfig", i.Kubeconfig, "-n", namespace, "create", "token", name, "--duration=24h")...)
	command.Stderr = os.Stderr
	token, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("no token for %s/%s: %w", namespace, name, err)
	}
	return tokenKubeconfig(server, ca, name, strings.TrimSpace(string(token))), nil
}

// serverOf is the API server's address on this machine.
func serverOf(l layout) (string, error) {
	text, err := os.ReadFile(l.path("kubeconfig"))
	if err != nil {
		return "", fmt.Errorf("no cluster runs in %s: %w", l.dir, err)
	}
	var config struct {
		Clusters []struct {
			Cluster struct {
				Server string `json:"server"`
			} `json:"cluster"`
		} `json:"clusters"`
	}
	if err := json.Unmarshal(text, &config); err != nil || len(config.Clusters) != 1 {
		return "", fmt.Errorf("%s is not as it was written: %w", l.path("kubeconfig"), err)
	}
	return config.Clusters[0].Cluster.Server, nil
}
