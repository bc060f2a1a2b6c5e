package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// process names a process for good: its number may be given again, with another start.
type process struct {
	Pid int `json:"pid"`
	// Start is the time of its start in ticks since boot, as /proc/PID/stat has it.
	Start string `json:"start"`
	Boot  string `json:"boot"`
}

// record is what is known of a cluster while anything of it may exist. It lies in the cache folder, not in the cluster's,
// so that every later start finds it.
type record struct {
	Dir        string  `json:"dir"`
	Cgroup     string  `json:"cgroup"`
	Supervisor process `json:"supervisor"`
	// Init is the first process of the node: when it ends, the kernel ends every process of the node.
	Init process `json:"init"`
	// Namespaces of the node, as /proc/PID/ns/NAME reads.
	Namespaces map[string]string `json:"namespaces"`
}

func recordsDir() (string, error) {
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "running")
	return dir, os.MkdirAll(dir, 0o700)
}

func recordPath(dir, id string) string { return filepath.Join(dir, id+".json") }

func lockPath(dir, id string) string { return filepath.Join(dir, id+".lock") }

// save writes the record, whole or not at all.
func (r record) save(dir, id string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	part := recordPath(dir, id) + ".part"
	if err := os.WriteFile(part, text, 0o600); err != nil {
		return err
	}
	return os.Rename(part, recordPath(dir, id))
}

// loadRecord reads a record; one that does not exist is nil.
func loadRecord(dir, id string) (*record, error) {
	text, err := os.ReadFile(recordPath(dir, id))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var r record
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", recordPath(dir, id), err)
	}
	return &r, nil
}

// records reads all records.
func records(dir string) ([]record, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	all := []record{}
	for _, path := range paths {
		r, err := loadRecord(dir, strings.TrimSuffix(filepath.Base(path), ".json"))
		if err != nil {
			return nil, err
		}
		if r != nil {
			all = append(all, *r)
		}
	}
	return all, nil
}

// processOf names the running process of that number.
func processOf(pid int) (process, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, err
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return process{}, err
	}
	// The name in parentheses may hold spaces; the start is the 20th field after it.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 20 {
		return process{}, fmt.Errorf("/proc/%d/stat has too few fields", pid)
	}
	return process{Pid: pid, Start: fields[19], Boot: strings.TrimSpace(string(boot))}, nil
}

// kill ends the process, if it is still the one that was recorded, and waits until it is gone.
func (p process) kill() error { return p.end(unix.SIGKILL) }

// terminate asks the process to end, if it is still the one that was recorded, and waits until it is gone.
func (p process) terminate() error { return p.end(unix.SIGTERM) }

func (p process) end(signal unix.Signal) error {
	if p.Pid == 0 {
		return nil
	}
	fd, err := unix.PidfdOpen(p.Pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if now, err := processOf(p.Pid); err != nil || now != p {
		return nil
	}
	if err := unix.PidfdSendSignal(fd, signal, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return err
	}
	return awaitEnd(fd)
}

// awaitEnd returns when the process of this pidfd has ended.
func awaitEnd(fd int) error {
	for {
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
