package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// remove takes away all that a record tells of: processes, control groups, files, and at last the record. Namespaces and
// mounts go with the processes. It is for whoever holds the record's lock, and may be done again after a failure.
func remove(dir, id string, r record) error {
	if err := r.Init.kill(); err != nil {
		return fmt.Errorf("cannot end the node: %w", err)
	}
	if err := removeCgroup(r.Cgroup); err != nil {
		return err
	}
	if err := refuseMounted(r.Dir); err != nil {
		return err
	}
	if err := os.RemoveAll(r.Dir); err != nil {
		return err
	}
	return os.Remove(recordPath(dir, id))
}

// refuseMounted fails if anything is mounted below the folder, so that no removal reaches into it.
func refuseMounted(folder string) error {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(mounts)) {
		if fields := strings.Fields(line); len(fields) > 1 && strings.HasPrefix(fields[1], folder+"/") {
			return fmt.Errorf("%s is mounted: unmount it, then take the cluster down again", fields[1])
		}
	}
	return nil
}

// sweep takes away every cluster whose supervisor is gone, by what was recorded of it.
func sweep(say func(string, ...any)) error {
	dir, err := recordsDir()
	if err != nil {
		return err
	}
	all, err := records(dir)
	if err != nil {
		return err
	}
	var faults []error
	for _, r := range all {
		if err := sweepOne(dir, layout{r.Dir}.id(), say); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", r.Dir, err))
		}
	}
	return errors.Join(faults...)
}

func sweepOne(dir, id string, say func(string, ...any)) error {
	held, err := tryLock(lockPath(dir, id))
	if errors.Is(err, errHeld) {
		return nil
	}
	if err != nil {
		return err
	}
	defer held.release()
	r, err := loadRecord(dir, id)
	if err != nil || r == nil {
		return err
	}
	say("removing what is left of the cluster in %s", r.Dir)
	return remove(dir, id, *r)
}

// down takes the cluster in the folder down, or what is left of it; one that is not there is down already.
func down(l layout) error {
	dir, err := recordsDir()
	if err != nil {
		return err
	}
	r, err := loadRecord(dir, l.id())
	if err != nil || r == nil {
		return err
	}
	if err := r.Supervisor.terminate(); err != nil {
		return err
	}
	held, err := waitLock(lockPath(dir, l.id()))
	if err != nil {
		return err
	}
	defer held.release()
	if r, err = loadRecord(dir, l.id()); err != nil || r == nil {
		return err
	}
	return remove(dir, l.id(), *r)
}

// downAll takes every cluster of this user down.
func downAll() error {
	dir, err := recordsDir()
	if err != nil {
		return err
	}
	all, err := records(dir)
	if err != nil {
		return err
	}
	var faults []error
	for _, r := range all {
		faults = append(faults, down(layout{r.Dir}))
	}
	return errors.Join(faults...)
}
