package main

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// errHeld: somebody else holds the lock.
var errHeld = errors.New("the lock is held")

// lock is an exclusive lock on a file. The kernel gives it up when its holder ends, however it ends.
type lock struct {
	file *os.File
}

// tryLock takes the lock, or fails with errHeld.
func tryLock(path string) (lock, error) { return takeLock(path, unix.LOCK_EX|unix.LOCK_NB) }

// waitLock takes the lock, waiting for whoever holds it.
func waitLock(path string) (lock, error) { return takeLock(path, unix.LOCK_EX) }

func takeLock(path string, how int) (lock, error) {
	for {
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return lock{}, err
		}
		err = unix.Flock(int(file.Fd()), how)
		for errors.Is(err, unix.EINTR) {
			err = unix.Flock(int(file.Fd()), how)
		}
		if err != nil {
			file.Close()
			if errors.Is(err, unix.EWOULDBLOCK) {
				return lock{}, errHeld
			}
			return lock{}, fmt.Errorf("cannot lock %s: %w", path, err)
		}
		// The one before may have removed the file meanwhile: only a lock on the file of that name counts.
		mine, errMine := file.Stat()
		there, errThere := os.Stat(path)
		if errMine == nil && errThere == nil && os.SameFile(mine, there) {
			return lock{file}, nil
		}
		file.Close()
	}
}

// release removes the file and gives the lock up.
func (l lock) release() {
	os.Remove(l.file.Name())
	l.file.Close()
}
