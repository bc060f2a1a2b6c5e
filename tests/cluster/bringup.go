package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
)

// up takes the cluster from nothing to a ready node.
func (s *supervisor) up(r *record, dir string) error {
	l := s.layout
	var err error
	if s.bin, err = build(func(string, ...any) {}); err != nil {
		return err
	}
	if err := l.make(); err != nil {
		return err
	}
	if err := os.Chmod(l.path("pki"), 0o700); err != nil {
		return err
	}
	gates := map[string]gate{}
	for _, name := range []string{"api", "s3", "registry"} {
		if gates[name], err = newGate(); err != nil {
			return err
		}
	}
	if err := makePKI(l, gates["api"].port()); err != nil {
		return err
	}
	if err := makeCgroup(l.cgroup()); err != nil {
		return err
	}
	if s.node, err = newNode(l, s.exited); err != nil {
		return err
	}
	if err := s.recordNode(r, dir); err != nil {
		return err
	}
	if s.api, err = newAPI(l, s.node); err != nil {
		return err
	}
	s.info = s.describe(gates)
	go gates["api"].open(s.node, apiPort)
	go gates["s3"].open(s.node, gates["s3"].port())
	go gates["registry"].open(s.node, gates["registry"].port())
	if err := s.startAll(gates); err != nil {
		return err
	}
	if err := s.listen(); err != nil {
		return err
	}
	text, err := json.MarshalIndent(s.info, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(infoPath(l), text, 0o600)
}

func (s *supervisor) recordNode(r *record, dir string) error {
	pid := s.node.init.Process.Pid
	var err error
	if r.Init, err = processOf(pid); err != nil {
		return err
	}
	r.Namespaces = map[string]string{}
	for _, name := range []string{"pid", "mnt", "net"} {
		if r.Namespaces[name], err = os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, name)); err != nil {
			return err
		}
	}
	return r.save(dir, s.layout.id())
}

func (s *supervisor) describe(gates map[string]gate) info {
	at := func(host, name string) string { return fmt.Sprintf("%s:%d", host, gates[name].port()) }
	return info{
		Dir:          s.layout.dir,
		Kubeconfig:   s.layout.path("kubeconfig"),
		S3:           "http://" + at("127.0.0.1", "s3"),
		S3Pods:       "http://" + at(nodeAddress, "s3"),
		S3Region:     s3Region,
		S3AccessKey:  s3RootKey,
		S3SecretKey:  newSecret(),
		Registry:     at("127.0.0.1", "registry"),
		RegistryPods: at(nodeAddress, "registry"),
		TinyImage:    tinyImage,
		AuditLog:     s.layout.path("audit.log"),
		Containerd:   s.layout.containerd(),
		Ctr:          s.bin.containerd + "/ctr",
		Kubectl:      []string{s.bin.kubernetes, "kubectl"},
	}
}

// startAll starts every part as soon as what it cannot do without is there.
func (s *supervisor) startAll(gates map[string]gate) error {
	l, b := s.layout, s.bin
	registry, err := exec.LookPath(registryBinary)
	if err != nil {
		return err
	}
	served, err := registryProgram(l, registry, gates["registry"].port())
	if err != nil {
		return err
	}
	engine, err := containerdProgram(l, b)
	if err != nil {
		return err
	}
	if err := registryHosts(l, gates["registry"].port()); err != nil {
		return err
	}
	apiserver, err := apiserverProgram(l, b)
	if err != nil {
		return err
	}
	kubelet, err := kubeletProgram(l, b)
	if err != nil {
		return err
	}
	if err := s.start(etcdProgram(l, b), engine, apiserver, s3Program(l, b, gates["s3"].port(), s.info.S3SecretKey), served); err != nil {
		return err
	}
	imported := make(chan error, 1)
	go func() { imported <- s.importTiny() }()
	if err := s.await("kube-apiserver", s.api.ready); err != nil {
		return err
	}
	if err := s.api.allowProxy(); err != nil {
		return err
	}
	if err := <-imported; err != nil {
		return err
	}
	if err := s.start(controllersProgram(l, b, s.options.NodeGrace), schedulerProgram(l, b), kubelet, proxyProgram(l, b)); err != nil {
		return err
	}
	if s.options.Kwok > 0 {
		if err := s.startKwok(); err != nil {
			return err
		}
	}
	if err := s.await("kubelet", func() error { return s.api.nodeReady(nodeName) }); err != nil {
		return err
	}
	for name, gate := range map[string]int{"s3": gates["s3"].port(), "registry": gates["registry"].port()} {
		if err := s.await(name, func() error { return s.listens(gate) }); err != nil {
			return err
		}
	}
	return nil
}

func (s *supervisor) listens(port int) error {
	conn, err := s.node.dial(fmt.Sprintf("127.0.0.1:%d", port))
	if err == nil {
		conn.Close()
	}
	return err
}
