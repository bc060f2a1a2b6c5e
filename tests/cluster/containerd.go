package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// cniBinaries is where Debian puts the network plugins.
const cniBinaries = "/usr/lib/cni"

// tinyImage is both what holds a pod's namespaces and an image for tests that need any.
const tinyImage = "localhost/tiny:1"

// containerdConfig: its folders are the usual ones, which in the node lie in the cluster's folder.
//   - restrict_oom_score_adj: CAP_SYS_RESOURCE, without which a score cannot be lowered, is missing in many places.
//   - bin_dirs: see cniBinaries. config_path: see registryHosts.
const containerdConfig = `version = 3
[plugins."io.containerd.cri.v1.images"]
  snapshotter = "overlayfs"
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = "` + tinyImage + `"
  [plugins."io.containerd.cri.v1.images".registry]
    config_path = "%[1]s/registries"
[plugins."io.containerd.cri.v1.runtime"]
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["` + cniBinaries + `"]
    conf_dir = "%[1]s/cni"
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
      SystemdCgroup = false
[plugins."io.containerd.nri.v1.nri"]
  disable = true
[plugins."io.containerd.internal.v1.opt"]
  path = "%[1]s/opt"
`

const cniConfig = `{"cniVersion": "1.0.0", "name": "pods", "plugins": [
  {"type": "bridge", "bridge": "` + bridge + `", "isGateway": true, "ipMasq": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "` + podRange + `"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
`

// registryHosts lets the engine pull without TLS from the cluster's registry under the name that pods have for it; under
// 127.0.0.1 it does so anyway.
func registryHosts(l layout, port int) error {
	host := fmt.Sprintf("%s:%d", nodeAddress, port)
	folder := l.path("registries", host)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "hosts.toml"), []byte(fmt.Sprintf("server = \"http://%s\"\n", host)), 0o644)
}

func containerdProgram(l layout, b binaries) (program, error) {
	if err := os.WriteFile(l.path("cni/10-pods.conflist"), []byte(cniConfig), 0o644); err != nil {
		return program{}, err
	}
	config := l.path("containerd.toml")
	if err := os.WriteFile(config, []byte(fmt.Sprintf(containerdConfig, l.dir)), 0o644); err != nil {
		return program{}, err
	}
	return program{Name: "containerd", Args: []string{filepath.Join(b.containerd, "containerd"), "--config", config}}, nil
}
