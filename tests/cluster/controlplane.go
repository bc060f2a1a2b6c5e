package main

import (
	"fmt"
	"os"
	"time"
)

// auditPolicy: every write is one line in audit.log, but for those of the cluster's own parts; so a client's writes can be
// counted at the API server.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
omitManagedFields: true
rules:
- level: None
  users: ["system:apiserver", "system:kube-controller-manager", "system:kube-scheduler", "system:kube-proxy", "system:kwok", "system:wharf-cluster"]
- level: None
  userGroups: ["system:nodes", "system:serviceaccounts:kube-system"]
- level: Metadata
  verbs: [create, update, patch, delete, deletecollection]
- level: None
`

func etcdProgram(l layout, b binaries) program {
	client, peer := fmt.Sprintf("http://127.0.0.1:%d", etcdPort), fmt.Sprintf("http://127.0.0.1:%d", etcdPort+1)
	return program{Name: "etcd", Args: []string{
		b.kubernetes, "etcd",
		"--data-dir", l.path("etcd"),
		"--listen-client-urls", client, "--advertise-client-urls", client,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
		"--initial-cluster", "default=" + peer,
		// What it keeps ends with the cluster, so it need not outlive the machine.
		"--unsafe-no-fsync",
		"--log-level", "warn",
	}}
}

func apiserverProgram(l layout, b binaries) (program, error) {
	policy := l.path("audit-policy.yaml")
	if err := os.WriteFile(policy, []byte(auditPolicy), 0o644); err != nil {
		return program{}, err
	}
	return program{Name: "kube-apiserver", Args: []string{
		b.kubernetes, "kube-apiserver",
		fmt.Sprintf("--etcd-servers=http://127.0.0.1:%d", etcdPort),
		"--bind-address=0.0.0.0",
		"--advertise-address=" + nodeAddress,
		fmt.Sprintf("--secure-port=%d", apiPort),
		"--service-cluster-ip-range=" + serviceRange,
		"--client-ca-file=" + l.path("pki/ca.crt"),
		"--cert-dir=" + l.path("pki"),
		"--tls-cert-file=" + l.path("pki/apiserver.crt"),
		"--tls-private-key-file=" + l.path("pki/apiserver.key"),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + l.path("pki/tokens.pub"),
		"--service-account-signing-key-file=" + l.path("pki/tokens.key"),
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--kubelet-client-certificate=" + l.path("pki/supervisor.crt"),
		"--kubelet-client-key=" + l.path("pki/supervisor.key"),
		"--kubelet-certificate-authority=" + l.path("pki/ca.crt"),
		// The node's name cannot be resolved.
		"--kubelet-preferred-address-types=InternalIP",
		"--endpoint-reconciler-type=lease",
		"--allow-privileged=true",
		"--audit-policy-file=" + policy,
		"--audit-log-path=" + l.path("audit.log"),
	}}, nil
}

// nodeGrace is how long a node may be silent before it counts as lost. Short, because tests wait for it; eight times the
// pace of its leases.
const nodeGrace = 2 * nodeLeaseSeconds * time.Second

func controllersProgram(l layout, b binaries, grace time.Duration) program {
	return program{Name: "kube-controller-manager", Args: []string{
		b.kubernetes, "kube-controller-manager",
		"--kubeconfig=" + l.path("pki/kube-controller-manager.kubeconfig"),
		"--service-account-private-key-file=" + l.path("pki/tokens.key"),
		"--root-ca-file=" + l.path("pki/ca.crt"),
		"--use-service-account-credentials=true",
		"--cert-dir=" + l.path("pki"),
		"--bind-address=127.0.0.1",
		"--leader-elect=false",
		"--controllers=*,-nodeipam",
		fmt.Sprintf("--node-monitor-grace-period=%s", grace),
		"--node-monitor-period=2s",
		// At their usual 20 requests a second, 500 Jobs take minutes.
		"--kube-api-qps=500", "--kube-api-burst=1000", "--concurrent-job-syncs=20",
	}}
}

func schedulerProgram(l layout, b binaries) program {
	return program{Name: "kube-scheduler", Args: []string{
		b.kubernetes, "kube-scheduler",
		"--kubeconfig=" + l.path("pki/kube-scheduler.kubeconfig"),
		"--cert-dir=" + l.path("pki"),
		"--bind-address=127.0.0.1",
		"--leader-elect=false",
		"--kube-api-qps=500", "--kube-api-burst=1000",
	}}
}

func proxyProgram(l layout, b binaries) program {
	return program{Name: "kube-proxy", Args: []string{
		b.kubernetes, "kube-proxy",
		"--kubeconfig=" + l.path("pki/kube-proxy.kubeconfig"),
		"--hostname-override=" + nodeName,
		"--cluster-cidr=" + podRange,
		"--proxy-mode=iptables",
		// The limits of connection tracking belong to the machine.
		"--conntrack-max-per-core=0",
		"--bind-address=127.0.0.1",
	}}
}
