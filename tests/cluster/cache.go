package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// cacheDir is where builds are kept, outside every clone: $WHARF_CACHE/cluster, $XDG_CACHE_HOME/wharf/cluster or
// ~/.cache/wharf/cluster.
func cacheDir() (string, error) {
	base := os.Getenv("WHARF_CACHE")
	if base == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("no folder for builds: set WHARF_CACHE or HOME (%w)", err)
		}
		base = filepath.Join(cache, "wharf")
	}
	return filepath.Join(base, "cluster"), nil
}

// key is a name for a build: what it is made from, and by which Go.
func key(inputs ...string) string {
	sum := sha256.New()
	for _, input := range append(inputs, runtime.Version(), runtime.GOARCH) {
		fmt.Fprintf(sum, "%d:%s\n", len(input), input)
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}
