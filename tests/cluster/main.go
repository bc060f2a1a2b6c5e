package main

import (
	_ "github.com/vishvananda/netlink"
	_ "golang.org/x/sys/unix"
)

func main() {}
