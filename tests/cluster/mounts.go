package main

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// kernelSettings are those that kubelet sets for the whole machine. The node gets files of its own over them.
var kernelSettings = map[string]string{
	"vm/overcommit_memory":      "1",
	"kernel/panic":              "10",
	"kernel/panic_on_oops":      "1",
	"kernel/keys/root_maxkeys":  "1000000",
	"kernel/keys/root_maxbytes": "25000000",
}

// prepareMounts gives the node its own view: nothing that it mounts is seen outside, and what programs write at fixed
// places (/run, /var/lib, /var/log) lands in the cluster's folder.
func prepareMounts(l layout) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("cannot make the mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("cannot mount /proc: %w", err)
	}
	for _, over := range hidden {
		if err := unix.Mount(l.beneath(over), over, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("cannot bind over %s: %w", over, err)
		}
	}
	for name, value := range kernelSettings {
		own := l.path("node/sysctl", name)
		if err := os.MkdirAll(filepath.Dir(own), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(own, []byte(value+"\n"), 0o644); err != nil {
			return err
		}
		if err := unix.Mount(own, "/proc/sys/"+name, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("cannot bind over /proc/sys/%s: %w", name, err)
		}
	}
	// Pods may ask for mounts that pass on what is mounted below them.
	return unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, "")
}
