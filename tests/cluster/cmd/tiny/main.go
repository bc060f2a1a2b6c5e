// Command tiny is the one program of the image that every cluster has: `tiny pause` holds a pod's namespaces until it is
// told to end; `tiny say TEXT` writes TEXT to standard output and as the termination message, and ends.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	switch {
	case len(os.Args) == 2 && os.Args[1] == "pause":
		pause()
	case len(os.Args) == 3 && os.Args[1] == "say":
		fmt.Println(os.Args[2])
		if err := os.WriteFile("/dev/termination-log", []byte(os.Args[2]), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "tiny:", err)
			os.Exit(1)
		}
	default:
		fmt.Fprintln(os.Stderr, "usage: tiny pause | tiny say TEXT")
		os.Exit(2)
	}
}

// pause also reaps: with a shared process namespace it is the pod's first process.
func pause() {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGCHLD)
	for got := range signals {
		if got != syscall.SIGCHLD {
			return
		}
		for {
			if pid, _ := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 {
				break
			}
		}
	}
}
