// Command wharf-cluster runs a real Kubernetes on this machine for tests, and leaves nothing of it behind.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"syscall"
)

const usage = `usage: wharf-cluster VERB

  up                   bring a cluster up; print what a shell evaluates to use it
  down [--all]         take it down, with all that it made
  list                 the clusters that run
  info                 what 'up' printed, again
  build                only build what a cluster is made of, into the cache
  stop PART            end a part: %s
  start PART           start a part that was stopped
  pause PART           freeze a part (SIGSTOP)
  resume PART          let it go on (SIGCONT)
  compact              make etcd forget all revisions but the latest
  import IMAGE.tar     give an OCI archive to the container engine
  kubectl ARGS         the client that fits the API server
  s3-tenant NAME       make an account that has one prefix of the bucket, if it is not there yet; print it
  kubeconfig           print a kubeconfig for --user NAME [--group GROUP]... or --service-account NAMESPACE/NAME

All but 'build' and 'list' take --dir DIR, the cluster's folder, first; WHARF_CLUSTER_DIR stands in for it. Arguments of
'kubectl' that begin with a dash come after '--'. 'wharf-cluster VERB --help' has the rest.
Exit codes: 0 done; 1 failed; 2 the command line cannot be used; 3 no cluster can run on this machine as this user.
`

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintf(os.Stderr, usage, parts)
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "wharf-cluster:", err)
		os.Exit(exitCode(err))
	}
}

// errUsage: the command line cannot be used.
var errUsage = errors.New("wrong usage")

func exitCode(err error) int {
	switch {
	case errors.Is(err, errUsage):
		return 2
	case errors.Is(err, errUnfit):
		return 3
	}
	return 1
}

// say tells whoever waits what takes long.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "wharf-cluster: "+format+"\n", args...)
}

func run(verb string, args []string) error {
	flags := flag.NewFlagSet("wharf-cluster "+verb, flag.ContinueOnError)
	dir := flags.String("dir", os.Getenv("WHARF_CLUSTER_DIR"), "the cluster's folder, empty or new; all files of the cluster lie in it (default: wharf-cluster in the folder for temporary files)")
	switch verb {
	case "supervise":
		return superviseVerb(args[0])
	case "node-init":
		return nodeInit(layout{args[0]})
	case "build":
		if err := checkRequirements(); err != nil {
			return err
		}
		_, err := build(say)
		return err
	case "help", "--help", "-h":
		fmt.Printf(usage, parts)
		return nil
	case "list":
		return list()
	case "up":
		return upVerb(flags, dir, args)
	case "down":
		all := flags.Bool("all", false, "every cluster of this user")
		l, err := parse(flags, dir, args, 0)
		if err != nil {
			return err
		}
		if *all {
			return downAll()
		}
		return down(l)
	case "info":
		output := flags.String("output", "shell", "shell or json")
		l, err := parse(flags, dir, args, 0)
		if err != nil {
			return err
		}
		i, err := loadInfo(l)
		if err != nil {
			return err
		}
		return i.print(os.Stdout, *output == "json")
	case "stop", "start", "pause", "resume":
		l, err := parse(flags, dir, args, 1)
		if err != nil {
			return err
		}
		return ask(l, request{Verb: verb, Part: flags.Arg(0)})
	case "compact":
		l, err := parse(flags, dir, args, 0)
		if err != nil {
			return err
		}
		return ask(l, request{Verb: verb})
	case "import":
		l, err := parse(flags, dir, args, 1)
		if err != nil {
			return err
		}
		return replace(l, func(i info) []string {
			return []string{i.Ctr, "--address", i.Containerd, "--namespace", "k8s.io", "images", "import", flags.Arg(0)}
		})
	case "s3-tenant":
		l, err := parse(flags, dir, args, 1)
		if err != nil {
			return err
		}
		tenant, err := makeS3Tenant(l, flags.Arg(0))
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(tenant)
	case "kubeconfig":
		return kubeconfigVerb(flags, dir, args)
	case "kubectl":
		l, err := parse(flags, dir, args, -1)
		if err != nil {
			return err
		}
		return replace(l, func(i info) []string { return append(i.Kubectl, flags.Args()...) })
	}
	fmt.Fprintf(os.Stderr, usage, parts)
	return fmt.Errorf("%w: there is no verb %q", errUsage, verb)
}

// parse reads the flags and wants this many arguments after them; any number where it is negative.
func parse(flags *flag.FlagSet, dir *string, args []string, want int) (layout, error) {
	if err := flags.Parse(args); err != nil {
		return layout{}, fmt.Errorf("%w: %w", errUsage, err)
	}
	if want >= 0 && flags.NArg() != want {
		return layout{}, fmt.Errorf("%w: %s takes %d arguments after its flags, not %d", errUsage, flags.Name(), want, flags.NArg())
	}
	return newLayout(*dir)
}

func upVerb(flags *flag.FlagSet, dir *string, args []string) error {
	var o options
	output := flags.String("output", "shell", "shell or json")
	flags.IntVar(&o.Owner, "owner", 0, "number of a process with whose end the cluster goes down")
	flags.IntVar(&o.Kwok, "kwok", 0, "how many nodes that only pretend to run pods")
	flags.StringVar(&o.Stages, "stages", "", "file of kwok stages that say how those nodes pretend (default: the one built in)")
	flags.DurationVar(&o.NodeGrace, "node-grace", nodeGrace, "how long a node may be silent before it counts as lost")
	if _, err := parse(flags, dir, args, 0); err != nil {
		return err
	}
	o.Dir = *dir
	i, err := up(o)
	if err != nil {
		return err
	}
	return i.print(os.Stdout, *output == "json")
}

func kubeconfigVerb(flags *flag.FlagSet, dir *string, args []string) error {
	user := flags.String("user", "", "name of a user")
	account := flags.String("service-account", "", "NAMESPACE/NAME of a service account")
	var groups []string
	flags.Func("group", "group of the user; may be given again", func(group string) error {
		groups = append(groups, group)
		return nil
	})
	l, err := parse(flags, dir, args, 0)
	if err != nil {
		return err
	}
	var text []byte
	namespace, name, cut := strings.Cut(*account, "/")
	switch {
	case *user != "" && *account == "":
		text, err = userKubeconfig(l, *user, groups)
	case *user == "" && cut && groups == nil:
		text, err = serviceAccountKubeconfig(l, namespace, name)
	default:
		err = fmt.Errorf("%w: name either --user NAME or --service-account NAMESPACE/NAME", errUsage)
	}
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(text)
	return err
}

func list() error {
	dir, err := recordsDir()
	if err != nil {
		return err
	}
	all, err := records(dir)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(all)
}

// replace becomes another program, with the cluster's kubeconfig.
func replace(l layout, command func(info) []string) error {
	i, err := loadInfo(l)
	if err != nil {
		return err
	}
	args := command(i)
	return fmt.Errorf("cannot run %s: %w", args[0], syscall.Exec(args[0], args, append(os.Environ(), "KUBECONFIG="+i.Kubeconfig)))
}
