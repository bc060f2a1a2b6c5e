package main

import (
	"encoding/json"
	"encoding/pem"
)

// certificateKubeconfig is a kubeconfig, whole in itself, of a user with a certificate.
func certificateKubeconfig(server string, ca *authority, user string, id identity) []byte {
	return kubeconfig(server, ca, user, map[string]any{"client-certificate-data": id.certificate, "client-key-data": id.key})
}

// tokenKubeconfig is a kubeconfig, whole in itself, of a user with a bearer token.
func tokenKubeconfig(server string, ca *authority, user, token string) []byte {
	return kubeconfig(server, ca, user, map[string]any{"token": token})
}

func kubeconfig(server string, ca *authority, user string, credentials map[string]any) []byte {
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.certificate.Raw})
	// JSON is YAML; encoding/json writes bytes as base64, which is what the -data fields want.
	text, err := json.MarshalIndent(map[string]any{
		"apiVersion":      "v1",
		"kind":            "Config",
		"clusters":        []any{map[string]any{"name": "wharf", "cluster": map[string]any{"server": server, "certificate-authority-data": certificate}}},
		"users":           []any{map[string]any{"name": user, "user": credentials}},
		"contexts":        []any{map[string]any{"name": "wharf", "context": map[string]any{"cluster": "wharf", "user": user}}},
		"current-context": "wharf",
	}, "", "  ")
	if err != nil {
		panic(err) // Strings and bytes always have JSON.
	}
	return append(text, '\n')
}
