package main

import (
	"crypto/rand"
	"fmt"
	"os"
)

// s3Region is what the S3 server calls itself; clients sign with it.
const s3Region = "us-east-1"

// s3Root is the account that may do all on the S3 server; its secret is made anew for every cluster.
const s3RootKey = "root"

func newSecret() string { return rand.Text() }

// s3Program serves the files below s3/data as buckets. What it keeps besides, such as the policy with all tenants, has
// files of its own: an attribute of a file holds no more than 4 KiB.
func s3Program(l layout, b binaries, port int, secret string) program {
	return program{
		Name: "s3",
		Args: []string{b.s3, "--port", fmt.Sprintf("0.0.0.0:%d", port), "--region", s3Region, "--iam-dir", l.path("s3/accounts"), "--keep-alive", "--quiet", "posix", "--sidecar", l.path("s3/metadata"), l.path("s3/data")},
		// Not arguments, which everybody may read.
		Env: []string{"ROOT_ACCESS_KEY=" + s3RootKey, "ROOT_SECRET_KEY=" + secret},
	}
}

const registryConfig = `version: 0.1
log: {level: warn, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: %s}
  delete: {enabled: true}
http: {addr: "0.0.0.0:%d"}
`

// registryProgram serves OCI artifacts from files below registry.
func registryProgram(l layout, binary string, port int) (program, error) {
	config := l.path("registry.yaml")
	if err := os.WriteFile(config, []byte(fmt.Sprintf(registryConfig, l.path("registry"), port)), 0o644); err != nil {
		return program{}, err
	}
	return program{Name: "registry", Args: []string{binary, "serve", config}}, nil
}
