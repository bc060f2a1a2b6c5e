// Prints ticks of robfig/cron v3.0.1, `ParseStandard`. Each line of the input is an expression, a zone and an instant
// between tabs; to it are added the ticks that follow, or the word `error`. `robfig-cron-v3.0.1.tsv` was made by it:
//
//	go mod init robfig && go get github.com/robfig/cron/v3@v3.0.1 && go run robfig.go < cases.tsv
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"time"
	_ "time/tzdata"

	"github.com/robfig/cron/v3"
)

const ticks = 6

func main() {
	lines := bufio.NewScanner(os.Stdin)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for lines.Scan() {
		parts := strings.Split(lines.Text(), "\t")
		zone, err := time.LoadLocation(parts[1])
		if err != nil {
			panic(err)
		}
		at, err := time.Parse(time.RFC3339, parts[2])
		if err != nil {
			panic(err)
		}
		fmt.Fprint(out, strings.Join(parts[:3], "\t"))
		schedule, err := cron.ParseStandard(parts[0])
		if err != nil {
			fmt.Fprint(out, "\terror")
		} else {
			at = at.In(zone)
			for range ticks {
				at = schedule.Next(at)
				if at.IsZero() {
					break
				}
				fmt.Fprint(out, "\t", at.UTC().Format(time.RFC3339))
			}
		}
		fmt.Fprintln(out)
	}
}
