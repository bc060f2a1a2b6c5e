package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// s3Bucket is the one bucket that all tenants share; each sees its own prefix of it.
const s3Bucket = "wharf"

// s3Tenant is an account that reads, writes and lists below one prefix of the bucket, and nothing else.
type s3Tenant struct {
	Bucket    string `json:"bucket"`
	Prefix    string `json:"prefix"`
	AccessKey string `json:"accessKey"`
	SecretKey string `json:"secretKey"`
}

// makeS3Tenant gives the tenant of that name, new or as it was made before.
func makeS3Tenant(l layout, name string) (s3Tenant, error) {
	if !regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`).MatchString(name) || name == s3RootKey {
		return s3Tenant{}, fmt.Errorf("%q is no name for a tenant", name)
	}
	i, err := loadInfo(l)
	if err != nil {
		return s3Tenant{}, err
	}
	held, err := waitLock(l.path("s3/tenants.lock"))
	if err != nil {
		return s3Tenant{}, err
	}
	defer held.release()
	tenants, err := loadS3Tenants(l)
	if err != nil {
		return s3Tenant{}, err
	}
	if made, there := tenants[name]; there {
		return made, nil
	}
	made := s3Tenant{Bucket: s3Bucket, Prefix: name + "/", AccessKey: name, SecretKey: newSecret()}
	if len(tenants) == 0 {
		if err := i.s3(http.MethodPut, "/"+s3Bucket, nil); err != nil {
			return s3Tenant{}, err
		}
	}
	account, err := xml.Marshal(struct {
		XMLName              xml.Name `xml:"Account"`
		Access, Secret, Role string
	}{Access: made.AccessKey, Secret: made.SecretKey, Role: "user"})
	if err != nil {
		return s3Tenant{}, err
	}
	if err := i.s3(http.MethodPatch, "/create-user", account); err != nil {
		return s3Tenant{}, err
	}
	tenants[name] = made
	if err := i.s3(http.MethodPut, "/"+s3Bucket+"?policy=", s3Policy(tenants)); err != nil {
		return s3Tenant{}, err
	}
	text, err := json.MarshalIndent(tenants, "", "  ")
	if err != nil {
		return s3Tenant{}, err
	}
	return made, os.WriteFile(l.path("s3/tenants.json"), text, 0o600)
}

func loadS3Tenants(l layout) (map[string]s3Tenant, error) {
	tenants := map[string]s3Tenant{}
	text, err := os.ReadFile(l.path("s3/tenants.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return tenants, nil
	}
	if err != nil {
		return nil, err
	}
	return tenants, json.Unmarshal(text, &tenants)
}

// s3Policy is the bucket's policy: what it does not allow is denied.
func s3Policy(tenants map[string]s3Tenant) []byte {
	var statements []any
	for _, tenant := range tenants {
		who := map[string]any{"AWS": []string{tenant.AccessKey}}
		bucket := "arn:aws:s3:::" + tenant.Bucket
		statements = append(statements, map[string]any{
			"Effect": "Allow", "Principal": who, "Resource": bucket + "/" + tenant.Prefix + "*",
			"Action": []string{"s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"},
		}, map[string]any{
			"Effect": "Allow", "Principal": who, "Resource": bucket,
			"Action":    []string{"s3:ListBucket"},
			"Condition": map[string]any{"StringLike": map[string]any{"s3:prefix": tenant.Prefix + "*"}},
		})
	}
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	if err != nil {
		panic(err) // Strings always have JSON.
	}
	return text
}

// s3 sends a request to the S3 server as its root.
func (i info) s3(method, path string, body []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, i.S3+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	payload := hex.EncodeToString(sum[:])
	request.Header.Set("X-Amz-Content-Sha256", payload)
	root := aws.Credentials{AccessKeyID: i.S3AccessKey, SecretAccessKey: i.S3SecretKey}
	if err := v4.NewSigner().SignHTTP(ctx, root, request, payload, "s3", i.S3Region, time.Now()); err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 4096))
		return fmt.Errorf("the S3 server refused %s %s: %s: %s", method, path, response.Status, text)
	}
	return nil
}
