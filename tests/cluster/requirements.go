package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// registryBinary is Debian's name of it.
const registryBinary = "docker-registry"

// checkRequirements says what the machine lacks for a cluster, in one line.
func checkRequirements() error {
	if os.Geteuid() != 0 {
		return errors.New("a cluster needs root: it makes namespaces, mounts and control groups")
	}
	var lacking []string
	for _, program := range []string{"go", "runc", "iptables", registryBinary} {
		if _, err := exec.LookPath(program); err != nil {
			lacking = append(lacking, program)
		}
	}
	for _, plugin := range []string{"bridge", "host-local", "portmap", "loopback"} {
		if _, err := os.Stat(filepath.Join(cniBinaries, plugin)); err != nil {
			lacking = append(lacking, filepath.Join(cniBinaries, plugin))
		}
	}
	if lacking != nil {
		return fmt.Errorf("a cluster needs %s: run tests/setup.sh", strings.Join(lacking, ", "))
	}
	return nil
}
