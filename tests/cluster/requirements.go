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

// errUnfit: no cluster can run here, as this machine and this user are.
var errUnfit = errors.New("no cluster can run here")

// checkRequirements says what the machine lacks for a cluster, in one line; such an error is an errUnfit.
func checkRequirements() error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("%w: making namespaces, mounts and control groups takes root", errUnfit)
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
		return fmt.Errorf("%w: %s is missing, which tests/setup.sh installs", errUnfit, strings.Join(lacking, ", "))
	}
	return nil
}
