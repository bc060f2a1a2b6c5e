package main

import (
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
)

const bridge = "cni0"

// prepareNetwork gives the node its loopback and the bridge of its pods, with the node's address and a route for services.
// There is no way out: what pods and services send can never leave the namespace.
func prepareNetwork() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return fmt.Errorf("cannot bring lo up: %w", err)
	}
	attributes := netlink.NewLinkAttrs()
	attributes.Name = bridge
	link := &netlink.Bridge{LinkAttrs: attributes}
	if err := netlink.LinkAdd(link); err != nil {
		return fmt.Errorf("cannot make the bridge of the pods: %w", err)
	}
	_, pods, err := net.ParseCIDR(podRange)
	if err != nil {
		return err
	}
	if err := netlink.AddrAdd(link, &netlink.Addr{IPNet: &net.IPNet{IP: net.ParseIP(nodeAddress), Mask: pods.Mask}}); err != nil {
		return fmt.Errorf("cannot give the bridge its address: %w", err)
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("cannot bring the bridge up: %w", err)
	}
	_, services, err := net.ParseCIDR(serviceRange)
	if err != nil {
		return err
	}
	return netlink.RouteAdd(&netlink.Route{LinkIndex: link.Index, Dst: services, Scope: netlink.SCOPE_LINK})
}
