package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// serveS3 runs the real server on this machine, without a cluster around it.
func serveS3(t *testing.T) layout {
	t.Helper()
	l := layout{t.TempDir()}
	for _, folder := range []string{"s3/data", "s3/metadata", "s3/accounts"} {
		if err := os.MkdirAll(l.path(folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	bin, err := build(t.Logf, "s3")
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	i := info{S3: "http://" + listener.Addr().String(), S3Region: s3Region, S3AccessKey: s3RootKey, S3SecretKey: newSecret()}
	text, err := json.Marshal(i)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(infoPath(l), text, 0o600); err != nil {
		t.Fatal(err)
	}
	p := s3Program(l, bin, port, i.S3SecretKey)
	command := exec.Command(p.Args[0], p.Args[1:]...)
	command.Env = p.Env
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		command.Process.Kill()
		command.Wait()
	})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if conn, err := net.Dial("tcp4", listener.Addr().String()); err == nil {
			conn.Close()
			return l
		}
		if time.Now().After(deadline) {
			t.Fatal("the S3 server does not listen in time")
		}
	}
}

// send gives the status of a tenant's request.
func send(t *testing.T, l layout, tenant s3Tenant, method, path, body string, headers ...string) int {
	t.Helper()
	i, err := loadInfo(l)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequest(method, i.S3+path, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(body))
	payload := hex.EncodeToString(sum[:])
	request.Header.Set("X-Amz-Content-Sha256", payload)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Set(name, value)
	}
	who := aws.Credentials{AccessKeyID: tenant.AccessKey, SecretAccessKey: tenant.SecretKey}
	if err := v4.NewSigner().SignHTTP(context.Background(), who, request, payload, "s3", i.S3Region, time.Now()); err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}

func TestTenantsReachOnlyTheirPrefix(t *testing.T) {
	l := serveS3(t)
	a, err := makeS3Tenant(l, "a")
	if err != nil {
		t.Fatal(err)
	}
	b, err := makeS3Tenant(l, "ab")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := makeS3Tenant(l, "a"); err != nil || again != a {
		t.Fatalf("asked for again, a tenant is %v (%v), not %v", again, err, a)
	}
	for _, step := range []struct {
		what   string
		who    s3Tenant
		method string
		path   string
		header string
		want   int
	}{
		{"writes its own", a, "PUT", "/wharf/a/x", "", 200},
		{"overwrites nothing", a, "PUT", "/wharf/a/x", "If-None-Match: *", 412},
		{"reads its own", a, "GET", "/wharf/a/x", "", 200},
		{"copies its own", a, "PUT", "/wharf/a/y", "X-Amz-Copy-Source: wharf/a/x", 200},
		{"lists its own", a, "GET", "/wharf?list-type=2&prefix=a%2F", "", 200},
		{"lists all", a, "GET", "/wharf?list-type=2", "", 403},
		{"lists what begins alike", a, "GET", "/wharf?list-type=2&prefix=a", "", 403},
		{"lists another's", b, "GET", "/wharf?list-type=2&prefix=a%2F", "", 403},
		{"reads another's", b, "GET", "/wharf/a/x", "", 403},
		{"heads another's", b, "HEAD", "/wharf/a/x", "", 403},
		{"writes another's", b, "PUT", "/wharf/a/z", "", 403},
		{"deletes another's", b, "DELETE", "/wharf/a/x", "", 403},
		{"copies another's", b, "PUT", "/wharf/ab/x", "X-Amz-Copy-Source: wharf/a/x", 403},
		{"changes the policy", b, "DELETE", "/wharf?policy=", "", 403},
		{"has a wrong secret", s3Tenant{AccessKey: "a", SecretKey: "guessed"}, "GET", "/wharf/a/x", "", 403},
		{"deletes its own", a, "DELETE", "/wharf/a/x", "", 204},
		{"finds it gone", a, "GET", "/wharf/a/x", "", 404},
	} {
		var headers []string
		if step.header != "" {
			headers = append(headers, step.header)
		}
		if got := send(t, l, step.who, step.method, step.path, "", headers...); got != step.want {
			t.Errorf("%s %s: %s %s gives %d, not %d", step.who.AccessKey, step.what, step.method, step.path, got, step.want)
		}
	}
}

func TestNamesOfTenants(t *testing.T) {
	for _, name := range []string{"", "root", "A", "a/b", "a*", "-a", strings.Repeat("a", 64)} {
		if _, err := makeS3Tenant(layout{t.TempDir()}, name); err == nil || !strings.Contains(err.Error(), "no name for a tenant") {
			t.Errorf("%q: %v", name, err)
		}
	}
}
