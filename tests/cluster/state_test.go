package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestALockHasOneHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := tryLock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tryLock(path); !errors.Is(err, errHeld) {
		t.Fatalf("a second holder: %v", err)
	}
	waiting := make(chan lock)
	go func() {
		second, err := waitLock(path)
		if err != nil {
			t.Error(err)
		}
		waiting <- second
	}()
	first.release()
	second := <-waiting
	if _, err := tryLock(path); !errors.Is(err, errHeld) {
		t.Fatalf("a third holder beside the second: %v", err)
	}
	second.release()
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("the lock's file is left: %v", err)
	}
}

func TestOnlyTheRecordedProcessIsKilled(t *testing.T) {
	command := exec.Command("sleep", "infinity")
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	p, err := processOf(command.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range []process{{Pid: p.Pid, Start: p.Start + "0", Boot: p.Boot}, {Pid: p.Pid, Start: p.Start, Boot: "another"}} {
		if err := other.kill(); err != nil {
			t.Fatal(err)
		}
		if now, err := processOf(p.Pid); err != nil || now != p {
			t.Fatalf("a process of another start was killed: %v", err)
		}
	}
	if err := p.kill(); err != nil {
		t.Fatal(err)
	}
	<-ended
	if err := p.kill(); err != nil {
		t.Fatalf("a process that is gone: %v", err)
	}
}

func TestARecordIsReadAsItWasSaved(t *testing.T) {
	dir := t.TempDir()
	if r, err := loadRecord(dir, "x"); r != nil || err != nil {
		t.Fatalf("no record gives %v, %v", r, err)
	}
	saved := record{Dir: "/d", Cgroup: "/c", Supervisor: process{1, "2", "3"}, Namespaces: map[string]string{"pid": "pid:[4]"}}
	if err := saved.save(dir, "x"); err != nil {
		t.Fatal(err)
	}
	all, err := records(dir)
	if err != nil || len(all) != 1 || all[0].Dir != "/d" || all[0].Supervisor != saved.Supervisor || all[0].Namespaces["pid"] != "pid:[4]" {
		t.Fatalf("%v, %v", all, err)
	}
}

func TestFoldersThatCannotServe(t *testing.T) {
	for dir, want := range map[string]string{
		"/run/c":                      "/run",
		"/var/lib":                    "/var/lib",
		"/" + strings.Repeat("d", 70): "too many",
	} {
		if _, err := newLayout(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", dir, err)
		}
	}
	occupied := layout{t.TempDir()}
	if err := refuseOccupied(occupied); err != nil {
		t.Errorf("an empty folder: %v", err)
	}
	if err := os.WriteFile(occupied.path("mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := refuseOccupied(occupied); err == nil {
		t.Error("a folder with somebody's file would be removed in the end")
	}
}
