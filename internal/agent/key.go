package agent

import "strings"

const (
	// ruleKeys are the keys of rules about agents, and scopeKeys those that narrow down
	// a role, without the program's name and the "_" before them.
	ruleKeys  = " agents agent_profile agent_login agent_programs "
	scopeKeys = " policy_arns policy session_tags transitive_tags source_identity "
	// mostTypos is how many letters of such a key may be wrong, too many or missing.
	mostTypos = 2
)

// MayBeRule reports whether a key of a config file, of which this is what comes after
// the program's name, is a rule about agents or a limit that is misspelled: "_agents",
// "_agent", "-agents", "_agnets". A misspelled limit must not read as none.
func MayBeRule(rest string) bool { return !isOneOf(scopeKeys, rest) && MayBeLimit(rest) }

// MayBeLimit is MayBeRule, and true also of what narrows down a role.
func MayBeLimit(rest string) bool {
	name := squash(rest)
	for _, start := range [...]string{"agent", "polic", "sessiontag", "transitive", "source"} {
		if strings.HasPrefix(name, start) {
			return true
		}
	}
	for key := range strings.FieldsSeq(ruleKeys + scopeKeys) {
		if typos(name, squash(key)) <= mostTypos {
			return true
		}
	}
	return false
}

// IsLimitOfProfile and IsLimitOfSession report whether a key is a rule or a limit in the
// section of a profile, and in that of an sso-session.
func IsLimitOfProfile(rest string) bool {
	return rest != "_agent_login" && isOneOf(ruleKeys+scopeKeys, rest)
}

// IsLimitOfSession is IsLimitOfProfile of an sso-session.
func IsLimitOfSession(rest string) bool { return isOneOf(ruleKeys, rest) }

func isOneOf(keys, rest string) bool {
	name, ok := strings.CutPrefix(rest, "_")
	return ok && name != "" && strings.Contains(keys, " "+name+" ")
}

func squash(key string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "", "\t", "").Replace(strings.ToLower(key))
}

// typos returns how many letters must be changed, added or removed to make one word of
// another (the Levenshtein distance).
func typos(one, other string) int {
	if max(len(one), len(other))-min(len(one), len(other)) > mostTypos {
		return mostTypos + 1
	}
	row := make([]int, len(other)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(one) {
		before := row[0]
		row[0] = i + 1
		for j := range len(other) {
			change := before
			if one[i] != other[j] {
				change++
			}
			before = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(other)]
}
