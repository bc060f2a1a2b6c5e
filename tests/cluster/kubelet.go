package main

import (
	"encoding/json"
	"os"
)

// nodeLeaseSeconds: kubelet renews its lease four times in this, so the controllers hear of it every two seconds.
const nodeLeaseSeconds = 8

// kubeletConfig: what is not obvious has its reason beside it.
func kubeletConfig(l layout) map[string]any {
	return map[string]any{
		"apiVersion": "kubelet.config.k8s.io/v1beta1",
		"kind":       "KubeletConfiguration",
		"authentication": map[string]any{
			"anonymous": map[string]any{"enabled": false},
			"webhook":   map[string]any{"enabled": true},
			"x509":      map[string]any{"clientCAFile": l.path("pki/ca.crt")},
		},
		"authorization":            map[string]any{"mode": "Webhook"},
		"tlsCertFile":              l.path("pki/kubelet-server.crt"),
		"tlsPrivateKeyFile":        l.path("pki/kubelet-server.key"),
		"containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
		"volumePluginDir":          l.path("volume-plugins"),
		"cgroupDriver":             "cgroupfs",
		"cgroupRoot":               l.cgroup(),
		"failCgroupV1":             false,
		"failSwapOn":               false,
		// CAP_SYS_RESOURCE, which raising limits and lowering scores take, is missing in many places.
		"maxOpenFiles": 20000,
		"oomScoreAdj":  0,
		// There is no DNS server: at the node's address, lookups are refused at once instead of timing out.
		"resolvConf":    l.path("resolv.conf"),
		"clusterDNS":    []string{nodeAddress},
		"clusterDomain": "cluster.local",
		// An image that was imported under one name and pulled under another counts as pulled, with credentials to prove
		// again, under both.
		"imagePullCredentialsVerificationPolicy": "NeverVerify",
		// The machine's disk is not the test's concern: no image goes, and no pod is evicted for it before it is nearly full.
		"imageGCHighThresholdPercent": 100,
		"evictionHard":                map[string]any{"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
		"nodeLeaseDurationSeconds":    nodeLeaseSeconds,
		"serializeImagePulls":         false,
		"kubeAPIQPS":                  200,
		"kubeAPIBurst":                400,
	}
}

func kubeletProgram(l layout, b binaries) (program, error) {
	text, err := json.MarshalIndent(kubeletConfig(l), "", "  ")
	if err != nil {
		return program{}, err
	}
	config := l.path("kubelet.json")
	if err := os.WriteFile(config, text, 0o644); err != nil {
		return program{}, err
	}
	if err := os.WriteFile(l.path("resolv.conf"), nil, 0o644); err != nil {
		return program{}, err
	}
	return program{Name: "kubelet", Args: []string{
		b.kubernetes, "kubelet",
		"--config=" + config,
		"--kubeconfig=" + l.path("pki/kubelet.kubeconfig"),
		"--hostname-override=" + nodeName,
		"--node-ip=" + nodeAddress,
	}}, nil
}
