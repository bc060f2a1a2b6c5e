package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// up starts a supervisor and waits until its cluster is ready. The supervisor goes on when this process ends.
func up(o options) (info, error) {
	if err := checkRequirements(); err != nil {
		return info{}, err
	}
	l, err := newLayout(o.Dir)
	if err != nil {
		return info{}, err
	}
	o.Dir = l.dir
	if o.Stages != "" {
		if o.Stages, err = filepath.Abs(o.Stages); err != nil {
			return info{}, err
		}
	}
	if _, err := build(say); err != nil {
		return info{}, err
	}
	if err := sweep(say); err != nil {
		return info{}, fmt.Errorf("cannot remove what an earlier cluster left: %w", err)
	}
	ready, readyOut, err := os.Pipe()
	if err != nil {
		return info{}, err
	}
	defer ready.Close()
	log, err := os.Create(supervisorLog(l))
	if err != nil {
		return info{}, err
	}
	defer log.Close()
	text, err := json.Marshal(o)
	if err != nil {
		return info{}, err
	}
	command := exec.Command("/proc/self/exe", "supervise", string(text))
	command.ExtraFiles = []*os.File{readyOut}
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	command.Dir = "/"
	if err := command.Start(); err != nil {
		return info{}, err
	}
	readyOut.Close()
	var r report
	if err := json.NewDecoder(ready).Decode(&r); err != nil {
		return info{}, fmt.Errorf("the cluster went down while it was coming up; see %s", supervisorLog(l))
	}
	if r.Info == nil {
		return info{}, errors.New(r.Error)
	}
	return *r.Info, nil
}

// supervisorLog outlives a cluster that failed, and only that.
func supervisorLog(l layout) string {
	dir, err := recordsDir()
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, l.id()+".log")
}

// superviseVerb is the supervisor's main function: file 3 takes the report.
func superviseVerb(text string) error {
	ready := os.NewFile(3, "ready")
	syscall.CloseOnExec(3)
	var o options
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	err := supervise(o, ready)
	if err != nil {
		json.NewEncoder(ready).Encode(report{Error: err.Error()})
		return err
	}
	if l, err := newLayout(o.Dir); err == nil {
		os.Remove(supervisorLog(l))
	}
	return nil
}
