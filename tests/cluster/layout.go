package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Fixed addresses of the node's own network. Every cluster has the same ones, each in a network namespace of its own.
const (
	nodeName     = "node1"
	nodeAddress  = "10.88.0.1"
	podRange     = "10.88.0.0/24"
	serviceRange = "10.96.0.0/16"
	apiService   = "10.96.0.1"
	apiPort      = 6443
	etcdPort     = 2379
)

// maxDir keeps the paths of sockets below a cluster's folder within the 107 bytes that the kernel takes.
const maxDir = 64

// layout says where the files of one cluster lie. All of them are below one folder.
type layout struct {
	dir string
}

// hidden are the folders of the machine over which the node sees folders of its own.
var hidden = []string{"/run", "/var/lib", "/var/log"}

// newLayout takes the folder of a cluster, given or by default, and refuses one that cannot serve.
func newLayout(dir string) (layout, error) {
	if dir == "" {
		dir = filepath.Join(os.TempDir(), "wharf-cluster")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return layout{}, err
	}
	if len(dir) > maxDir {
		return layout{}, fmt.Errorf("%s has more than %d bytes, too many for the sockets in it: name a shorter --dir", dir, maxDir)
	}
	for _, over := range hidden {
		if dir == over || strings.HasPrefix(dir, over+"/") {
			return layout{}, fmt.Errorf("%s lies below %s, which the node sees otherwise: name another --dir", dir, over)
		}
	}
	return layout{dir}, nil
}

// id names the cluster on this machine: in the list of clusters and in its control groups.
func (l layout) id() string {
	sum := sha256.Sum256([]byte(l.dir))
	return hex.EncodeToString(sum[:5])
}

func (l layout) path(parts ...string) string {
	return filepath.Join(append([]string{l.dir}, parts...)...)
}

// log is where a part writes.
func (l layout) log(part string) string { return l.path("log", part+".log") }

// beneath is the folder that the node sees at one of the hidden folders.
func (l layout) beneath(path string) string { return l.path("node", path) }

// control is the socket on which the supervisor takes requests.
func (l layout) control() string { return l.path("control.sock") }

// cgroup is the parent of all control groups of the cluster, as the kernel names it.
func (l layout) cgroup() string { return "/wharf-cluster-" + l.id() }

// containerd is the socket of the container engine, as it is seen from the machine.
func (l layout) containerd() string { return l.beneath("/run/containerd/containerd.sock") }

func (l layout) make() error {
	folders := []string{"pki", "log", "etcd", "cni", "tmp", "s3/data", "s3/metadata", "s3/accounts", "registry"}
	for _, over := range hidden {
		folders = append(folders, filepath.Join("node", over))
	}
	for _, folder := range folders {
		if err := os.MkdirAll(l.path(folder), 0o755); err != nil {
			return err
		}
	}
	return nil
}
