package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// info is what a client of a running cluster needs. Each service has two addresses: as this machine and the node's
// container engine see it, and as pods see it.
type info struct {
	Dir         string `json:"dir"`
	Kubeconfig  string `json:"kubeconfig"`
	S3          string `json:"s3"`
	S3Pods      string `json:"s3Pods"`
	S3Region    string `json:"s3Region"`
	S3AccessKey string `json:"s3AccessKey"`
	S3SecretKey string `json:"s3SecretKey"`
	// Registry is without a scheme, as image references want it; it speaks HTTP without TLS.
	Registry     string `json:"registry"`
	RegistryPods string `json:"registryPods"`
	// TinyImage is there from the start.
	TinyImage string `json:"tinyImage"`
	AuditLog  string `json:"auditLog"`
	// Containerd is the engine's socket, Ctr the client that fits it, Kubectl the client that fits the API server.
	Containerd string   `json:"containerd"`
	Ctr        string   `json:"ctr"`
	Kubectl    []string `json:"kubectl"`
}

// print writes the information as JSON, or as lines for a shell to evaluate.
func (i info) print(out io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(out).Encode(i)
	}
	for _, line := range [][2]string{
		{"KUBECONFIG", i.Kubeconfig},
		{"WHARF_CLUSTER_DIR", i.Dir},
		{"WHARF_CLUSTER_S3", i.S3},
		{"WHARF_CLUSTER_S3_PODS", i.S3Pods},
		{"WHARF_CLUSTER_S3_REGION", i.S3Region},
		{"WHARF_CLUSTER_S3_ACCESS_KEY", i.S3AccessKey},
		{"WHARF_CLUSTER_S3_SECRET_KEY", i.S3SecretKey},
		{"WHARF_CLUSTER_REGISTRY", i.Registry},
		{"WHARF_CLUSTER_REGISTRY_PODS", i.RegistryPods},
	} {
		if _, err := fmt.Fprintf(out, "export %s='%s'\n", line[0], strings.ReplaceAll(line[1], "'", `'\''`)); err != nil {
			return err
		}
	}
	return nil
}

func infoPath(l layout) string { return l.path("cluster.json") }

func loadInfo(l layout) (info, error) {
	text, err := os.ReadFile(infoPath(l))
	if err != nil {
		return info{}, fmt.Errorf("no cluster runs in %s: %w", l.dir, err)
	}
	var i info
	return i, json.Unmarshal(text, &i)
}
