package awsconfig

import "strings"

// keep keeps a text where fmt does not find it: it may have secret keys.
func (c *Config) keep(name, content string) {
	before := c.texts
	c.texts = func() (all []text) {
		if before != nil {
			all = before()
		}
		return append(all, text{name, content})
	}
}

// Unread returns the first line in the files of [Load] that starts with a word, in
// letters of either case, and that counts by what its key has after it, but gives no
// section a key: the line cannot be read, continues another value, is in a section that
// does not count, or is overridden by a later one.
func (c *Config) Unread(word string, counts func(rest string) bool) (at Location, ok bool) {
	read := make(map[Location]bool)
	for _, sections := range []map[string]*Section{c.Profiles, c.Sessions} {
		for _, s := range sections {
			for _, key := range s.Keys(word) {
				read[s.Where(key)] = true
			}
		}
	}
	if c.texts == nil {
		return Location{}, false
	}
	for _, t := range c.texts() {
		at = Location{File: t.name}
		for line := range strings.Lines(t.text) {
			at.Line++
			line = trimLeft(strings.TrimRight(line, "\r\n"))
			if hasPrefixFold(line, word) && !read[at] && counts(keyIn(line)[len(word):]) {
				return at, true
			}
		}
	}
	return Location{}, false
}
