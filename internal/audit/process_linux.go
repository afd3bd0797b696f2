package audit

import (
	"os"
	"strconv"
	"strings"
)

// process returns the name of a process, and who started it.
//
// https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
func process(pid int) (name string, parent int) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return "", 0
	}
	// The name is in parentheses, and may have some of its own.
	open, end := strings.IndexByte(string(text), '('), strings.LastIndexByte(string(text), ')')
	if open < 0 || end < open {
		return "", 0
	}
	if fields := strings.Fields(string(text[end+1:])); len(fields) > 1 {
		parent, _ = strconv.Atoi(fields[1])
	}
	return strings.ToValidUTF8(string(text[open+1:end]), "?"), parent
}
