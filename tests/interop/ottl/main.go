// SPDX-License-Identifier: Apache-2.0

// Compares Sluice with the Collector's filter processor on random OTTL conditions, with its
// processors attributes and resource on random configurations, and with Go's regexp on random
// patterns. Sluice's answers come from the program "differ" (tests/interop/differ).
//
//	ottl -differ PROGRAM -docs docs/ottl.md [-seed N] [-conditions N] [-patterns N]
//	     [-processors N]
//
// A difference must be one of those that the documentation lists, else it fails. The last line is
// "N passed, N failed".
package main

import (
	"bufio"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"math/rand"
	"os"
	"os/exec"
	"strings"
)

// A differ is Sluice's side: one line asked, one line answered.
type differ struct {
	in  io.Writer
	out *bufio.Reader
}

func startDiffer(program string) *differ {
	command := exec.Command(program)
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	check(err)
	out, err := command.StdoutPipe()
	check(err)
	check(command.Start())
	return &differ{in, bufio.NewReader(out)}
}

func (d *differ) ask(words ...string) string {
	_, err := fmt.Fprintln(d.in, strings.Join(words, " "))
	check(err)
	answer, err := d.out.ReadString('\n')
	if err != nil {
		check(fmt.Errorf("differ ended at %q: %w", words, err))
	}
	return strings.TrimSuffix(answer, "\n")
}

func bytesWord(bytes []byte) string {
	if len(bytes) == 0 {
		return "-"
	}
	return hex.EncodeToString(bytes)
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "ottl:", err)
		fmt.Println("0 passed, 1 failed")
		os.Exit(1)
	}
}

// A tally counts what agreed, what is listed, and what is neither, and prints the latter.
type tally struct {
	same, listed, failed int
	shown                int
}

func (t *tally) differ(format string, args ...any) {
	const shownMax = 200
	t.failed++
	if t.shown++; t.shown <= shownMax {
		fmt.Printf(format+"\n", args...)
	}
}

func main() {
	program := flag.String("differ", "", "the program that answers for Sluice")
	docs := flag.String("docs", "", "the page that lists the differences")
	seed := flag.Int64("seed", 1, "of the generator")
	conditions := flag.Int("conditions", 3000, "how many")
	patterns := flag.Int("patterns", 4000, "how many, each on several texts")
	processors := flag.Int("processors", 2000, "configurations of attributes and resource, how many")
	flag.Parse()
	d := startDiffer(*program)
	listed := readDifferences(*docs)
	regexes := compareRegexes(d, rand.New(rand.NewSource(*seed)), *patterns)
	fmt.Printf("patterns: %d searches agree, %d listed, %d differ\n", regexes.same,
		regexes.listed, regexes.failed)
	ottl := compareConditions(d, rand.New(rand.NewSource(*seed)), *conditions, listed)
	fmt.Printf("conditions: %d verdicts agree, %d listed, %d differ\n", ottl.same, ottl.listed,
		ottl.failed)
	changes := compareProcessors(d, rand.New(rand.NewSource(*seed)), *processors)
	fmt.Printf("attributes, resource: %d spans and resources agree, %d listed, %d differ\n",
		changes.same, changes.listed, changes.failed)
	failed := regexes.failed + ottl.failed + changes.failed
	for _, difference := range listed {
		fmt.Printf("  %5d  %s\n", difference.seen, difference.name)
	}
	fmt.Printf("%d passed, %d failed\n", regexes.same+ottl.same+changes.same, failed)
	if failed > 0 {
		os.Exit(1)
	}
}
