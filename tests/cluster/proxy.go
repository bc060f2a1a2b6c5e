package main

import (
	"fmt"
	"io"
	"net"
)

// gate is a port on this machine's loopback behind which a port of the node lies.
type gate struct {
	listener net.Listener
}

// newGate takes any free port. It is known before the node is: the node's services use the same number, so that one
// address, 127.0.0.1:PORT, names a service both on this machine and to the node's container engine.
func newGate() (gate, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return gate{}, fmt.Errorf("no free port on 127.0.0.1: %w", err)
	}
	return gate{listener}, nil
}

func (g gate) port() int { return g.listener.Addr().(*net.TCPAddr).Port }

// open passes every connection on to the port of the node, until the gate is closed.
func (g gate) open(n *node, port int) {
	for {
		outer, err := g.listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer outer.Close()
			inner, err := n.dial(fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				return
			}
			defer inner.Close()
			join(outer.(*net.TCPConn), inner.(*net.TCPConn))
		}()
	}
}

// join copies both ways until both are through; the end of one direction is passed on at once.
func join(a, b *net.TCPConn) {
	done := make(chan struct{})
	go func() {
		io.Copy(a, b)
		a.CloseWrite()
		close(done)
	}()
	io.Copy(b, a)
	b.CloseWrite()
	<-done
}
