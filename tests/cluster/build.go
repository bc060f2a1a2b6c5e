package main

import (
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Versions of what is built from modules of its own. The version of Kubernetes is the one in go.mod.
const (
	containerdVersion = "v2.2.9"
	kwokVersion       = "v0.7.0"
	s3Version         = "v1.8.0"
)

// binaries are the programs of a cluster, each in a folder that is named after what it was built from.
type binaries struct {
	kubernetes string
	tiny       string
	kwok       string
	s3         string
	// containerd is the folder that holds containerd, its shim and ctr.
	containerd string
}

// product is one folder of the cache: how to fill it, and what it must hold.
type product struct {
	name  string
	key   string
	files []string
	build func(into string) error
}

// sources are what the programs of this module are built from; so the tool needs no checkout.
//
//go:embed go.mod go.sum cmd
var sources embed.FS

// build gives the binaries of a cluster, all of them or those of the named products, building what the cache lacks: 13
// minutes on two cores when it is empty.
func build(say func(string, ...any), only ...string) (binaries, error) {
	cache, err := cacheDir()
	if err != nil {
		return binaries{}, err
	}
	products, err := products()
	if err != nil {
		return binaries{}, err
	}
	folders := map[string]string{}
	for _, p := range products {
		if only != nil && !slices.Contains(only, p.name) {
			continue
		}
		folder, err := p.get(cache, say)
		if err != nil {
			return binaries{}, fmt.Errorf("cannot build %s: %w", p.name, err)
		}
		folders[p.name] = folder
	}
	return binaries{
		kubernetes: filepath.Join(folders["kubernetes"], "kubernetes"),
		tiny:       filepath.Join(folders["tiny"], "tiny"),
		kwok:       filepath.Join(folders["kwok"], "kwok"),
		s3:         filepath.Join(folders["s3"], "versitygw"),
		containerd: folders["containerd"],
	}, nil
}

func products() ([]product, error) {
	stamp, err := stampOf(source("go.mod"))
	if err != nil {
		return nil, err
	}
	engine := "github.com/containerd/containerd/v2/"
	engineFlags := []string{"-tags", "no_btrfs no_devmapper no_zfs", "-ldflags", "-X " + engine + "version.Version=" + containerdVersion}
	return []product{
		own("kubernetes", "-tags", "providerless", "-ldflags", stamp),
		own("tiny", "-ldflags", "-s -w"),
		foreign("containerd", engineFlags, containerdVersion, engine+"cmd/containerd", engine+"cmd/containerd-shim-runc-v2", engine+"cmd/ctr"),
		foreign("kwok", nil, kwokVersion, "sigs.k8s.io/kwok/cmd/kwok"),
		foreign("s3", []string{"-trimpath", "-ldflags", "-s -w"}, s3Version, "github.com/versity/versitygw/cmd/versitygw"),
	}, nil
}

// own is a program of this module.
func own(program string, flags ...string) product {
	main := "cmd/" + program + "/main.go"
	inputs := append([]string{source("go.mod"), source("go.sum"), source(main)}, flags...)
	return product{program, key(inputs...), []string{program}, func(into string) error {
		module, err := os.MkdirTemp("", "wharf-cluster-build-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(module)
		if err := os.CopyFS(module, sources); err != nil {
			return err
		}
		args := append([]string{"build", "-trimpath"}, flags...)
		return compile(module, into, append(args, "-o", filepath.Join(into, program), "./cmd/"+program)...)
	}}
}

// foreign are programs of another module, built with that module's own requirements, which do not agree with those of
// Kubernetes.
func foreign(name string, flags []string, version string, packages ...string) product {
	args := append([]string{"install"}, flags...)
	var files []string
	for _, pkg := range packages {
		args = append(args, pkg+"@"+version)
		files = append(files, filepath.Base(pkg))
	}
	return product{name, key(args...), files, func(into string) error { return compile(os.TempDir(), into, args...) }}
}

func source(path string) string {
	text, err := sources.ReadFile(path)
	if err != nil {
		panic(err) // Embedded when this was compiled.
	}
	return string(text)
}

// stampOf gives the linker flags that tell Kubernetes its version; without them it calls itself v0.0.0.
func stampOf(mod string) (string, error) {
	found := regexp.MustCompile(`k8s\.io/kubernetes (v1\.(\d+)\.\S+)`).FindStringSubmatch(mod)
	if found == nil {
		return "", errors.New("go.mod does not require k8s.io/kubernetes")
	}
	flags := "-s -w"
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		for _, value := range []string{"gitVersion=" + found[1], "gitMajor=1", "gitMinor=" + found[2], "gitTreeState=clean", "buildDate=2026-01-01T00:00:00Z"} {
			flags += " -X " + pkg + "." + value
		}
	}
	return flags, nil
}

// get gives the folder of the product, filled. Two that want it at once build it once.
func (p product) get(cache string, say func(string, ...any)) (string, error) {
	folder := filepath.Join(cache, p.name+"-"+p.key)
	if p.complete(folder) {
		return folder, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	lock, err := waitLock(folder + ".lock")
	if err != nil {
		return "", err
	}
	defer lock.release()
	if p.complete(folder) {
		return folder, nil
	}
	say("building %s into %s", p.name, folder)
	part := folder + ".part"
	if err := os.RemoveAll(part); err != nil {
		return "", err
	}
	if err := os.MkdirAll(part, 0o755); err != nil {
		return "", err
	}
	if err := p.build(part); err != nil {
		return "", err
	}
	if !p.complete(part) {
		return "", fmt.Errorf("the build left no %s in %s", strings.Join(p.files, ", "), part)
	}
	if err := os.RemoveAll(folder); err != nil {
		return "", err
	}
	return folder, os.Rename(part, folder)
}

func (p product) complete(folder string) bool {
	for _, file := range p.files {
		if _, err := os.Stat(filepath.Join(folder, file)); err != nil {
			return false
		}
	}
	return true
}

func compile(dir, bin string, args ...string) error {
	command := exec.Command("go", args...)
	command.Dir = dir
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOBIN="+bin)
	command.Stdout, command.Stderr = os.Stderr, os.Stderr
	return command.Run()
}
