package main

import (
	_ "embed"
	"fmt"
	"os"
)

// defaultStages says how a node pretends where no other file is given.
//
//go:embed stages/default.yaml
var defaultStages []byte

// kwokMark is the annotation by which kwok knows its nodes, and the taint that keeps away all pods that do not ask for one.
const kwokMark = "kwok.x-k8s.io/node"

const kwokConfig = `apiVersion: config.kwok.x-k8s.io/v1alpha1
kind: KwokConfiguration
options:
  manageAllNodes: false
  manageNodesWithAnnotationSelector: ` + kwokMark + `=fake
  nodeLeaseDurationSeconds: %d
  podPlayStageParallelism: 16
---
`

// kwokProgram plays the stages in the file, or the default ones, on every node that is marked.
func kwokProgram(l layout, b binaries, stages string) (program, error) {
	text := defaultStages
	if stages != "" {
		var err error
		if text, err = os.ReadFile(stages); err != nil {
			return program{}, err
		}
	}
	config := l.path("kwok.yaml")
	if err := os.WriteFile(config, append([]byte(fmt.Sprintf(kwokConfig, nodeLeaseSeconds)), text...), 0o644); err != nil {
		return program{}, err
	}
	return program{Name: "kwok", Args: []string{b.kwok, "--config", config, "--kubeconfig", l.path("pki/kwok.kubeconfig"), "--v", "WARN"}}, nil
}

// makeKwokNode makes one node of kwok, which becomes ready when kwok sees it.
func (a *api) makeKwokNode(name string) error {
	return a.call("POST", "/api/v1/nodes", map[string]any{
		"apiVersion": "v1",
		"kind":       "Node",
		"metadata": map[string]any{
			"name":        name,
			"annotations": map[string]any{kwokMark: "fake"},
			"labels":      map[string]any{"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", "type": "kwok"},
		},
		"spec": map[string]any{"taints": []any{map[string]any{"key": kwokMark, "value": "fake", "effect": "NoSchedule"}}},
	}, nil)
}

// startKwok makes the nodes that pretend, and waits until they take pods.
func (s *supervisor) startKwok() error {
	p, err := kwokProgram(s.layout, s.bin, s.options.Stages)
	if err != nil {
		return err
	}
	if err := s.start(p); err != nil {
		return err
	}
	for i := range s.options.Kwok {
		name := fmt.Sprintf("kwok-%d", i)
		if err := s.api.makeKwokNode(name); err != nil {
			return err
		}
		if err := s.await("kwok", func() error { return s.api.nodeReady(name) }); err != nil {
			return err
		}
	}
	return nil
}
