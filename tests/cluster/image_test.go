package main

import (
	"archive/tar"
	"bytes"
	"crypto/x509"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func TestAnImageIsTheSameFromTheSameProgram(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "program")
	if err := os.WriteFile(program, []byte("not a multiple of the block size"), 0o700); err != nil {
		t.Fatal(err)
	}
	var images [2][]byte
	for i := range images {
		path := filepath.Join(dir, "image.tar")
		if err := writeTinyImage(path, program); err != nil {
			t.Fatal(err)
		}
		var err error
		if images[i], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(images[0], images[1]) {
		t.Error("two images of one program differ")
	}
	names := map[string][]byte{}
	for reader := tar.NewReader(bytes.NewReader(images[0])); ; {
		header, err := reader.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if names[header.Name], err = io.ReadAll(reader); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range names {
		if hex, is := bytes.CutPrefix([]byte(name), []byte("blobs/sha256/")); is && digest(text) != "sha256:"+string(hex) {
			t.Errorf("%s does not hold what it is named after", name)
		}
	}
	if len(names) != 5 {
		t.Errorf("an image of one layer has five files, not %d", len(names))
	}
}

func TestCertificatesAreOfTheirAuthority(t *testing.T) {
	ours, err := newAuthority(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	others, err := newAuthority(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	id, err := ours.issue("user", []string{"group"}, "10.88.0.1", "node1")
	if err != nil {
		t.Fatal(err)
	}
	if err := id.save(dir, "user"); err != nil {
		t.Fatal(err)
	}
	der, err := readPEM(filepath.Join(dir, "user.crt"))
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	verify := func(a *authority, host string) error {
		roots := x509.NewCertPool()
		roots.AddCert(a.certificate)
		_, err := certificate.Verify(x509.VerifyOptions{Roots: roots, DNSName: host, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
		return err
	}
	for _, host := range []string{"", "node1", "10.88.0.1"} {
		if err := verify(ours, host); err != nil {
			t.Errorf("host %q: %v", host, err)
		}
	}
	if verify(ours, "elsewhere") == nil || verify(others, "") == nil {
		t.Error("a certificate serves where it must not")
	}
	if certificate.Subject.CommonName != "user" || certificate.Subject.Organization[0] != "group" {
		t.Errorf("the certificate names %v", certificate.Subject)
	}
}
