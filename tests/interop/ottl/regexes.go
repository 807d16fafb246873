// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math/rand"
	"regexp"
	"strings"
)

// Pieces of patterns: ordinary ones, those where engines disagree, and broken ones.
var atoms = []string{
	"a", "b", "ab", "k", "s", "K", "S", "0", "9", "_", "-", " ", "/", "=", ",", ":", "ä", "ß", "ſ", "K", "Ω", "ω",
	"é", "😀", "\uFFFD", ".", ".", `\.`, `\d`, `\D`, `\w`, `\W`, `\s`, `\S`, `\b`, `\B`, `\A`, `\z`, "^", "$",
	`\pL`, `\PL`, `\pN`, `\p{Lu}`, `\P{Ll}`, `\p{Greek}`, `\p{^Greek}`, `\p{Any}`, `\p{letter}`, `\p{Decimal_Number}`,
	`[a-c]`, `[^a-c]`, `[^\x00-\x7f]`, `[\d_]`, `[^\s]`, `[[:alpha:]]`, `[[:^digit:]]`, `[[:word:]]`, `[]a]`,
	`[^]a]`, `[a\]b]`, `[-a]`, `[a-]`, `[äöü]`, `[α-ω]`, `[\pL]`, `[^\PL]`, `[\Aa]`, `[a-b-c]`, `[(?<n>a)]`,
	`\Qa.b\E`, `\Q(\E`, `\Q`, `\E`, `\x41`, `\x{e4}`, `\x{1F600}`, `\x{110000}`, `\x`, `\012`, `\0`, `\1`, `\8`,
	`\t`, `\n`, `\v`, `\f`, `\a`, `\e`, `\C`, `\Z`, `\G`, `\K`, `\R`, `\X`, `\h`, `\N`, `\_`, `\-`, `\/`, `\ä`,
	"{", "}", "{}", "{,5}", "{x}", "]", "|", "||", "()", "(?:)", "(|a)", "(a|)", "(a|b|)", "(?i)", "(?s)", "(?m)",
	"(?U)", "(?-i)", "(?i-s)", "(?)", "(?-)", "(?i", "(?x)", "(?=a)", "(?!a)", "(?<=a)", "(?>a)", "(?#a)", "(?P=n)",
	"(?P<n>a)", "(?<n>b)", "(?P<ä>a)", "(?P<>a)", "(?P<n", "(?P<n m>a)", "(*VERB)", `\p{Nothing}`, `\p{`, `\p`, "[a",
	"[", "[z-a]", "[[:nothing:]]", "[[:alpha:", "(", ")", "\\", "\n", "\x00",
}

var repeats = []string{"*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{0}", "{0,1}", "{2,}", "{3,1}", "{1001}", "{2}?",
	"**", "*+", "{2}{3}", "{1000}"}

var texts = []string{
	"", "a", "b", "ab", "abab", "aab", "A", "AB", "ba\nab", "\n", "ä", "Ä", "aäb", "ß", "ẞ", "ſ", "S", "s", "K",
	"k", "Ω", "ω", "a b", "a.b", "a-b_9", "99", "😀", "\x00", "\t", "\v", "(", "{,5}", "/metrics", "a\xff", "\xff",
	"\xc3", "a\xed\xa0\x80b", "\xf0\x9f\x98", "\uFFFD", "\xffab\xfe", "αβγ", "Ab\nCd\n", "a\r\n", "abcabcabc",
	"http://host:8000/metrics", "no member",
}

func randomPattern(random *rand.Rand, depth int) string {
	var out strings.Builder
	for range 1 + random.Intn(4) {
		switch {
		case depth < 3 && random.Intn(5) == 0:
			heads := []string{"(", "(?:", "(?i:", "(?s:", "(?m:", "(?U:", "(?i-s:", "(?P<g>", "(?<g>"}
			out.WriteString(heads[random.Intn(len(heads))] + randomPattern(random, depth+1) + ")")
		case random.Intn(8) == 0:
			out.WriteString("|")
		default:
			out.WriteString(atoms[random.Intn(len(atoms))])
		}
		if random.Intn(3) == 0 {
			out.WriteString(repeats[random.Intn(len(repeats))])
		}
	}
	return out.String()
}

// What the documentation says of patterns: a repeat that would make the program larger than its
// memory is refused, and \B holds inside of a character.
func listedPattern(pattern, text string, inGo bool, inSluice string) bool {
	return inGo && inSluice == "refused" && strings.Contains(pattern, "{1000}") ||
		inSluice != "refused" && strings.Contains(pattern, `\B`) && strings.ContainsFunc(text, func(r rune) bool { return r > 127 })
}

func compareRegexes(d *differ, random *rand.Rand, count int) tally {
	var t tally
	for i := range count {
		pattern := randomPattern(random, 0)
		if i < len(atoms) {
			pattern = atoms[i]
		}
		compiled, err := regexp.Compile(pattern)
		for range 8 {
			text := texts[random.Intn(len(texts))]
			if random.Intn(4) == 0 {
				text += texts[random.Intn(len(texts))]
			}
			want := "refused"
			if err == nil {
				want = map[bool]string{false: "0", true: "1"}[compiled.MatchString(text)]
			}
			got := d.ask("regex", bytesWord([]byte(pattern)), bytesWord([]byte(text)))
			switch {
			case got == want:
				t.same++
			case listedPattern(pattern, text, err == nil, got):
				t.listed++
			default:
				t.differ("pattern %q on %q: Go %s (%v), Sluice %s", pattern, text, want, err, got)
			}
			if err != nil {
				break
			}
		}
	}
	return t
}
