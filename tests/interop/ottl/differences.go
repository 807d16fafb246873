// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"os"
	"regexp"
	"strings"
)

// A difference is a row of the documentation's table: the Collector's answer and ours on what the
// expression in the first column matches, which is "CONTEXT: CONDITION => the Collector's error".
type difference struct {
	name              string
	condition         *regexp.Regexp
	collector, sluice string
	seen              int
}

// readDifferences reads the rows of the table whose first column holds a quoted expression:
//
//	| `expression` | Collector | Sluice | why |
//
// The answers are true, false, error, refused, or any.
func readDifferences(page string) []*difference {
	file, err := os.Open(page)
	check(err)
	defer file.Close()
	var rows []*difference
	row := regexp.MustCompile("^\\| `(.+)` \\| (true|false|error|refused|any) \\| (true|false|error|refused|any) \\|")
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if cells := row.FindStringSubmatch(lines.Text()); cells != nil {
			expression := strings.ReplaceAll(cells[1], `\|`, "|")
			rows = append(rows, &difference{expression, regexp.MustCompile(expression), cells[2], cells[3], 0})
		}
	}
	check(lines.Err())
	return rows
}

func isListed(rows []*difference, condition, collector, sluice string) bool {
	for _, row := range rows {
		if (row.collector == collector || row.collector == "any") &&
			(row.sluice == sluice || row.sluice == "any") && row.condition.MatchString(condition) {
			row.seen++
			return true
		}
	}
	return false
}
