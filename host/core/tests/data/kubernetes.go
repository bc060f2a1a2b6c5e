// Says what Kubernetes v1.36.3 itself makes of pod templates. By its argument it prints
//
//	fields      every field of a pod template with its type and its patch strategy: `src/pod/fields.txt`
//	merge       each case of standard input with the pod template that it merges to, or `refused`
//	restricted  each case of standard input with whether Pod Security `restricted` admits what it merges to
//
// A case that is there already is answered anew. It was built in a module that requires k8s.io/api, k8s.io/apimachinery and
// k8s.io/pod-security-admission v0.36.3:
//
//	go run kubernetes.go fields > ../../src/pod/fields.txt
//	go run kubernetes.go merge < strategic-merge-v1.36.3.json > new
//	go run kubernetes.go restricted < pod-security-v1.36.3.json > new
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"sort"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

func main() {
	switch os.Args[1] {
	case "fields":
		fields()
	case "merge":
		each(merge)
	case "restricted":
		each(restricted)
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// each answers every case of standard input.
func each(answer func(c, first map[string]any)) {
	var cases []map[string]any
	check(json.NewDecoder(os.Stdin).Decode(&cases))
	for _, c := range cases {
		answer(c, cases[0])
	}
	fmt.Println("[")
	for i, c := range cases {
		line, err := json.Marshal(c)
		check(err)
		comma := ","
		if i == len(cases)-1 {
			comma = ""
		}
		fmt.Printf("%s%s\n", line, comma)
	}
	fmt.Println("]")
}

// merged is what the patch of a case makes of its original; where it lacks one, of that of the first case.
func merged(c, first map[string]any) ([]byte, error) {
	from := first
	if c["original"] != nil {
		from = c
	}
	original, err := json.Marshal(from["original"])
	check(err)
	patch, err := json.Marshal(c["patch"])
	check(err)
	return strategicpatch.StrategicMergePatch(original, patch, corev1.PodTemplateSpec{})
}

func merge(c, first map[string]any) {
	delete(c, "merged")
	delete(c, "refused")
	text, err := merged(c, first)
	if err != nil {
		c["refused"] = true
		return
	}
	c["merged"] = json.RawMessage(text)
}

func restricted(c, first map[string]any) {
	text, err := merged(c, first)
	check(err)
	var pod corev1.PodTemplateSpec
	check(json.Unmarshal(text, &pod))
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	check(err)
	level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	result := policy.AggregateCheckResults(evaluator.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec))
	c["admitted"] = result.Allowed
}

var done = map[string]bool{}
var types []reflect.Type

func fields() {
	visit(reflect.TypeOf(corev1.PodTemplateSpec{}))
	for len(types) > 0 {
		next := types[0]
		types = types[1:]
		fmt.Println(next.Name())
		var lines []string
		list(next, &lines)
		sort.Strings(lines)
		for _, line := range lines {
			fmt.Println("  " + line)
		}
	}
}

func visit(t reflect.Type) {
	if !done[t.Name()] {
		done[t.Name()] = true
		types = append(types, t)
	}
}

func list(t reflect.Type, lines *[]string) {
	for i := 0; i < t.NumField(); i++ {
		field := t.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if t == reflect.TypeOf(metav1.ObjectMeta{}) && name != "labels" && name != "annotations" {
			// A template has no more: the rest is of an object that is there.
			continue
		}
		if name == "" {
			list(field.Type, lines)
			continue
		}
		line := name + " " + kind(field.Type)
		for _, strategy := range strings.Split(field.Tag.Get("patchStrategy"), ",") {
			switch strategy {
			case "merge":
				line += " merge=" + field.Tag.Get("patchMergeKey")
			case "retainKeys":
				line += " retainKeys"
			case "":
			default:
				panic(strategy)
			}
		}
		*lines = append(*lines, line)
	}
}

func kind(t reflect.Type) string {
	switch t {
	case reflect.TypeOf(resource.Quantity{}):
		return "quantity"
	case reflect.TypeOf(intstr.IntOrString{}):
		return "int-or-string"
	case reflect.TypeOf(metav1.Time{}):
		return "string"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return kind(t.Elem())
	case reflect.Slice:
		return "list:" + kind(t.Elem())
	case reflect.Map:
		return "map:" + kind(t.Elem())
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "bool"
	case reflect.Int32, reflect.Int64:
		return "int"
	case reflect.Struct:
		visit(t)
		return t.Name()
	}
	panic(t.String())
}
